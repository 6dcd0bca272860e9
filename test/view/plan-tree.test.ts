import { describe, expect, it } from "vitest";
import { estimatePlan, estimateWords } from "../../src/view/estimate.ts";
import { policyWords } from "../../src/view/plan-words.ts";
import { renderPlan } from "../../src/view/plan-tree.ts";
import { cells } from "../../src/view/text.ts";
import { gate, samplePlan } from "./sample-plan.ts";

const golden = (name: string): string => `../golden/view/${name}.txt`;
const tooWide = (text: string, columns: number): readonly string[] => text.split("\n").filter((line) => cells(line) > columns);

describe("the printed plan", () => {
  it("fits 80 columns", async () => {
    const text = renderPlan(samplePlan(), { columns: 80, colour: false });
    expect(tooWide(text, 80)).toEqual([]);
    await expect(`${text}\n`).toMatchFileSnapshot(golden("plan-80"));
  });

  it("uses 140 columns, with every command of every node when verbose", async () => {
    const text = renderPlan(samplePlan({ found: ["a2", "a3"] }), { columns: 140, colour: false, verbose: true });
    expect(tooWide(text, 140)).toEqual([]);
    for (const node of ["m1", "m2", "m3", "a1", "a5"]) expect(text).toContain(`sudo bash /var/lib/pawl/job-${node}/script.sh`);
    await expect(`${text}\n`).toMatchFileSnapshot(golden("plan-140-verbose"));
  });

  it("stays readable for 500 agents: a line per wave, every stop marked, nobody forgotten", async () => {
    const plan = samplePlan({ agents: 500 });
    const text = renderPlan(plan, { columns: 80, colour: false });
    const lines = text.split("\n");
    expect(tooWide(text, 80)).toEqual([]);
    expect(lines.length).toBeLessThan(110);
    const stops = plan.phases.flatMap((phase) => phase.after).filter((step) => step.kind === "confirm").length;
    expect(lines.filter((line) => /^\s*(?:[├└]─ )?◆ /.test(line))).toHaveLength(stops + 1);
    const agents = new Set([...text.matchAll(/\ba(\d+)–a(\d+)/g)].flatMap(([, from, to]) => Array.from({ length: Number(to) - Number(from) + 1 }, (_, index) => Number(from) + index)));
    expect(agents.size).toBe(500);
    await expect(`${text}\n`).toMatchFileSnapshot(golden("plan-80-500-agents"));
  });

  it("speaks ASCII where the terminal does", async () => {
    const text = renderPlan(samplePlan(), { columns: 80, colour: false, unicode: false });
    expect(text).toMatch(/^[\n\x20-\x7e]*$/);
    await expect(`${text}\n`).toMatchFileSnapshot(golden("plan-80-ascii"));
  });

  it("has the same words with colour, and no escape without", () => {
    const plain = renderPlan(samplePlan(), { columns: 80, colour: false });
    const coloured = renderPlan(samplePlan(), { columns: 80, colour: true });
    expect(plain).not.toContain("\u001b");
    expect(coloured).toContain("\u001b[");
    expect(coloured.replaceAll(/\u001b\[[0-9;]*m/g, "")).toBe(plain);
  });

  it("shows what was left out, what was found done, the lock, the budget and where it came from", () => {
    const text = renderPlan(samplePlan({ found: ["a2", "a3"] }), { columns: 100, colour: false });
    expect(text).toContain("omitted: public-agents  no node has the role agent_public");
    expect(text).toContain("complete (found so): a2, a3 at 1.10.8");
    expect(text).toContain("/var/lib/pawl/lock on m1–m3");
    expect(text).toContain("1 of 5 rollout nodes");
    expect(text).toContain("runbook:3f2a91c4e0b1");
    expect(text).toContain("1.9.9 → 1.10.8");
  });

  it("says that nothing is left where no phase is", () => {
    const plan = { ...samplePlan(), phases: [], finally: [] };
    const text = renderPlan(plan, { columns: 80, colour: false });
    expect(text).toContain("Nothing is left to do.");
    expect(text).toContain("restarts      no node");
    expect(text).not.toContain("◆ start");
  });

  it("shows node groups apart where their steps differ", () => {
    const plan = samplePlan();
    const [backup, masters, ...rest] = plan.phases;
    const odd = { ...masters!, units: masters!.units.map((unit) => (unit.node === "m2" ? { ...unit, steps: unit.steps.map((step) => ({ ...step, gates: [] })) } : unit)) };
    const text = renderPlan({ ...plan, phases: [backup!, odd, ...rest] }, { columns: 80, colour: false });
    expect(text).toContain("on m1, m3");
    expect(text).toContain("on m2");
  });
});

describe("a gate policy in words", () => {
  it("says passes, span, interval and deadline", () => {
    expect(policyWords(gate("x"))).toBe("3 passes over 35s, every 10s, at most 10m");
    expect(policyWords(gate("x", { consecutivePasses: 1, spanMs: 0, intervalMs: 5_000, deadlineMs: 60_000 }))).toBe("1 pass, every 5s, at most 1m");
    expect(policyWords(gate("x", { spanMs: 0 }))).toBe("3 passes, every 10s, at most 10m");
  });
});

describe("the estimate", () => {
  it("sums soaks and the shortest gates, and counts what has no history", () => {
    const estimate = estimatePlan(samplePlan());
    expect(estimate.soakMs).toBe((30 + 60 + 15) * 60_000);
    expect(estimate.gateMs).toBe(3 * 65_000 + 35_000 + 35_000);
    expect(estimate.withoutHistory).toBe(12);
    expect(estimateWords(estimate)).toBe("at least 1h 49m: soaks 1h 45m, gates 4m 25s; plus 12 steps without history");
  });

  it("lets nodes that run side by side share their time", () => {
    const estimate = estimatePlan(samplePlan(), (step) => (step.kind === "dcos/upgrade-node" ? 600_000 : null));
    expect(estimate.workMs).toBe((3 + 1 + 1) * 600_000);
    expect(estimate.withoutHistory).toBe(4);
  });
});
