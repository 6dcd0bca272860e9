import type { InventoryNode } from "../../../domain/inventory.ts";
import type { Json, JsonRecord } from "../../../domain/json.ts";
import { list, parseJson, record, text } from "../../../domain/json-fields.ts";
import { appDefinition, podDefinition } from "./app-definition.ts";
import { below, jsonOf, sorted, type Captured } from "./captured.ts";
import { agentsSummary, mastersSummary, nodesSummary } from "./summary-machines.ts";

/** The others are evidence only: a cluster's whole state, groups, settings, journals. */
const SUMMARISED =
  /^(?:cluster\/(?:slaves|frameworks|roles|maintenance-status|tasks-\d+)|marathon\/(?:apps|pods|tasks|info|deployments|leader)|services\/[^/]+\/(?:info|apps|tasks))\.json$|^jobs\/info\.json$|^nodes\/[^/]+\/(?:facts|containers|units)\.txt$|^masters\/[^/]+\/(?:version\.json|metrics\.json|zookeeper-mntr\.txt)$/;

/** Whether the summary is made from this capture, by its name. */
export function isSummarised(name: string): boolean {
  return SUMMARISED.test(name);
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

/** Apps of a `/v2/apps` answer by id, in one form over all versions of Marathon; null where it is no such answer. */
function appsOf(value: Json | undefined): Json {
  if (value === undefined || !Array.isArray(record(value)["apps"])) return null;
  return sorted(list(record(value)["apps"]).map((one) => [text(record(one)["id"]) ?? "", appDefinition(one)]));
}

function pods(captured: Captured): Json {
  const value = jsonOf(captured, "marathon/pods.json");
  if (!Array.isArray(value)) return null;
  return sorted(list(value as Json).map((one) => [text(record(one)["id"]) ?? "", podDefinition(one)]));
}

/**
 * The app a task belongs to, by the task's id: Marathon begins it with the app's id, `_` for each slash, and a dot behind it. For
 * tasks that were launched between the reading of Marathon and that of Mesos. Null: no app that is known.
 */
function appOfId(id: string, known: ReadonlyMap<string, string>): string | null {
  for (let end = id.lastIndexOf("."); end > 0; end = id.lastIndexOf(".", end - 1)) {
    const app = known.get(id.slice(0, end));
    if (app !== undefined) return app;
  }
  return null;
}

/** Running tasks by id: whose they are and on which agent. Marathon names the app, Mesos everything else. */
function tasks(captured: Captured): Json {
  const pages = below(captured, "cluster/").filter(([name]) => /^tasks-\d+\.json$/.test(name));
  if (pages.length === 0) return null;
  // Apps of a service Marathon are told from those of the root one by its name before them.
  const owners: readonly { readonly prefix: string; readonly folder: string }[] = [
    { prefix: "", folder: "marathon" },
    ...servicesIn(captured).map((name) => ({ prefix: `${name}:`, folder: `services/${name}` })),
  ];
  const apps = new Map(
    owners.flatMap(({ prefix, folder }) =>
      list(record(jsonOf(captured, `${folder}/tasks.json`))["tasks"]).map((one) => {
        const app = text(record(one)["appId"]);
        return [text(record(one)["id"]) ?? "", app === null ? null : `${prefix}${app}`] as const;
      }),
    ),
  );
  const known = new Map(
    owners.flatMap(({ prefix, folder }) =>
      list(record(jsonOf(captured, `${folder}/apps.json`))["apps"]).flatMap((one) => {
        const app = text(record(one)["id"]);
        return app === null ? [] : [[app.slice(1).replaceAll("/", "_"), `${prefix}${app}`] as const];
      }),
    ),
  );
  const running = new Map<string, Json>();
  for (const [, , bytes] of pages) {
    for (const one of list(record(parseJson(bytes.toString("utf8")))["tasks"])) {
      const task = record(one);
      const id = text(task["id"]);
      if (id === null || task["state"] !== "TASK_RUNNING") continue;
      running.set(id, {
        app: apps.get(id) ?? appOfId(id, known),
        framework: text(task["framework_id"]),
        agent: text(task["slave_id"]),
      });
    }
  }
  return sorted([...running]);
}

function roles(captured: Captured): Json {
  const value = jsonOf(captured, "cluster/roles.json");
  if (value === undefined) return null;
  return sorted(
    list(record(value)["roles"]).map((one) => [
      text(record(one)["name"]) ?? "",
      { weight: record(one)["weight"] ?? null, quota: record(one)["quota"] ?? null },
    ]),
  );
}

/** Service Marathons of which something was captured, by the name of their folder. */
function servicesIn(captured: Captured): readonly string[] {
  return [...new Set(below(captured, "services/").map(([name]) => name))];
}

/** Service Marathons by name: version, framework id, and their apps. */
function services(captured: Captured): JsonRecord {
  return sorted(
    servicesIn(captured).map((name) => {
      const info = record(jsonOf(captured, `services/${name}/info.json`));
      return [
        name,
        {
          version: text(info["version"]),
          frameworkId: text(info["frameworkId"]),
          apps: appsOf(jsonOf(captured, `services/${name}/apps.json`)),
        },
      ];
    }),
  );
}

/** Machines in maintenance, drained or down, by host. */
function maintenance(captured: Captured): Json {
  const value = jsonOf(captured, "cluster/maintenance-status.json");
  if (value === undefined) return null;
  const hosts = (name: string): readonly Json[] =>
    list(record(value)[name]).map((one) => record(one)["hostname"] ?? record(record(one)["id"])["hostname"] ?? null);
  return { draining: hosts("draining_machines"), down: hosts("down_machines") };
}

/**
 * The comparable essence of a snapshot: nodes, agents by id, frameworks, apps, running tasks, leaders, component versions.
 * Volatile fields are left out so that two snapshots of a quiet cluster are equal; null means that it was not captured.
 */
export function summarise(captured: Captured, planned: readonly InventoryNode[] = []): JsonRecord {
  const { mesos, zookeeper, leading, zkLeading, znodes } = mastersSummary(captured);
  const info = record(jsonOf(captured, "marathon/info.json"));
  const deployments = jsonOf(captured, "marathon/deployments.json");
  return {
    nodes: nodesSummary(captured, planned),
    agents: agentsSummary(captured, planned),
    frameworks: frameworks(captured),
    apps: appsOf(jsonOf(captured, "marathon/apps.json")),
    pods: pods(captured),
    tasks: tasks(captured),
    services: services(captured),
    roles: roles(captured),
    maintenance: maintenance(captured),
    znodes,
    deployments: Array.isArray(deployments) ? list(deployments as Json).length : null,
    leaders: { mesos: leading, zookeeper: zkLeading, marathon: text(record(jsonOf(captured, "marathon/leader.json"))["leader"]) },
    components: {
      ...{ mesos, zookeeper, marathon: text(info["version"]), marathonFrameworkId: text(info["frameworkId"]) },
      metronome: text(record(jsonOf(captured, "jobs/info.json"))["version"]),
    },
  };
}
