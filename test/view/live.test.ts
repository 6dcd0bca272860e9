import { describe, expect, it } from "vitest";
import type { Telemetry } from "../../src/engine/ports.ts";
import { frameLines, summaryLines, type FramePaper } from "../../src/view/live-frame.ts";
import { createLive, type Live } from "../../src/view/live-model.ts";
import { phaseColumns, phaseRow } from "../../src/view/live-phases.ts";
import { viewPhases } from "../../src/view/phase-status.ts";
import { cells } from "../../src/view/text.ts";
import type { Plan } from "../../src/domain/plan.ts";
import { fakeRun, MONOTONIC_MS, START_MS, type Script, type Timed } from "./fake-run.ts";
import { gate, samplePlan } from "./sample-plan.ts";

const golden = (name: string): string => `../golden/view/${name}.txt`;
const PAPER: FramePaper = { columns: 80, rows: 24, colour: false };

function paint(plan: Plan, live: Live, atMs: number, paper: FramePaper, how: typeof frameLines = frameLines): readonly string[] {
  const now = { wallMs: START_MS + atMs, monotonicMs: MONOTONIC_MS + atMs };
  const views = viewPhases(plan, live.state);
  const widths = phaseColumns(views, paper.columns);
  return how(
    plan,
    views,
    views.map((view) => phaseRow(view, widths, now.wallMs, paper)),
    live,
    now,
    paper,
  );
}

/** The picture right after the first news that `when` accepts. */
function pictureAt(plan: Plan, script: Script, when: (one: Timed, live: Live) => boolean, paper: FramePaper = PAPER): string {
  const { live, take } = createLive();
  for (const one of fakeRun(plan, script)) {
    take(one.news);
    if (when(one, live)) return `${paint(plan, live, one.atMs, paper).join("\n")}\n`;
  }
  throw new Error("the run never came to this point");
}

const readingOf =
  (check: string, streak: number) =>
  ({ news }: Timed): boolean =>
    news.type === "reading" && news.check === check && news.streak === streak;
describe("the live picture", () => {
  const plan = samplePlan();

  it("shows gate readings with value, streak and time left", async () => {
    await expect(pictureAt(plan, {}, readingOf("replog-recovered", 2))).toMatchFileSnapshot(golden("live-gates-80"));
  });

  it("folds the gates that have held where a step has many", () => {
    const masters = plan.phases[1]!;
    const more = [gate("zookeeper-quorum"), gate("one-leader"), gate("agents-registered")];
    const many: Plan = {
      ...plan,
      phases: [
        {
          ...masters,
          units: masters.units.map((unit) => ({
            ...unit,
            steps: unit.steps.map((step) => ({ ...step, gates: [...step.gates, ...more] })),
          })),
        },
      ],
    };
    const picture = pictureAt(many, {}, readingOf("zookeeper-quorum", 1));
    expect(picture).toContain("\n  ✓ 3 hold: exhibitor-serving, replog-recovered, marathon-leads\n  ◷ zookeeper-quorum   1/3");
    expect(picture).toContain("\n  · not measured yet: one-leader, agents-registered\n");
  });

  it("shows a soak's countdown in the run's own time", async () => {
    const picture = pictureAt(plan, {}, ({ news, atMs }) => news.type === "sleeping" && atMs > 30 * 60_000, {
      ...PAPER,
      columns: 140,
      rows: 40,
    });
    expect(picture).toMatch(/left of 30m/);
    await expect(picture).toMatchFileSnapshot(golden("live-soak-140"));
  });

  it("shows many nodes at once, one line each, and counts the rest", async () => {
    const wide: Plan = { ...samplePlan({ agents: 60 }) };
    const parallel: Plan = {
      ...wide,
      phases: wide.phases.map((phase) => ({
        ...phase,
        strategy: phase.strategy.kind === "parallel" ? { kind: "parallel", maxInFlight: 20 } : phase.strategy,
      })),
    };
    const picture = pictureAt(parallel, {}, ({ news }) => news.type === "output" && news.step === "agents-3/a26/upgrade");
    expect(picture).toContain("more: a");
    await expect(picture).toMatchFileSnapshot(golden("live-many-80"));
  });

  it("shows a refused gate and what was observed while a person decides", async () => {
    await expect(
      pictureAt(
        plan,
        { refuses: "masters/m3/upgrade" },
        ({ news }) => news.type === "event" && news.event.type === "decision.asked",
      ),
    ).toMatchFileSnapshot(golden("live-refused-80"));
  });

  it("shows what a monitor noticed for ten minutes of the run, the last three, and then no more", () => {
    const { live, take } = createLive();
    const script = fakeRun(plan);
    const cut = script.findIndex(({ news }) => news.type === "output" && news.step === "masters/m1/upgrade");
    for (const { news } of script.slice(0, cut + 1)) take(news);
    const atMs = script[cut]?.atMs ?? 0;
    for (const text of ["m1 leads now", "m2 leads now", "m3 leads now", "m1 leads again"])
      take({
        type: "event",
        event: {
          v: 1,
          seq: 900,
          time: new Date(START_MS + atMs).toISOString(),
          actor: "engine",
          prev: "",
          type: "notice.given",
          monitor: "leader",
          subject: "m1",
          text,
          unsaid: 0,
        },
      });
    const lines = (later: number): string => paint(plan, live, atMs + later, PAPER).join("\n");
    const time = new Date(START_MS + atMs).toISOString().slice(11, 16);
    expect(lines(0)).toContain(`◆ ${time} m2 leads now\n◆ ${time} m3 leads now\n◆ ${time} m1 leads again\n`);
    expect(lines(0)).not.toContain("m1 leads now");
    expect(lines(9 * 60_000)).toContain("m1 leads again");
    expect(lines(11 * 60_000)).not.toContain("leads");
  });

  it("speaks ASCII where the terminal does", async () => {
    const picture = pictureAt(plan, {}, readingOf("replog-recovered", 2), { ...PAPER, unicode: false });
    expect(picture).toMatch(/^[\n\x20-\x7e]*$/);
  });

  it("never takes more than the terminal's rows nor its columns, with 500 agents on any terminal", () => {
    const big = samplePlan({ agents: 500 });
    const parallel: Plan = {
      ...big,
      phases: big.phases.map((phase) => ({
        ...phase,
        strategy: phase.strategy.kind === "parallel" ? { kind: "parallel", maxInFlight: 20 } : phase.strategy,
      })),
    };
    const { live, take } = createLive();
    let at = 0;
    for (const one of fakeRun(parallel, { setsAside: "agents-3/a9/upgrade" })) {
      take(one.news);
      if ((at += 1) % 97 !== 0) continue;
      for (const paper of [PAPER, { ...PAPER, columns: 60, rows: 12 }, { ...PAPER, columns: 140, rows: 50, colour: true }]) {
        const lines = paint(parallel, live, one.atMs, paper);
        expect(lines.length).toBeLessThan(paper.rows);
        expect(lines.filter((line) => cells(line) > paper.columns)).toEqual([]);
      }
    }
    expect(at).toBeGreaterThan(3_000);
  });

  it("keeps the phase at work in sight, whichever it is", () => {
    const big = samplePlan({ agents: 500 });
    const { live, take } = createLive();
    const seen: string[] = [];
    for (const one of fakeRun(big)) {
      take(one.news);
      const phase = big.phases.find(
        (candidate) =>
          one.news.type === "event" &&
          one.news.event.type === "step.moved" &&
          one.news.event.to === "starting" &&
          one.news.event.step.startsWith(`${candidate.name}/`),
      );
      if (phase === undefined || seen.includes(phase.name)) continue;
      seen.push(phase.name);
      expect(paint(big, live, one.atMs, PAPER).join("\n")).toMatch(new RegExp(`^● ${phase.name} `, "m"));
    }
    expect(seen).toEqual(big.phases.map((phase) => phase.name));
  });

  it("paints nothing green that was not proven", () => {
    const { live, take } = createLive();
    for (const one of fakeRun(plan, { stopAfter: "agents-1/a1/upgrade" })) {
      take(one.news);
      const picture = paint(plan, live, one.atMs, { ...PAPER, colour: true }).join("\n");
      const green = [...picture.matchAll(/\u001b\[32m(.*?)\u001b\[39m/g)].map(([, words]) => words);
      expect(green.every((words) => words === "✓")).toBe(true);
      const held = [...live.gates.values()].flatMap((gates) => [...gates.values()]).filter((gate) => gate.kind === "held").length;
      const complete = viewPhases(plan, live.state).filter((view) => view.status === "complete").length;
      expect(green.length).toBeLessThanOrEqual(held + complete);
    }
  });

  it("says that the run is paused and that a watch is bad", () => {
    const { live, take } = createLive();
    for (const one of fakeRun(plan, { stopAfter: "masters/m1/upgrade" })) take(one.news);
    const stamp = { v: 1 as const, seq: 99, time: "2026-11-20T15:20:00.000Z", actor: "ada@desk", prev: "" };
    const watch = {
      check: "one-leader",
      verdict: "fail" as const,
      why: null,
      fatal: false,
      asserted: { subjects: 1, passed: 0 },
      observed: "no leader",
      step: null,
      watch: true,
      evidence: null,
    };
    const news: readonly Telemetry[] = [
      { type: "event", event: { ...stamp, type: "plan.interrupted", because: "pawl pause" } },
      { type: "event", event: { ...stamp, type: "check.measured", ...watch } },
    ];
    for (const one of news) take(one);
    const picture = paint(plan, live, 1_200_000, PAPER).join("\n");
    expect(picture).toContain("◷ paused: pawl pause; nothing new starts");
    expect(picture).toContain("✗ watch one-leader: no leader");
    take({ type: "event", event: { ...stamp, type: "check.measured", ...watch, verdict: "pass" } });
    expect(paint(plan, live, 1_200_000, PAPER).join("\n")).not.toContain("one-leader: no leader");
  });

  it("does not fall over an event that does not fit the run", () => {
    const stamp = { v: 1 as const, seq: 1, time: "2026-11-20T15:20:00.000Z", actor: "ada@desk", prev: "" };
    const { live, take } = createLive();
    take({
      type: "event",
      event: {
        ...stamp,
        type: "step.moved",
        step: "masters/m1/upgrade",
        to: "complete",
        problem: null,
        note: null,
        output: null,
      },
    });
    const before = structuredClone(live.state);
    take({
      type: "event",
      event: {
        ...stamp,
        type: "step.moved",
        step: "masters/m1/upgrade",
        to: "starting",
        problem: null,
        note: null,
        output: null,
      },
    });
    expect(live.state).toEqual(before);
  });
});

describe("the summary that stays", () => {
  it.each([
    ["completed", {}, "✓ completed, exit 0 (ok)"],
    ["set aside", { setsAside: "agents-2/a3/upgrade" }, "◆ completed, exit 10 (set-aside); set aside: a3"],
    ["halted", { refuses: "masters/m3/upgrade" }, "✗ halted at masters/m3/upgrade, exit 5 (gate-halted)"],
  ])("says how the run ended: %s", async (name, script: Script, words) => {
    const plan = samplePlan();
    const { live, take } = createLive();
    let atMs = 0;
    for (const one of fakeRun(plan, script)) {
      take(one.news);
      atMs = one.atMs;
    }
    const text = paint(plan, live, atMs, PAPER, summaryLines).join("\n");
    expect(text).toContain(words);
    await expect(`${text}\n`).toMatchFileSnapshot(golden(`live-summary-${name.replace(" ", "-")}`));
  });
});
