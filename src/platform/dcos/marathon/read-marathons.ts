import { PawlError } from "../../../domain/errors.ts";
import type { Inventory } from "../../../domain/inventory.ts";
import type { Json, JsonRecord } from "../../../domain/json.ts";
import type { Remote } from "../../../engine/ports.ts";
import { getJson, type JsonAnswer } from "../http-reading.ts";
import { list, number, record, text } from "../../../domain/json-fields.ts";
import { askMarathon } from "../marathon.ts";
import { isNode, type AgentEntry } from "../mesos.ts";
import { parseHosts, parseWorkloads, type Workload } from "./workload.ts";

const TIMEOUT_MS = 30_000;
/** What is asked of every Marathon. */
const PATHS = ["/v2/info", "/v2/apps", "/v2/pods", "/v2/tasks", "/v2/deployments"] as const;

/** A Marathon that runs as an app of the root one (MoM), or that Mesos lists beside it. */
export interface ServiceMarathon {
  /** Its framework name, which is its service name in DC/OS. */
  readonly name: string;
  /** The root Marathon's app it runs as; null: none of them, so that pawl changes nothing about it. */
  readonly app: string | null;
  readonly image: string | null;
  /** Where its API is; null: nobody says. */
  readonly url: string | null;
}

/** What one Marathon says about itself and its work. `root`: the one of the masters. */
export interface MarathonReading {
  readonly name: string;
  readonly root: boolean;
  readonly service: ServiceMarathon | null;
  readonly version: string | null;
  readonly frameworkId: string | null;
  /** Ids of open deployments; null: not told. */
  readonly deployments: readonly string[] | null;
  /** Null: they were not told. Apps and pods. */
  readonly workloads: readonly Workload[] | null;
  /** Hosts of running tasks by app or pod; null: not told. */
  readonly hosts: ReadonlyMap<string, readonly string[]> | null;
  readonly taskIds: readonly string[] | null;
  /** What it did not tell, and why. */
  readonly gaps: readonly string[];
  readonly bodies: readonly { readonly name: string; readonly body: string }[];
}

function labelsOf(app: JsonRecord): JsonRecord {
  return record(app["labels"]);
}

function imageOf(app: JsonRecord): string | null {
  return text(record(record(app["container"])["docker"])["image"]);
}

/** Whether an app of the root Marathon is a Marathon itself: by its image, by its package, or by the flags it starts with. */
function isMarathonApp(app: JsonRecord): boolean {
  if (text(labelsOf(app)["DCOS_PACKAGE_NAME"]) === "marathon") return true;
  if (/(?:^|\/)marathon(?:-dcos-ee)?(?:[:@]|$)/.test(imageOf(app) ?? "")) return true;
  return /--framework_name[= ]\S/.test(text(app["cmd"]) ?? "") && /--zk[= ]zk:/.test(text(app["cmd"]) ?? "");
}

function frameworkNameOf(app: JsonRecord): string {
  const flag = /--framework_name[= ]["']?([A-Za-z0-9_./-]+)/.exec(text(app["cmd"]) ?? "")?.[1];
  const label = text(labelsOf(app)["DCOS_SERVICE_NAME"]);
  return flag ?? label ?? (text(app["id"]) ?? "").replace(/^\//, "");
}

/** The address of the API of an app's first running task, by the labels Admin Router goes by (dcos.md 2.2). */
function urlOfTask(app: JsonRecord, task: JsonRecord, inventory: Inventory, agents: readonly AgentEntry[]): string | null {
  const host = text(task["host"]);
  const index = Number(text(labelsOf(app)["DCOS_SERVICE_PORT_INDEX"]) ?? "0");
  const port = number(list(task["ports"])[Number.isInteger(index) && index >= 0 ? index : 0]);
  if (host === null || port === null) return null;
  // By the address the inventory knows: a host name may mean nothing here.
  const agent = agents.find((one) => one.hostname === host || one.address === host);
  const node = agent === undefined ? undefined : inventory.nodes.find((one) => isNode(agent, one));
  const address = node?.address ?? host;
  const scheme = text(labelsOf(app)["DCOS_SERVICE_SCHEME"]) === "https" ? "https" : "http";
  return `${scheme}://${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/** The inventory's own word on service Marathons: `settings.service-marathon: [{ app, name?, url?, images? }]`. */
export function serviceSettings(inventory: Inventory): readonly JsonRecord[] {
  return list(inventory.settings["service-marathon"]).map(record);
}

/**
 * Every Marathon besides the root one: those of the inventory, apps of the root Marathon that are Marathons, and frameworks of
 * Mesos that are named like one. `tasks`: the root Marathon's `/v2/tasks`. Pure.
 */
export function findServiceMarathons(
  inventory: Inventory,
  known: { readonly apps: Json; readonly tasks: Json; readonly frameworks: Json; readonly agents: readonly AgentEntry[] },
  rootId: string | null,
): readonly ServiceMarathon[] {
  const settings = serviceSettings(inventory);
  const apps = list(record(known.apps)["apps"]).map(record);
  const tasks = list(record(known.tasks)["tasks"]).map(record);
  const chosen = apps.filter((app) => isMarathonApp(app) || settings.some((one) => one["app"] === app["id"]));
  const found = chosen.map((app): ServiceMarathon => {
    const own = settings.find((one) => one["app"] === app["id"]);
    const task = tasks.find((one) => one["appId"] === app["id"] && one["startedAt"] !== undefined);
    const url = task === undefined ? null : urlOfTask(app, task, inventory, known.agents);
    return {
      name: text(own?.["name"]) ?? frameworkNameOf(app),
      app: text(app["id"]),
      image: imageOf(app),
      url: text(own?.["url"])?.replace(/\/+$/, "") ?? url,
    };
  });
  const missing = settings
    .filter((one) => !chosen.some((app) => app["id"] === one["app"]))
    .map((one) => ({
      name: text(one["name"]) ?? text(one["app"]) ?? "?",
      app: text(one["app"]),
      image: null,
      url: text(one["url"])?.replace(/\/+$/, "") ?? null,
    }));
  const beside = list(record(known.frameworks)["frameworks"])
    .map(record)
    .filter((one) => /^marathon/i.test(text(one["name"]) ?? "") && one["id"] !== rootId)
    .filter((one) => ![...found, ...missing].some(({ name }) => name === one["name"]))
    .map((one) => ({
      name: text(one["name"]) ?? "",
      app: null,
      image: null,
      url: (text(one["webui_url"]) ?? "").replace(/\/+$/, "") || null,
    }));
  return [...found, ...missing, ...beside];
}

function idsOf(value: Json | undefined, field: string): readonly string[] {
  return list(value)
    .map(record)
    .flatMap((one) => text(one[field]) ?? [])
    .toSorted();
}

/** Reads one Marathon through `ask`. Never throws for an answer. */
async function readMarathon(
  about: Pick<MarathonReading, "name" | "root" | "service">,
  ask: (path: (typeof PATHS)[number]) => Promise<JsonAnswer>,
): Promise<MarathonReading> {
  const answers = await Promise.all(PATHS.map(ask));
  const [info, apps, pods, tasks, deployments] = answers;
  const gaps = answers.flatMap((answer, index) =>
    answer.ok ? [] : [`${about.root ? "Marathon" : `Marathon ${about.name}`} ${PATHS[index] ?? ""}: ${answer.why}`],
  );
  const ofApps = apps?.ok === true ? parseWorkloads(apps.value, "app") : null;
  const ofPods = pods?.ok === true ? parseWorkloads(pods.value, "pod") : null;
  return {
    ...about,
    version: info?.ok === true ? text(record(info.value)["version"]) : null,
    frameworkId: info?.ok === true ? text(record(info.value)["frameworkId"]) : null,
    deployments: deployments?.ok === true && Array.isArray(deployments.value) ? idsOf(deployments.value, "id") : null,
    workloads: ofApps === null || ofPods === null ? null : [...ofApps, ...ofPods],
    hosts: tasks?.ok === true ? parseHosts(tasks.value) : null,
    taskIds: tasks?.ok === true ? idsOf(record(tasks.value)["tasks"], "id") : null,
    gaps,
    bodies: answers.flatMap((answer, index) =>
      answer.ok ? [{ name: (PATHS[index] ?? "").slice("/v2/".length), body: answer.body }] : [],
    ),
  };
}

/** Reads a service Marathon at its own address. */
export async function readService(reader: Remote, service: ServiceMarathon): Promise<MarathonReading> {
  const about = { name: service.name, root: false, service };
  const { url } = service;
  if (url === null) return readMarathon(about, () => Promise.resolve({ ok: false, why: "nobody says where its API is" }));
  return readMarathon(about, async (path) => {
    try {
      return await getJson(reader, `${url}${path}`, { timeoutMs: TIMEOUT_MS, followRedirects: 1 });
    } catch (error) {
      // Frameworks name any address they like, and the guard asks no machine outside of the inventory: that is a gap, not a fault.
      if (!(error instanceof PawlError)) throw error;
      return {
        ok: false,
        why: `${url}: no machine of the inventory, so it is not asked (settings.service-marathon can give its url)`,
      };
    }
  });
}

/** Reads the root Marathon, then every other one it and Mesos lead to. */
export async function readMarathons(
  reader: Remote,
  inventory: Inventory,
  mesos: { readonly frameworks: Json; readonly agents: readonly AgentEntry[] },
): Promise<{
  readonly readings: readonly MarathonReading[];
  readonly root: { readonly info: JsonAnswer; readonly apps: JsonAnswer };
}> {
  const answers = new Map<string, JsonAnswer>();
  const root = await readMarathon({ name: "marathon", root: true, service: null }, async (path) => {
    const answer = await askMarathon(reader, inventory, path);
    answers.set(path, answer);
    return answer;
  });
  const valueOf = (path: string): Json => {
    const answer = answers.get(path);
    return answer?.ok === true ? answer.value : null;
  };
  const known = { ...mesos, apps: valueOf("/v2/apps"), tasks: valueOf("/v2/tasks") };
  const services = findServiceMarathons(inventory, known, root.frameworkId);
  const none: JsonAnswer = { ok: false, why: "not asked" };
  return {
    readings: [root, ...(await Promise.all(services.map((service) => readService(reader, service))))],
    root: { info: answers.get("/v2/info") ?? none, apps: answers.get("/v2/apps") ?? none },
  };
}

/**
 * What of the Marathons is kept in the plan: of each its identity, and of its work only what has constraints or data, with the hosts
 * it runs on.
 */
export function marathonsBaseline(readings: readonly MarathonReading[]): Json {
  return readings.map((one) => ({
    name: one.name,
    root: one.root,
    app: one.service?.app ?? null,
    image: one.service?.image ?? null,
    url: one.service?.url ?? null,
    version: one.version,
    frameworkId: one.frameworkId,
    deployments: one.deployments,
    apps: one.workloads?.length ?? null,
    tasksTold: one.hosts !== null,
    // The root Marathon's are elsewhere in the baseline.
    ...(one.root
      ? {}
      : {
          instances:
            one.workloads === null ? null : Object.fromEntries(one.workloads.map(({ id, instances }) => [id, instances])),
          tasks: one.taskIds,
        }),
    gaps: one.gaps,
    workloads:
      one.workloads
        ?.filter(({ constraints, volumes }) => constraints === null || constraints.length > 0 || volumes.length > 0)
        .map((work) => ({
          ...work,
          constraints: work.constraints?.map((parts) => [...parts]) ?? null,
          hosts: one.hosts?.get(work.id) ?? [],
        })) ?? null,
  }));
}
