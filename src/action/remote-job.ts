import { createHash } from "node:crypto";
import { posix } from "node:path";
import type { Command, Outcome, Remote } from "../engine/ports.ts";
import { JOB_TEXT, RUN_TEXT } from "./remote-job-text.ts";

/** Where a job lives on its node, and how its node is asked. All verbs on one job must agree about `sudo`. */
export interface JobPlace {
  readonly folder: string;
  readonly sudo: boolean;
  /** Wall-clock limit of one question; the job itself has none. */
  readonly timeoutMs: number;
}

/**
 * What the node says about a job. `lost` is about the job: its process is gone without an exit code (`gone`), the machine was
 * restarted (`rebooted`), or a power cut left an empty code (`no-exit-code`). Its effect may be half done, and children of a
 * `gone` job may still run.
 */
export type JobState =
  | { readonly kind: "absent" }
  | { readonly kind: "starting" }
  | { readonly kind: "running"; readonly pid: number }
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "killed"; readonly signal: string }
  | { readonly kind: "lost"; readonly why: "rebooted" | "gone" | "no-exit-code" };

/** The node was not heard, which says nothing about the job. `sent` false: the question certainly did not reach it. */
export interface JobSilence {
  readonly kind: "no-answer";
  readonly code: string;
  readonly reason: string;
  readonly sent: boolean;
}

export type JobAnswer =
  { readonly kind: "state"; readonly state: JobState; readonly stdoutBytes: number; readonly stderrBytes: number } | JobSilence;

export type JobOutput = { readonly kind: "read"; readonly bytes: Buffer } | JobSilence;

/** Survives a restart, unlike /tmp: a resumed run must find what ran before it. */
const JOB_BASE = "/var/tmp/pawl-jobs";

/**
 * The folder of a step's job: one per run and step, so that a second start of the same step finds the first. Jobs with and
 * without root lie apart, because `start` insists that the folder above belongs to whoever starts.
 */
export function jobFolder(run: string, step: string, options: { readonly sudo: boolean; readonly base?: string }): string {
  const base = options.base ?? JOB_BASE;
  const whole = `${run}+${step}`;
  const name = whole.replaceAll("/", "+").replaceAll(/[^A-Za-z0-9._+-]/g, "_");
  // Names of phases, nodes and steps may be long each: together they must still be one file name.
  const short =
    name.length <= 200 ? name : `${name.slice(0, 160)}+${createHash("sha256").update(whole).digest("hex").slice(0, 32)}`;
  return posix.join(options.sudo ? base : `${base}-user`, short);
}

/**
 * Starts `command` (text for `sh`) detached from the connection, with empty input and its output in files; starting the same
 * folder again starts nothing and tells the state. With `sudo` the job runs as root.
 */
export async function startJob(remote: Remote, target: string, job: JobPlace & { readonly command: string }): Promise<JobAnswer> {
  return stateOf(
    await remote.run(target, {
      ...verb(job, ["start", job.folder, RUN_TEXT, String(Buffer.byteLength(job.command))]),
      stdin: job.command,
    }),
  );
}

/** The state of a job, and how much output it has written so far. */
export async function pollJob(remote: Remote, target: string, place: JobPlace): Promise<JobAnswer> {
  return stateOf(await remote.run(target, verb(place, ["poll", place.folder])));
}

/** At most `bytes` bytes of a job's output, from `offset` on. */
export async function readJobOutput(
  remote: Remote,
  target: string,
  place: JobPlace,
  from: { readonly stream: "stdout" | "stderr"; readonly offset: number; readonly bytes: number },
): Promise<JobOutput> {
  const chunks: Buffer[] = [];
  const outcome = await remote.stream(
    target,
    verb(place, ["read", place.folder, from.stream, String(from.offset), String(from.bytes)]),
    (chunk) => void chunks.push(chunk),
  );
  if (outcome.kind === "exited" && outcome.code === 0) return { kind: "read", bytes: Buffer.concat(chunks) };
  return silence(outcome);
}

/** Signals the job's whole process group (name without SIG); the answer is its state a moment later. */
export async function killJob(
  remote: Remote,
  target: string,
  place: JobPlace,
  signal: "TERM" | "KILL" | "INT",
): Promise<JobAnswer> {
  return stateOf(await remote.run(target, verb(place, ["kill", place.folder, signal])));
}

/** Removes the folder of a job that does not run; the answer is `absent` then, `running` otherwise. */
export async function removeJob(remote: Remote, target: string, place: JobPlace): Promise<JobAnswer> {
  return stateOf(await remote.run(target, verb(place, ["remove", place.folder])));
}

/** A job verb as a command: the shell text is one argument, so nothing of it meets the login shell unquoted. */
function verb(place: JobPlace, words: readonly string[]): Command {
  return { argv: ["sh", "-c", JOB_TEXT, "pawl-job", ...words], sudo: place.sudo, timeoutMs: place.timeoutMs };
}

function stateOf(outcome: Outcome): JobAnswer {
  if (outcome.kind !== "exited") return silence(outcome);
  const [first = "", stdoutBytes, stderrBytes] = outcome.stdout.split("\n");
  const state = parseState(first);
  if (state === null) return silence(outcome);
  return { kind: "state", state, stdoutBytes: Number(stdoutBytes ?? 0), stderrBytes: Number(stderrBytes ?? 0) };
}

function parseState(line: string): JobState | null {
  const [word, detail = ""] = line.trim().split(/\s+/);
  switch (word) {
    case "absent":
    case "starting":
      return { kind: word };
    case "running":
      return { kind: "running", pid: Number(detail) };
    case "exited":
      return /^\d+$/.test(detail) ? { kind: "exited", code: Number(detail) } : { kind: "lost", why: "no-exit-code" };
    case "killed":
      return { kind: "killed", signal: detail };
    case "lost":
      return { kind: "lost", why: detail === "rebooted" ? "rebooted" : "gone" };
    case undefined:
    default:
      return null;
  }
}

function silence(outcome: Outcome): JobSilence {
  switch (outcome.kind) {
    case "exited":
      return {
        kind: "no-answer",
        code: "job-shell-failed",
        reason: `exit code ${String(outcome.code)}: ${(outcome.stderr || outcome.stdout).trim().slice(0, 500)}`,
        sent: true,
      };
    case "timed-out":
      return {
        kind: "no-answer",
        code: "timed-out",
        reason: `no answer within ${String(outcome.afterMs / 1_000)} s`,
        sent: true,
      };
    case "lost":
      return { kind: "no-answer", code: outcome.code, reason: outcome.reason, sent: outcome.sent };
  }
}
