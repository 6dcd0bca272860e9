import { afterAll, describe, expect, it } from "vitest";
import { createJq } from "../../../src/check/jq.ts";
import { allSteps } from "../../../src/domain/plan.ts";
import { expectFinished, expectHalt, expectReattached, expectUntouched } from "../../fault-expectations.ts";
import { decidedAt, eventsOf } from "../../e2e/record.ts";
import { exitCode, FAULT_TABLE, faultArgument, faultyNode, isOwn, type FaultCase } from "../../faults.ts";
import { embed, TARGET, type Embedded, type Rollout } from "./embedded.ts";

const MASTERS = ["m1", "m2", "m3"];
const AGENTS = ["a1", "a2", "p1"];
const BEFORE = "1.10.8";

const jq = createJq();
afterAll(async () => jq.close());

/** Half an hour of simulated trouble takes seconds, and minutes where the machine is busy with other tests. */
const TIMEOUT_MS = 600_000;

/** What a fault is asked for by default: `after`, or the last time it has. */
function isDefaultTime(row: FaultCase): boolean {
  return row.when === FAULT_TABLE.findLast((one) => one.fault === row.fault && one.at === row.at)?.when;
}

/** What is shown again in a later hop: one or two of each family. */
const AGAIN: readonly string[] = [
  "replog-not-recovered",
  "zk-quorum-lost",
  "script-fails",
  "script-lies",
  "agent-never",
  "tasks-lost",
  "hostkey-changed",
  "disk-full",
];

/** All of the first hop, at a public agent each fault once; of a later one some of each family, at a master or at an agent. */
function isShownHere(row: FaultCase): boolean {
  if (row.hop === 1) return row.at !== "public" || isDefaultTime(row);
  return AGAIN.includes(row.fault) && (row.at === "master" || row.at === "agent") && (row.when === "start" || isDefaultTime(row));
}

/** A cluster one step before the row's moment: earlier hops, and masters that come before, are behind it. */
async function prepare(row: FaultCase): Promise<Embedded> {
  const later = row.hop === 2;
  const faults = later && row.when === "start" ? [] : [faultArgument(row)];
  const embedded = await embed({ version: later ? "1.9.9" : BEFORE, privateAgents: 2, publicAgents: 1, faults, jq });
  if (later) await embedded.byHand("1.9.9", BEFORE, [...MASTERS, ...AGENTS]);
  if (later && row.when === "start") embedded.lab.cluster.strike({ name: row.fault, node: faultyNode(row) });
  if (row.when === "start") return embedded;
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
  const rows = FAULT_TABLE.filter((row) => isShownHere(row) && wanted(row));
  describe.concurrent("the design's table of faults, in simulated time with --yes", () => describeRows(rows));
}

function describeRows(rows: readonly FaultCase[]): void {
  it.each(rows.filter((row) => row.when === "start").map((row) => [faultArgument(row), row] as const))(
    "%s ends said-no: a finding names it, and nothing is touched",
    { timeout: TIMEOUT_MS },
    async (_title, row) => {
      const embedded = await prepare(row);
      const before = runsOf(embedded);
      const found = await embedded.survey(TARGET, [], row.hop);
      expect(found.exit).toBe("said-no");
      const finding = found.findings.find((one) => one.id === row.finding);
      expect(finding?.verdict, JSON.stringify(found.findings.filter((one) => one.verdict !== "pass"))).not.toBe("pass");
      expect(finding?.observed).not.toBe("");
      expect(finding?.remedy).not.toBe("");
      const named = found.findings
        .filter((one) => one.verdict !== "pass" && one.severity !== "advisory")
        .flatMap((one) => one.nodes);
      if (isOwn(row)) expect(named).toContain(faultyNode(row));
      expect(runsOf(embedded)).toEqual(before);
    },
  );

  it.each(rows.filter((row) => row.when !== "start").map((row) => [`${faultArgument(row)} ends ${row.exit}`, row] as const))(
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
      if (row.exit === "ok" || row.exit === "set-aside") expectFinished(row, run.plan, run.name, run.events);
      else {
        expectHalt(row, run.plan, run.name, run.events);
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
