import { afterAll, describe, expect, it } from "vitest";
import { createJq } from "../../../src/check/jq.ts";
import { allSteps } from "../../../src/domain/plan.ts";
import { expectFinished, expectHalt, expectReattached, expectUntouched, expectWholeFinding } from "../../fault-expectations.ts";
import { decidedAt, eventsOf } from "../../e2e/record.ts";
import { exitCode, faultArgument, faultyNode, SHOWN, type FaultCase } from "../../faults.ts";
import { embed, TARGET, type Embedded, type Rollout } from "./embedded.ts";

const MASTERS = ["m1", "m2", "m3"];
const AGENTS = ["a1", "a2", "p1"];
const BEFORE = "1.10.8";

const jq = createJq();
afterAll(async () => jq.close());

/** Half an hour of simulated trouble takes seconds, and minutes where the machine is busy with other tests. */
const TIMEOUT_MS = 600_000;

/** A cluster one step before the row's moment: earlier hops, and masters that come before, are behind it. */
async function prepare(row: FaultCase): Promise<Embedded> {
  const later = row.hop === 2;
  const faults = later && row.when === "start" ? [] : [faultArgument(row)];
  const embedded = await embed({ version: later ? "1.9.9" : BEFORE, privateAgents: 2, publicAgents: 1, faults, jq });
  if (later) await embedded.byHand("1.9.9", BEFORE, [...MASTERS, ...AGENTS]);
  if (later && row.when === "start") embedded.lab.cluster.strike({ name: row.fault, node: faultyNode(row) });
  // `before` fires with the first script of the hop: in the run itself.
  if (row.when === "start" || row.when === "before") return embedded;
  if (AGENTS.includes(faultyNode(row))) await embedded.byHand(BEFORE, TARGET, MASTERS);
  else if (row.when === "during" && row.at === "master") await embedded.byHand(BEFORE, TARGET, ["m2"]);
  return embedded;
}

/** Script runs to the target, by node. */
function runsOf({ lab }: Embedded): Readonly<Record<string, number>> {
  const all = Object.entries(lab.cluster.inspect()).map(
    ([node, one]) => [node, one.scriptRuns.filter((run) => run.target === TARGET).length] as const,
  );
  return Object.fromEntries(all.filter(([, count]) => count > 0));
}

/** What reached the nodes after the run's decision to halt: no script is fetched, no job begun. */
function expectNothingSent(run: Rollout): void {
  const [halt] = eventsOf(run.events, "run.halted");
  if (halt === undefined) return;
  const decided = decidedAt(run.events, halt.step);
  const begun = run.sent.filter(
    ({ argv, afterSeq }) =>
      afterSeq >= decided && (argv.includes("pawl-fetch") || (argv.includes("pawl-job") && argv.includes("start"))),
  );
  expect(begun).toEqual([]);
}

/** The rows of the design's table that are `wanted`, as tests. Several files share them, so that several processes do. */
export function describeFaults(wanted: (row: FaultCase) => boolean): void {
  const rows = SHOWN.filter(wanted);
  describe.concurrent("the design's table of faults, in simulated time with --yes", () => describeRows(rows));
}

function describeRows(rows: readonly FaultCase[]): void {
  it.each(rows.filter((row) => row.finding !== null).map((row) => [faultArgument(row), row] as const))(
    "%s ends said-no: a finding names it, and nothing is touched",
    { timeout: TIMEOUT_MS },
    async (_title, row) => {
      const embedded = await prepare(row);
      const before = runsOf(embedded);
      const found = await embedded.survey(TARGET, [], row.hop);
      expect(found.exit).toBe("said-no");
      const finding = found.findings.find((one) => one.id === row.finding);
      expectWholeFinding(finding, row);
      expect(runsOf(embedded)).toEqual(before);
    },
  );

  it.each(rows.filter((row) => row.finding === null).map((row) => [`${faultArgument(row)} ends ${row.exit}`, row] as const))(
    "%s, and nothing after it is touched",
    { timeout: TIMEOUT_MS },
    async (_title, row) => {
      const embedded = await prepare(row);
      const found = await embedded.survey(TARGET, [], row.hop);
      if (found.plan === null || found.exit !== "ok")
        throw new Error(`not fit to begin with: ${JSON.stringify(found.findings.filter((one) => one.verdict !== "pass"))}`);
      const run = await embedded.run(found.plan);
      const { halted, exit } = run.result.state;
      expect(
        exit,
        halted === null
          ? "not halted"
          : `${halted.step ?? "watch"}: ${halted.problem.code} ${halted.problem.text} ${halted.problem.observed ?? ""}`,
      ).toBe(exitCode(row));
      if (row.exit === "ok" || row.exit === "set-aside") await expectFinished(row, run.plan, run.name, run.events);
      else {
        await expectHalt(row, run.plan, run.name, run.events);
        expectUntouched(row, run.plan, run.events);
      }
      expectReattached(row, run.events);
      expectNothingSent(run);
      const runs = runsOf(embedded);
      expect(
        Object.values(runs).filter((count) => count !== 1),
        "scripts that ran twice",
      ).toEqual([]);
      const touched = allSteps(run.plan)
        .filter((step) => step.kind === "dcos/upgrade-node" && run.result.state.steps[step.address]?.attempts === 1)
        .map((step) => step.node);
      for (const [node, { version }] of Object.entries(embedded.lab.cluster.inspect()))
        if (!touched.includes(node) && runs[node] === undefined) expect(version, `${node} is as it was`).toBe(BEFORE);
      if (row.exit === "set-aside" && row.at === "agent") await expectFinishable(embedded, faultyNode(row));
    },
  );
}

/** What the end of a run with set-aside nodes asks for: mended, `pawl upgrade --only` brings the node to the target. */
async function expectFinishable(embedded: Embedded, node: string): Promise<void> {
  embedded.lab.cluster.heal();
  await embedded.lab.clock.sleep(300_000);
  const found = await embedded.survey(TARGET, [node]);
  expect(found.exit, JSON.stringify(found.findings.filter((one) => one.verdict !== "pass"))).toBe("ok");
  if (found.plan === null) throw new Error("no plan");
  const restarts = allSteps(found.plan)
    .filter((step) => step.effect === "restart")
    .map((step) => step.node);
  if (restarts.length > 0) {
    expect(restarts).toEqual([node]);
    const finished = await embedded.run(found.plan);
    expect(finished.result.exit, JSON.stringify(finished.result.halt)).toBe("ok");
  }
  const versions = Object.values(embedded.lab.cluster.inspect()).map((one) => one.version);
  expect(new Set(versions)).toEqual(new Set([TARGET]));
}
