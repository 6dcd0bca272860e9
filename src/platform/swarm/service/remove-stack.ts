import { list } from "../../../domain/json-fields.ts";
import type { Effect, Look, StepContext, StepKind } from "../../../engine/ports.ts";
import { filtersOf } from "../access/change-spec.ts";
import type { Managers } from "../access/managers.ts";
import { STACK_LABEL } from "../entries/service-entry.ts";
import { readName } from "./change-inputs.ts";
import { keep, managersFor } from "./service-calls.ts";
import { needStackPreview, readStack, runOnManager } from "./stack-calls.ts";

const EVERY_MS = 1_000;
const REMOVE_MS = 120_000;
const WITHIN_MS = 180_000;

/** What is left of a stack, in words; null where nobody says. */
async function leftOf(managers: Managers, stack: string): Promise<readonly string[] | null> {
  const left: string[] = [];
  for (const kind of ["services", "networks", "secrets", "configs"] as const) {
    const said = await managers.get(`/${kind}?${filtersOf({ label: [`${STACK_LABEL}=${stack}`] })}`);
    if (!said.ok) return null;
    const count = list(said.value).length;
    if (count > 0) left.push(`${count} ${kind}`);
  }
  return left;
}

async function remove(ctx: StepContext): Promise<Effect> {
  const { stack, changes } = needStackPreview(ctx);
  if (changes === 0) return { kind: "done", note: `there was no stack ${stack}` };
  const managers = managersFor(ctx);
  const endMs = ctx.clock.monotonic() + WITHIN_MS;
  // A network can be taken away only when its last task is gone: it is asked again until nothing is left.
  for (let attempt = 1; ; attempt += 1) {
    const left = await leftOf(managers, stack);
    if (left?.length === 0) return { kind: "done", note: `nothing of ${stack} is left`, output: { stack } };
    if (ctx.clock.monotonic() >= endMs) {
      const observed = left === null ? "no manager answers" : `left: ${left.join(", ")}`;
      const problem = {
        code: "remove-late",
        text: `Stack ${stack} is not gone yet.`,
        expected: "nothing with its label",
        observed,
      };
      return { kind: left === null ? "unknown" : "failed", problem: { ...problem, next: ctx.spell("retry", ctx.step.address) } };
    }
    if (left !== null && attempt % 5 === 1) {
      const { node, outcome } = await runOnManager(ctx, { argv: ["docker", "stack", "rm", stack], timeoutMs: REMOVE_MS });
      const said = outcome.kind === "lost" ? { lost: outcome.reason } : { stdout: outcome.stdout, stderr: outcome.stderr };
      await keep(ctx, `removed-${attempt}.json`, "what docker stack rm said", { node, ...said });
      ctx.say(`${stack}: ${left.join(", ")} to go`);
    }
    await ctx.clock.sleep(EVERY_MS);
  }
}

async function look(ctx: StepContext): Promise<Look> {
  const stack = readName(ctx.step.with, "stack");
  const read = await readStack(managersFor(ctx), stack);
  if (!read.ok)
    return { kind: "cannot-tell", problem: { code: "managers-silent", text: "No manager answers.", observed: read.why } };
  // Removing what is left of it is the same wish, so that going on is safe.
  return { kind: "running", note: `${read.services.length} of its services are left` };
}

/** Removes the stack that the preview has shown (`docker stack rm` on a manager), and waits until nothing with its label is left. */
export const removeStack: StepKind = {
  name: "swarm/remove-stack",
  effect: "write",
  shows: (step) => [`docker stack rm ${readName(step.with, "stack")}; wait until nothing of it is left`],
  doIt: remove,
  probe: look,
};
