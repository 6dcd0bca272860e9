import { readdir } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EXIT } from "../../src/domain/errors.ts";
import type { RunEvent } from "../../src/domain/events.ts";
import type { Finding, Plan } from "../../src/domain/plan.ts";
import { exitCode, FAULT_TABLE, faultArgument, faultyNode, START_FAULTS, type FaultCase } from "../faults.ts";
import { Desk } from "./pawl.ts";
import { decidedAt, effectsBegun, eventsOf, nodesComplete, nodesTouched, readPlanOf } from "./record.ts";

const MASTERS = ["m1", "m2", "m3"];
const AGENTS = ["a1", "a2", "a3", "p1"];
/** Soaks are no subject here: a lab may shorten them. */
const SOAKS = ["masters", "canary", "waves", "public"].flatMap((name) => ["--set", `soak-${name}=5m`]);
const CLUSTER = ["--masters", "3", "--private", "3", "--public", "1", "--time-scale", "5000", ...SOAKS];

let desk: Desk;
beforeEach(async () => void (desk = await Desk.create()));
afterEach(async () => desk.clear());

const demo = (fault: string) => desk.json("demo", "--yes", "--to", "1.9.9", ...CLUSTER, "--fault", fault, "--output-dir", desk.path("out"));

/** What holds of every run that was halted: nothing with an effect began after the decision, and the message is whole. */
function expectHalt(row: FaultCase, plan: Plan, events: readonly RunEvent[]): void {
  const node = faultyNode(row);
  const [halt] = eventsOf(events, "run.halted");
  if (halt === undefined) throw new Error("the run was not halted");
  expect(halt.exit).toBe(exitCode(row));
  expect(row.causes).toContain(halt.problem.code);
  expect(halt.problem.expected ?? "", "expected").not.toBe("");
  expect(halt.problem.observed ?? "", "observed").not.toBe("");
  expect(halt.problem.next ?? "", "next").not.toBe("");
  // A watch looks at the whole cluster; everything else is about the node.
  if (halt.step === null) expect(halt.problem.code).toMatch(/^watch\./);
  else {
    expect(halt.step.split("/")).toContain(node);
    expect(halt.problem.node).toBe(node);
  }
  const kept = eventsOf(events, "artifact.recorded").map((one) => `artifacts/${one.sha256}`);
  expect(halt.problem.evidence?.length ?? 0, "evidence").toBeGreaterThan(0);
  expect(kept).toEqual(expect.arrayContaining([...(halt.problem.evidence ?? [])]));

  const decided = decidedAt(events, halt.step);
  const later = effectsBegun(plan, events).filter(({ seq, step }) => seq > decided && step.phase !== "finally");
  expect(later.map(({ step }) => step.address), "effects begun after the decision").toEqual([]);
  expect(eventsOf(events, "run.completed")).toEqual([]);
  expect(eventsOf(events, "lock.released")).toHaveLength(1);
}

/** Whom a run may have touched at the latest: the masters in the run's own order up to the faulty one, or all and the agents so far. */
function expectUntouched(row: FaultCase, plan: Plan, events: readonly RunEvent[]): void {
  const touched = nodesTouched(plan, events);
  expect(new Set(touched).size, "each node once").toBe(touched.length);
  switch (row.at) {
    case "master":
      expect(touched.filter((node) => AGENTS.includes(node))).toEqual([]);
      expect(touched.at(-1)).toBe(faultyNode(row));
      expect(nodesComplete(plan, events)).toEqual(touched.slice(0, -1));
      return;
    case "canary":
      expect(touched.slice(0, 3).toSorted()).toEqual(MASTERS);
      expect(touched.slice(3)).toEqual(["a1"]);
      return;
    case "agent":
      // The wave of the faulty one may be in flight; the public agent is of a later one.
      expect(touched).not.toContain("p1");
      expect(touched).toContain(faultyNode(row));
  }
}

function expectFinished(row: FaultCase, plan: Plan, events: readonly RunEvent[]): void {
  const aside = row.exit === "set-aside" ? [faultyNode(row)] : [];
  expect(eventsOf(events, "run.halted")).toEqual([]);
  expect(eventsOf(events, "run.completed")).toMatchObject([{ exit: exitCode(row), setAside: aside }]);
  const touched = nodesTouched(plan, events);
  expect(touched.slice(0, 3).toSorted()).toEqual(MASTERS);
  expect(touched.slice(3).toSorted()).toEqual(AGENTS);
  expect(nodesComplete(plan, events).toSorted()).toEqual([...AGENTS, ...MASTERS].filter((node) => !aside.includes(node)).toSorted());
  const moves = eventsOf(events, "step.moved").filter((event) => event.to === "set-aside");
  expect(moves.map((event) => event.step.split("/")[1])).toEqual(aside);
  for (const move of moves) {
    expect((move as unknown as RunEvent).actor).toBe("policy");
    expect(row.causes).toContain(move.problem?.code);
    expect(move.problem?.node).toBe(faultyNode(row));
  }
}

describe("the design's table of faults, on the wire with --yes", () => {
  it.each(FAULT_TABLE.map((row) => [`${faultArgument(row)} (${row.at}) ends ${row.exit}`, row] as const))("%s, and nothing later was touched", { timeout: 300_000 }, async (_title, row) => {
    const { code, value, events, err } = await demo(faultArgument(row));
    const ended = JSON.stringify(eventsOf(events, "run.halted")) + err;
    expect(value, ended).toMatchObject({ type: "result", exit: exitCode(row), name: row.exit });
    expect(code).toBe(exitCode(row));
    expect(value.runs).toEqual([value.run]);
    const run = value.run ?? "";
    // What was told is what is on record, line by line.
    expect(await desk.journal(run)).toEqual(events);
    const plan = await readPlanOf(run);
    if (row.exit === "ok" || row.exit === "set-aside") expectFinished(row, plan, events);
    else {
      expectHalt(row, plan, events);
      expectUntouched(row, plan, events);
    }
    const reattached = eventsOf(events, "step.reattached").map((event) => event.step.split("/")[1]);
    expect(reattached).toEqual(row.fault === "ssh-drop" ? [faultyNode(row)] : []);
    const verified = await desk.pawl("verify", run);
    expect(verified.code, verified.out + verified.err).toBe(0);
  });

  it.each(START_FAULTS.map((row) => [`${row.fault}@${row.node}:start`, row] as const))("%s ends said-no: a finding names the node, and there is no run", { timeout: 120_000 }, async (_title, { fault, node, finding }) => {
    const { code, value, events, lines } = await demo(`${fault}@${node}:start`);
    expect(value).toEqual({ type: "result", exit: EXIT["said-no"], name: "said-no", run: null, runs: [] });
    expect(code).toBe(EXIT["said-no"]);
    expect(events).toEqual([]);
    const [preflight] = lines as readonly { readonly type: string; readonly findings: readonly Finding[] }[];
    const found = preflight?.findings.find((one) => one.id === finding);
    expect(found?.verdict).not.toBe("pass");
    expect(found?.nodes).toContain(node);
    expect(await readdir(desk.path("out")).catch(() => [])).toEqual([]);
  });
});
