import type { JsonRecord } from "../../../domain/json.ts";
import { allSteps } from "../../../domain/plan.ts";
import { PawlError } from "../../../domain/errors.ts";
import type { Effect, Look, StepContext, StepKind } from "../../../engine/ports.ts";
import { readName, readWord } from "./change-inputs.ts";
import { unsealSpec } from "./kept-spec.ts";
import { foundPreview, needPreview, type PreviewOutput } from "./preview-output.ts";
import { managersFor, readService } from "./service-calls.ts";
import { holds, makerOf, mayI, probe, sendAndWatch } from "./update-service.ts";

const RULES = ["halt", "rollback"] as const;

/** The rule of a step that undoes a failed update: `rollback` does, `halt` leaves it to a person. Null: no rule, it always goes back. */
function ruleOf(given: JsonRecord): (typeof RULES)[number] | null {
  const rule = readWord(given, "rule");
  if (rule === null) return null;
  const found = RULES.find((one) => one === rule);
  if (found === undefined)
    throw new PawlError(
      "usage",
      "inputs.invalid",
      `the inputs do not fit:\n  on-failure: "${rule}" is none of ${RULES.join(", ")}`,
      {
        next: "Set inputs with --set NAME=VALUE.",
      },
    );
  return found;
}

/** Whether this run's update of the service has failed, or a step that looks at it since, after the update was begun. */
function failedUpdate(ctx: StepContext, service: string): boolean {
  return allSteps(ctx.plan).some((step) => {
    if (readWord(step.with, "service") !== service || step.address === ctx.step.address) return false;
    const { status, startedAt } = ctx.record(step.address);
    return status === "error" && startedAt !== null && isBegun(ctx, service);
  });
}

/** Whether this run's own update of the service was begun. */
function isBegun(ctx: StepContext, service: string): boolean {
  return allSteps(ctx.plan).some(
    (step) =>
      step.kind === "swarm/update-service" &&
      readWord(step.with, "service") === service &&
      ctx.record(step.address).startedAt !== null,
  );
}

/** The spec this run kept before its own update. */
async function keptMaker(ctx: StepContext, preview: PreviewOutput): Promise<() => JsonRecord> {
  const { spec } = await unsealSpec(ctx, preview.kept === null ? null : { ...preview.kept });
  return () => spec;
}

async function undo(ctx: StepContext, service: string): Promise<Effect> {
  const preview = foundPreview(ctx, service);
  if (preview === null || preview.changes === 0 || !failedUpdate(ctx, service))
    return { kind: "done", note: "nothing to go back from" };
  const make = await keptMaker(ctx, preview);
  const managers = managersFor(ctx);
  const look = await readService(managers, service);
  const there = look.kind === "there" && holds(look.service.spec, make);
  const { state = "", startedAt: begun = null } = (look.kind === "there" ? look.service.updateStatus : null) ?? {};
  if (there && (state === "rollback_completed" || state === "completed"))
    return { kind: "done", note: `${service} is what it was before this run already (${state})` };
  ctx.say(`${service}: going back to what it was before this run, as on-failure=rollback asks`);
  // What is there already was sent before pawl died, or by the managers: only what this step sends begins after now.
  const startedAt = there ? preview.startedAt : begun;
  return sendAndWatch(ctx, managers, { preview: { ...preview, startedAt }, make, isRollback: true });
}

async function rollBack(ctx: StepContext): Promise<Effect> {
  const service = readName(ctx.step.with, "service");
  const rule = ruleOf(ctx.step.with);
  if (rule === "halt") return { kind: "done", note: "left as it is, as on-failure=halt asks" };
  if (rule === "rollback") return undo(ctx, service);
  const preview = needPreview(ctx, service);
  if (preview.changes === 0) return { kind: "done", note: "as it was already; nothing was sent", output: { service } };
  return sendAndWatch(ctx, managersFor(ctx), { preview, make: await makerOf(ctx, preview), isRollback: true });
}

/** A declared undo is looked at when it is done again; it sends nothing into what is there already. */
function look(ctx: StepContext): Promise<Look> {
  return ruleOf(ctx.step.with) === null ? probe(ctx) : Promise.resolve({ kind: "not-begun" });
}

/**
 * Puts a service back to a spec that pawl has kept, by sending all of it (not `rollback=previous`, which toggles), and watches that to its
 * end. With `with.rule` (`halt`, `rollback`) it is the declared undo of this run's own update: at a halt that update has failed at.
 */
export const rollbackService: StepKind = {
  name: "swarm/rollback-service",
  effect: "write",
  shows(step) {
    const [service, rule] = [readName(step.with, "service"), ruleOf(step.with)];
    if (rule === "halt") return ["on-failure=halt: nothing is undone by itself"];
    const send = `POST /services/${service}/update?version=… (the spec that was kept before); watch it to its end`;
    return [rule === "rollback" ? `only where the update has failed: ${send}` : send];
  },
  mayI: (ctx) => (ruleOf(ctx.step.with) === null ? mayI(ctx, true) : Promise.resolve({ kind: "yes" })),
  doIt: rollBack,
  probe: look,
};
