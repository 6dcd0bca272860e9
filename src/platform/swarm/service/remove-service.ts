import type { Effect, Look, StepContext, StepKind } from "../../../engine/ports.ts";
import { list, record, text } from "../../../domain/json-fields.ts";
import { filtersOf } from "../access/change-spec.ts";
import type { Managers } from "../access/managers.ts";
import { readName } from "./change-inputs.ts";
import { needPreview } from "./preview-output.ts";
import { managersFor, readService } from "./service-calls.ts";

const EVERY_MS = 1_000;
/** A task may take its whole stop grace period to end. */
const WITHIN_MS = 120_000;

/** Tasks of a service that have not ended yet; null where nobody says. */
async function liveTasks(managers: Managers, id: string): Promise<number | null> {
  const said = await managers.get(`/tasks?${filtersOf({ "desired-state": ["running", "shutdown", "remove"] })}`);
  if (!said.ok) return null;
  const over = ["complete", "failed", "shutdown", "rejected", "orphaned", "remove"];
  return list(said.value).filter(
    (one) => record(one)["ServiceID"] === id && !over.includes(text(record(record(one)["Status"])["State"]) ?? ""),
  ).length;
}

function silent(ctx: StepContext, why: string): Effect {
  return {
    kind: "unknown",
    problem: {
      ...{ code: "managers-silent", text: "No manager answers; whether it is removed cannot be told.", observed: why },
      next: `When a manager answers: ${ctx.spell("resume")}`,
    },
  };
}

async function remove(ctx: StepContext): Promise<Effect> {
  const name = readName(ctx.step.with, "service");
  const { id } = needPreview(ctx, name);
  if (id === null) return { kind: "done", note: `there was no service ${name}` };
  const managers = managersFor(ctx);
  const before = await readService(managers, name);
  if (before.kind === "no-answer") return silent(ctx, before.why);
  // One that was made anew under the same name since it was shown is not the one that was to go.
  if (before.kind === "there" && before.service.id !== id)
    return {
      kind: "failed",
      problem: {
        ...{ code: "service-changed", text: `${name} is another service than the one that was shown; it was not removed.` },
        ...{ expected: `service id ${id}`, observed: before.service.id, next: "Begin a new run." },
      },
    };
  if (before.kind === "there") {
    const sent = await managers.remove(`/services/${id}`);
    if (sent.kind === "refused" && sent.status !== 404)
      return {
        kind: "failed",
        problem: { code: "remove-refused", text: `The managers did not remove ${name}.`, expected: "200", observed: sent.why },
      };
    if (sent.kind === "unknown") ctx.say(`no clear answer (${sent.why}); looking whether it is gone`);
  }
  const endMs = ctx.clock.monotonic() + WITHIN_MS;
  for (;;) {
    const now = await readService(managers, name);
    const tasks = now.kind === "none" || (now.kind === "there" && now.service.id !== id) ? await liveTasks(managers, id) : null;
    if (tasks === 0) return { kind: "done", note: `${name} is gone, and its tasks have ended`, output: { service: name, id } };
    if (ctx.clock.monotonic() >= endMs) {
      const observed =
        now.kind === "there" ? "it is still listed" : tasks === null ? "no manager says" : `${tasks} of its tasks have not ended`;
      const problem = {
        code: "remove-late",
        text: `${name} is not gone yet.`,
        expected: "no such service, no live task",
        observed,
      };
      return {
        kind: now.kind === "no-answer" ? "unknown" : "failed",
        problem: { ...problem, next: ctx.spell("retry", ctx.step.address) },
      };
    }
    await ctx.clock.sleep(EVERY_MS);
  }
}

async function look(ctx: StepContext): Promise<Look> {
  const name = readName(ctx.step.with, "service");
  const found = await readService(managersFor(ctx), name);
  if (found.kind === "no-answer")
    return {
      kind: "cannot-tell",
      problem: { code: "managers-silent", text: `No manager answers about ${name}.`, observed: found.why },
    };
  return found.kind === "none" ? { kind: "running", note: "it is gone; looking after its tasks" } : { kind: "not-begun" };
}

/** Removes the service that the preview has shown and kept (by its id), and waits until its tasks have ended. */
export const removeService: StepKind = {
  name: "swarm/remove-service",
  effect: "write",
  shows: (step) => [`DELETE /services/${readName(step.with, "service")}; wait until its tasks have ended`],
  doIt: remove,
  probe: look,
};
