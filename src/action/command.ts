import { formatDuration, parseDuration } from "../domain/duration.ts";
import type { Problem } from "../domain/errors.ts";
import type { Json, JsonRecord } from "../domain/json.ts";
import type { Step } from "../domain/plan.ts";
import type { Effect, Outcome, StepContext, StepKind } from "../engine/ports.ts";

/** Words of a command given in a runbook: `argv: [a, b]`. Numbers become text. */
export function argvOf(step: { readonly with: JsonRecord }): readonly string[] {
  const argv: Json = step.with["argv"] ?? [];
  return Array.isArray(argv) ? argv.map((word: Json) => (typeof word === "string" ? word : JSON.stringify(word))) : [];
}

/**
 * Why an argument list is none that reaches a program as it is; null where it does. `exec`, `sudo` and `env` take a first word
 * that begins with a dash, or holds `=`, for something of their own; no argument can hold a NUL character.
 */
export function argvProblem(step: Pick<Step, "address" | "with">): Problem | null {
  const argv = argvOf(step);
  const [program = ""] = argv;
  const wrong = argv.some((word) => word.includes("\0"))
    ? "a word holds a NUL character"
    : /^(?:-.*|[^/]*=.*)?$/s.test(program)
      ? `the program is ${JSON.stringify(program.slice(0, 80))}`
      : null;
  if (wrong === null) return null;
  return {
    code: "argv",
    text: `${step.address}: this is no command that can be sent as it is; nothing was started`,
    expected: "`argv: [program, word, …]`, the program without a dash before it or `=` in it",
    observed: wrong,
    next: "Correct the runbook or the input it was made from, then start a new run.",
  };
}

/** `with.timeout` in ms, or the given default. */
export function timeoutOf(step: { readonly with: JsonRecord }, defaultMs: number): number {
  const text = step.with["timeout"];
  return (typeof text === "string" ? parseDuration(text) : null) ?? defaultMs;
}

/** The machine a step works on: its node, or `with.on` (`bootstrap`). */
export function targetOf(ctx: Pick<StepContext, "step">): string {
  const on = ctx.step.with["on"];
  return ctx.step.node ?? (typeof on === "string" ? on : "bootstrap");
}

async function keepOutput(ctx: StepContext, outcome: Outcome): Promise<void> {
  if (outcome.kind === "lost") return;
  for (const stream of ["stdout", "stderr"] as const) {
    if (outcome[stream] === "") continue;
    const meta = {
      name: `${ctx.step.address}/${stream}`,
      mediaType: "text/plain",
      step: ctx.step.address,
      node: ctx.step.node,
      evidenceOf: `${stream} of ${ctx.step.kind}`,
    };
    // On disk no later than the step's next move, which the engine waits for.
    void ctx.recorded(await ctx.artifacts.put(meta, outcome[stream]));
  }
}

/** What an outcome means for a step with an effect: an answer that never came is unknown, not failed. */
function effectOf(ctx: StepContext, argv: readonly string[], outcome: Outcome, readOnly: boolean): Effect {
  const base = { node: ctx.step.node ?? targetOf(ctx), expected: `${argv.join(" ")} ends with 0` };
  switch (outcome.kind) {
    case "exited":
      if (outcome.code === 0) return { kind: "done" };
      return {
        kind: "failed",
        problem: {
          ...base,
          code: `exit-${outcome.code}`,
          text: `${ctx.step.address}: the command failed`,
          observed: `exit code ${outcome.code}: ${lastLine(outcome.stderr) || lastLine(outcome.stdout) || "no output"}`,
          next: `Look at its output in the run folder, then: ${ctx.spell("retry", ctx.step.address)}`,
        },
      };
    case "timed-out": {
      const problem = {
        ...base,
        code: "timed-out",
        text: `${ctx.step.address}: no end in sight`,
        observed: `still running after ${formatDuration(outcome.afterMs)}`,
      };
      return readOnly ? { kind: "failed", problem } : { kind: "unknown", problem };
    }
    case "lost": {
      const problem = {
        ...base,
        code: `lost-${outcome.code}`,
        text: `${ctx.step.address}: contact was lost`,
        observed: outcome.reason,
      };
      return readOnly || !outcome.sent ? { kind: "failed", problem } : { kind: "unknown", problem };
    }
  }
}

export function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1)?.slice(0, 300) ?? "";
}

function shows(step: { readonly with: JsonRecord }): readonly string[] {
  return [`${step.with["sudo"] === true ? "sudo " : ""}${argvOf(step).join(" ")}`];
}

async function run(ctx: StepContext, readOnly: boolean): Promise<Effect> {
  const problem = argvProblem(ctx.step);
  if (problem !== null) return { kind: "failed", problem };
  const argv = argvOf(ctx.step);
  const outcome = await ctx.remote.run(targetOf(ctx), {
    argv,
    sudo: ctx.step.with["sudo"] === true,
    timeoutMs: timeoutOf(ctx.step, 60_000),
  });
  await keepOutput(ctx, outcome);
  return effectOf(ctx, argv, outcome, readOnly);
}

/** A short command on a node that may change something. Long ones are `job`s: those survive a lost connection. */
export const command: StepKind = { name: "command", effect: "write", shows, doIt: (ctx) => run(ctx, false) };

/** The same as a restart: permission is asked of the cluster right before. */
export const restartCommand: StepKind = { name: "restart-command", effect: "restart", shows, doIt: (ctx) => run(ctx, false) };
