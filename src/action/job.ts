import { formatDuration } from "../domain/duration.ts";
import type { Effect, Look, StepContext, StepKind } from "../engine/ports.ts";
import { argvOf, argvProblem, lastLine, targetOf, timeoutOf } from "./command.ts";
import { jobFolder, pollJob, removeJob, type JobPlace } from "./remote-job.ts";
import { beginJob, waitForJob, type JobWait } from "./remote-job-wait.ts";

const ASK_MS = 30_000;

/** The job's place: run, step and attempt, so that a resumed run finds the job and a retry gets a fresh one. */
function placeOf(ctx: StepContext): JobPlace {
  const sudo = ctx.step.with["sudo"] === true;
  const attempt = Math.max(1, ctx.record(ctx.step.address).attempts);
  return { folder: jobFolder(ctx.run, `${ctx.step.address}/${attempt}`, { sudo }), sudo, timeoutMs: ASK_MS };
}

function unknown(ctx: StepContext, observed: string): Effect {
  return {
    kind: "unknown",
    problem: {
      code: "job-unknown",
      text: `nobody can say how ${ctx.step.address} ended`,
      expected: "an exit code",
      observed,
      node: targetOf(ctx),
      next: `Look at the node, then: ${ctx.spell("resume")}`,
    },
  };
}

/** Words of an argument list for the job's shell text: each one quoted, so nothing in it is interpreted. */
function shellWords(argv: readonly string[]): string {
  return argv.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
}

async function run(ctx: StepContext): Promise<Effect> {
  const wrong = argvProblem(ctx.step);
  if (wrong !== null) return { kind: "failed", problem: wrong };
  const target = targetOf(ctx);
  const place = placeOf(ctx);
  const argv = argvOf(ctx.step);
  const wait: JobWait = { clock: ctx.clock, remote: ctx.remote, target, place, runMs: timeoutOf(ctx.step, 60 * 60_000) };
  const { answer: started, lossesBefore } = await beginJob(wait, `exec ${shellWords(argv)}\n`);
  if (started.kind === "no-answer" && !started.sent) {
    const problem = {
      code: `job-${started.code}`,
      text: `${ctx.step.address} could not be started`,
      expected: `a connection to ${target}`,
      observed: started.reason,
      node: target,
    };
    return { kind: "failed", problem };
  }
  const text = { stdout: "", stderr: "" };
  const end = await waitForJob(
    { ...wait, lossesBefore },
    {
      onOutput: (stream, more) => {
        text[stream] += more;
        for (const line of more.split("\n")) if (line.trim() !== "") ctx.say(line);
      },
      onReattach: ({ forMs, reason }) =>
        ctx.reattached(`contact with ${target} was lost (${reason}) and is back after ${formatDuration(forMs)}`),
    },
  );
  for (const stream of ["stdout", "stderr"] as const) {
    const meta = {
      name: `${ctx.step.address}/${stream}`,
      mediaType: "text/plain",
      step: ctx.step.address,
      node: ctx.step.node,
      evidenceOf: `${stream} of ${argv.join(" ")}`,
    };
    if (text[stream] !== "") await ctx.recorded(await ctx.artifacts.put(meta, text[stream]));
  }
  switch (end.kind) {
    case "ended": {
      if (end.code === 0) return { kind: "done", note: "exit code 0" };
      const observed = `exit code ${end.code}: ${lastLine(text.stderr) || lastLine(text.stdout) || "no output"}`;
      return {
        kind: "failed",
        problem: {
          code: `exit-${end.code}`,
          text: `${ctx.step.address} failed`,
          expected: `${argv.join(" ")} ends with 0`,
          observed,
          node: target,
          next: `Look at its output in the run folder, then: ${ctx.spell("retry", ctx.step.address)}`,
        },
      };
    }
    case "gone":
      return unknown(ctx, `the job is ${end.why}`);
    case "unreachable":
      return unknown(ctx, `${target} does not answer since ${formatDuration(end.forMs)}: ${end.reason}`);
    case "overdue":
      return unknown(ctx, `still running after ${formatDuration(end.afterMs)}`);
  }
}

async function look(ctx: StepContext): Promise<Look> {
  const answer = await pollJob(ctx.remote, targetOf(ctx), placeOf(ctx));
  const cannot = (text: string): Look => ({
    kind: "cannot-tell",
    problem: { code: "job-unknown", text, node: targetOf(ctx), next: `Look at the node, then: ${ctx.spell("resume")}` },
  });
  if (answer.kind === "no-answer") return cannot(`${targetOf(ctx)} does not answer: ${answer.reason}`);
  switch (answer.state.kind) {
    case "absent":
      return { kind: "not-begun" };
    case "starting":
    case "running":
      return { kind: "running", note: "the job still runs" };
    case "exited":
      // Taken up again: the wait ends at once with the code and all output.
      return { kind: "running", note: `the job has ended with ${answer.state.code}` };
    case "killed":
    case "lost":
      return cannot(
        `the job ended without an exit code (${answer.state.kind === "lost" ? answer.state.why : answer.state.signal})`,
      );
  }
}

/** A long command on a node as a detached job: it outlives the connection and this process, and is found again by a resume. */
export const job: StepKind = {
  name: "job",
  effect: "write",
  shows: (step) => [`${step.with["sudo"] === true ? "sudo " : ""}${argvOf(step).join(" ")} (detached job)`],
  doIt: run,
  probe: look,
};

/** Undo of pawl's own traces: the folders of this run's jobs, on every node that had one. Leaves those of unsettled steps. */
export const removeJobFolders: StepKind = {
  name: "remove-job-folders",
  effect: "write",
  shows: () => ["remove the folders of this run's detached jobs"],
  async doIt(ctx) {
    const kept: string[] = [];
    for (const step of ctx.plan.phases.flatMap((phase) => [...phase.units.flatMap((unit) => unit.steps), ...phase.after])) {
      const record = ctx.record(step.address);
      if (step.effect === "read" || record.attempts === 0 || record.status !== "complete") continue;
      const on = step.with["on"];
      const target = step.node ?? (typeof on === "string" ? on : "bootstrap");
      // Steps that belong to no machine have no job either.
      if (target === "bootstrap" && ctx.inventory.bootstrap === undefined) continue;
      for (let attempt = 1; attempt <= record.attempts; attempt += 1) {
        for (const sudo of [true, false]) {
          const folder = jobFolder(ctx.run, `${step.address}/${attempt}`, { sudo });
          const answer = await removeJob(ctx.remote, target, { folder, sudo, timeoutMs: ASK_MS });
          if (answer.kind === "no-answer") kept.push(`${target}:${folder}`);
        }
      }
    }
    return { kind: "done", note: kept.length === 0 ? "nothing left behind" : `could not be asked: ${kept.join(", ")}` };
  },
  probe: () => Promise.resolve({ kind: "not-begun" }),
};
