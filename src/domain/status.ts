/**
 * What one step is doing. Words and derivation follow the DC/OS SDK's plans.
 *
 *   pending ──► prepared ──► starting ──► started ──► complete
 *      ▲           │           │    │        │
 *      │           ▼           │    └──► unknown ──► started | complete | pending | error | set-aside
 *      └──────── error ◄───────┴─────────────┘
 */
export type StepStatus =
  | "pending" // may be picked up
  | "prepared" // permission given, nothing changed yet
  | "starting" // the intent is on disk; the effect may or may not have happened
  | "started" // the effect reported success; its gates are being measured
  | "complete"
  | "error"
  | "unknown" // contact was lost between `starting` and an answer
  | "set-aside" // taken out of the rollout, with a reason
  | "skipped"; // an optional step without effect that a person left out

/** What a phase or plan looks like from outside. Derived, never stored. */
export type PlanStatus = "pending" | "in-progress" | "waiting" | "complete" | "error";

const MOVES: Readonly<Record<StepStatus, readonly StepStatus[]>> = {
  pending: ["prepared", "error", "set-aside", "skipped", "complete"],
  prepared: ["starting", "error", "pending", "set-aside"],
  starting: ["started", "error", "unknown", "pending"],
  started: ["complete", "error", "unknown", "pending"],
  unknown: ["started", "complete", "pending", "error", "set-aside", "starting"],
  error: ["pending", "complete", "set-aside", "started", "skipped"],
  "set-aside": ["pending"],
  complete: [],
  skipped: [],
};

/** Whether the step may go from one status to the other. `complete` is final: no completed step runs again. */
export function canMove(from: StepStatus, to: StepStatus): boolean {
  return MOVES[from].includes(to);
}

/** The step needs nobody any more. */
export function isSettled(status: StepStatus): boolean {
  return status === "complete" || status === "set-aside" || status === "skipped";
}

/** The step stands in the way: nothing new starts beside it. */
export function isStuck(status: StepStatus): boolean {
  return status === "error" || status === "unknown";
}

/** The step is in someone's hands right now. */
export function isBusy(status: StepStatus): boolean {
  return status === "prepared" || status === "starting" || status === "started";
}

/** Worst news first. A parent without children is an error in the plan, never quietly complete. */
export function aggregate(children: readonly StepStatus[], interrupted: boolean): PlanStatus {
  if (children.length === 0 || children.some(isStuck)) return "error";
  if (children.every(isSettled)) return "complete";
  if (interrupted) return "waiting";
  return children.every((status) => status === "pending") ? "pending" : "in-progress";
}
