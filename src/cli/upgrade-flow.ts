import type { Loaded, Runbook, VersionPolicy } from "../domain/documents.ts";
import { EXIT, type ExitName } from "../domain/errors.ts";
import type { Facts, Plan } from "../domain/plan.ts";
import { allSteps } from "../domain/plan.ts";
import type { RunResult } from "../engine/run.ts";
import { speaksUnicode } from "../view/paper.ts";
import { countFindings, renderFindings } from "../view/findings.ts";
import { renderPlan } from "../view/plan-tree.ts";
import { askPeople } from "./ask-people.ts";
import type { Cluster } from "./cluster.ts";
import { execute, tellEnd, type Presence } from "./execute.ts";
import { beforeOf, historyOf } from "./history.ts";
import type { WaiverRequest } from "../domain/waiver.ts";
import { nextHop, type NextHop } from "./hops.ts";
import type { Io } from "./io.ts";
import { limitsOf, paperOf, type RunOptions } from "./options.ts";
import { resultLine } from "./result-line.ts";
import { createRun, tellEvents, type RunRecord } from "./run-folder.ts";
import { managersOf } from "./locks.ts";
import { supportedMachines } from "./supported-machines.ts";
import { skewFindings, supportFinding } from "./skew.ts";
import { refusalLines, waiversOf } from "./waivers.ts";
import { proveChecks, survey, type Survey } from "./survey.ts";
import { shownFolder } from "./places.ts";

export interface UpgradeRequest {
  readonly runbook: Loaded<Runbook>;
  readonly policy: Loaded<VersionPolicy>;
  readonly goal: string;
  readonly given: Readonly<Record<string, string>>;
  readonly options: RunOptions;
  /** Waivers besides those of the command line. */
  readonly waivers?: readonly WaiverRequest[];
}

export interface HopSurvey extends Survey {
  readonly hop: NextHop;
}

/** Reads the cluster and says which hop comes next, with all its findings and its plan. On a lab nobody moves its time meanwhile. */
export async function surveyHop(io: Io, cluster: Cluster, request: UpgradeRequest, hopNumber: number): Promise<HopSurvey> {
  const look = (): Promise<HopSurvey> => lookAt(io, cluster, request, hopNumber);
  return cluster.lab === null ? look() : cluster.lab.during(look);
}

async function lookAt(io: Io, cluster: Cluster, request: UpgradeRequest, hopNumber: number): Promise<HopSurvey> {
  const proof = await proveChecks(cluster, request.runbook.document);
  const first = await cluster.platform.observe(
    cluster.reader,
    cluster.inventory.document,
    { ...request.given, target: request.goal },
    cluster.clock,
  );
  const hop = nextHop(request.policy, first.facts, request.goal);
  const target = hop.to ?? request.goal;
  const found = await survey(cluster, {
    runbook: request.runbook,
    given: { ...request.given, target },
    policySha256: request.policy.sha256,
    journey: { goal: request.goal, policy: request.policy.file, hop: hopNumber, hops: hopNumber + hop.later.length },
    only: request.options.only,
    // What counts as complete depends on the target: another one is another look.
    observation: target === request.goal ? first : null,
    hop: hop.from === null ? null : { from: hop.from, to: target },
    waivers: [...waiversOf(io, request.options), ...(request.waivers ?? [])],
    before: (clusterId) => beforeOf(io, request.options.outputDir, cluster, clusterId),
    proof,
    extra: [
      hop.finding,
      ...supportedMachines(request.policy.document, first.facts, target),
      ...skewFindings(request.policy.document, first.facts, new Set(managersOf(cluster)), hop.to),
      supportFinding(request.policy.document, request.goal),
    ],
  });
  return { ...found, hop };
}

/** The survey of a hop; where a person is there and answers what was open, the cluster is looked at again: answering takes time. */
async function surveyed(
  io: Io,
  cluster: Cluster,
  request: UpgradeRequest,
  presence: Presence,
  hopNumber: number,
): Promise<HopSurvey> {
  const found = await surveyHop(io, cluster, request, hopNumber);
  if (found.plan === null || isDone(found.plan, found.observation.facts, request.goal)) return found;
  return (await askPeople(io, cluster, found.open, presence)) ? surveyHop(io, cluster, request, hopNumber) : found;
}

/** Nothing is left of this plan: every node is complete already. */
function isDone(plan: Plan, facts: Facts, goal: string): boolean {
  const untouched = plan.phases.every((phase) =>
    phase.units.every((unit) => unit.node === null || unit.steps.every((step) => step.effect === "read")),
  );
  return untouched && Object.values(facts.nodes).every((node) => node.complete && node.version === goal);
}

export function showSurvey(io: Io, cluster: Cluster, found: HopSurvey, options: RunOptions, verbose: boolean): void {
  const paper = paperOf(io, speaksUnicode(io.env));
  io.out(renderFindings(found.findings, { ...paper, verbose }));
  if (found.plan !== null)
    io.out(
      `\n${renderPlan(found.plan, { ...paper, verbose, estimate: historyOf(io, options.outputDir, cluster, found.plan).estimate })}`,
    );
  for (const line of refusalLines(found.refusals)) io.out(line);
  for (const gap of found.observation.gaps) io.out(`not evaluated: ${gap}`);
  if (found.hop.later.length > 0)
    io.out(`\nAfter this hop: ${found.hop.later.join(" → ")}, each planned when the hop before it is complete.`);
}

/** The machine-readable preflight: findings, plan, and the verdict. */
export function surveyJson(found: HopSurvey, run: string | null): object {
  const { findings, plan, hop, observation, exit } = found;
  return {
    type: "preflight",
    exit: EXIT[exit],
    name: exit,
    run,
    counts: countFindings(findings),
    findings,
    gaps: observation.gaps,
    waivers: { honoured: plan?.waivers ?? [], refused: found.refusals },
    hops: hop.to === null ? [] : [hop.to, ...hop.later],
    plan,
  };
}

async function runHop(
  io: Io,
  cluster: Cluster,
  request: UpgradeRequest,
  found: HopSurvey,
  presence: Presence,
): Promise<{ readonly record: RunRecord; readonly result: RunResult } | null> {
  if (found.plan === null) return null;
  const { options } = request;
  const plan = found.plan;
  const limits = limitsOf(options, plan, cluster.clock.now(), historyOf(io, options.outputDir, cluster, plan));
  const record = await createRun(io, cluster.clock, {
    outputDir: options.outputDir,
    what: `upgrade-${plan.inputs["target"] ?? ""}`,
    plan,
    observation: found.observation,
    findings: found.findings,
    ticket: options.ticket ?? null,
    locked: true,
    acceptedKeys: cluster.acceptedKeys,
  });
  if (presence.json) tellEvents(io, record);
  else io.out(`\nRun ${shownFolder(io, record.folder)}`);
  const result = await execute(io, cluster, record, { presence, limits });
  tellEnd(io, record, result, presence);
  return { record, result };
}

/**
 * Goes hop by hop to the goal, one run each, every hop planned from what the hop before it left behind. Ends at the first hop
 * that is not ok. `done`: runs of this journey so far (a resume brings one along).
 */
export async function upgrade(
  io: Io,
  cluster: Cluster,
  request: UpgradeRequest,
  presence: Presence,
  done: readonly string[],
): Promise<ExitName> {
  const runs = [...done];
  const end = (exit: ExitName): ExitName => {
    if (presence.json) io.out(resultLine(exit, runs));
    return exit;
  };
  for (;;) {
    const found = await surveyed(io, cluster, request, presence, runs.length + 1);
    const nothingLeft = found.plan !== null && isDone(found.plan, found.observation.facts, request.goal);
    if (nothingLeft && found.exit === "ok") {
      if (!presence.json)
        io.out(
          runs.length > 0
            ? `\nEvery node is at ${request.goal}: ${runs.length} ${runs.length === 1 ? "hop" : "hops"} done.`
            : `Every node is at ${request.goal} already; nothing to do.`,
        );
      return end("ok");
    }
    if (!presence.json) showSurvey(io, cluster, found, request.options, false);
    if (found.exit !== "ok" || found.plan === null) {
      if (presence.json) io.out(JSON.stringify(surveyJson(found, null)));
      else
        io.err(
          `\n${runs.length === 0 ? "Nothing was changed" : "The hop after this one was not begun"}: the preflight says no. Mend what it names, then run it again.`,
        );
      return end(found.exit);
    }
    const outcome = await runHop(io, cluster, request, found, presence);
    if (outcome === null) return end("refused");
    runs.push(outcome.record.folder);
    const planned = outcome.result.halt?.exit === "stopped-as-asked";
    const complete = allSteps(found.plan).length > 0 && !planned && outcome.result.exit === "ok";
    if (!complete || found.hop.later.length === 0) return end(outcome.result.exit);
    // The next hop begins where every node of this one has arrived: with --only some were never meant to.
    if (request.options.only.length > 0) {
      if (!presence.json)
        io.out(
          `\nOnly ${request.options.only.join(", ")} were to be changed. The hop after this one begins when every node is at ${found.hop.to ?? ""}.`,
        );
      return end(outcome.result.exit);
    }
  }
}
