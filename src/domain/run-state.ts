import type { ArtifactRecord, Question, RunEvent } from "./events.ts";
import type { Problem } from "./errors.ts";
import type { Json } from "./json.ts";
import type { NodeName } from "./inventory.ts";
import type { StepAddress } from "./plan.ts";
import { canMove, isStuck, type StepStatus } from "./status.ts";

export interface StepRecord {
  readonly status: StepStatus;
  readonly problem: Problem | null;
  readonly note: string | null;
  /** What the step handed on to later ones (a script's URL and digest, say). */
  readonly output: Json;
  /** Wall time of the last change, ISO. */
  readonly since: string;
  readonly startedAt: string | null;
  readonly attempts: number;
  /** Permission was refused: the step is in error, and nothing of it had begun. */
  readonly denied: boolean;
  /** Who set it aside or forced it: `policy` or a person. */
  readonly actor: string;
}

export type RunPhase = "created" | "open" | "halted" | "completed";

/** Everything a view or a resume needs. Made from events only: no field is assigned anywhere else. */
export interface RunState {
  readonly run: string;
  readonly phase: RunPhase;
  readonly interrupted: string | null;
  readonly steps: Readonly<Record<StepAddress, StepRecord>>;
  readonly order: Readonly<Record<string, readonly NodeName[]>>;
  readonly asked: { readonly seq: number; readonly question: Question } | null;
  /** Announced stops that a person has approved, by step address; `start` for the start of the run. */
  readonly approved: Readonly<Record<string, true>>;
  readonly artifacts: readonly ArtifactRecord[];
  readonly halted: { readonly exit: number; readonly step: StepAddress | null; readonly problem: Problem } | null;
  readonly exit: number | null;
  readonly lastSeq: number;
  readonly lastTime: string;
}

export const EMPTY_RUN: RunState = {
  run: "",
  phase: "created",
  interrupted: null,
  steps: {},
  order: {},
  asked: null,
  approved: {},
  artifacts: [],
  halted: null,
  exit: null,
  lastSeq: 0,
  lastTime: "",
};

const UNTOUCHED: StepRecord = {
  status: "pending",
  problem: null,
  note: null,
  output: null,
  since: "",
  startedAt: null,
  attempts: 0,
  denied: false,
  actor: "",
};

/** The record of a step; steps nothing happened to are pending. */
export function stepRecord(state: RunState, address: StepAddress): StepRecord {
  return state.steps[address] ?? UNTOUCHED;
}

/** The next state. Throws RangeError on a move the status table forbids: such a journal is not ours. */
export function reduce(state: RunState, event: RunEvent): RunState {
  const next = { ...state, lastSeq: event.seq, lastTime: event.time };
  switch (event.type) {
    case "run.created":
      return { ...next, run: event.run };
    case "run.opened":
      return { ...next, phase: "open", halted: null, exit: null };
    case "step.moved": {
      const before = stepRecord(state, event.step);
      if (!canMove(before.status, event.to))
        throw new RangeError(`step ${event.step} cannot move from ${before.status} to ${event.to}`);
      // Taking up an effect that still runs (unknown to starting) is the same attempt: job folders are named by it.
      const starts = event.to === "starting" && before.status !== "unknown";
      const record: StepRecord = {
        status: event.to,
        problem: event.problem,
        note: event.note ?? before.note,
        output: event.output ?? before.output,
        since: event.time,
        // The first start counts for ever: a retry that finds the effect done already must not ask for another restart.
        startedAt: starts ? (before.startedAt ?? event.time) : before.startedAt,
        attempts: before.attempts + (starts ? 1 : 0),
        denied: event.to === "error" && before.status === "pending",
        actor: event.actor,
      };
      // A failure that something else has settled is not asked about any more.
      const moot =
        state.asked !== null &&
        state.asked.question.problem !== null &&
        state.asked.question.step === event.step &&
        !isStuck(event.to);
      return { ...next, steps: { ...state.steps, [event.step]: record }, asked: moot ? null : state.asked };
    }
    case "order.changed":
      return { ...next, order: { ...state.order, [event.phase]: event.order } };
    case "decision.asked":
      return { ...next, asked: { seq: event.seq, question: event.question } };
    case "operator.decided":
      return {
        ...next,
        asked: event.answers !== null && event.answers === state.asked?.seq ? null : state.asked,
        approved:
          event.choice === "approve" && event.target !== null ? { ...state.approved, [event.target]: true } : state.approved,
      };
    case "plan.interrupted":
      return { ...next, interrupted: event.because };
    case "plan.proceeded":
      return { ...next, interrupted: null };
    case "artifact.recorded": {
      const { v, seq, time, actor, prev, type, ...record } = event;
      return { ...next, artifacts: [...state.artifacts, record] };
    }
    case "run.halted":
      return {
        ...next,
        phase: "halted",
        halted: { exit: event.exit, step: event.step, problem: event.problem },
        exit: event.exit,
        asked: event.exit === 8 ? state.asked : null,
      };
    case "run.completed":
      return { ...next, phase: "completed", exit: event.exit, asked: null };
    case "finding.reported":
    case "lock.taken":
    case "lock.released":
    case "lock.broken":
    case "step.reattached":
    case "check.measured":
    case "gate.passed":
    case "gate.refused":
    case "watch.tripped":
      return next;
  }
}

/** The state after all events. */
export function fold(events: Iterable<RunEvent>, from: RunState = EMPTY_RUN): RunState {
  let state = from;
  for (const event of events) state = reduce(state, event);
  return state;
}
