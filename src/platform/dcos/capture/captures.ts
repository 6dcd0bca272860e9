import type { Inventory, InventoryNode } from "../../../domain/inventory.ts";
import type { Facts } from "../../../domain/plan.ts";
import type { CaptureItem, HttpRequest } from "../../../engine/ports.ts";
import { agentsOf, mastersOf, portOf, urlOf, type Service } from "../contract.ts";
import { fileNameOf } from "../../../domain/file-name.ts";
import type { ServiceMarathon } from "../marathon/read-marathons.ts";
import { factsCommand } from "../facts/facts-script.ts";
import { number, record, text } from "../../../domain/json-fields.ts";
import { TASK_PAGE } from "../mesos.ts";
import { UNIT_PROPERTIES, unitsToCapture } from "./units.ts";

/** A full state of a large cluster is tens of megabytes (dcos.md 9.2). */
const LONG_MS = 90_000;
const SHORT_MS = 20_000;
const LARGEST_BYTES = 128 * 1024 * 1024;

interface Where {
  readonly inventory: Inventory;
  readonly node: InventoryNode;
  readonly service: Service;
}

function http(
  where: Where,
  path: string,
  name: string,
  evidenceOf: string,
  timeoutMs: number,
  mediaType = "application/json",
): CaptureItem {
  const url = urlOf(where.inventory, where.node, where.service, path);
  return {
    name,
    node: where.node.name,
    mediaType,
    evidenceOf,
    read: { kind: "http", request: { method: "GET", url, timeoutMs, followRedirects: 1, maxBytes: LARGEST_BYTES } },
  };
}

/** What a master says about who leads, and about itself: the answer's status and where it leads to are the reading. */
function whole(inventory: Inventory, node: InventoryNode): readonly CaptureItem[] {
  const ask = (
    name: string,
    evidenceOf: string,
    path: string,
    posted: Pick<HttpRequest, "method" | "body" | "headers">,
  ): CaptureItem => ({
    name: `masters/${node.name}/${name}`,
    node: node.name,
    mediaType: "application/json",
    evidenceOf,
    whole: true,
    read: {
      kind: "http",
      request: { url: urlOf(inventory, node, "mesos-master", path), timeoutMs: SHORT_MS, followRedirects: 0, ...posted },
    },
  });
  const call = { method: "POST", body: '{"type":"GET_HEALTH"}', headers: { "content-type": "application/json" } } as const;
  return [
    ask("redirect.json", "whom the master believes to lead", "/redirect", { method: "GET" }),
    ask("health.json", "the master's own word about its health", "/api/v1", call),
    ask("health-endpoint.json", "that the master's process answers", "/health", { method: "GET" }),
  ];
}

function word(inventory: Inventory, node: InventoryNode, send: string): CaptureItem {
  const read = { kind: "tcp", host: node.address, port: portOf(inventory, "zookeeper"), send, timeoutMs: SHORT_MS } as const;
  return {
    name: `masters/${node.name}/zookeeper-${send}.txt`,
    node: node.name,
    mediaType: "text/plain",
    evidenceOf: `ZooKeeper's own answer to ${send}`,
    read,
  };
}

/** What every master answers for itself. */
function ofMaster(inventory: Inventory, node: InventoryNode): readonly CaptureItem[] {
  const mesos = { inventory, node, service: "mesos-master" } as const;
  const exhibitor = { inventory, node, service: "exhibitor" } as const;
  const own = (name: string): string => `masters/${node.name}/${name}`;
  return [
    http(mesos, "/metrics/snapshot", own("metrics.json"), "the master's own metrics", SHORT_MS),
    http(mesos, "/version", own("version.json"), "the master's own version", SHORT_MS),
    http(mesos, "/flags", own("flags.json"), "the master's settings", SHORT_MS),
    http(mesos, "/system/stats.json", own("system-stats.json"), "load and memory of the master's machine", SHORT_MS),
    http(mesos, "/files/debug", own("files-debug.json"), "which files the master gives out", SHORT_MS),
    http(
      exhibitor,
      "/exhibitor/v1/cluster/status",
      own("exhibitor-status.json"),
      "the ensemble as this Exhibitor sees it",
      SHORT_MS,
    ),
    http(
      exhibitor,
      "/exhibitor/v1/config/get-state",
      own("exhibitor-config.json"),
      "Exhibitor's configuration and rolling changes",
      SHORT_MS,
    ),
    http(
      { inventory, node, service: "diagnostics" },
      "/system/health/v1",
      own("system-health.json"),
      "the master's own units as its diagnostics judge them",
      SHORT_MS,
    ),
    ...whole(inventory, node),
    word(inventory, node, "mntr"),
    word(inventory, node, "srvr"),
    word(inventory, node, "conf"),
  ];
}

/** Pages of `/tasks`: as many as the tasks counted, and one more, because tasks come and go. */
function taskPages(where: Where, facts: Facts): readonly CaptureItem[] {
  const total = number(facts.baseline["tasksTotal"]) ?? 0;
  const pages = Math.floor(total / TASK_PAGE) + 2;
  return Array.from({ length: pages }, (_, page) => {
    const path = `/tasks?limit=${TASK_PAGE}&offset=${page * TASK_PAGE}&order=asc`;
    return http(where, path, `cluster/tasks-${String(page + 1).padStart(3, "0")}.json`, `tasks, page ${page + 1}`, LONG_MS);
  });
}

/** The master Marathon is asked through: all of them answer with the leader's word, the leading one without a detour. */
function marathonNode(inventory: Inventory, facts: Facts, leader: InventoryNode): InventoryNode {
  const host = text(facts.baseline["marathonLeader"])?.replace(/:\d+$/, "");
  return mastersOf(inventory).find((node) => node.address === host) ?? leader;
}

/** What one master answers for the services beside Mesos and Marathon: unit health, jobs, packages, names (dcos.md 5.5, 12). */
function ofSideServices(inventory: Inventory, node: InventoryNode): readonly CaptureItem[] {
  const ask = (service: Service, path: string, name: string, of: string): CaptureItem =>
    http({ inventory, node, service }, path, name, of, LONG_MS);
  const packages = urlOf(inventory, node, "cosmos", "/package/list");
  const type = (what: string): string => `application/vnd.dcos.package.list-${what}+json;charset=utf-8;version=v1`;
  return [
    ask("diagnostics", "/system/health/v1/nodes", "health/nodes.json", "health of every node as DC/OS itself judges it"),
    ask("diagnostics", "/system/health/v1/units", "health/units.json", "health of every unit over all nodes"),
    ask("diagnostics", "/system/health/v1/report", "health/report.json", "health of every unit on every node"),
    ask("metronome", "/info", "jobs/info.json", "Metronome's version"),
    ask("metronome", "/v1/jobs", "jobs/jobs.json", "jobs with their schedules"),
    ask("cosmos", "/capabilities", "packages/capabilities.json", "what this cluster's package manager can do"),
    {
      name: "packages/list.json",
      node: node.name,
      mediaType: "application/json",
      evidenceOf: "installed packages",
      read: {
        kind: "http",
        request: {
          method: "POST",
          url: packages,
          body: "{}",
          headers: { "content-type": type("request"), accept: type("response") },
          timeoutMs: LONG_MS,
          followRedirects: 0,
          maxBytes: LARGEST_BYTES,
        },
      },
    },
    ask("mesos-dns", "/v1/version", "names/version.json", "version of Mesos-DNS"),
    ask("mesos-dns", "/v1/config", "names/config.json", "settings of Mesos-DNS"),
    ask("mesos-dns", "/v1/enumerate", "names/records.json", "every name of a task"),
    ask("mesos-dns", "/v1/hosts/master.mesos", "names/master.json", "the masters by name"),
    ask("mesos-dns", "/v1/hosts/leader.mesos", "names/leader.json", "the leading master by name"),
  ];
}

/** What the leader answers for the cluster. */
function ofCluster(inventory: Inventory, facts: Facts, leader: InventoryNode): readonly CaptureItem[] {
  const mesos = { inventory, node: leader, service: "mesos-master" } as const;
  const marathon = { inventory, node: marathonNode(inventory, facts, leader), service: "marathon" } as const;
  const state = (name: string, of: string): CaptureItem =>
    http(mesos, `/${name}`, `cluster/${name.replace("/", "-")}.json`, of, LONG_MS);
  const root = (path: string, name: string, of: string): CaptureItem =>
    http(marathon, path, `marathon/${name}.json`, of, LONG_MS);
  return [
    state("state", "the cluster's whole state"),
    state("state-summary", "the cluster's state in short"),
    state("slaves", "agents as the leading master lists them"),
    state("frameworks", "frameworks as the leading master lists them"),
    state("roles", "roles and their resources"),
    // The appendix lists /machine/down and /machine/up: they take machines down with their tasks, and only POSTs are understood. Who is
    // in maintenance is read here instead.
    state(
      "maintenance/status",
      "machines drained or down for maintenance (read instead of /machine/down and /machine/up, which act)",
    ),
    state("maintenance/schedule", "maintenance that is planned"),
    state("quota", "guaranteed resources of roles"),
    state("weights", "weights of roles"),
    ...taskPages(mesos, facts),
    root("/v2/leader", "leader", "who leads Marathon"),
    root("/v2/info", "info", "Marathon's version, framework id and settings"),
    root("/v2/apps", "apps", "every app with its definition"),
    root("/v2/pods", "pods", "every pod with its definition"),
    root("/v2/groups", "groups", "the tree of groups: the fullest export"),
    root("/v2/deployments", "deployments", "deployments under way"),
    root("/v2/queue", "queue", "what waits for offers"),
    root("/v2/tasks", "tasks", "tasks as Marathon knows them"),
    root("/metrics", "metrics", "Marathon's metrics at this moment"),
  ];
}

function ofNode(inventory: Inventory, node: InventoryNode): CaptureItem {
  return {
    name: `nodes/${node.name}/facts.txt`,
    node: node.name,
    mediaType: "text/plain",
    evidenceOf: "what the node says about itself",
    read: { kind: "command", target: node.name, command: factsCommand(inventory, node) },
  };
}

/** Lines of journal kept of one node: the last ones. What a node of 500 is asked for stays small. */
const JOURNAL_LINES = 400;

/** Units of a node as systemd knows them, and the end of the journal of those that matter most (workbook, "Journalctl & systemctl output"; pre-31). */
function ofUnits(node: InventoryNode): readonly CaptureItem[] {
  const { all, journal } = unitsToCapture(node.role);
  const item = (name: string, evidenceOf: string, argv: readonly string[]): CaptureItem => ({
    name: `nodes/${node.name}/${name}.txt`,
    node: node.name,
    mediaType: "text/plain",
    evidenceOf,
    read: { kind: "command", target: node.name, command: { argv, sudo: true, timeoutMs: 30_000, maxOutputBytes: 512 * 1024 } },
  });
  const properties = `--property=${UNIT_PROPERTIES.join(",")}`;
  const last = ["journalctl", "--no-pager", "-q", "-o", "short-iso", "-n", String(JOURNAL_LINES)];
  return [
    item("units", "state of the node's DC/OS units", ["systemctl", "show", properties, ...all]),
    item("journal", `the last ${JOURNAL_LINES} lines of the journal of its main units`, [
      ...last,
      ...journal.flatMap((unit) => ["-u", unit]),
    ]),
  ];
}

/** Containers per agent (workbook, "Number of tasks"); the count is taken from the lines. A hanging Docker is cut off after 30 s. */
function ofAgent(inventory: Inventory, node: InventoryNode): readonly CaptureItem[] {
  const command = { argv: ["docker", "ps", "-q"], sudo: true, timeoutMs: 30_000 };
  const mesos = { inventory, node, service: "mesos-agent" } as const;
  const own = (path: string, name: string, of: string): CaptureItem =>
    http(mesos, path, `agents/${node.name}/${name}.json`, of, SHORT_MS);
  return [
    {
      name: `nodes/${node.name}/containers.txt`,
      node: node.name,
      mediaType: "text/plain",
      evidenceOf: "running containers",
      read: { kind: "command", target: node.name, command },
    },
    own("/state", "state", "the agent's own state: frameworks, executors and tasks it runs"),
    own("/containers", "containers", "containers as the agent runs them, with what they use"),
    own("/flags", "flags", "the agent's settings"),
    own("/metrics/snapshot", "metrics", "the agent's own metrics"),
  ];
}

/**
 * The same of a Marathon that runs on the cluster (MoM), at its own address; none of one whose address nobody tells (workbook,
 * "Health of Service Marathon"; pre-09, pre-18).
 */
export function serviceCaptures(service: ServiceMarathon): readonly CaptureItem[] {
  const { name, url } = service;
  if (url === null) return [];
  const one = (path: string, file: string, of: string): CaptureItem => ({
    name: `services/${fileNameOf(name)}/${file}.json`,
    node: null,
    mediaType: "application/json",
    evidenceOf: `${of} of the service Marathon ${name}`,
    read: {
      kind: "http",
      request: { method: "GET", url: `${url}${path}`, timeoutMs: LONG_MS, followRedirects: 1, maxBytes: LARGEST_BYTES },
    },
  });
  return [
    one("/v2/leader", "leader", "leader"),
    one("/v2/info", "info", "version, framework id and settings"),
    one("/v2/apps", "apps", "apps"),
    one("/v2/pods", "pods", "pods"),
    one("/v2/groups", "groups", "tree of groups"),
    one("/v2/deployments", "deployments", "deployments under way"),
    one("/v2/queue", "queue", "what waits for offers"),
    one("/v2/tasks", "tasks", "tasks"),
  ];
}

/**
 * Everything the workbook captures before and after an upgrade ("Capturing Current Cluster and Application State", pre-08,
 * pre-09, pre-18): the whole state once from the leader, every master's own word, Marathon, and one command per node.
 */
export function captures(inventory: Inventory, facts: Facts): readonly CaptureItem[] {
  const masters = mastersOf(inventory);
  const leader = masters.find((node) => node.name === text(record(facts.baseline)["leader"])) ?? masters[0];
  return [
    ...(leader === undefined ? [] : [...ofCluster(inventory, facts, leader), ...ofSideServices(inventory, leader)]),
    ...masters.flatMap((node) => ofMaster(inventory, node)),
    ...inventory.nodes.flatMap((node) => [ofNode(inventory, node), ...ofUnits(node)]),
    ...agentsOf(inventory).flatMap((node) => ofAgent(inventory, node)),
  ];
}
