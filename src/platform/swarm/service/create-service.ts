import { record } from "../../../domain/json-fields.ts";
import type { Effect, Look, StepContext, StepKind } from "../../../engine/ports.ts";
import { readWord } from "./change-inputs.ts";
import { unseal } from "./kept-spec.ts";
import { onlyPreview } from "./preview-output.ts";
import { managersFor, readService } from "./service-calls.ts";
import { differenceLines } from "./spec-difference.ts";
import { imageOf } from "./spec-essence.ts";
import { limitOf } from "./update-service.ts";
import { effectOf, type Aim } from "./update-problem.ts";
import { watchUpdate } from "./watch-update.ts";

async function specOf(ctx: StepContext): Promise<ReturnType<typeof record>> {
  const preview = onlyPreview(ctx);
  return record((await unseal(ctx, preview.wanted === null ? null : { ...preview.wanted }))["spec"]);
}

async function create(ctx: StepContext): Promise<Effect> {
  const preview = onlyPreview(ctx);
  const { service: name } = preview;
  const managers = managersFor(ctx);
  const spec = await specOf(ctx);
  const before = await readService(managers, name);
  if (before.kind === "no-answer")
    return effectOf(ctx, { service: name, expected: "a manager's answer", isRollback: true, withinMs: 0 }, before);
  if (before.kind === "none") {
    const sent = await managers.post("/services/create", spec);
    if (sent.kind === "refused" || sent.kind === "stale")
      return {
        kind: "failed",
        problem: {
          ...{ code: "service-refused", text: `The managers did not make ${name}; nothing was changed.`, expected: "201" },
          ...{ observed: sent.why, next: "Correct the file, then begin a new run." },
        },
      };
    // A name can be taken only once: what may have been made is looked for, and never made again unseen.
    if (sent.kind === "unknown") ctx.say(`no clear answer (${sent.why}); looking whether ${name} is there`);
  }
  const made = await readService(managers, name);
  if (made.kind !== "there")
    return {
      kind: "unknown",
      problem: {
        ...{ code: "service-made-unknown", text: `Whether ${name} was made cannot be told.`, expected: `a service ${name}` },
        ...{ observed: made.kind === "none" ? "none yet" : made.why, next: `When a manager answers: ${ctx.spell("resume")}` },
      },
    };
  const { service } = made;
  const aim: Aim = {
    ...{ service: name, expected: `every task of ${name} runs ${imageOf(spec)} and stays up`, isRollback: true },
    withinMs: limitOf(ctx, spec, service),
  };
  const isOurs = (): boolean => true;
  const end = await watchUpdate(ctx, managers, { service: name, before: null, isOurs, withinMs: aim.withinMs, since: "" });
  const effect = await effectOf(ctx, aim, end);
  return effect.kind === "done" ? { ...effect, output: { service: name, id: service.id, image: imageOf(spec) } } : effect;
}

async function look(ctx: StepContext): Promise<Look> {
  const { service: name } = onlyPreview(ctx);
  const found = await readService(managersFor(ctx), name);
  if (found.kind === "no-answer")
    return {
      kind: "cannot-tell",
      problem: { code: "managers-silent", text: `No manager answers about ${name}.`, observed: found.why },
    };
  if (found.kind === "none") return { kind: "not-begun" };
  const lines = differenceLines(found.service.spec, await specOf(ctx));
  if (lines.length === 0) return { kind: "running", note: "it is there; watching its tasks" };
  return {
    kind: "failed",
    problem: {
      ...{
        code: "service-exists",
        text: `There is a service ${name}, and it is not what the file says.`,
        observed: lines.join("; "),
      },
      next: "Find out who made it.",
    },
  };
}

/** Makes the service that the preview has read from a file, and waits until its tasks run. `with`: `within`. */
export const createService: StepKind = {
  name: "swarm/create-service",
  effect: "write",
  shows: (step) => [
    `POST /services/create (${readWord(step.with, "file") ?? "what the preview has read"}); wait until its tasks run`,
  ],
  doIt: create,
  probe: look,
};
