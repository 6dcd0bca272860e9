import { formatDuration, parseDuration } from "../../../domain/duration.ts";
import type { Problem } from "../../../domain/errors.ts";
import type { Json, JsonRecord } from "../../../domain/json.ts";
import type { Effect, Look, Permission, StepContext, StepKind } from "../../../engine/ports.ts";
import { list, record, text } from "../../../domain/json-fields.ts";
import { askMarathon } from "../marathon.ts";
import { parseAgents } from "../mesos.ts";
import { lookAtApp, sendMarathon } from "./marathon-call.ts";
import {
  findServiceMarathons,
  readService,
  serviceSettings,
  type MarathonReading,
  type ServiceMarathon,
} from "./read-marathons.ts";
import { changesOf, comparedService, imageVersion, whyNotSettled, type Known } from "./service-comparison.ts";

const WITHIN_MS = 15 * 60_000;
const EVERY_MS = 10_000;
/** Readings in a row that must be good: a list of deployments may be late (dcos.md 11.5). */
const READINGS = 2;

/** One service Marathon of the plan's baseline, with the image it is to have. */
interface Wanted {
  readonly known: Known;
  /** The image it had when the plan was made; null: not told. */
  readonly from: string | null;
  /** Null: no image is named for this target, so that it is only looked at. */
  readonly image: string | null;
}

/** The image a service Marathon gets with this target: the input's, else the inventory's `images` by DC/OS version. */
function imageFor(ctx: StepContext, app: string | null): string | null {
  const target = text(ctx.step.with["target"]) ?? ctx.plan.inputs["target"] ?? "";
  const own = serviceSettings(ctx.inventory).find((one) => one["app"] === app);
  return text(record(own?.["images"])[target]);
}

function wantedOf(ctx: StepContext): readonly Wanted[] {
  return list(ctx.plan.facts.baseline["marathons"])
    .map(record)
    .filter((one) => one["root"] !== true)
    .map((one) => {
      const app = text(one["app"]);
      return { known: comparedService(one), from: text(one["image"]), image: app === null ? null : imageFor(ctx, app) };
    });
}

async function keep(ctx: StepContext, name: string, about: string, value: JsonRecord): Promise<string> {
  const kept = await ctx.artifacts.put(
    {
      name: `${ctx.step.address}/${name}.json`,
      mediaType: "application/json",
      step: ctx.step.address,
      node: null,
      evidenceOf: about,
    },
    `${JSON.stringify({ title: about, at: new Date(ctx.clock.now()).toISOString(), ...value }, null, 1)}\n`,
  );
  await ctx.recorded(kept);
  return `artifacts/${kept.sha256}`;
}

/** The service Marathon where it is now: after a change its task may be on another agent. */
async function readNow(ctx: StepContext, known: Known): Promise<MarathonReading> {
  const [apps, tasks] = await Promise.all([
    askMarathon(ctx.remote, ctx.inventory, "/v2/apps"),
    askMarathon(ctx.remote, ctx.inventory, "/v2/tasks"),
  ]);
  const agents = parseAgents({ slaves: ctx.plan.facts.baseline["agents"] ?? [] }) ?? [];
  const found = findServiceMarathons(
    ctx.inventory,
    { apps: apps.ok ? apps.value : null, tasks: tasks.ok ? tasks.value : null, frameworks: null, agents },
    null,
  );
  const before: ServiceMarathon = { name: known.name, app: known.app, image: null, url: known.url };
  return readService(ctx.remote, found.find((one) => one.name === known.name) ?? before);
}

function name(known: Known): string {
  return `service Marathon ${known.name}`;
}

/** Open deployments of the root Marathon that take part in the app; null: it does not say. */
async function rootDeployments(ctx: StepContext): Promise<readonly JsonRecord[] | null> {
  const read = await askMarathon(ctx.remote, ctx.inventory, "/v2/deployments");
  return read.ok && Array.isArray(read.value) ? list(read.value).map(record) : null;
}

/** Nothing may be changed beside a deployment, the root Marathon's or the service Marathon's own. */
async function quiet(ctx: StepContext, known: Known): Promise<Problem | null> {
  const root = await rootDeployments(ctx);
  const own = (await readNow(ctx, known)).deployments;
  if (root !== null && root.length === 0 && own !== null && own.length === 0) return null;
  const said = (open: readonly Json[] | null): string => (open === null ? "not told" : `${open.length}`);
  return {
    code: "service-marathon-busy",
    text: `${name(known)} is not changed while deployments run.`,
    expected: "no deployment of the root Marathon, none of its own",
    observed: `the root Marathon's: ${said(root)}; its own: ${said(own)}`,
    next: `Finish or cancel them, then: ${ctx.spell("retry", ctx.step.address)}`,
  };
}

/**
 * Changes the image where it is another; a problem, or null when the wanted image is asked for. Marathon takes the container of such a
 * request whole and knows no condition on its version: what is sent is what was read a moment before, with another image, and it is
 * read again when everything else has been looked at. Nothing is forced.
 */
async function change(
  ctx: StepContext,
  { known, from }: Wanted,
  image: string,
): Promise<{ readonly kind: "failed" | "unknown"; readonly problem: Problem } | null> {
  const app = known.app ?? "";
  const failed = (code: string, words: string, observed: string) =>
    ({ kind: "failed", problem: { code, text: words, observed, expected: `${app} with the image ${image}` } }) as const;
  const look = await lookAtApp(ctx.remote, ctx.inventory, app);
  if (look.kind === "no-answer") return failed("marathon-no-answer", `Marathon cannot be asked about ${app}.`, look.why);
  if (look.kind === "absent") return failed("service-marathon-absent", `Marathon has no app ${app}.`, "404");
  const container = record(look.app["container"]);
  const docker = record(container["docker"]);
  const now = text(docker["image"]);
  if (now === image) return null;
  if (now === null)
    return failed("service-marathon-no-image", `${app} has no image that could be changed.`, "container.docker.image is missing");
  if (from !== null && now !== from)
    return failed(
      "service-marathon-changed",
      `${app} is not what it was when this run was planned; it was not touched.`,
      `its image is ${now}, it was ${from}`,
    );
  const busy = await quiet(ctx, known);
  if (busy !== null) return { kind: "failed", problem: busy };
  const again = await lookAtApp(ctx.remote, ctx.inventory, app);
  if (again.kind !== "there" || again.app["version"] !== look.app["version"])
    return failed(
      "service-marathon-changed",
      `${app} was changed by somebody else a moment ago; it was not touched.`,
      again.kind === "there" ? `version ${text(again.app["version"]) ?? "not told"}` : again.kind,
    );
  const body = { container: { ...container, docker: { ...docker, image } } };
  await keep(ctx, `${known.name}-change`, `what is changed of ${app}: its image, and nothing else`, {
    rows: changesOf(look.app, { ...look.app, ...body }),
  });
  ctx.say(`${app}: ${now} becomes ${image}`);
  const sent = await sendMarathon(ctx.remote, ctx.inventory, look.via, { method: "PUT", path: `/v2/apps${app}`, body });
  switch (sent.kind) {
    case "accepted":
      return null;
    case "unclear":
      // Looked at by whoever waits for it: nothing is sent twice.
      ctx.say(`no clear answer (${sent.why}); looking whether the image is changed`);
      return null;
    case "not-sent":
      return failed("marathon-no-answer", "The change was not sent.", sent.why);
    case "refused":
      return failed(
        `service-marathon-refused-${sent.status}`,
        `Marathon did not take the new image of ${app}.`,
        `${sent.status}: ${sent.message}`,
      );
  }
}

/** Why the app of a service Marathon is not what was asked for yet; null where it is. */
async function whyNotDeployed(ctx: StepContext, known: Known, image: string): Promise<string | null> {
  if (known.app === null) return null;
  const look = await lookAtApp(ctx.remote, ctx.inventory, known.app);
  if (look.kind !== "there") return look.kind === "absent" ? `Marathon has no app ${known.app}` : look.why;
  const now = text(record(record(look.app["container"])["docker"])["image"]);
  if (now !== image) return `its image is ${now ?? "not told"}`;
  if (list(look.app["deployments"]).length > 0) return "its deployment is not finished";
  return look.app["tasksRunning"] === look.app["instances"] ? null : "its task does not run yet";
}

/** Waits until the service Marathon is what it has to be: deployed, the new version, with its framework, apps and tasks as before. */
async function settle(ctx: StepContext, { known, image }: Wanted): Promise<Effect> {
  const withinMs = parseDuration(text(ctx.step.with["within"]) ?? "") ?? WITHIN_MS;
  const endMs = ctx.clock.monotonic() + withinMs;
  const version = image === null ? null : imageVersion(image);
  let good = 0;
  for (;;) {
    const deployed = image === null ? null : await whyNotDeployed(ctx, known, image);
    const reading = await readNow(ctx, known);
    const why = deployed ?? whyNotSettled(known, reading, version);
    good = why === null ? good + 1 : 0;
    if (good >= READINGS || ctx.clock.monotonic() >= endMs) {
      const about = `${name(known)} as it was and as it is`;
      const now = {
        version: reading.version,
        frameworkId: reading.frameworkId,
        apps: reading.workloads?.map(({ id, instances }) => ({ id, instances })) ?? null,
        tasks: reading.taskIds,
      };
      const evidence = [await keep(ctx, known.name, about, { before: { ...known }, now })];
      if (why === null)
        return { kind: "done", note: `${known.name} ${reading.version ?? ""}: ${known.tasks?.length ?? 0} tasks as before` };
      const problem: Problem = {
        code: "service-marathon-differs",
        text: `${name(known)} is not what it was, or not what it has to be, within ${formatDuration(withinMs)}.`,
        expected: `${version === null ? "" : `version ${version}, `}framework, apps, instances and task ids as before`,
        observed: why,
        evidence,
        next: `Look at its task's log and at Mesos' list of frameworks; when it is mended: ${ctx.spell("retry", ctx.step.address)}`,
      };
      return { kind: "failed", problem };
    }
    await ctx.clock.sleep(EVERY_MS);
  }
}

async function upgradeAll(ctx: StepContext): Promise<Effect> {
  const all = wantedOf(ctx);
  if (all.length === 0) return { kind: "done", note: "this cluster has no service Marathon" };
  const notes: string[] = [];
  for (const wanted of all) {
    const { known, image } = wanted;
    const trouble = image === null ? null : await change(ctx, wanted, image);
    if (trouble !== null) return trouble;
    const end = await settle(ctx, wanted);
    if (end.kind !== "done") return end;
    notes.push(`${end.note ?? known.name}${image === null ? " (no image named for this target: looked at, not changed)" : ""}`);
  }
  return { kind: "done", note: notes.join("; "), output: { services: given(all) } };
}

/** What was given to whom, for whoever explains afterwards what is different. */
function given(all: readonly Wanted[]): readonly JsonRecord[] {
  return all.flatMap(({ known, image }) => (image === null ? [] : [{ app: known.app, name: known.name, image }]));
}

/** Before anything: no deployment runs, and what it will be compared with was read. */
async function mayI(ctx: StepContext): Promise<Permission> {
  for (const { known, image } of wantedOf(ctx)) {
    if (known.tasks === null || known.frameworkId === null || known.apps === null)
      return {
        kind: "no",
        exit: "gate-halted",
        problem: {
          code: "service-marathon-unread",
          text: `${name(known)} was not read when this run was planned, so that nothing can be compared.`,
          expected: "framework id, apps and task ids from before",
          observed: known.why ?? "not told",
          next: "Say in the inventory where its API is (settings: service-marathon: [{ app, url }]), then start a new run.",
        },
      };
    const busy = image === null ? null : await quiet(ctx, known);
    if (busy !== null) return { kind: "no", exit: "gate-halted", problem: busy };
  }
  return { kind: "yes" };
}

/** How it looks afterwards: each app has its wanted image, or none was ever to be changed. */
async function probe(ctx: StepContext): Promise<Look> {
  for (const { known, image } of wantedOf(ctx)) {
    if (image === null || known.app === null) continue;
    const look = await lookAtApp(ctx.remote, ctx.inventory, known.app);
    if (look.kind === "no-answer")
      return {
        kind: "cannot-tell",
        problem: { code: "marathon-no-answer", text: `Marathon cannot be asked about ${known.app}.`, observed: look.why },
      };
    const now = look.kind === "there" ? text(record(record(look.app["container"])["docker"])["image"]) : null;
    // Changing an image that is the wanted one already does nothing, so that going on is safe.
    if (now === image) return { kind: "running", note: `${known.app} has its new image` };
  }
  return { kind: "not-begun" };
}

/**
 * Upgrades every service Marathon (MoM) that the plan's baseline knows, one after the other: nothing but the image of its app in the
 * root Marathon is changed, and only where the inventory names one for the target (`settings: service-marathon: [{ app, images }]`).
 * Done when it is deployed, says the new version, and framework id, apps, instances and task ids are what they were (workbook:
 * upgrade Service Marathon as required, test that apps re-register).
 */
export const upgradeService: StepKind = {
  name: "dcos/upgrade-service-marathon",
  effect: "write",
  shows: (step, inventory) => {
    const target = text(step.with["target"]) ?? "";
    const changes = serviceSettings(inventory).flatMap((one) => {
      const image = text(record(one["images"])[target]);
      return image === null ? [] : [`PUT /v2/apps${text(one["app"]) ?? ""} container.docker.image: ${image}`];
    });
    return changes.length === 0 ? [`no image is named for ${target}: service Marathons are looked at, not changed`] : changes;
  },
  mayI,
  doIt: upgradeAll,
  probe,
};
