import type { Problem } from "../../../domain/errors.ts";
import type { InventoryNode } from "../../../domain/inventory.ts";
import type { Effect, StepContext } from "../../../engine/ports.ts";
import { lastLine } from "../../../action/command.ts";
import type { JobPlace } from "../../../action/remote-job.ts";
import { findJob, followJob, startStepJob, type JobResult } from "../../../action/step-job.ts";
import { readInfo } from "../facts/engine-info.ts";
import { ENDS } from "./engine-texts.ts";

const UNREACHABLE_MS = 5 * 60_000;
const POLL_MS = 2_000;

export type Ran =
  | { readonly kind: "ran"; readonly place: JobPlace; readonly result: JobResult }
  | { readonly kind: "effect"; readonly effect: Effect };

function problem(
  ctx: StepContext,
  node: InventoryNode,
  code: string,
  text: string,
  observed: string,
  evidence: readonly string[] = [],
): Problem {
  return {
    code,
    text: `${node.name}: ${text}`,
    expected: "the job ends with 0",
    observed,
    node: node.name,
    ...(evidence.length === 0 ? {} : { evidence }),
    next: `Look at ${node.name} before anything else; it stays as it is. Then: ${ctx.spell("retry", ctx.step.address)}`,
  };
}

/** Whether somebody has the key where managers come up locked. Null: nothing stands against a restart. */
async function askForKey(ctx: StepContext, node: InventoryNode): Promise<Effect | null> {
  if (node.role !== "manager") return null;
  const own = await readInfo(ctx.remote, ctx.inventory, node, null);
  if (own.kind === "unread" || own.info.autolock !== true) return null;
  const title = `This Swarm is autolocked: ${node.name} comes up locked, and stays away until somebody runs docker swarm unlock on it (pawl never asks for the key itself). Is the key at hand?`;
  switch (await ctx.ask(title)) {
    case "approved":
      ctx.say(`when ${node.name} is back: docker swarm unlock, on ${node.name}`);
      return null;
    case "stopped":
      return { kind: "stopped" };
    case "nobody":
      return {
        kind: "waiting",
        problem: {
          code: "key-needed",
          text: `${node.name} would come up locked, and nobody is there to unlock it`,
          expected: "somebody with the unlock key",
          observed: "nobody there to answer",
          node: node.name,
          next: `${ctx.spell("approve", ctx.step.address)}, then: ${ctx.spell("resume")}`,
        },
      };
  }
}

/**
 * Runs a text on a node as root, as a job that outlives the connection, or joins the one this step has begun already. Only an end with 0
 * is `ran`; everything else is an effect. Job and output are kept in the run.
 */
export async function runOnNode(
  ctx: StepContext,
  node: InventoryNode,
  command: (place: JobPlace) => string,
  limitMs: number,
): Promise<Ran> {
  const found = await findJob(ctx, node.name);
  const effect = (one: Effect): Ran => ({ kind: "effect", effect: one });
  if (found.kind === "no-answer")
    return effect({
      kind: "unknown",
      problem: problem(ctx, node, `contact-lost.${found.code}`, "cannot be asked about its job.", found.reason),
    });
  const { place } = found;
  if (found.kind === "none") {
    const key = await askForKey(ctx, node);
    if (key !== null) return effect(key);
    const begun = await startStepJob(ctx, node.name, place, command(place));
    if (begun.kind === "no-answer" && (!begun.sent || begun.code === "job-shell-failed"))
      return effect({
        kind: "failed",
        problem: problem(ctx, node, `job-${begun.code}`, "the job could not be started; nothing was changed.", begun.reason),
      });
  } else ctx.say(found.running ? "joining the job that is running" : "reading how the job ended");
  const result = await followJob(ctx, node.name, place, { runMs: limitMs, unreachableMs: UNREACHABLE_MS, pollMs: POLL_MS });
  const { end, evidence } = result;
  switch (end.kind) {
    case "ended": {
      if (end.code === 0) return { kind: "ran", place, result };
      const said = ENDS[end.code] ?? (lastLine(result.stderr) || lastLine(result.stdout) || "no output");
      return effect({
        kind: "failed",
        problem: problem(ctx, node, `engine-job-${end.code}`, "the job failed.", `exit code ${end.code}: ${said}`, evidence),
      });
    }
    case "gone":
      return effect({
        kind: "unknown",
        problem: problem(ctx, node, `job-${end.why}`, "nobody can say how the job ended.", `the job is ${end.why}`, evidence),
      });
    case "unreachable":
      return effect({
        kind: "unknown",
        problem: problem(ctx, node, `contact-lost.${end.code}`, "fell silent while its job was running.", end.reason, evidence),
      });
    case "overdue":
      return effect({
        kind: "unknown",
        problem: problem(
          ctx,
          node,
          "job-overdue",
          "the job still runs.",
          `no end after ${Math.round(end.afterMs / 1_000)} s`,
          evidence,
        ),
      });
  }
}
