import { EXIT } from "../domain/errors.ts";
import type { Phase, Plan } from "../domain/plan.ts";
import { stepRecord, type RunState } from "../domain/run-state.ts";
import { aggregate, isBusy, isSettled, type PlanStatus, type StepStatus } from "../domain/status.ts";

/** What a phase looks like from outside, derived from its steps. */
export interface PhaseView {
  readonly phase: Phase;
  readonly status: PlanStatus;
  readonly stepsDone: number;
  readonly steps: number;
  /** Nodes of which every step is complete; those set aside are not among them. */
  readonly nodesDone: number;
  readonly nodes: number;
  readonly setAside: readonly string[];
  /** Wall time the first step began and the last one ended, epoch ms; null where that has not happened. */
  readonly startedMs: number | null;
  readonly endedMs: number | null;
}

/** A node that was set aside is done: what is left of its steps stands for nothing any more. */
function unitStatuses(statuses: readonly StepStatus[]): readonly StepStatus[] {
  return statuses.includes("set-aside") ? statuses.map((status) => (isSettled(status) ? status : "set-aside")) : statuses;
}

/** Derives the view of one phase. `waiting` where the run is interrupted, and where a stop is all that is in hand. */
export function viewPhase(phase: Phase, state: RunState): PhaseView {
  const status = (address: string): StepStatus => stepRecord(state, address).status;
  const units = phase.units.map((unit) => ({
    node: unit.node,
    statuses: unitStatuses(unit.steps.map((step) => status(step.address))),
  }));
  const nodes = units.filter((unit) => unit.node !== null);
  const children = [...units.flatMap((unit) => unit.statuses), ...phase.after.map((step) => status(step.address))];
  const records = [...phase.units.flatMap((unit) => unit.steps), ...phase.after].map((step) => stepRecord(state, step.address));
  const started = records.flatMap((record) => (record.startedAt === null ? [] : [Date.parse(record.startedAt)]));
  const since = records.flatMap((record) => (record.since === "" ? [] : [Date.parse(record.since)]));
  const busy = [...phase.units.flatMap((unit) => unit.steps), ...phase.after].filter((step) => isBusy(status(step.address)));
  const worst = aggregate(children, state.interrupted !== null);
  const derived = worst === "in-progress" && busy.length > 0 && busy.every((step) => step.kind === "confirm") ? "waiting" : worst;
  return {
    phase,
    status: derived,
    stepsDone: children.filter(isSettled).length,
    steps: children.length,
    nodesDone: nodes.filter((unit) => unit.statuses.every(isSettled) && !unit.statuses.includes("set-aside")).length,
    nodes: nodes.length,
    setAside: nodes.filter((unit) => unit.statuses.includes("set-aside")).flatMap((unit) => unit.node ?? []),
    startedMs: started.length === 0 ? null : Math.min(...started),
    endedMs: derived === "complete" && since.length > 0 ? Math.max(...since) : null,
  };
}

/** Exits at which nothing is wrong: done, stopped as asked, waiting for a person, interrupted at a safe point. */
export function isCalm(exit: number): boolean {
  return exit === EXIT.ok || exit === EXIT.waiting || exit === EXIT.interrupted;
}

/** All phases of the plan, in its order. */
export function viewPhases(plan: Plan, state: RunState): readonly PhaseView[] {
  return plan.phases.map((phase) => viewPhase(phase, state));
}
