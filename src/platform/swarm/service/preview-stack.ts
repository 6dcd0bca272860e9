import { PawlError } from "../../../domain/errors.ts";
import type { JsonRecord } from "../../../domain/json.ts";
import type { Effect, StepContext, StepKind } from "../../../engine/ports.ts";
import type { ServiceEntry } from "../entries/service-entry.ts";
import { readName, readWord } from "./change-inputs.ts";
import { keepSpec, seal } from "./kept-spec.ts";
import { askToGoOn, busyProblem, keptOf, silent } from "./preview-service.ts";
import { managersFor } from "./service-calls.ts";
import { settingLines, settingWarnings } from "./spec-difference.ts";
import { nameInStack, PREVIEW_STACK, readStack, stackPreviewJson } from "./stack-calls.ts";
import { readStackFile, runsImage, type StackFile } from "./stack-file.ts";

function aimOf(given: JsonRecord): "deploy" | "remove" {
  const aim = given["for"] ?? "deploy";
  if (aim !== "deploy" && aim !== "remove")
    throw new PawlError("invalid-document", "preview.for", `${PREVIEW_STACK}: for is neither deploy nor remove`);
  return aim;
}

function deployLines(stack: string, file: StackFile, services: readonly ServiceEntry[], prune: boolean): readonly string[] {
  const there = new Map(services.map((one) => [nameInStack(stack, one), one]));
  const named = Object.entries(file.images).map(([name, image]) => {
    const service = there.get(name);
    if (service === undefined) return `${stack}_${name}: made, image ${image ?? "not named"}`;
    return runsImage(service.image, image)
      ? `${service.name}: image stays ${service.image}; other settings as the file says`
      : `${service.name}: image ${service.image} → ${image ?? "not named"}`;
  });
  const left = [...there.keys()].filter((name) => !(name in file.images));
  return [...named, ...left.map((name) => `${stack}_${name}: not in the file, ${prune ? "REMOVED (prune)" : "left as it is"}`)];
}

async function preview(ctx: StepContext): Promise<Effect> {
  const given = ctx.step.with;
  const [aim, stack] = [aimOf(given), readName(given, "stack")];
  const file = aim === "deploy" ? await readStackFile(readWord(given, "file") ?? "") : null;
  const read = await readStack(managersFor(ctx), stack);
  if (!read.ok) return silent(ctx, read.why);
  const { services } = read;
  const busy = services.map((one) => busyProblem(ctx, one)).find((one) => one !== null);
  if (busy !== undefined && file !== null) return { kind: "failed", problem: busy };
  // Each to go back to on its own: `swarm-service-rollback` finds them in this run.
  for (const service of services) await keepSpec(ctx, keptOf(ctx, service));
  const sha256 =
    file === null
      ? null
      : (await seal(ctx, "stack-file", `the file that ${stack} is deployed from`, { body: file.body, images: file.images }))
          .sha256;
  const before = Object.fromEntries(services.map((one) => [one.name, one.updateStatus?.startedAt ?? ""]));
  const output = stackPreviewJson({ stack, sha256, before, changes: file === null ? services.length : 1 });
  if (file === null && services.length === 0) return { kind: "done", note: `no stack ${stack}: nothing to remove`, output };
  const lines =
    file === null
      ? services.map((one) => `${one.name}: removed (image ${one.image})`)
      : deployLines(stack, file, services, given["prune"] === "true");
  const warnings =
    file === null ? [] : services.flatMap((one) => settingWarnings(one.spec).map((line) => `${one.name}: ${line}`));
  const settings =
    file === null ? [] : services.flatMap((one) => settingLines(one.spec).map((line) => `${one.name} now: ${line}`));
  const title = file === null ? `Remove stack ${stack}` : `Deploy stack ${stack}`;
  const refused = await askToGoOn(ctx, title, [...lines, ...settings], warnings);
  return refused ?? { kind: "done", note: `${lines.length} services, approved`, output };
}

/** Reads the file and the stack as it is, keeps every service's spec (sealed), shows what becomes of each, and asks. `with`: `for`, `stack`, `file`, `prune`. */
export const previewStack: StepKind = {
  name: PREVIEW_STACK,
  effect: "read",
  shows(step) {
    const stack = readName(step.with, "stack");
    return aimOf(step.with) === "remove"
      ? [`GET /services of the stack ${stack}; keep their specs, sealed; ask`]
      : [`read ${readWord(step.with, "file") ?? "the file"}; GET /services of the stack ${stack}; keep their specs, sealed; ask`];
  },
  asks: true,
  plannedMs: () => 0,
  doIt: preview,
};
