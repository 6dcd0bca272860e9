import { isCapture, type CatalogueItem } from "../domain/catalogue.ts";
import { allSteps, type Plan } from "../domain/plan.ts";
import { stepRecord, type RunState } from "../domain/run-state.ts";
import type { Account } from "./account.ts";

/** One thing in a run's record that shows an item. */
export interface CoverageEvidence {
  readonly kind: "step" | "gate" | "reading" | "finding" | "artifact";
  /** Address of a step, name of a check, finding or artifact. */
  readonly name: string;
  /** What it says: a status, a verdict, or how often it held. */
  readonly says: string;
}

/**
 * What a run's record holds of an item. `shown`: evidence of it. `not-due`: its steps or checks were no part of this run's plan, or
 * its checks are bound to another hop. `elsewhere`: nothing of a run shows it (a command, or a reason). `missing`: it was due, and
 * the record has nothing.
 */
export interface ItemCoverage {
  readonly state: "shown" | "not-due" | "elsewhere" | "missing";
  readonly evidence: readonly CoverageEvidence[];
  /** How much more evidence of the same kinds there is than is listed. */
  readonly more: number;
}

/** Evidence listed of one kind; the rest is counted. */
const LISTED = 12;

/** A run as evidence of a catalogue's items. Pure; `bound`: checks that are asked before some hops only. */
export function coverageOf(
  item: CatalogueItem,
  run: { readonly plan: Plan; readonly state: RunState; readonly account: Account; readonly bound: ReadonlySet<string> },
): ItemCoverage {
  const { plan, state, account } = run;
  const own = item.steps.filter((path) => path.startsWith(`${plan.runbook.name}/`));
  const planned = allSteps(plan).filter((step) => own.includes(pathOf(plan, step.phase, step.name)));
  const begun = planned.filter((step) => stepRecord(state, step.address).status !== "pending");
  const found = [
    begun.map((step) => evidence("step", step.address, stepRecord(state, step.address).status)),
    item.checks.flatMap((name) => measured(name, account)),
    artifactsOf(item, account, new Set(begun.map((step) => step.address))),
  ];
  const listed = found.flatMap((some) => some.slice(0, LISTED));
  const more = found.reduce((sum, some) => sum + Math.max(0, some.length - LISTED), 0);
  if (listed.length > 0) return { state: "shown", evidence: listed, more };
  const asked = item.checks.filter((name) => !run.bound.has(name));
  if (planned.length > 0 || asked.length > 0 || item.captures.length > 0) return { state: "missing", evidence: [], more: 0 };
  return { state: own.length > 0 || item.checks.length > 0 ? "not-due" : "elsewhere", evidence: [], more: 0 };
}

function evidence(kind: CoverageEvidence["kind"], name: string, says: string): CoverageEvidence {
  return { kind, name, says };
}

/** `runbook/phase/step` of a step; waves are parts of their phase. */
function pathOf(plan: Plan, phase: string, step: string): string {
  const family = plan.phases.find((one) => one.name === phase)?.wave?.of ?? phase;
  return `${plan.runbook.name}/${family}/${step}`;
}

/** What was said under a name: by gates, by readings of watches, and by the preflight. */
function measured(name: string, account: Account): readonly CoverageEvidence[] {
  const gates = account.gates.filter((gate) => gate.check === name);
  const held = gates.filter((gate) => gate.passed).length;
  const read = account.readings.find((one) => one.check === name);
  return [
    ...account.findings.filter((one) => one.id === name).map((one) => evidence("finding", name, one.verdict)),
    ...(gates.length === 0 ? [] : [evidence("gate", name, `held ${held} of ${gates.length} times`)]),
    ...(gates.length > 0 || read === undefined
      ? []
      : [evidence("reading", name, `passed ${read.pass} of ${read.pass + read.fail + read.inconclusive} times`)]),
  ];
}

function artifactsOf(item: CatalogueItem, account: Account, steps: ReadonlySet<string>): readonly CoverageEvidence[] {
  return account.artifacts
    .filter(
      (one) =>
        item.captures.some((pattern) => isCapture(pattern, one.name)) ||
        // What a step captured is told by the names an item gives; an item that gives none means all of it.
        (item.captures.length === 0 && one.step !== null && steps.has(one.step)),
    )
    .map((one) => evidence("artifact", one.name, one.sha256.slice(0, 12)));
}
