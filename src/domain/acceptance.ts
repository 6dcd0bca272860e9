import { EXIT } from "./errors.ts";
import { allSteps, type Plan } from "./plan.ts";
import type { RunState } from "./run-state.ts";

/** A person took a finished upgrade as good, in a sentence (workbook: Timing of Events f, stability and acceptance). */
export interface Acceptance {
  readonly by: string;
  readonly at: string;
  readonly reason: string;
}

/**
 * Whether a finished run still waits for somebody to accept it: it has come to its end, changed something, and nobody has. What
 * only looked (a preflight, a snapshot) has nothing to accept.
 */
export function awaitsAcceptance(state: RunState, plan: Plan): boolean {
  return state.accepted === null && isAcceptable(state, plan);
}

/** Whether a run is of the kind that a person accepts: at its end, agents set aside or not, with an effect. */
export function isAcceptable(state: RunState, plan: Plan): boolean {
  const ended = state.phase === "completed" && (state.exit === EXIT.ok || state.exit === EXIT["set-aside"]);
  // A preflight is completed with the plan of an upgrade; none of its steps has moved.
  return ended && allSteps(plan).some((step) => step.effect !== "read" && step.address in state.steps);
}

/** Where acceptance stands, in words that follow the outcome; empty where nobody is to accept anything. */
export function acceptanceWords(accepted: Acceptance | null, awaits: boolean): string {
  if (accepted !== null) return `accepted by ${accepted.by}`;
  return awaits ? "not accepted" : "";
}
