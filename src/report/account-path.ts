import type { RunEvent } from "../domain/events.ts";
import type { Problem } from "../domain/errors.ts";
import { stepsOf, type Plan, type Step } from "../domain/plan.ts";
import { stepRecord, type RunState } from "../domain/run-state.ts";
import { aggregate, type PlanStatus, type StepStatus } from "../domain/status.ts";
import { between } from "./elapsed.ts";

export interface PhaseAccount {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly nodes: number;
  readonly status: PlanStatus;
  readonly steps: Readonly<Partial<Record<StepStatus, number>>>;
  /** Null where nothing of it was begun. */
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly tookMs: number | null;
}

export interface NodeAccount {
  readonly node: string;
  readonly phase: string;
  /** What was on it when the plan was made. */
  readonly before: string | null;
  readonly status: StepStatus;
  readonly startedAt: string | null;
  readonly tookMs: number | null;
  /** Most starts any of its steps needed. */
  readonly attempts: number;
}

export interface SetAsideAccount {
  readonly node: string | null;
  readonly step: string;
  readonly at: string;
  readonly by: string;
  readonly note: string | null;
  readonly problem: Problem | null;
}

/** First and last time anything happened to each step. */
function spans(events: readonly RunEvent[]): ReadonlyMap<string, { readonly from: string; readonly to: string }> {
  const found = new Map<string, { from: string; to: string }>();
  for (const event of events) {
    if (event.type !== "step.moved") continue;
    const span = found.get(event.step);
    if (span === undefined) found.set(event.step, { from: event.time, to: event.time });
    else span.to = event.time;
  }
  return found;
}

function spanOf(steps: readonly Step[], all: ReturnType<typeof spans>): { readonly from: string; readonly to: string } | null {
  const mine = steps.flatMap((step) => all.get(step.address) ?? []);
  if (mine.length === 0) return null;
  return {
    from: mine.map((span) => span.from).reduce((a, b) => (a < b ? a : b)),
    to: mine.map((span) => span.to).reduce((a, b) => (a > b ? a : b)),
  };
}

/** The phases in the order of the plan, waves apart; the steps at the end last. */
export function phasesOf(state: RunState, events: readonly RunEvent[], plan: Plan): readonly PhaseAccount[] {
  const all = spans(events);
  const account = (name: string, title: string, source: string, nodes: number, steps: readonly Step[]): PhaseAccount => {
    const statuses = steps.map((step) => stepRecord(state, step.address).status);
    const counts: Partial<Record<StepStatus, number>> = {};
    for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1;
    const span = spanOf(steps, all);
    const status = aggregate(statuses, state.interrupted !== null);
    return {
      name,
      title,
      source,
      nodes,
      status,
      steps: counts,
      startedAt: span?.from ?? null,
      endedAt: span?.to ?? null,
      tookMs: span === null ? null : between(span.from, span.to),
    };
  };
  const phases = plan.phases.map((phase) =>
    account(phase.name, phase.title, phase.source, phase.units.filter((unit) => unit.node !== null).length, stepsOf(phase)),
  );
  return plan.finally.length === 0
    ? phases
    : [...phases, account("finally", "Undo of pawl's own temporary changes", "", 0, plan.finally)];
}

/** Each node in each phase: its worst step decides. */
export function nodesOf(state: RunState, events: readonly RunEvent[], plan: Plan): readonly NodeAccount[] {
  const all = spans(events);
  return plan.phases.flatMap((phase) =>
    phase.units.flatMap((unit) => {
      if (unit.node === null) return [];
      const records = unit.steps.map((step) => stepRecord(state, step.address));
      const span = spanOf(unit.steps, all);
      return [
        {
          node: unit.node,
          phase: phase.name,
          before: plan.facts.nodes[unit.node]?.version ?? null,
          status: worst(records.map((record) => record.status)),
          startedAt: span?.from ?? null,
          tookMs: span === null ? null : between(span.from, span.to),
          attempts: Math.max(0, ...records.map((record) => record.attempts)),
        },
      ];
    }),
  );
}

const WORST_FIRST: readonly StepStatus[] = [
  "unknown",
  "error",
  "set-aside",
  "started",
  "starting",
  "prepared",
  "pending",
  "complete",
  "skipped",
];

function worst(statuses: readonly StepStatus[]): StepStatus {
  return WORST_FIRST.find((status) => statuses.includes(status)) ?? "pending";
}

/** What was taken out of the rollout and still needs work. */
export function setAsideOf(state: RunState, plan: Plan): readonly SetAsideAccount[] {
  return plan.phases.flatMap((phase) =>
    stepsOf(phase).flatMap((step) => {
      const record = stepRecord(state, step.address);
      if (record.status !== "set-aside") return [];
      return [
        { node: step.node, step: step.address, at: record.since, by: record.actor, note: record.note, problem: record.problem },
      ];
    }),
  );
}
