import type { Inventory, InventoryNode } from "../../domain/inventory.ts";
import type { Json, JsonRecord } from "../../domain/json.ts";
import type { Remote } from "../../engine/ports.ts";
import { urlOf } from "./contract.ts";
import { getJson, getRedirect } from "./http-reading.ts";
import { list, number, record, text } from "../../domain/json-fields.ts";

/** An agent as the leading master lists it. */
export interface AgentEntry {
  readonly id: string;
  readonly hostname: string;
  /** Address from its pid `slave(1)@host:port`, else the host name. */
  readonly address: string;
  readonly role: "agent" | "agent_public";
  readonly active: boolean;
  readonly version: string | null;
  /** Known from the registry only: the master has not heard from it since its election (mesos-real.md, 9). */
  readonly recovered: boolean;
  /** As the master lists them: text, number, or another form. */
  readonly attributes: JsonRecord;
  /** Where it stands, where that was configured (fault domains, Mesos 1.4 and later). */
  readonly region: string | null;
  readonly zone: string | null;
}

/** What one master says about itself; every master answers this for itself. */
export interface MasterReading {
  readonly node: string;
  /** Null: no answer, or the process is too young to have the metric. */
  readonly elected: boolean | null;
  readonly recovered: boolean | null;
  readonly uptimeSecs: number | null;
  readonly metrics: JsonRecord | null;
  /** Address its `/redirect` names. */
  readonly redirect: string | null;
  readonly version: string | null;
  readonly why: string | null;
  readonly body: string | null;
}

function flag(value: Json | undefined): boolean | null {
  const read = number(value);
  return read === null ? null : read === 1;
}

/** Reads one master's metrics, version and redirect. */
export async function readMaster(reader: Remote, inventory: Inventory, node: InventoryNode): Promise<MasterReading> {
  const [metrics, version, redirect] = await Promise.all([
    getJson(reader, urlOf(inventory, node, "mesos-master", "/metrics/snapshot")),
    getJson(reader, urlOf(inventory, node, "mesos-master", "/version")),
    getRedirect(reader, urlOf(inventory, node, "mesos-master", "/redirect")),
  ]);
  const values = metrics.ok ? record(metrics.value) : null;
  return {
    node: node.name,
    elected: flag(values?.["master/elected"]),
    recovered: flag(values?.["registrar/log/recovered"]),
    uptimeSecs: number(values?.["master/uptime_secs"]),
    metrics: values,
    redirect: redirect?.host ?? null,
    version: version.ok ? text(record(version.value)["version"]) : null,
    why: metrics.ok ? null : metrics.why,
    body: metrics.ok ? metrics.body : null,
  };
}

/**
 * The leading master: exactly one says it is elected, and every redirect that was given names it. A former leader that
 * redirects to itself, or two leaders, is no leader (mesos-real.md, 6).
 */
export function leaderOf(readings: readonly MasterReading[], masters: readonly InventoryNode[]): InventoryNode | null {
  const elected = readings.filter((one) => one.elected === true);
  const [only] = elected;
  if (elected.length !== 1 || only === undefined) return null;
  const leader = masters.find((node) => node.name === only.node) ?? null;
  const named = readings.filter((one) => one.redirect !== null);
  return leader !== null && named.length > 0 && named.every((one) => one.redirect === leader.address) ? leader : null;
}

function roleOfAgent(agent: JsonRecord): "agent" | "agent_public" {
  const reserved = Object.keys(record(agent["reserved_resources"]));
  const reservations = record(agent["reserved_resources_full"]);
  const open = text(record(agent["attributes"])["public_ip"]) === "true";
  return open || reserved.includes("slave_public") || "slave_public" in reservations ? "agent_public" : "agent";
}

function agentEntry(value: Json, recovered: boolean): AgentEntry | null {
  const agent = record(value);
  const id = text(agent["id"]);
  const hostname = text(agent["hostname"]);
  if (id === null || hostname === null) return null;
  const place = record(record(agent["domain"])["fault_domain"]);
  const address = /@(.+):\d+$/.exec(text(agent["pid"]) ?? "")?.[1] ?? hostname;
  return {
    id,
    hostname,
    address,
    role: roleOfAgent(agent),
    active: !recovered && agent["active"] === true,
    version: text(agent["version"]),
    recovered,
    attributes: record(agent["attributes"]),
    region: text(record(place["region"])["name"]),
    zone: text(record(place["zone"])["name"]),
  };
}

/**
 * Agents of a `/slaves` answer: registered ones, and those the master only knows from its registry. A registry entry of a
 * host that is registered under another id is a ghost and left out (mesos-real.md, 10). Null: not such an answer.
 */
export function parseAgents(value: Json): readonly AgentEntry[] | null {
  const slaves = record(value)["slaves"];
  if (!Array.isArray(slaves)) return null;
  const known = list(slaves)
    .map((one) => agentEntry(one, false))
    .filter((one) => one !== null);
  const hosts = new Set(known.map((one) => one.hostname));
  const recovered = list(record(value)["recovered_slaves"])
    .map((one) => agentEntry(one, true))
    .filter((one) => one !== null);
  return [...known, ...recovered.filter((one) => !hosts.has(one.hostname))];
}

/** Whether this entry is that inventory node: by address, or by host name where the inventory uses names. */
export function isNode(agent: Pick<AgentEntry, "address" | "hostname">, node: Pick<InventoryNode, "address">): boolean {
  return agent.address === node.address || agent.hostname === node.address;
}

/** Tasks asked for in one request. Mesos gives 100 where nothing is asked (dcos.md, "facts that bite" 5). */
export const TASK_PAGE = 2_000;
/** Pages read at most: a bound on what a wrong answer can cost, far above any cluster. */
const MAX_PAGES = 100;

export interface TaskCount {
  /** Ids of running tasks, sorted. */
  readonly running: readonly string[];
  /** All tasks the master listed, finished ones too. */
  readonly total: number;
  /** Why the list is not whole; null where it is. */
  readonly why: string | null;
}

/** All tasks of the leader, page by page until one is not full. A task seen on two pages counts once. */
export async function readTasks(reader: Remote, inventory: Inventory, leader: InventoryNode): Promise<TaskCount> {
  const running = new Set<string>();
  const seen = new Set<string>();
  const whole = (why: string | null): TaskCount => ({ running: [...running].sort(), total: seen.size, why });
  for (let page = 0; page < MAX_PAGES; page++) {
    const path = `/tasks?limit=${TASK_PAGE}&offset=${page * TASK_PAGE}&order=asc`;
    const answer = await getJson(reader, urlOf(inventory, leader, "mesos-master", path), {
      timeoutMs: 60_000,
      followRedirects: 1,
    });
    if (!answer.ok) return whole(answer.why);
    const tasks = list(record(answer.value)["tasks"]).map(record);
    for (const task of tasks) {
      const id = text(task["id"]);
      if (id === null) continue;
      seen.add(`${text(task["framework_id"]) ?? ""} ${id}`);
      if (task["state"] === "TASK_RUNNING") running.add(id);
    }
    if (tasks.length < TASK_PAGE) return whole(null);
  }
  return whole(`more than ${MAX_PAGES * TASK_PAGE} tasks`);
}

/** Id of the framework with that name which is still registered; null where there is none or more than one. */
export function frameworkId(value: Json, name: string): string | null {
  const ids = list(record(value)["frameworks"])
    .map(record)
    .filter((one) => one["name"] === name)
    .map((one) => text(one["id"]));
  return ids.length === 1 ? (ids[0] ?? null) : null;
}
