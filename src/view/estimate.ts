import { formatDuration } from "../domain/duration.ts";
import type { Phase, Plan, Step } from "../domain/plan.ts";
import { limitOf } from "../domain/strategy.ts";
import { count } from "./text.ts";

/** The shortest time a plan can take, and what that number rests on. Never a promise: scripts take as long as they take. */
export interface Estimate {
  /** Soaks and other waits whose length the plan itself fixes. */
  readonly soakMs: number;
  /** The shortest time in which all gates can pass. */
  readonly gateMs: number;
  /** Work whose length an earlier run told. */
  readonly workMs: number;
  /** Steps with an effect of which nothing is known. */
  readonly withoutHistory: number;
}

const NOTHING: Estimate = { soakMs: 0, gateMs: 0, workMs: 0, withoutHistory: 0 };

function add(a: Estimate, b: Estimate): Estimate {
  return {
    soakMs: a.soakMs + b.soakMs,
    gateMs: a.gateMs + b.gateMs,
    workMs: a.workMs + b.workMs,
    withoutHistory: a.withoutHistory + b.withoutHistory,
  };
}

/** Gates of one step are measured side by side: the slowest decides. */
function stepEstimate(step: Step, history: (step: Step) => number | null): Estimate {
  const gateMs = Math.max(
    0,
    ...step.gates
      .filter((gate) => !gate.advisory)
      .map((gate) => Math.max(gate.spanMs, (gate.consecutivePasses - 1) * gate.intervalMs)),
  );
  if (step.plannedMs !== null) return { soakMs: step.plannedMs, gateMs, workMs: 0, withoutHistory: 0 };
  const known = history(step);
  return { soakMs: 0, gateMs, workMs: known ?? 0, withoutHistory: known === null && step.effect !== "read" ? 1 : 0 };
}

function phaseEstimate(phase: Phase, history: (step: Step) => number | null): Estimate {
  const units = phase.units.map((unit) => unit.steps.map((step) => stepEstimate(step, history)).reduce(add, NOTHING));
  const all = units.reduce(add, NOTHING);
  const share = 1 / Math.max(1, Math.min(limitOf(phase.strategy), units.length));
  const side = {
    soakMs: all.soakMs * share,
    gateMs: all.gateMs * share,
    workMs: all.workMs * share,
    withoutHistory: all.withoutHistory,
  };
  return add(side, phase.after.map((step) => stepEstimate(step, history)).reduce(add, NOTHING));
}

/** Sums what the plan fixes; units that run side by side share their time. `history` gives the length of a step in ms where an earlier run told it. */
export function estimatePlan(plan: Plan, history: (step: Step) => number | null = () => null): Estimate {
  const phases = plan.phases.map((phase) => phaseEstimate(phase, history)).reduce(add, NOTHING);
  return plan.finally.map((step) => stepEstimate(step, history)).reduce(add, phases);
}

/** The estimate in one sentence, with its basis. */
export function estimateWords(estimate: Estimate): string {
  const total = estimate.soakMs + estimate.gateMs + estimate.workMs;
  const basis = [
    estimate.soakMs > 0 ? `soaks ${formatDuration(estimate.soakMs)}` : "",
    estimate.gateMs > 0 ? `gates ${formatDuration(estimate.gateMs)}` : "",
    estimate.workMs > 0 ? `work ${formatDuration(estimate.workMs)} by history` : "",
  ].filter((part) => part !== "");
  const known = total === 0 ? "nothing is fixed by the plan" : `at least ${formatDuration(total)}: ${basis.join(", ")}`;
  return estimate.withoutHistory === 0 ? known : `${known}; plus ${count(estimate.withoutHistory, "step")} without history`;
}
