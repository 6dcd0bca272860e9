import type { StepContext } from "../engine/ports.ts";
import { jobFolder, pollJob, type JobAnswer, type JobPlace } from "./remote-job.ts";
import { beginJob, waitForJob, type JobEnd } from "./remote-job-wait.ts";

/** One question to a node about a job; a node that swaps all its services may be slow. */
const QUESTION_TIMEOUT_MS = 10_000;
const POLL_MS = 10_000;
/** Output kept per stream; a script writes far less, a broken one may not. */
const LARGEST_OUTPUT = 4 * 1024 * 1024;

/** Where the job of one attempt at this step lives: the same after a crash, another after a retry. */
function placeOf(ctx: StepContext, attempt: number): JobPlace {
  return {
    folder: jobFolder(ctx.run, `${ctx.step.address}/${attempt}`, { sudo: true }),
    sudo: true,
    timeoutMs: QUESTION_TIMEOUT_MS,
  };
}

/** The attempt this step is at; 1 for the first. */
function attemptOf(ctx: StepContext): number {
  return Math.max(1, ctx.record(ctx.step.address).attempts);
}

/** What is known of this step's jobs on its target. */
export type Found =
  /** A job that is running, or the ended job of this very attempt. */
  | { readonly kind: "job"; readonly place: JobPlace; readonly running: boolean }
  | { readonly kind: "none"; readonly place: JobPlace }
  | { readonly kind: "no-answer"; readonly code: string; readonly reason: string; readonly sent: boolean };

/**
 * Looks for a job of this step: this attempt's in any state, or an earlier one's that still runs (a retry while the first
 * script goes on must join it, never start a second).
 */
export async function findJob(ctx: StepContext, target: string): Promise<Found> {
  const attempt = attemptOf(ctx);
  for (let number = attempt; number >= 1; number--) {
    const place = placeOf(ctx, number);
    const answer = await pollJob(ctx.remote, target, place);
    if (answer.kind === "no-answer") return answer;
    const running = answer.state.kind === "running" || answer.state.kind === "starting";
    if (running || (number === attempt && answer.state.kind !== "absent")) return { kind: "job", place, running };
  }
  return { kind: "none", place: placeOf(ctx, attempt) };
}

/** Starts the job, asking again where the node does not answer. */
export async function startStepJob(ctx: StepContext, target: string, place: JobPlace, command: string): Promise<JobAnswer> {
  return (await beginJob({ clock: ctx.clock, remote: ctx.remote, target, place, pollMs: POLL_MS }, command)).answer;
}

export interface JobResult {
  readonly end: JobEnd;
  readonly stdout: string;
  readonly stderr: string;
  /** Where the kept output lies, relative to the run folder. */
  readonly evidence: readonly string[];
}

/** Follows a job to its end, tells every line to whoever watches, and keeps both streams as artifacts. */
export async function followJob(
  ctx: StepContext,
  target: string,
  place: JobPlace,
  limits: { readonly runMs: number; readonly unreachableMs: number; readonly pollMs?: number },
  onLine: (line: string) => void = () => undefined,
): Promise<JobResult> {
  const output = { stdout: "", stderr: "" };
  const unfinished = { stdout: "", stderr: "" };
  const end = await waitForJob(
    { clock: ctx.clock, remote: ctx.remote, target, place, pollMs: POLL_MS, ...limits },
    {
      onOutput(stream, text) {
        if (output[stream].length < LARGEST_OUTPUT) output[stream] += text;
        const lines = (unfinished[stream] + text).split("\n");
        unfinished[stream] = lines.pop() ?? "";
        for (const line of lines) {
          ctx.say(line);
          onLine(line);
        }
      },
      async onReattach({ forMs, reason }) {
        await ctx.reattached(
          forMs === 0
            ? `contact with ${target} broke and is back: ${reason}`
            : `contact with ${target} was lost for ${Math.round(forMs / 1_000)} s and is back: ${reason}`,
        );
      },
    },
  );
  const evidence: string[] = [];
  for (const stream of ["stdout", "stderr"] as const) {
    if (unfinished[stream] !== "") ctx.say(unfinished[stream]);
    if (output[stream] === "") continue;
    const node = ctx.inventory.nodes.some((one) => one.name === target) ? target : null;
    const attempt = attemptOf(ctx);
    const name = `${ctx.step.address}/${stream}${attempt === 1 ? "" : `-${attempt}`}.txt`;
    const kept = await ctx.artifacts.put(
      { name, mediaType: "text/plain", step: ctx.step.address, node, evidenceOf: `${stream} of the script on ${target}` },
      output[stream],
    );
    await ctx.recorded(kept);
    evidence.push(`artifacts/${kept.sha256}`);
  }
  return { end, ...output, evidence };
}
