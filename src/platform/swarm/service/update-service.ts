import { parseDuration } from "../../../domain/duration.ts";
import type { JsonRecord } from "../../../domain/json.ts";
import type { Effect, Look, Permission, StepContext, StepKind } from "../../../engine/ports.ts";
import type { Managers } from "../access/managers.ts";
import type { ServiceEntry } from "../entries/service-entry.ts";
import { readChange, readName, readWord } from "./change-inputs.ts";
import { unseal } from "./kept-spec.ts";
import { foundPreview, needPreview, type PreviewOutput } from "./preview-output.ts";
import { busyProblem, specOf, wantedOf } from "./preview-service.ts";
import { sendSpec } from "./send-spec.ts";
import { imageOf } from "./spec-essence.ts";
import { managersFor, readService } from "./service-calls.ts";
import { differenceLines, longestRolloutMs } from "./spec-difference.ts";
import { effectOf, type Aim } from "./update-problem.ts";
import { wantedTasks } from "./update-outcome.ts";
import { watchUpdate } from "./watch-update.ts";

/** What a task may take to start: an image to be pulled, a health check to pass. */
const START_MS = 120_000;
/** However small a service is. */
const LEAST_MS = 120_000;

/** What is to be sent, as the function that makes it of the spec that is there. Throws PawlError. */
export async function makerOf(ctx: StepContext, preview: PreviewOutput): Promise<(spec: JsonRecord) => JsonRecord> {
  const held = await unseal(ctx, preview.wanted === null ? null : { ...preview.wanted });
  return (spec) => specOf(wantedOf(held), spec);
}

/** Nothing is left to be changed: the spec holds all that was wanted. */
export function holds(spec: JsonRecord, make: (spec: JsonRecord) => JsonRecord): boolean {
  return differenceLines(spec, make(spec)).length === 0;
}

/** How long the update may take: what the step says, else what the managers could need at most. */
export function limitOf(ctx: Pick<StepContext, "step">, spec: JsonRecord, service: ServiceEntry): number {
  const said = parseDuration(readWord(ctx.step.with, "within") ?? "");
  return said ?? Math.max(LEAST_MS, longestRolloutMs(spec, wantedTasks(service) ?? 1, START_MS));
}

export interface Sent {
  readonly preview: PreviewOutput;
  readonly make: (spec: JsonRecord) => JsonRecord;
  readonly isRollback: boolean;
}

/** Sends what is wanted where it is not there, and follows it to its end. Taken up again, it only follows. */
export async function sendAndWatch(ctx: StepContext, managers: Managers, { preview, make, isRollback }: Sent): Promise<Effect> {
  const { service: name } = preview;
  const look = await readService(managers, name);
  if (look.kind === "none")
    return effectOf(ctx, { service: name, expected: "it is there", isRollback, withinMs: 0 }, { kind: "gone" });
  if (look.kind === "no-answer")
    return effectOf(
      ctx,
      { service: name, expected: "a manager's answer", isRollback, withinMs: 0 },
      { kind: "no-answer", why: look.why },
    );
  const { service } = look;
  const wanted = make(service.spec);
  const aim: Aim = {
    ...{ service: name, isRollback, withinMs: limitOf(ctx, wanted, service) },
    expected: `every task of ${name} runs ${imageOf(wanted)} and stays up`,
  };
  const ours = holds(service.spec, make);
  // Another attempt at a paused update: the managers go on where the same spec is sent again.
  const again = ours && service.updateStatus?.state === "paused" && ctx.record(ctx.step.address).attempts > 1;
  const intent = `${ctx.step.address}/sent-again-${ctx.record(ctx.step.address).attempts}`;
  const resend = again && !ctx.hasRecorded(intent);
  const started = service.updateStatus?.startedAt ?? null;
  // One that began after the preview, and is not this: nothing is sent into it. It may be this one, rolled back by the managers.
  const begun = started !== null && started !== preview.startedAt && !ours && !resend;
  if (!ours && !begun) {
    const sending = await sendSpec(ctx, managers, service.id, (spec) => (holds(spec, make) ? null : make(spec)));
    if (sending.kind === "failed" || sending.kind === "unknown") return { kind: sending.kind, problem: sending.problem };
    ctx.say(`${name}: the managers have taken the new spec`);
  }
  if (resend) {
    const meta = {
      name: intent,
      mediaType: "text/plain",
      step: ctx.step.address,
      node: null,
      evidenceOf: "the same spec, sent again",
    };
    await ctx.recorded(await ctx.artifacts.put(meta, `after the update that began ${started ?? "?"}\n`));
    let first = true;
    const sending = await sendSpec(ctx, managers, service.id, (spec) => {
      if (!first) return null;
      first = false;
      return spec;
    });
    if (sending.kind === "failed" || sending.kind === "unknown") return { kind: sending.kind, problem: sending.problem };
    ctx.say(`${name}: the same spec was sent again, so that the paused update goes on`);
  }
  const end = await watchUpdate(ctx, managers, {
    ...{ service: name, before: resend ? started : preview.startedAt, withinMs: aim.withinMs, since: null },
    isOurs: (one) => holds(one.spec, make),
  });
  const effect = await effectOf(ctx, aim, end);
  return effect.kind === "done" ? { ...effect, output: { service: name, id: service.id, image: imageOf(wanted) } } : effect;
}

async function update(ctx: StepContext): Promise<Effect> {
  const preview = needPreview(ctx, readName(ctx.step.with, "service"));
  if (preview.changes === 0)
    return { kind: "done", note: "as it is wanted already; nothing was sent", output: { service: preview.service } };
  return sendAndWatch(ctx, managersFor(ctx), { preview, make: await makerOf(ctx, preview), isRollback: false });
}

/** Right before: the service is as it was shown, and nobody else's update is under way. A way back may cut a rollout short. */
export async function mayI(ctx: StepContext, isRollback = false): Promise<Permission> {
  const preview = needPreview(ctx, readName(ctx.step.with, "service"));
  if (preview.changes === 0) return { kind: "yes", note: "nothing to send" };
  const look = await readService(managersFor(ctx), preview.service);
  const no = (code: string, text: string, observed: string, next: string): Permission => ({
    kind: "no",
    exit: "gate-halted",
    problem: { code, text, observed, expected: `${preview.service} as it was shown`, next },
  });
  if (look.kind === "no-answer")
    return no("managers-silent", "No manager answers; nothing was sent.", look.why, `Then: ${ctx.spell("resume")}`);
  if (look.kind === "none")
    return no("service-absent", `There is no service ${preview.service} any more.`, "none", "Find out who removed it.");
  const { service } = look;
  // A retry meets what its own first attempt has left.
  const own = ctx.record(ctx.step.address).attempts > 0;
  const busy = own || isRollback ? null : busyProblem(ctx, service);
  if (busy !== null) return { kind: "no", exit: "gate-halted", problem: busy };
  const { startedAt } = preview;
  if (!own && (service.id !== preview.id || (service.updateStatus?.startedAt ?? null) !== startedAt))
    return no(
      "service-changed",
      `Somebody has changed ${preview.service} since it was shown; nothing was sent.`,
      `its last update began ${service.updateStatus?.startedAt ?? "never"}, not ${startedAt ?? "never"}`,
      "Begin a new run: it shows what changes now.",
    );
  return { kind: "yes" };
}

/** What became of it: the spec is ours, or an update has begun since; else nothing was sent. Going on only watches then. */
export async function probe(ctx: StepContext): Promise<Look> {
  const preview = foundPreview(ctx, readName(ctx.step.with, "service"));
  if (preview === null || preview.changes === 0) return { kind: "not-begun" };
  const look = await readService(managersFor(ctx), preview.service);
  if (look.kind === "no-answer")
    return {
      kind: "cannot-tell",
      problem: {
        ...{ code: "managers-silent", text: `No manager answers about ${preview.service}.`, observed: look.why },
        next: `When a manager answers again: ${ctx.spell("resume")}`,
      },
    };
  if (look.kind === "none") return { kind: "running", note: "the service is gone" };
  const { updateStatus, spec } = look.service;
  if (holds(spec, await makerOf(ctx, preview))) return { kind: "running", note: "the service has the new spec; watching it" };
  const begun = updateStatus !== null && updateStatus.startedAt !== preview.startedAt;
  return begun
    ? { kind: "running", note: `an update has begun since (${updateStatus.state}); watching it` }
    : { kind: "not-begun" };
}

/**
 * Sends the change that the preview of this service has shown and kept, once, with the whole spec as it is then, and watches *this* update
 * to its end through whichever manager answers. Paused, rolled back or replaced is a failed step, told with the tasks' own errors as soon as
 * a manager says so. `with`: `service`, `within` (default: what the managers could need at most).
 */
export const updateService: StepKind = {
  name: "swarm/update-service",
  effect: "write",
  shows(step) {
    const name = readName(step.with, "service");
    readChange(step.with);
    return [`POST /services/${name}/update?version=… (the whole spec, with what the preview shows); watch it to its end`];
  },
  mayI: (ctx) => mayI(ctx),
  doIt: update,
  probe,
};
