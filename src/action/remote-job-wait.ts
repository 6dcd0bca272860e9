import { StringDecoder } from "node:string_decoder";
import type { Clock, Remote } from "../engine/ports.ts";
import { pollJob, readJobOutput, startJob, type JobAnswer, type JobPlace, type JobSilence, type JobState } from "./remote-job.ts";

export interface JobWait {
  readonly clock: Clock;
  readonly remote: Remote;
  readonly target: string;
  readonly place: JobPlace;
  /** Between two questions. Default 5 s. */
  readonly pollMs?: number;
  /** How long the node may stay silent before the wait gives up. Default 10 min. */
  readonly unreachableMs?: number;
  /** How long the job may run, counted from now. Default: for ever. */
  readonly runMs?: number;
  /** Connections to the target that had broken before the job was started; by default those until now. */
  readonly lossesBefore?: number;
}

export interface JobNews {
  /** New output, in order per stream, cut anywhere but inside a character. */
  onOutput?(stream: "stdout" | "stderr", text: string): void | Promise<void>;
  /** Contact was lost and is back: since when it was missed (0: it broke between two questions), and why it went. */
  onReattach?(news: { readonly forMs: number; readonly reason: string }): void | Promise<void>;
}

/** How a wait ended. Only `ended` tells how the command did; the others leave its effect unknown. */
export type JobEnd =
  | { readonly kind: "ended"; readonly code: number }
  | { readonly kind: "gone"; readonly why: "absent" | "starting" | "killed" | "rebooted" | "gone" | "no-exit-code" }
  | { readonly kind: "unreachable"; readonly forMs: number; readonly code: string; readonly reason: string }
  /** It still runs. */
  | { readonly kind: "overdue"; readonly afterMs: number };

const POLL_MS = 5_000;
const UNREACHABLE_MS = 10 * 60_000;
const LONGEST_PAUSE_MS = 60_000;
const READ_BYTES = 256 * 1024;
/** A job leaves `starting` in milliseconds; one that stays lost its machine or its disk there. */
const STARTING_MS = 30_000;

/** Starts tried where the node said nothing at all: starting twice starts once. */
const STARTS = 3;

/**
 * Starts a job and is sure about it as far as one can be: a node that does not answer is asked again, because a second start
 * of the same folder only tells the state. A silence is `sent` when any of the questions may have reached the node.
 * `lossesBefore` belongs into the wait that follows, which tells of every loss since.
 */
export async function beginJob(
  wait: JobWait,
  command: string,
): Promise<{ readonly answer: JobAnswer; readonly lossesBefore: number }> {
  const { clock, remote, target, place } = wait;
  const lossesBefore = remote.losses?.(target) ?? 0;
  let answer = await startJob(remote, target, { ...place, command });
  for (let tries = 1; tries < STARTS && answer.kind === "no-answer" && !answer.code.startsWith("host-key-"); tries++) {
    await clock.sleep(wait.pollMs ?? POLL_MS);
    const { sent } = answer;
    answer = await startJob(remote, target, { ...place, command });
    if (answer.kind === "no-answer") answer = { ...answer, sent: answer.sent || sent };
  }
  return { answer, lossesBefore };
}

/**
 * Waits for a started job, also across lost connections: keeps asking, with growing pauses while the node is silent, and takes
 * up where it was when the node answers again. A changed host key ends the wait at once: asking again cannot make it right.
 */
export async function waitForJob(wait: JobWait, news: JobNews = {}): Promise<JobEnd> {
  const { clock, remote, target } = wait;
  const pollMs = wait.pollMs ?? POLL_MS;
  const begunMs = clock.monotonic();
  const reader = createOutputReader(wait, news);
  let losses = wait.lossesBefore ?? remote.losses?.(target) ?? 0;
  let silence: Silence | null = null;
  let startingSinceMs: number | null = null;

  for (;;) {
    const answer = await look(wait, reader);
    if (answer.kind === "no-answer") {
      silence = prolong(silence, answer, clock.monotonic(), pollMs);
      const forMs = clock.monotonic() - silence.sinceMs;
      const hopeless = answer.code.startsWith("host-key-") || forMs >= (wait.unreachableMs ?? UNREACHABLE_MS);
      if (hopeless) return { kind: "unreachable", forMs, code: answer.code, reason: answer.reason };
      await clock.sleep(silence.pauseMs);
      continue;
    }

    const lossesNow = remote.losses?.(target) ?? 0;
    if (silence !== null) await news.onReattach?.({ forMs: clock.monotonic() - silence.sinceMs, reason: silence.reason });
    else if (lossesNow > losses) await news.onReattach?.({ forMs: 0, reason: "the connection broke between two questions" });
    losses = lossesNow;
    silence = null;

    if (answer.state.kind === "starting") startingSinceMs ??= clock.monotonic();
    else startingSinceMs = null;
    const end = endOf(answer.state, startingSinceMs === null ? 0 : clock.monotonic() - startingSinceMs);
    if (end !== null) {
      await reader.finish();
      return end;
    }
    const forMs = clock.monotonic() - begunMs;
    if (wait.runMs !== undefined && forMs >= wait.runMs) return { kind: "overdue", afterMs: forMs };
    await clock.sleep(pollMs);
  }
}

/** A time without answers: since when, how long to wait before the next question, and what was last heard instead. */
interface Silence {
  readonly sinceMs: number;
  readonly pauseMs: number;
  readonly reason: string;
}

function prolong(before: Silence | null, answer: JobSilence, nowMs: number, pollMs: number): Silence {
  if (before === null) return { sinceMs: nowMs, pauseMs: pollMs, reason: answer.reason };
  return {
    sinceMs: before.sinceMs,
    pauseMs: Math.min(before.pauseMs * 2, Math.max(LONGEST_PAUSE_MS, pollMs)),
    reason: answer.reason,
  };
}

/** The job's state with all output read that it had written by then. */
async function look(wait: JobWait, reader: OutputReader): Promise<JobAnswer> {
  const answer = await pollJob(wait.remote, wait.target, wait.place);
  if (answer.kind === "no-answer") return answer;
  return (await reader.readTo(answer.stdoutBytes, answer.stderrBytes)) ?? answer;
}

function endOf(state: JobState, startingForMs: number): JobEnd | null {
  switch (state.kind) {
    case "exited":
      return { kind: "ended", code: state.code };
    case "absent":
    case "killed":
      return { kind: "gone", why: state.kind };
    case "lost":
      return { kind: "gone", why: state.why };
    case "starting":
      return startingForMs >= STARTING_MS ? { kind: "gone", why: "starting" } : null;
    case "running":
      return null;
  }
}

interface OutputReader {
  /** Reads up to the given sizes; the silence that kept it from doing so, else null. What was read is never read again. */
  readTo(stdoutBytes: number, stderrBytes: number): Promise<JobSilence | null>;
  /** Gives away what is left of a cut character. */
  finish(): Promise<void>;
}

function createOutputReader(wait: JobWait, news: JobNews): OutputReader {
  const streams = (["stdout", "stderr"] as const).map((stream) => ({ stream, decoder: new StringDecoder("utf8"), offset: 0 }));
  const tell = async (stream: "stdout" | "stderr", text: string): Promise<void> => {
    if (text !== "") await news.onOutput?.(stream, text);
  };
  return {
    async readTo(stdoutBytes, stderrBytes) {
      for (const part of streams) {
        const size = part.stream === "stdout" ? stdoutBytes : stderrBytes;
        while (part.offset < size) {
          const answer = await readJobOutput(wait.remote, wait.target, wait.place, {
            stream: part.stream,
            offset: part.offset,
            bytes: Math.min(READ_BYTES, size - part.offset),
          });
          if (answer.kind === "no-answer") return answer;
          if (answer.bytes.length === 0) break;
          part.offset += answer.bytes.length;
          await tell(part.stream, part.decoder.write(answer.bytes));
        }
      }
      return null;
    },
    async finish() {
      for (const part of streams) await tell(part.stream, part.decoder.end());
    },
  };
}
