import type { Problem } from "./errors.ts";
import type { Json } from "./json.ts";
import type { NodeName } from "./inventory.ts";
import type { StepAddress } from "./plan.ts";
import type { StepStatus } from "./status.ts";

/** A reference to captured bytes: the journal holds references, never outputs. */
export interface ArtifactRef {
  readonly sha256: string;
  readonly bytes: number;
}

/** One line of a run's manifest. */
export interface ArtifactRecord extends ArtifactRef {
  /** Path-like name a person recognises: `masters/m1/upgrade/stdout`. */
  readonly name: string;
  readonly mediaType: string;
  readonly step: StepAddress | null;
  readonly node: NodeName | null;
  /** What it is evidence of, in a few words. */
  readonly evidenceOf: string;
  /** Secrets inside that cannot be masked: never in a report, an answer or a diff. */
  readonly sealed: boolean;
}

export type Choice = "approve" | "retry" | "measure-again" | "set-aside" | "force-complete" | "stop";

export interface Question {
  readonly kind: "start" | "confirm" | "gate-refused" | "step-failed" | "outcome-unknown" | "order-changed";
  readonly step: StepAddress | null;
  readonly title: string;
  /** The plan announces this stop: `--yes` answers it. */
  readonly announced: boolean;
  readonly problem: Problem | null;
  readonly choices: readonly { readonly choice: Choice; readonly does: string; readonly needsReason: boolean }[];
}

export interface Verb {
  readonly verb: "pause" | "resume" | "approve" | "stop" | "retry" | "set-aside" | "force-complete" | "skip";
  readonly target: string | null;
  readonly reason: string | null;
}

/** What a check said once. `why` explains an inconclusive verdict. */
export interface Measured {
  readonly check: string;
  readonly verdict: "pass" | "fail" | "inconclusive";
  readonly why: "no-answer" | "no-subject" | "missing-field" | "bad-filter" | "unsteady" | null;
  readonly fatal: boolean;
  /** How many subjects were asserted and how many of them passed. */
  readonly asserted: { readonly subjects: number; readonly passed: number };
  /** One sentence with the values that decided. */
  readonly observed: string;
}

/** How the key of an approved order begins. */
export const APPROVED_ORDER = "order-changed: ";

/**
 * The name under which an approval is kept: the step, or the kind of question. A new order is approved as it was shown, so
 * that another one is asked about again.
 */
export function approvalKey(question: Question): string {
  return question.kind === "order-changed" ? `${APPROVED_ORDER}${question.title}` : (question.step ?? question.kind);
}

/** A host key that was trusted on request: whose, which, and where it was written. */
export function acceptedKeyWords(event: RunEventMap["host-key.accepted"]): string {
  return `host key of ${event.machine} (${event.address}) accepted: ${event.keyType} ${event.fingerprint}, written to ${event.file}`;
}

/** What a monitor noticed, with how many more were only counted. */
export function noticeWords({ text, unsaid }: RunEventMap["notice.given"]): string {
  return unsaid === 0 ? text : `${text} (and ${unsaid} more that were only counted)`;
}

/** All events of a run. Names are `noun.verb` in the past tense. Every body fits a line under 4 KiB. */
export interface RunEventMap {
  /** The plan was approved for execution; `plan` is the SHA-256 of plan.json. */
  "run.created": {
    readonly run: string;
    readonly kind: string;
    readonly cluster: string;
    readonly plan: string;
    readonly pawl: string;
    readonly ticket: string | null;
    /** Tells this run from every other, also from one of the same name on another machine; missing where an older pawl wrote it. */
    readonly id?: string;
  };
  /** An engine took the run up, for the first time or again. */
  "run.opened": { readonly pid: number; readonly host: string; readonly boot: string; readonly resumed: boolean };
  /** A host key of which nothing was known was trusted, because the operator asked for that, and written to `file`. */
  "host-key.accepted": {
    readonly machine: string;
    readonly address: string;
    readonly keyType: string;
    readonly fingerprint: string;
    readonly file: string;
  };
  "lock.taken": { readonly holder: string; readonly nodes: readonly NodeName[] };
  "lock.released": { readonly nodes: readonly NodeName[] };
  /** A finding of the preflight, for the record. */
  "finding.reported": { readonly id: string; readonly verdict: string; readonly severity: string; readonly observed: string };
  /** Somebody lets a finding stand, for the value that was seen; the event's actor is who. */
  "finding.waived": {
    readonly id: string;
    readonly print: string;
    readonly observed: string;
    readonly reason: string;
    readonly until: string;
  };
  /** A step changed status. `starting` is the intent: on disk before the effect begins. */
  "step.moved": {
    readonly step: StepAddress;
    readonly to: StepStatus;
    readonly problem: Problem | null;
    readonly note: string | null;
    readonly output: Json;
  };
  /** Contact with a node was lost and regained while a step was in hand. */
  "step.reattached": { readonly step: StepAddress; readonly note: string };
  "artifact.recorded": ArtifactRecord;
  "check.measured": Measured & {
    readonly step: StepAddress | null;
    readonly watch: boolean;
    readonly evidence: ArtifactRef | null;
  };
  "gate.passed": {
    readonly step: StepAddress;
    readonly check: string;
    readonly asserted: { readonly subjects: number; readonly passed: number };
    readonly observed: string;
    readonly streak: number;
    readonly spanMs: number;
  };
  "gate.refused": {
    readonly step: StepAddress;
    readonly check: string;
    readonly because: "failed" | "inconclusive" | "fatal";
    readonly problem: Problem;
  };
  /** A monitor saw something a person wants to know at once. Nothing is decided by it. `unsaid`: further ones that were only counted, since the last that was told. */
  "notice.given": { readonly monitor: string; readonly subject: string; readonly text: string; readonly unsaid: number };
  "watch.tripped": { readonly check: string; readonly problem: Problem };
  /** One of the inventory's hooks ended; `problem` null: with 0, in time. `halt`: which halt an on-halt hook was told of. */
  "hook.ended": {
    readonly hook: "before-node" | "after-node" | "on-halt";
    readonly node: NodeName | null;
    readonly halt: string | null;
    readonly problem: Problem | null;
  };
  /** Leadership moved: what is left of the phase runs in this order. */
  "order.changed": { readonly phase: string; readonly order: readonly NodeName[]; readonly because: string };
  "decision.asked": { readonly question: Question };
  /** `answers` is the seq of the question; null for verbs that answer none. */
  "operator.decided": {
    readonly answers: number | null;
    readonly choice: Choice | Verb["verb"];
    readonly target: string | null;
    readonly reason: string | null;
  };
  "plan.interrupted": { readonly because: string };
  "plan.proceeded": { readonly because: string };
  "run.halted": { readonly exit: number; readonly step: StepAddress | null; readonly problem: Problem };
  "run.completed": { readonly exit: number; readonly setAside: readonly NodeName[] };
  /** A person accepted a complete run, in a sentence; the event's actor is who. */
  "run.accepted": { readonly reason: string };
  /** `pawl unlock`: a person broke somebody's lock. */
  "lock.broken": { readonly holder: string; readonly reason: string };
}

export type RunEventType = keyof RunEventMap;

/** An event before the journal gave it a place. */
export type RunEventBody = { readonly [T in RunEventType]: { readonly type: T } & RunEventMap[T] }[RunEventType];

/** An event in the journal: version, place, wall time (ISO), who did it, the hash of the line before. */
export type RunEvent = RunEventBody & {
  readonly v: 1;
  readonly seq: number;
  readonly time: string;
  readonly actor: string;
  readonly prev: string;
};
