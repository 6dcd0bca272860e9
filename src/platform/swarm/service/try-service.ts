import { formatDuration, parseDuration } from "../../../domain/duration.ts";
import { PawlError } from "../../../domain/errors.ts";
import type { Json, JsonRecord } from "../../../domain/json.ts";
import { parseJson } from "../../../domain/json-fields.ts";
import type { Effect, Outcome, StepContext, StepKind } from "../../../engine/ports.ts";
import { readName, readWord } from "./change-inputs.ts";

const EVERY_MS = 2_000;
const WITHIN_MS = 60_000;
const ONCE_MS = 15_000;
/** Answers in a row: one good answer of ten tasks says little. */
const PASSES = 3;

/** `a b c`, or a JSON list of words where a word has a space in it. Never a shell. */
function wordsOf(command: string): readonly string[] {
  if (!command.startsWith("[")) return command.split(/\s+/).filter((word) => word !== "");
  const parsed = parseJson(command);
  if (Array.isArray(parsed) && parsed.length > 0 && parsed.every((one: Json) => typeof one === "string")) return parsed;
  throw new PawlError("usage", "inputs.invalid", "the inputs do not fit:\n  check-command: this is no JSON list of words", {
    next: `--set 'check-command=["./smoke", "two words"]'`,
  });
}

/** What is run, each to end with 0. Throws PawlError usage. */
function triesOf(given: JsonRecord): readonly (readonly string[])[] {
  const [url, command] = [readWord(given, "url"), readWord(given, "command")];
  if (url !== null && !/^https?:\/\/[^\s]+$/.test(url))
    throw new PawlError("usage", "inputs.invalid", `the inputs do not fit:\n  check-url: "${url}" is no http address`, {
      next: "Set inputs with --set NAME=VALUE.",
    });
  const asked =
    url === null ? [] : [["curl", "--fail", "--silent", "--show-error", "--output", "/dev/null", "--max-time", "10", url]];
  return [...asked, ...(command === null ? [] : [wordsOf(command)])];
}

function said(outcome: Outcome): string {
  switch (outcome.kind) {
    case "exited":
      return `exit code ${outcome.code}: ${(outcome.stderr.trim() || outcome.stdout.trim()).slice(-300) || "no output"}`;
    case "timed-out":
      return `no end within ${formatDuration(outcome.afterMs)}`;
    case "lost":
      return outcome.reason;
  }
}

async function tryOne(ctx: StepContext, argv: readonly string[], endMs: number): Promise<string | null> {
  const env = { PAWL_RUN: ctx.run, PAWL_CLUSTER: ctx.inventory.name, PAWL_SERVICE: readName(ctx.step.with, "service") };
  let good = 0;
  for (;;) {
    const outcome = await ctx.local.run(argv, { timeoutMs: ONCE_MS, env });
    good = outcome.kind === "exited" && outcome.code === 0 ? good + 1 : 0;
    if (good >= PASSES) return null;
    if (good === 0) ctx.say(`${argv.join(" ")}: ${said(outcome)}`);
    if (ctx.clock.monotonic() >= endMs) return said(outcome);
    await ctx.clock.sleep(EVERY_MS, ctx.stopping);
    if (ctx.stopping.aborted) return "stopped";
  }
}

async function tryAll(ctx: StepContext): Promise<Effect> {
  const tries = triesOf(ctx.step.with);
  const service = readName(ctx.step.with, "service");
  if (tries.length === 0) return { kind: "done", note: "no check-url and no check-command were given" };
  const withinMs = parseDuration(readWord(ctx.step.with, "within") ?? "") ?? WITHIN_MS;
  const endMs = ctx.clock.monotonic() + withinMs;
  for (const argv of tries) {
    const why = await tryOne(ctx, argv, endMs);
    if (why === "stopped" && ctx.stopping.aborted) return { kind: "stopped" };
    if (why !== null)
      return {
        kind: "failed",
        problem: {
          ...{ code: "service-tried", text: `${service} does not do what its operator asks of it.` },
          expected: `${argv.join(" ")} ends with 0, ${PASSES} times in a row within ${formatDuration(withinMs)}`,
          observed: why,
          next: `Look at the service's logs, then: ${ctx.spell("retry", ctx.step.address)}`,
        },
      };
  }
  return { kind: "done", note: `${tries.length === 1 ? "it answers" : "both answer"} as asked, ${PASSES} times in a row` };
}

/** The operator's own word on a service, from this machine: an address that must answer 2xx (asked with curl), a command that must end with 0. */
export const tryService: StepKind = {
  name: "swarm/try-service",
  effect: "read",
  shows: (step) => {
    const tries = triesOf(step.with);
    return tries.length === 0 ? ["nothing: no check-url, no check-command"] : tries.map((argv) => `here: ${argv.join(" ")}`);
  },
  plannedMs: () => 0,
  doIt: tryAll,
};
