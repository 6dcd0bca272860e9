import type { SimHttpAnswer, SimHttpRequest, Sleep } from "../ports.ts";
import { answer } from "./http.ts";
import { refusedAccess } from "./authentication.ts";
import { agentFlags, masterFlags } from "./flags.ts";
import { maintenancePost, maintenanceSchedule, maintenanceStatus } from "./maintenance.ts";
import { agentMetrics, masterMetrics } from "./metrics.ts";
import { believedLeader, leadingMaster, mesosHasRoutes, mesosListens } from "./mesos.ts";
import { mesosText, type MesosJson } from "./mesos-json.ts";
import {
  agentEntry,
  agentState,
  frameworksList,
  listedAgents,
  masterId,
  recoveredAgents,
  rolesList,
  seconds,
  slavesList,
  summaryAgents,
  summaryFrameworks,
  tasksByAgent,
  taskEntry,
  versionInfo,
} from "./mesos-view.ts";
import { agentListens, agentRuns } from "./registry.ts";
import { releaseOf } from "./releases.ts";
import { agentOf, appOf, frameworkOf, masterOf, type Model, type NodeState } from "./state.ts";

/** `/metrics/snapshot` answers twice a second per process; more requests wait (mesos-real.md, 15). */
const METRICS_EVERY_MS = 500;

function json(model: Model, node: NodeState, value: MesosJson, status = 200): SimHttpAnswer {
  const body = mesosText(value, releaseOf(node.version).minor < 12);
  return answer(status, "application/json", body, { Date: new Date(model.clock.now()).toUTCString() });
}

function text(status: number, body: string, headers: Readonly<Record<string, string>> = {}): SimHttpAnswer {
  return answer(status, "text/plain; charset=utf-8", body, headers);
}

const EMPTY: SimHttpAnswer = answer(200, null, "");
const NOT_FOUND = text(404, "404 Not Found.");
const NO_LEADER = text(503, "No leader elected");

/** Waits for the process's turn at its metrics, in simulated time. */
async function metricsTurn(model: Model, proc: { metricsFreeMs: number }, sleep: Sleep): Promise<void> {
  const nowMs = model.clock.now();
  const turnMs = Math.max(nowMs, proc.metricsFreeMs);
  proc.metricsFreeMs = turnMs + METRICS_EVERY_MS;
  // Two requests at once are within the limit; the third is not.
  if (turnMs - nowMs >= METRICS_EVERY_MS * 2) await sleep(turnMs - nowMs);
}

function stateOf(model: Model, node: NodeState): MesosJson {
  const leader = leadingMaster(model) ?? node;
  const tasks = tasksByAgent(model);
  const listed = model.mesos.readyMs === null ? [] : listedAgents(model);
  const count = (state: string): MesosJson => ({
    double: [...model.mesos.registry.values()].filter((entry) => entry.state === state).length,
  });
  return {
    ...versionInfo(model, node),
    start_time: seconds(masterOf(node).mesos.startedMs ?? 0),
    elected_time: seconds(model.mesos.electedMs),
    id: masterId(model, node),
    pid: `master@${node.address}:5050`,
    hostname: node.address,
    capabilities: releaseOf(node.version).minor >= 11 ? ["AGENT_UPDATE"] : [],
    activated_slaves: count("active"),
    deactivated_slaves: count("inactive"),
    unreachable_slaves: count("unreachable"),
    leader: `master@${leader.address}:5050`,
    leader_info: { id: masterId(model, leader), pid: `master@${leader.address}:5050`, port: 5050, hostname: leader.address },
    cluster: "pawl-lab",
    log_dir: "/var/lib/dcos/mesos/log",
    flags: masterFlags(model, node),
    slaves: listed.map((entry) => agentEntry(model, entry, tasks.get(entry.id) ?? [])),
    recovered_slaves: recoveredAgents(model),
    frameworks: model.mesos.readyMs === null ? [] : frameworksList(model),
    completed_frameworks: [],
    orphan_tasks: [],
    unregistered_frameworks: [],
  };
}

function tasksPage(model: Model, query: URLSearchParams): MesosJson {
  const limit = Number(query.get("limit") ?? 100);
  const offset = Number(query.get("offset") ?? 0);
  const wanted = query.get("framework_id");
  const all = [...model.tasks, ...model.ended].filter((task) => wanted === null || frameworkOf(model, task) === wanted);
  const newest = all.toSorted((a, b) => b.startedMs - a.startedMs || (a.id < b.id ? -1 : 1));
  const ordered = query.get("order") === "asc" ? newest.toReversed() : newest;
  return { tasks: ordered.slice(offset, offset + limit).map((task) => taskEntry(model, task)) };
}

/** Routes that only the leader answers. */
const LEADER_ROUTES: Readonly<Record<string, (model: Model, node: NodeState, query: URLSearchParams) => MesosJson>> = {
  state: (model, node) => stateOf(model, node),
  "state-summary": (model, node) => ({
    hostname: node.address,
    cluster: "pawl-lab",
    slaves: model.mesos.readyMs === null ? [] : summaryAgents(model),
    frameworks: model.mesos.readyMs === null ? [] : summaryFrameworks(model),
  }),
  slaves: (model, _node, query) => {
    const id = query.get("slave_id");
    const slaves = slavesList(model).filter((one) => id === null || (one as { id?: MesosJson }).id === id);
    return { slaves, recovered_slaves: recoveredAgents(model) };
  },
  frameworks: (model, _node, query) => {
    const id = query.get("framework_id");
    return {
      frameworks: frameworksList(model).filter((one) => id === null || (one as { id?: MesosJson }).id === id),
      completed_frameworks: [],
      unregistered_frameworks: [],
    };
  },
  roles: (model) => ({ roles: rolesList(model) }),
  tasks: (model, _node, query) => tasksPage(model, query),
  "maintenance/status": (model) => maintenanceStatus(model),
  "maintenance/schedule": (model) => maintenanceSchedule(model),
  quota: () => ({ infos: [] }),
  weights: () => [],
};

function operatorCall(model: Model, node: NodeState, body: string): SimHttpAnswer {
  let type: unknown;
  try {
    type = (JSON.parse(body) as { type?: unknown }).type;
  } catch {
    return text(400, "Failed to parse body into JSON");
  }
  if (model.mesos.readyMs === null) return text(503, "Master has not finished recovery");
  const { version, ...build } = versionInfo(model, node);
  switch (type) {
    case "GET_HEALTH":
      return json(model, node, { type, get_health: { healthy: true } });
    case "GET_VERSION":
      return json(model, node, { type, get_version: { version_info: { version: version ?? "", ...build } } });
    case "GET_FLAGS":
      return json(model, node, {
        type,
        get_flags: { flags: Object.entries(masterFlags(model, node)).map(([name, value]) => ({ name, value })) },
      });
    case "GET_MASTER":
      return json(model, node, {
        type,
        get_master: {
          master_info: {
            id: masterId(model, node),
            ip: 0,
            port: 5050,
            pid: `master@${node.address}:5050`,
            hostname: node.address,
            version: version ?? "",
            address: { hostname: node.address, ip: node.address, port: 5050 },
            capabilities: [],
          },
        },
      });
    case "GET_AGENTS": {
      const agents = listedAgents(model).map((entry) => ({
        agent_info: { hostname: entry.node.address, port: 5051, id: { value: entry.id }, checkpoint: true },
        active: entry.state === "active",
        version: entry.version,
        pid: `slave(1)@${entry.node.address}:5051`,
        registered_time: { nanoseconds: entry.registeredMs * 1_000_000 },
      }));
      const recovered = recoveredAgents(model).map((one) => ({
        hostname: (one as { hostname?: MesosJson }).hostname ?? "",
        id: { value: (one as { id?: MesosJson }).id ?? "" },
        port: 5051,
      }));
      return json(model, node, {
        type,
        get_agents: { agents, ...(recovered.length === 0 ? {} : { recovered_agents: recovered }) },
      });
    }
    case "GET_MAINTENANCE_STATUS":
      return json(model, node, { type, get_maintenance_status: { status: maintenanceStatus(model) } });
    case "GET_MAINTENANCE_SCHEDULE":
      return json(model, node, { type, get_maintenance_schedule: { schedule: maintenanceSchedule(model) } });
    case "GET_METRICS":
      // Recorded: the call needs its own part, and this model does not read it.
      return text(400, "Failed to validate master::Call: Expecting 'get_metrics' to be present");
    default:
      return text(400, `Failed to validate master::Call: unknown or incomplete call type`);
  }
}

/** Answers a request to the Mesos master of a node (port 5050): dcos.md section 9, mesos-real.md. */
export async function masterHttp(model: Model, node: NodeState, request: SimHttpRequest, sleep: Sleep): Promise<SimHttpAnswer> {
  if (!mesosListens(model, node)) return { kind: "refused" };
  if (masterOf(node).mesos.hung) return { kind: "hang" };
  const url = new URL(request.path, "http://master");
  let path = url.pathname.replace(/^\/master(?=\/)/, "").slice(1);
  const refused = mesosHasRoutes(model, node) ? refusedAccess(model, path, request) : null;
  if (refused !== null) return refused;
  if (path === "metrics/snapshot") {
    await metricsTurn(model, masterOf(node).mesos, sleep);
    return mesosListens(model, node) ? json(model, node, masterMetrics(model, node)) : { kind: "refused" };
  }
  if (!mesosHasRoutes(model, node)) return NOT_FOUND;
  // The `.json` aliases ended with Mesos 1.8 (DC/OS 1.13); /slaves never had one.
  if (/^(state|tasks|roles)\.json$/.test(path) && releaseOf(node.version).minor <= 12) path = path.slice(0, -".json".length);
  if (path === "health") return EMPTY;
  if (path === "version") return json(model, node, versionInfo(model, node));
  if (path === "flags") return json(model, node, { flags: masterFlags(model, node) });
  if (path === "system/stats.json")
    return json(model, node, {
      avg_load_15min: { double: 0.21 },
      avg_load_1min: { double: 0.32 },
      avg_load_5min: { double: 0.27 },
      cpus_total: 4,
      mem_free_bytes: 9_663_676_416,
      mem_total_bytes: 16_825_114_624,
    });
  if (path === "files/debug") return json(model, node, { "/master/log": "/var/lib/dcos/mesos/log/mesos-master.INFO" });
  const believed = believedLeader(model, node);
  if (path === "redirect")
    return believed === null ? NO_LEADER : answer(307, null, "", { Location: `//${believed.address}:5050` });
  const route = Object.hasOwn(LEADER_ROUTES, path) ? LEADER_ROUTES[path] : undefined;
  if (route === undefined && path !== "api/v1" && !path.startsWith("machine/")) return NOT_FOUND;
  if (path === "api/v1" && believed !== node && request.method !== "POST" && believed === null) return NO_LEADER;
  if (believed === null) return NO_LEADER;
  const leads = leadingMaster(model) === node || model.faults.secondLeader === node;
  if (!leads) return answer(307, null, "", { Location: `//${believed.address}:5050/master/${path}${url.search}` });
  const changed = request.method === "POST" ? maintenancePost(model, path, request.body) : null;
  if (changed !== null) return changed;
  if (route !== undefined) return json(model, node, route(model, node, url.searchParams));
  if (request.method !== "POST")
    return text(405, `405 Method Not Allowed. Expecting one of { 'POST' }, but received '${request.method}'.`, { Allow: "POST" });
  return operatorCall(model, node, request.body);
}

/** Answers a request to the agent of a node (port 5051): dcos.md section 10. */
export async function agentHttp(model: Model, node: NodeState, request: SimHttpRequest, sleep: Sleep): Promise<SimHttpAnswer> {
  if (!agentListens(model, node)) return { kind: "refused" };
  const url = new URL(request.path, "http://agent");
  let path = url.pathname.replace(/^\/slave\(1\)(?=\/)/, "").slice(1);
  if (path === "state.json" && releaseOf(node.version).minor <= 12) path = "state";
  switch (path) {
    case "health":
      return EMPTY;
    case "version":
      return json(model, node, versionInfo(model, node));
    case "flags":
      return json(model, node, { flags: agentFlags(model, node) });
    case "metrics/snapshot":
      await metricsTurn(model, agentOf(node).process, sleep);
      return agentListens(model, node) ? json(model, node, agentMetrics(model, node)) : { kind: "refused" };
    case "state":
      return agentRuns(model, node)
        ? json(model, node, agentState(model, node, agentFlags(model, node)))
        : text(503, "Agent has not finished recovery");
    case "containers": {
      if (!agentRuns(model, node)) return text(503, "Agent has not finished recovery");
      const tasks = model.tasks.filter((task) => task.slaveId === agentOf(node).id && task.state === "TASK_RUNNING");
      return json(
        model,
        node,
        tasks.map((task) => ({
          container_id: task.containerId,
          executor_id: task.id,
          executor_name: `Command Executor (Task: ${task.id})`,
          framework_id: frameworkOf(model, task),
          source: task.id,
          statistics: {
            cpus_limit: { double: (appOf(model, task.appId)?.cpus ?? 0) + 0.1 },
            mem_limit_bytes: ((appOf(model, task.appId)?.mem ?? 0) + 32) * 1_048_576,
            mem_rss_bytes: 31_457_280,
            timestamp: seconds(model.clock.now()),
          },
        })),
      );
    }
    default:
      return NOT_FOUND;
  }
}
