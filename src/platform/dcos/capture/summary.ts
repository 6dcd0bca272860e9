import type { Json, JsonRecord } from "../../../domain/json.ts";
import { list, number, parseJson, record, text } from "../json-fields.ts";
import { normaliseConstraints } from "../marathon.ts";
import { parseAgents } from "../mesos.ts";
import { parseFacts } from "../facts/node-facts.ts";
import { parseMntr } from "../zookeeper/four-letter-words.ts";

type Captured = ReadonlyMap<string, Buffer>;

/** The others are evidence only: a cluster's whole state, groups, roles, settings. */
const SUMMARISED =
  /^(?:cluster\/(?:slaves|frameworks|tasks-\d+)|marathon\/(?:apps|pods|tasks|info|deployments|leader))\.json$|^nodes\/|^masters\/[^/]+\/(?:version\.json|metrics\.json|zookeeper-mntr\.txt)$/;

/** Whether the summary is made from this capture, by its name. */
export function isSummarised(name: string): boolean {
  return SUMMARISED.test(name);
}

function jsonOf(captured: Captured, name: string): Json | undefined {
  const bytes = captured.get(name);
  return bytes === undefined ? undefined : parseJson(bytes.toString("utf8"));
}

/** Captures below a folder, by the name after it: `masters/` gives `m1/metrics.json`. */
function below(captured: Captured, folder: string): readonly (readonly [string, string, Buffer])[] {
  return [...captured]
    .filter(([name]) => name.startsWith(folder))
    .map(([name, bytes]) => {
      const [first = "", ...rest] = name.slice(folder.length).split("/");
      return [first, rest.join("/"), bytes] as const;
    });
}

function sorted(entries: readonly (readonly [string, Json])[]): JsonRecord {
  return Object.fromEntries(entries.toSorted((a, b) => (a[0] < b[0] ? -1 : 1)));
}

function nodes(captured: Captured): JsonRecord {
  const entries = below(captured, "nodes/").filter(([, file]) => file === "facts.txt");
  return sorted(
    entries.map(([name, , bytes]) => {
      const facts = parseFacts(bytes.toString("utf8"));
      const containers = captured
        .get(`nodes/${name}/containers.txt`)
        ?.toString("utf8")
        .split("\n")
        .filter((line) => line.trim() !== "").length;
      const own =
        facts === null
          ? null
          : {
              version: facts.version,
              imageCommit: facts.imageCommit,
              role: facts.role,
              configSha256: facts.configSha256,
              masterCount: facts.masterCount,
              clusterId: facts.clusterId,
              installProgress: facts.installProgress,
              os: facts.os,
              kernel: facts.kernel,
              docker: facts.docker,
            };
      return [name, own === null ? null : { ...own, ...(containers === undefined ? {} : { containers }) }];
    }),
  );
}

/** Agents by id: what must be the same after an upgrade, apart from the version (dcos.md post-05). */
function agents(captured: Captured): Json {
  const value = jsonOf(captured, "cluster/slaves.json");
  const parsed = value === undefined ? null : parseAgents(value);
  if (value === undefined || parsed === null) return null;
  const raw = new Map(
    [...list(record(value)["slaves"]), ...list(record(value)["recovered_slaves"])].map((one) => [
      text(record(one)["id"]) ?? "",
      record(one),
    ]),
  );
  return sorted(
    parsed.map(({ id, hostname, role, active, version }) => {
      const resources = record(raw.get(id)?.["resources"]);
      const amounts = Object.fromEntries(["cpus", "mem", "disk", "gpus"].map((name) => [name, number(resources[name])]));
      return [id, { hostname, role, active, version, attributes: record(raw.get(id)?.["attributes"]), resources: amounts }];
    }),
  );
}

function frameworks(captured: Captured): Json {
  const value = jsonOf(captured, "cluster/frameworks.json");
  if (value === undefined) return null;
  return sorted(
    list(record(value)["frameworks"]).map((one) => {
      const framework = record(one);
      const roles = Array.isArray(framework["roles"])
        ? framework["roles"]
        : text(framework["role"]) === null
          ? []
          : [framework["role"] ?? ""];
      return [
        text(framework["id"]) ?? "",
        {
          name: framework["name"] ?? null,
          active: framework["active"] === true,
          connected: framework["connected"] === true,
          roles,
        },
      ];
    }),
  );
}

/** Apps by id without what changes by itself: versions, counts of the moment, deployments. Environment and commands may hold secrets and stay out. */
function apps(captured: Captured): Json {
  const value = jsonOf(captured, "marathon/apps.json");
  if (value === undefined || !Array.isArray(record(value)["apps"])) return null;
  return sorted(
    list(record(value)["apps"]).map((one) => {
      const app = record(one);
      const amounts = Object.fromEntries(["instances", "cpus", "mem", "disk", "gpus"].map((name) => [name, number(app[name])]));
      const image = text(record(record(app["container"])["docker"])["image"]);
      const roles = list(app["acceptedResourceRoles"]);
      return [
        text(app["id"]) ?? "",
        { ...amounts, image, constraints: normaliseConstraints(app["constraints"]), acceptedResourceRoles: roles },
      ];
    }),
  );
}

function pods(captured: Captured): Json {
  const value = jsonOf(captured, "marathon/pods.json");
  if (!Array.isArray(value)) return null;
  return sorted(
    list(value as Json).map((one) => [
      text(record(one)["id"]) ?? "",
      { instances: number(record(record(one)["scaling"])["instances"]) },
    ]),
  );
}

function runningByFramework(captured: Captured): Json {
  const pages = below(captured, "cluster/").filter(([name]) => /^tasks-\d+\.json$/.test(name));
  if (pages.length === 0) return null;
  const running = new Map<string, Set<string>>();
  for (const [, , bytes] of pages) {
    for (const one of list(record(parseJson(bytes.toString("utf8")))["tasks"])) {
      const task = record(one);
      const framework = text(task["framework_id"]) ?? "";
      if (task["state"] === "TASK_RUNNING")
        running.set(framework, (running.get(framework) ?? new Set()).add(text(task["id"]) ?? ""));
    }
  }
  return sorted([...running].map(([framework, ids]) => [framework, ids.size]));
}

function runningByApp(captured: Captured): Json {
  const value = jsonOf(captured, "marathon/tasks.json");
  if (value === undefined || !Array.isArray(record(value)["tasks"])) return null;
  const counts = new Map<string, number>();
  for (const one of list(record(value)["tasks"])) {
    const task = record(one);
    const app = text(task["appId"]) ?? "";
    // Before Marathon 1.4 a task had no state; then having started is what tells.
    if (task["state"] === "TASK_RUNNING" || (task["state"] === undefined && task["startedAt"] !== undefined))
      counts.set(app, (counts.get(app) ?? 0) + 1);
  }
  return sorted([...counts]);
}

function mastersSummary(captured: Captured): {
  readonly mesos: JsonRecord;
  readonly zookeeper: JsonRecord;
  readonly leading: readonly string[];
  readonly zkLeading: readonly string[];
} {
  const mesos: [string, Json][] = [];
  const zookeeper: [string, Json][] = [];
  const leading: string[] = [];
  const zkLeading: string[] = [];
  for (const [name, file, bytes] of below(captured, "masters/")) {
    if (file === "version.json") mesos.push([name, text(record(parseJson(bytes.toString("utf8")))["version"])]);
    if (file === "metrics.json" && number(record(parseJson(bytes.toString("utf8")))["master/elected"]) === 1) leading.push(name);
    if (file !== "zookeeper-mntr.txt") continue;
    const mntr = parseMntr(bytes.toString("utf8"));
    const version = mntr.get("zk_version")?.split(/[-,]/)[0] ?? null;
    zookeeper.push([name, version]);
    if (mntr.get("zk_server_state") === "leader" || mntr.get("zk_server_state") === "standalone") zkLeading.push(name);
  }
  return { mesos: sorted(mesos), zookeeper: sorted(zookeeper), leading, zkLeading };
}

/**
 * The comparable essence of a snapshot: nodes, agents by id, frameworks, apps, running tasks, leaders, component versions.
 * Volatile fields are left out so that two snapshots of a quiet cluster are equal; null means that it was not captured.
 */
export function summarise(captured: Captured): Json {
  const { mesos, zookeeper, leading, zkLeading } = mastersSummary(captured);
  const info = record(jsonOf(captured, "marathon/info.json"));
  const deployments = jsonOf(captured, "marathon/deployments.json");
  return {
    nodes: nodes(captured),
    agents: agents(captured),
    frameworks: frameworks(captured),
    apps: apps(captured),
    pods: pods(captured),
    runningByFramework: runningByFramework(captured),
    runningByApp: runningByApp(captured),
    deployments: Array.isArray(deployments) ? list(deployments as Json).length : null,
    leaders: { mesos: leading, zookeeper: zkLeading, marathon: text(record(jsonOf(captured, "marathon/leader.json"))["leader"]) },
    components: { mesos, zookeeper, marathon: text(info["version"]), marathonFrameworkId: text(info["frameworkId"]) },
  };
}
