import { schedulerConnected, marathonLeader } from "./marathon.ts";
import { knownLeader, leadingMaster } from "./mesos.ts";
import { double, type MesosJson } from "./mesos-json.ts";
import { hexOf, uuidOf } from "./random.ts";
import { releaseOf } from "./releases.ts";
import { agentCapabilities, amounts, attributesOf, fullResources, resourceFields } from "./resources.ts";
import { SERVICE_PORT, serviceTask } from "./service-marathon.ts";
import { agentOf, appOf, frameworkOf, masterOf, type AgentEntry, type Model, type NodeState, type Task } from "./state.ts";

const STATES = [
  "TASK_STAGING",
  "TASK_STARTING",
  "TASK_RUNNING",
  "TASK_KILLING",
  "TASK_FINISHED",
  "TASK_KILLED",
  "TASK_FAILED",
  "TASK_LOST",
  "TASK_ERROR",
  "TASK_UNREACHABLE",
] as const;

/** Epoch seconds as Mesos prints times. */
export function seconds(ms: number): MesosJson {
  return double(ms / 1000);
}

/** Id of a master process: new with every start. */
export function masterId(model: Model, node: NodeState): string {
  return uuidOf(model.seed, `master ${node.name} ${masterOf(node).mesos.startedMs ?? 0}`);
}

/** `/version` of a master or agent: the release's Mesos. */
export function versionInfo(model: Model, node: NodeState): Record<string, MesosJson> {
  const release = releaseOf(node.version);
  const built = Date.parse(`${release.released}T03:12:47Z`) - 6 * 86_400_000;
  return {
    build_date: new Date(built).toISOString().slice(0, 19).replace("T", " "),
    build_time: seconds(built),
    build_user: "",
    git_sha: release.mesosCommit + hexOf(0, `mesos ${release.mesosCommit}`, 30),
    version: release.mesos,
  };
}

function counts(tasks: readonly Task[]): Record<string, MesosJson> {
  return Object.fromEntries(STATES.map((state) => [state, tasks.filter((task) => task.state === state).length]));
}

function usedBy(model: Model, tasks: readonly Task[]): { cpus: number; mem: number; ports: readonly number[] } {
  const live = tasks.filter(
    (task) => task.state === "TASK_RUNNING" || task.state === "TASK_STAGING" || task.state === "TASK_STARTING",
  );
  const sum = (name: "cpus" | "mem"): number =>
    Math.round(live.reduce((total, task) => total + (appOf(model, task.appId)?.[name] ?? 0), 0) * 1000) / 1000;
  return { cpus: sum("cpus"), mem: sum("mem"), ports: live.map((task) => task.port).sort((a, b) => a - b) };
}

function usage(model: Model, tasks: readonly Task[]): MesosJson {
  const used = usedBy(model, tasks);
  return amounts(
    used.cpus,
    used.mem,
    0,
    used.ports.length === 0 ? undefined : `[${used.ports.map((port) => `${port}-${port}`).join(", ")}]`,
  );
}

/** Tasks by agent id, so that a list of agents costs one pass over the tasks. */
export function tasksByAgent(model: Model): ReadonlyMap<string, readonly Task[]> {
  const found = new Map<string, Task[]>();
  for (const task of model.tasks) {
    const list = found.get(task.slaveId);
    if (list === undefined) found.set(task.slaveId, [task]);
    else list.push(task);
  }
  return found;
}

/** One agent of `/state`, `/slaves` and `/state-summary` (what they have in common). */
export function agentEntry(model: Model, entry: AgentEntry, tasks: readonly Task[]): Record<string, MesosJson> {
  const { node } = entry;
  return {
    id: entry.id,
    hostname: node.address,
    port: 5051,
    attributes: attributesOf(node),
    pid: `slave(1)@${node.address}:5051`,
    registered_time: seconds(entry.registeredMs),
    ...(entry.reregisteredMs === null ? {} : { reregistered_time: seconds(entry.reregisteredMs) }),
    ...resourceFields(node),
    used_resources: usage(model, tasks),
    offered_resources: amounts(0, 0, 0),
    active: entry.state === "active",
    version: entry.version,
    capabilities: agentCapabilities(node),
  };
}

/** Agents the master lists: active and inactive ones. Unreachable agents are not listed. */
export function listedAgents(model: Model): readonly AgentEntry[] {
  return [...model.mesos.registry.values()].filter((entry) => entry.state === "active" || entry.state === "inactive");
}

/** `recovered_slaves`: known from the registry, not heard of since the election. */
export function recoveredAgents(model: Model): readonly MesosJson[] {
  // A leader that has not read its registry lists nobody at all (mesos-real.md, 3).
  if (model.mesos.readyMs === null) return [];
  return [...model.mesos.registry.values()]
    .filter((entry) => entry.state === "recovered")
    .map(({ id, node }) => ({ id, hostname: node.address, port: 5051, attributes: attributesOf(node) }));
}

/** `/slaves` adds the long form of the resources. */
export function slavesList(model: Model): readonly MesosJson[] {
  const tasks = tasksByAgent(model);
  return listedAgents(model).map((entry) => ({
    ...agentEntry(model, entry, tasks.get(entry.id) ?? []),
    ...fullResources(entry.node),
    used_resources_full: [],
    offered_resources_full: [],
  }));
}

/** `/state-summary` adds task counts and framework ids. */
export function summaryAgents(model: Model): readonly MesosJson[] {
  const tasks = tasksByAgent(model);
  return listedAgents(model).map((entry) => {
    const mine = tasks.get(entry.id) ?? [];
    return {
      ...agentEntry(model, entry, mine),
      ...counts(mine),
      framework_ids: [...new Set(mine.map((task) => frameworkOf(model, task)))],
    };
  });
}

/** One task as `/tasks`, `/frameworks` and `/state` print it. */
export function taskEntry(model: Model, task: Task): MesosJson {
  const app = appOf(model, task.appId);
  const status = (state: string, ms: number): MesosJson => ({
    state,
    timestamp: seconds(ms),
    ...(app?.healthCheck === true && state === "TASK_RUNNING" ? { healthy: true } : {}),
    container_status: {
      container_id: { value: task.containerId },
      network_infos: [{ ip_addresses: [{ protocol: "IPv4", ip_address: task.node.address }] }],
    },
  });
  const statuses =
    task.state === "TASK_STAGING" ? [] : [status("TASK_STARTING", task.startedMs - 400), status("TASK_RUNNING", task.startedMs)];
  if (task.state !== "TASK_STAGING" && task.state !== "TASK_RUNNING") statuses.push(status(task.state, task.startedMs + 1));
  return {
    id: task.id,
    name: task.appId.slice(1).split("/").reverse().join("."),
    framework_id: frameworkOf(model, task),
    executor_id: "",
    slave_id: task.slaveId,
    state: task.state,
    resources: amounts(app?.cpus ?? 0, app?.mem ?? 0, 0, `[${task.port}-${task.port}]`),
    role: task.node.role === "agent_public" ? "slave_public" : "*",
    statuses,
  };
}

interface Framework {
  readonly id: string;
  readonly name: string;
  readonly connected: boolean;
  readonly tasks: readonly Task[];
  readonly ended: readonly Task[];
  /** Where its scheduler is: on a master, or where its task runs. */
  readonly host: string;
  readonly port: number;
  readonly role: string;
}

function frameworks(model: Model): readonly Framework[] {
  const metronome =
    leadingMaster(model) !== null && model.mesos.readyMs !== null && model.clock.now() > model.mesos.readyMs + 1_500;
  const host = (marathonLeader(model) ?? model.masters[0])?.address ?? "";
  const of = (id: string, tasks: readonly Task[]): readonly Task[] => tasks.filter((task) => frameworkOf(model, task) === id);
  const own = (id: string): Pick<Framework, "id" | "tasks" | "ended"> => ({
    id,
    tasks: of(id, model.tasks),
    ended: of(id, model.ended),
  });
  const { service } = model;
  const serving = serviceTask(model);
  const beside: readonly Framework[] =
    service === null
      ? []
      : [
          {
            ...own(service.frameworkId),
            name: service.name,
            connected: serving !== null && metronome,
            host: serving?.node.address ?? "",
            port: SERVICE_PORT,
            role: "*",
          },
        ];
  return [
    {
      ...own(model.ids.marathon),
      name: "marathon",
      connected: schedulerConnected(model),
      host,
      port: 8080,
      role: "slave_public",
    },
    { ...own(model.ids.metronome), name: "metronome", connected: metronome, host, port: 9000, role: "*" },
    ...beside,
  ];
}

function frameworkHead(model: Model, one: Framework): Record<string, MesosJson> {
  const { host } = one;
  const libprocess = one.name === "marathon" ? 15101 : one.name === "metronome" ? 15201 : 15301;
  return {
    id: one.id,
    name: one.name,
    pid: `scheduler-${uuidOf(model.seed, `${one.name} ${model.marathon.leaderSeq ?? 0}`)}@${host}:${libprocess}`,
    used_resources: usage(model, one.tasks),
    offered_resources: amounts(0, 0, 0),
    capabilities: ["TASK_KILLING_STATE", "PARTITION_AWARE"],
    hostname: host,
    webui_url: `http://${host}:${one.port}`,
    active: one.connected,
    connected: one.connected,
    recovered: !one.connected,
  };
}

/** `/frameworks`: what `/state` has of each framework. */
export function frameworksList(model: Model): readonly MesosJson[] {
  return frameworks(model).map((one) => ({
    ...frameworkHead(model, one),
    user: "root",
    failover_timeout: double(604_800),
    checkpoint: true,
    // One that this leader only knows from its agents has never registered with it (recorded: leader-killed/05-settled).
    registered_time: one.connected ? seconds(model.mesos.readyMs ?? model.mesos.electedMs) : double(0),
    unregistered_time: double(0),
    principal: `dcos_${one.name}`,
    resources: usage(model, one.tasks),
    role: one.role,
    tasks: one.tasks.filter((task) => task.state !== "TASK_UNREACHABLE").map((task) => taskEntry(model, task)),
    unreachable_tasks: one.tasks.filter((task) => task.state === "TASK_UNREACHABLE").map((task) => taskEntry(model, task)),
    completed_tasks: one.ended.map((task) => taskEntry(model, task)),
    offers: [],
    executors: [],
  }));
}

/** `/state-summary`: frameworks with task counts. */
export function summaryFrameworks(model: Model): readonly MesosJson[] {
  return frameworks(model).map((one) => ({
    ...frameworkHead(model, one),
    ...counts([...one.tasks, ...one.ended]),
    slave_ids: [...new Set(one.tasks.map((task) => task.slaveId))],
  }));
}

/** `/roles`. */
export function rolesList(model: Model): readonly MesosJson[] {
  const of = (role: string): readonly Task[] =>
    model.tasks.filter((task) => (task.node.role === "agent_public" ? "slave_public" : "*") === role);
  return ["*", "slave_public"].map((name) => ({
    name,
    weight: double(1),
    resources: usage(model, of(name)),
    frameworks:
      name === "*" ? [model.ids.metronome, ...(model.service === null ? [] : [model.service.frameworkId])] : [model.ids.marathon],
  }));
}

/** The agent's own `/state`. */
export function agentState(model: Model, node: NodeState, flags: MesosJson): MesosJson {
  const agent = agentOf(node);
  const tasks = model.tasks.filter((task) => task.slaveId === agent.id);
  // The one ZooKeeper names, dead or not (mesos-real.md, 13).
  const leader = knownLeader(model);
  const executorOf = (task: Task) => ({
    id: task.id,
    name: `Command Executor (Task: ${task.id}) (Command: sh -c '${appOf(model, task.appId)?.cmd ?? ""}')`,
    source: task.id,
    container: task.containerId,
    directory: `/var/lib/mesos/slave/slaves/${agent.id}/frameworks/${frameworkOf(model, task)}/executors/${task.id}/runs/${task.containerId}`,
    resources: amounts((appOf(model, task.appId)?.cpus ?? 0) + 0.1, (appOf(model, task.appId)?.mem ?? 0) + 32, 0),
    role: node.role === "agent_public" ? "slave_public" : "*",
    tasks: task.state === "TASK_STAGING" ? [] : [taskEntry(model, task)],
    queued_tasks: [],
    completed_tasks: [],
  });
  const owners = [
    { id: model.ids.marathon, name: "marathon", role: "slave_public" },
    ...(model.service === null ? [] : [{ id: model.service.frameworkId, name: model.service.name, role: "*" }]),
  ];
  return {
    ...versionInfo(model, node),
    start_time: seconds(agent.process.startedMs ?? 0),
    id: agent.id,
    pid: `slave(1)@${node.address}:5051`,
    hostname: node.address,
    capabilities: agentCapabilities(node),
    ...resourceFields(node),
    ...fullResources(node),
    reserved_resources_allocated: {},
    unreserved_resources_allocated: usage(model, tasks),
    ...(releaseOf(node.version).minor >= 12 ? { resource_providers: [] } : {}),
    attributes: attributesOf(node),
    ...(leader === null ? {} : { master_hostname: leader.address }),
    log_dir: "/var/log/mesos",
    flags,
    frameworks: owners.flatMap(({ id, name, role }) => {
      const executors = tasks.filter((task) => frameworkOf(model, task) === id).map(executorOf);
      const head = { id, name, user: "root", failover_timeout: double(604_800), checkpoint: true };
      return executors.length === 0
        ? []
        : [{ ...head, hostname: leader?.address ?? "", role, executors, completed_executors: [] }];
    }),
    completed_frameworks: [],
  };
}
