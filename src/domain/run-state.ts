import type { Acceptance } from "./acceptance.ts";
import { APPROVED_ORDER, approvalKey, type ArtifactRecord, type Question, type RunEvent } from "./events.ts";
import { EXIT, type Problem } from "./errors.ts";
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
  /** Codes of every problem it ever had, each once, in order: what a later attempt mended is still on record. */
  readonly troubles: readonly string[];
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
  /** Announced stops that a person has approved, by `approvalKey`. */
  readonly approved: Readonly<Record<string, true>>;
  readonly artifacts: readonly ArtifactRecord[];
  /** A watch tripped, and the halt that follows is not on record yet: an engine died in between. */
  readonly tripped: Problem | null;
  /** The halt that the on-halt hook was told of, where nothing has begun since. */
  readonly haltTold: string | null;
  readonly halted: { readonly exit: number; readonly step: StepAddress | null; readonly problem: Problem } | null;
  readonly exit: number | null;
  /** Who took the finished run as good; null until then. */
  readonly accepted: Acceptance | null;
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
  tripped: null,
  haltTold: null,
  halted: null,
  exit: null,
  accepted: null,
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
  troubles: [],
  denied: false,
  actor: "",
};

/** The record of a step; steps nothing happened to are pending. */
export function stepRecord(state: RunState, address: StepAddress): StepRecord {
  return state.steps[address] ?? UNTOUCHED;
}

/** The fields an event changes. Steps and artifacts are the draft's own: they grow with the run and are changed in place. */
type Change = Omit<Partial<RunState>, "steps" | "artifacts">;

interface Draft extends RunState {
  readonly steps: Record<StepAddress, StepRecord>;
  readonly artifacts: ArtifactRecord[];
}

/** A new order is in force: what was approved of earlier ones is used up. */
function withoutOrders(approved: RunState["approved"]): RunState["approved"] {
  return Object.fromEntries(Object.entries(approved).filter(([key]) => !key.startsWith(APPROVED_ORDER)));
}

function approvedAfter(state: RunState, event: Extract<RunEvent, { readonly type: "operator.decided" }>): RunState["approved"] {
  if (event.choice !== "approve" || event.target === null) return state.approved;
  const question = event.answers !== null && event.answers === state.asked?.seq ? state.asked.question : null;
  return { ...state.approved, [question === null ? event.target : approvalKey(question)]: true };
}

/** Halts that are trouble themselves: the run stands still for a reason that is told. */
const TOLD: readonly number[] = [EXIT["gate-halted"], EXIT["step-failed"], EXIT["outcome-unknown"], EXIT.internal];

/** Throws, before it changes anything, RangeError on a move the status table forbids. */
function changeOf(state: Draft, event: RunEvent): Change {
  switch (event.type) {
    case "run.created":
      return { run: event.run };
    case "run.opened":
      return { phase: "open", halted: null, exit: null };
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
        troubles:
          event.problem === null || before.troubles.includes(event.problem.code)
            ? before.troubles
            : [...before.troubles, event.problem.code],
        denied: event.to === "error" && before.status === "pending",
        actor: event.actor,
      };
      // A failure that something else has settled is not asked about any more.
      const moot =
        state.asked !== null &&
        state.asked.question.problem !== null &&
        state.asked.question.step === event.step &&
        !isStuck(event.to);
      state.steps[event.step] = record;
      return { asked: moot ? null : state.asked, haltTold: event.to === "starting" ? null : state.haltTold };
    }
    case "order.changed":
      return { order: { ...state.order, [event.phase]: event.order }, approved: withoutOrders(state.approved) };
    case "decision.asked":
      return { asked: { seq: event.seq, question: event.question } };
    case "operator.decided":
      return {
        asked: event.answers !== null && event.answers === state.asked?.seq ? null : state.asked,
        approved: approvedAfter(state, event),
      };
    case "plan.interrupted":
      return { interrupted: event.because };
    case "plan.proceeded":
      return { interrupted: null };
    case "artifact.recorded": {
      const { v, seq, time, actor, prev, type, ...record } = event;
      state.artifacts.push(record);
      return {};
    }
    case "run.halted":
      return {
        phase: "halted",
        // Ended before the trip could be told: locked out, no answer, stopped. It is told by whoever comes next.
        tripped: TOLD.includes(event.exit) ? null : state.tripped,
        halted: { exit: event.exit, step: event.step, problem: event.problem },
        exit: event.exit,
        asked: event.exit === 8 ? state.asked : null,
      };
    case "watch.tripped":
      return { tripped: event.problem };
    case "hook.ended":
      return event.hook === "on-halt" ? { haltTold: event.halt } : {};
    case "run.completed":
      return { phase: "completed", exit: event.exit, asked: null };
    case "run.accepted":
      return { accepted: { by: event.actor, at: event.time, reason: event.reason } };
    case "finding.reported":
    case "finding.waived":
    case "host-key.accepted":
    case "lock.taken":
    case "lock.released":
    case "lock.broken":
    case "step.reattached":
    case "check.measured":
    case "gate.passed":
    case "gate.refused":
    case "notice.given":
      return {};
  }
}

/** A state that events are added to. */
export interface RunFold {
  /** As after the last event: the same object all the time, so whoever wants to keep a moment copies it. */
  readonly state: RunState;
  /** Throws RangeError, and changes nothing, on a move the status table forbids: such a journal is not ours. */
  add(event: RunEvent): void;
}

/** Folds events as they come, each in time that does not grow with the run: a rollout over 1,000 nodes has some 60,000. */
export function createFold(from: RunState = EMPTY_RUN): RunFold {
  const state: Draft = { ...from, steps: { ...from.steps }, artifacts: [...from.artifacts] };
  return {
    state,
    add: (event) => void Object.assign(state, changeOf(state, event), { lastSeq: event.seq, lastTime: event.time }),
  };
}

/** The state after all events; `from` is left as it is. Throws what `RunFold.add` throws. */
export function fold(events: Iterable<RunEvent>, from: RunState = EMPTY_RUN): RunState {
  const folded = createFold(from);
  for (const event of events) folded.add(event);
  return folded.state;
}
