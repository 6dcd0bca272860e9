import type { Problem } from "../../../domain/errors.ts";
import { parseDuration } from "../../../domain/duration.ts";
import { record, text } from "../../../domain/json-fields.ts";
import type { Effect, Look, Outcome, StepContext, StepKind } from "../../../engine/ports.ts";
import type { Managers } from "../access/managers.ts";
import type { ServiceEntry } from "../entries/service-entry.ts";
import { readName, readOneOf, readWord } from "./change-inputs.ts";
import { keep, managersFor } from "./service-calls.ts";
import { unseal } from "./kept-spec.ts";
import { imageOf } from "./spec-essence.ts";
import { nameInStack, needStackPreview, readStack, runOnManager, type StackPreview } from "./stack-calls.ts";
import { runsImage } from "./stack-file.ts";
import { limitOf } from "./update-service.ts";
import { effectOf, type Aim } from "./update-problem.ts";
import { watchUpdate } from "./watch-update.ts";

/** Making services and networks is a matter of seconds; resolving images by a registry may take longer. */
const DEPLOY_MS = 120_000;
const RESOLVES: readonly [string, ...string[]] = ["changed", "always", "never"];

/** `--resolve-image`: `never` leaves tags as they are; the client asks a registry otherwise (swarm.md, "Images without a registry"). */
function argvOf(given: StepContext["step"]["with"]): readonly string[] {
  const resolve = readOneOf(given, "resolve-image", RESOLVES);
  const prune = readOneOf(given, "prune", ["false", "true"]) === "true" ? ["--prune"] : [];
  const auth = readOneOf(given, "with-registry-auth", ["false", "true"]) === "true" ? ["--with-registry-auth"] : [];
  return ["docker", "stack", "deploy", "--resolve-image", resolve, ...prune, ...auth, "-c", "-", readName(given, "stack")];
}

interface Wanted {
  readonly preview: StackPreview;
  readonly body: string;
  readonly images: Readonly<Record<string, string | null>>;
}

async function wantedOf(ctx: StepContext): Promise<Wanted> {
  const preview = needStackPreview(ctx);
  const held = await unseal(ctx, { sha256: preview.sha256 });
  const images = Object.entries(record(held["images"])).map(([name, image]) => [name, text(image)] as const);
  return { preview, body: text(held["body"]) ?? "", images: Object.fromEntries(images) };
}

function refusedBy(ctx: StepContext, node: string, outcome: Outcome): Problem | null {
  const argv = argvOf(ctx.step.with).join(" ");
  switch (outcome.kind) {
    case "exited":
      if (outcome.code === 0) return null;
      return {
        ...{ code: "stack-refused", text: `${node} did not deploy the stack.`, node, expected: `${argv} ends with 0` },
        observed: `exit code ${outcome.code}: ${outcome.stderr.trim().slice(-600) || outcome.stdout.trim().slice(-300)}`,
        next: "What it made before it stopped is there. Correct the file, then begin a new run.",
      };
    case "timed-out":
      return {
        ...{ code: "stack-timed-out", text: `${node} is still deploying the stack.`, node, expected: `${argv} ends with 0` },
        observed: outcome.stderr.trim().slice(-300),
        next: ctx.spell("resume"),
      };
    case "lost":
      return {
        ...{ code: "stack-lost", text: `Contact with ${node} was lost.`, node, expected: `${argv} ends with 0` },
        observed: outcome.reason,
        next: ctx.spell("resume"),
      };
  }
}

/** Services of the file that are not there, or run another image. */
function missingOf({ preview, images }: Wanted, services: readonly ServiceEntry[]): readonly string[] {
  const there = new Map(services.map((one) => [nameInStack(preview.stack, one), one]));
  return Object.entries(images).flatMap(([name, image]) => {
    const service = there.get(name);
    if (service === undefined) return [`${preview.stack}_${name} is not there`];
    return runsImage(service.image, image) ? [] : [`${service.name} runs ${service.image}, not ${image ?? "?"}`];
  });
}

async function watchService(ctx: StepContext, managers: Managers, service: ServiceEntry, wanted: Wanted): Promise<Effect> {
  const { preview, images } = wanted;
  const image = images[nameInStack(preview.stack, service)] ?? null;
  const known = preview.before[service.name];
  const withinMs = parseDuration(readWord(ctx.step.with, "within") ?? "") ?? limitOf(ctx, service.spec, service);
  const aim: Aim = {
    ...{ service: service.name, isRollback: known === undefined, withinMs },
    expected: `every task of ${service.name} runs ${image ?? imageOf(service.spec)} and stays up`,
  };
  const end = await watchUpdate(ctx, managers, {
    ...{ service: service.name, withinMs, isOurs: (one: ServiceEntry) => runsImage(one.image, image) },
    before: known === undefined || known === "" ? null : known,
    // A service that was just made has no update that would judge its tasks.
    since: known === undefined ? "" : null,
  });
  return effectOf(ctx, aim, end);
}

async function deploy(ctx: StepContext): Promise<Effect> {
  const wanted = await wantedOf(ctx);
  const { stack } = wanted.preview;
  const managers = managersFor(ctx);
  const begun = `${ctx.step.address}/deployed-${ctx.record(ctx.step.address).attempts}`;
  if (!ctx.hasRecorded(`${begun}.json`)) {
    const { node, outcome } = await runOnManager(ctx, { argv: argvOf(ctx.step.with), stdin: wanted.body, timeoutMs: DEPLOY_MS });
    const said = outcome.kind === "lost" ? { lost: outcome.reason } : { stdout: outcome.stdout, stderr: outcome.stderr };
    await keep(ctx, `deployed-${ctx.record(ctx.step.address).attempts}.json`, "what docker stack deploy said", { node, ...said });
    const problem = refusedBy(ctx, node, outcome);
    if (problem !== null)
      return { kind: outcome.kind === "exited" || (outcome.kind === "lost" && !outcome.sent) ? "failed" : "unknown", problem };
    ctx.say(`${stack}: ${node} has handed it to the managers`);
  }
  const read = await readStack(managers, stack);
  if (!read.ok)
    return {
      kind: "unknown",
      problem: {
        code: "managers-silent",
        text: `No manager answers about ${stack}.`,
        observed: read.why,
        next: ctx.spell("resume"),
      },
    };
  const own = read.services.filter((one) => nameInStack(stack, one) in wanted.images);
  // All at once: whichever fails first is told first.
  const effects = await Promise.all(own.map((one) => watchService(ctx, managers, one, wanted)));
  const bad = effects.find((one) => one.kind !== "done");
  if (bad !== undefined) return bad;
  const missing = missingOf(wanted, own);
  if (missing.length > 0)
    return {
      kind: "failed",
      problem: {
        code: "stack-differs",
        text: `${stack} is not what its file says.`,
        expected: "every service of the file",
        observed: missing.join("; "),
      },
    };
  return {
    kind: "done",
    note: `${own.length} services, each with its tasks`,
    output: { stack, services: own.map((one) => one.name) },
  };
}

/** Every service of the file with its image: the deployment was handed over. Else it is done again: the file says the whole, so that is safe. */
async function look(ctx: StepContext): Promise<Look> {
  const wanted = await wantedOf(ctx);
  const read = await readStack(managersFor(ctx), wanted.preview.stack);
  if (!read.ok)
    return { kind: "cannot-tell", problem: { code: "managers-silent", text: "No manager answers.", observed: read.why } };
  const missing = missingOf(wanted, read.services);
  return missing.length === 0 ? { kind: "running", note: "every service of the file is there" } : { kind: "not-begun" };
}

/**
 * Deploys the file that the preview has shown, by `docker stack deploy` on a manager with the file on its standard input, and watches every
 * service of it through the API until it has its tasks: the command itself says nothing about that. `with`: `stack`, `prune`,
 * `resolve-image` (changed, always, never), `with-registry-auth`, `within` per service.
 */
export const deployStack: StepKind = {
  name: "swarm/deploy-stack",
  effect: "write",
  shows: (step) => [
    `${argvOf(step.with).join(" ")} < ${readWord(step.with, "file") ?? "the file"}`,
    "watch each of its services to its end",
  ],
  doIt: deploy,
  probe: look,
};
