import type { JsonRecord } from "../../../domain/json.ts";
import { number, record, text } from "../../../domain/json-fields.ts";
import { allSteps } from "../../../domain/plan.ts";
import { PawlError } from "../../../domain/errors.ts";
import type { Command, Outcome, StepContext } from "../../../engine/ports.ts";
import { filtersOf } from "../access/change-spec.ts";
import type { Managers } from "../access/managers.ts";
import { managersOf } from "../contract.ts";
import { parseServices, STACK_LABEL, type ServiceEntry } from "../entries/service-entry.ts";

/** The kind of the step that shows what a deployment or a removal of a stack is made from. */
export const PREVIEW_STACK = "swarm/preview-stack";

/** The services of a stack, with their names in it; null where nobody says. */
export async function readStack(
  managers: Managers,
  stack: string,
): Promise<{ readonly ok: true; readonly services: readonly ServiceEntry[] } | { readonly ok: false; readonly why: string }> {
  const said = await managers.get(`/services?status=true&${filtersOf({ label: [`${STACK_LABEL}=${stack}`] })}`);
  if (!said.ok) return said;
  const services = parseServices(said.value);
  return services === null ? { ok: false, why: "the answer is no list of services" } : { ok: true, services };
}

/** What a service of the stack is called in its file. */
export function nameInStack(stack: string, service: Pick<ServiceEntry, "name">): string {
  return service.name.startsWith(`${stack}_`) ? service.name.slice(stack.length + 1) : service.name;
}

/** What a preview of a stack hands on. `before`: `StartedAt` by the service's whole name; empty: it had no update. */
export interface StackPreview {
  readonly stack: string;
  readonly sha256: string | null;
  readonly before: Readonly<Record<string, string>>;
  readonly changes: number;
}

export function stackPreviewJson(preview: StackPreview): JsonRecord {
  return { ...preview, before: { ...preview.before } };
}

/** What the preview of this run has found. Throws PawlError invalid-document. */
export function needStackPreview(ctx: Pick<StepContext, "plan" | "record" | "step">): StackPreview {
  const step = allSteps(ctx.plan).find((one) => one.kind === PREVIEW_STACK);
  const one = record(step === undefined ? null : ctx.record(step.address).output);
  const [stack, changes] = [text(one["stack"]), number(one["changes"])];
  if (stack === null || changes === null)
    throw new PawlError("invalid-document", "no-preview", `${ctx.step.address}: nothing has shown what is to be done`, {
      ...{ expected: `a complete step of kind ${PREVIEW_STACK} before it`, next: "Correct the runbook." },
    });
  const before = Object.entries(record(one["before"])).map(([name, at]) => [name, text(at) ?? ""] as const);
  return { stack, changes, sha256: text(one["sha256"]), before: Object.fromEntries(before) };
}

/** Runs a command on the first manager that takes it; on another one only where it certainly never began. */
export async function runOnManager(
  ctx: StepContext,
  command: Command,
): Promise<{ readonly node: string; readonly outcome: Outcome }> {
  let last: { readonly node: string; readonly outcome: Outcome } | null = null;
  for (const node of managersOf(ctx.inventory)) {
    const outcome = await ctx.remote.run(node.name, command);
    last = { node: node.name, outcome };
    const elsewhere =
      (outcome.kind === "lost" && !outcome.sent) ||
      (outcome.kind === "exited" &&
        outcome.code !== 0 &&
        /is not a swarm manager|Cannot connect to the Docker daemon|does not have a leader/i.test(outcome.stderr));
    if (!elsewhere) return last;
    ctx.say(
      `${node.name} does not take it: ${outcome.kind === "lost" ? outcome.reason : outcome.stderr.trim()}; asking the next manager`,
    );
  }
  return last ?? { node: "", outcome: { kind: "lost", code: "no-manager", reason: "the inventory has no manager", sent: false } };
}
