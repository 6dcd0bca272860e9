import type { Fault } from "../faults.ts";
import type { Program, SimClock } from "../ports.ts";
import type { NodeFs } from "./node-fs.ts";
import type { Written } from "./znode-writes.ts";
import type { LogPart } from "./zookeeper-files.ts";

export type Role = "master" | "agent" | "agent_public" | "bootstrap";

/** A process of a node. Times are simulated epoch ms. */
export interface Proc {
  /** Null: not running. */
  startedMs: number | null;
  pid: number;
  /** Restarts by systemd since the unit was started. */
  restarts: number;
  /** Stopped by hand (`systemctl stop`): systemd does not start it again. */
  held: boolean;
  /** Stopped by a signal (SIGSTOP): its port takes connections and nothing answers. */
  hung: boolean;
}

/** One window of a maintenance schedule, as it was posted. */
export interface MaintenanceWindow {
  readonly machine_ids: readonly { readonly hostname: string; readonly ip: string }[];
  readonly unavailability: {
    readonly start: { readonly nanoseconds: number };
    readonly duration?: { readonly nanoseconds: number };
  };
}

/** What a Mesos master demands of those who read: HTTP basic credentials. */
export interface Authentication {
  readonly principal: string;
  readonly secret: string;
  /** Whether the access list lets this principal read `/metrics/snapshot` (ACL `get_endpoints`). */
  readonly metrics: boolean;
}

export type EnsembleRole = "down" | "looking" | "following" | "leading";

export interface Master {
  /** ZooKeeper server id: position by address, from 1 (static Exhibitor backend). */
  readonly serverId: number;
  readonly exhibitor: Proc;
  readonly zookeeper: Proc & {
    role: EnsembleRole;
    /** What Exhibitor's monitor would have seen, oldest first; it looks only every 30 s (dcos.md section 6). */
    readonly history: { atMs: number; code: number; leader: boolean }[];
    /** The log it appends to; null: it does not serve. */
    log: LogPart | null;
    /** What ends the connection of each of its clients. */
    readonly clients: Set<() => void>;
  };
  readonly mesos: Proc & { logRecovered: boolean; metricsFreeMs: number };
  readonly marathon: Proc;
}

export interface Agent {
  readonly process: Proc & { metricsFreeMs: number };
  /** Mesos agent id; a new one means that recovery failed. */
  id: string;
  readonly number: number;
}

/** What faults changed on one node. `heal` puts all of it back. */
export interface Ailments {
  /** ZooKeeper runs and never serves. */
  zookeeperStuck: boolean;
  /** The Mesos master cannot reach ZooKeeper. */
  cutOff: boolean;
  /** ZooKeeper's transaction log breaks off on this node's disk; the server itself does not notice until it starts again. */
  logCut: boolean;
  /** The replicated log is empty and does not catch up. */
  logStuck: boolean;
  /** The agent process must not come up before this time; Infinity: never. */
  agentDownUntilMs: number;
  /** The next start of the agent fails to recover and registers as new. */
  loseTasks: boolean;
  diskFull: boolean;
  /** This node cannot reach the bootstrap machine; the others can. */
  bootstrapCut: boolean;
  clockSkewMs: number;
  /** What the wire must do to SSH of this node. */
  ssh: "fine" | "hang" | "hostkey-changed";
}

export interface ScriptRun {
  readonly from: string;
  readonly target: string;
  readonly startedMs: number;
  endedMs: number | null;
  /** Null: still running; 143 after SIGTERM. */
  exit: number | null;
}

export interface NodeState {
  readonly name: string;
  readonly role: Role;
  readonly index: number;
  readonly address: string;
  /** Where an agent stands; empty for the others. */
  readonly rack: string;
  /** Installed DC/OS version; empty on the bootstrap machine. */
  version: string;
  /** Both change at a reboot. */
  bootId: string;
  bootMs: number;
  readonly fs: NodeFs;
  readonly programs: ReadonlyMap<string, Program>;
  readonly master: Master | null;
  readonly agent: Agent | null;
  /** Raised whenever services stop, so that timers of an older start do nothing. */
  generation: number;
  /** When dcos.target was last started; null while everything is stopped. */
  servicesSinceMs: number | null;
  /** When the installed packages were activated. */
  activatedMs: number;
  readonly ailments: Ailments;
  readonly scriptRuns: ScriptRun[];
}

/** One entry of a leader election in ZooKeeper: an ephemeral sequential node. */
export interface Candidate {
  readonly node: NodeState;
  readonly seq: number;
  /** Start of the process that made it; another process of the same node is another candidate. */
  readonly processMs: number;
  /** The session dies at this time; null while its process lives. */
  expiresMs: number | null;
}

/** An election: the lowest living sequence leads. Mesos and Marathon each have one. */
export interface Election {
  readonly candidates: Candidate[];
  nextSeq: number;
  leaderSeq: number | null;
  electedMs: number;
  /** When the leader can do its work (registry recovered, state loaded); null: not yet. */
  readyMs: number | null;
}

export interface AgentEntry {
  readonly id: string;
  readonly node: NodeState;
  state: "recovered" | "active" | "inactive" | "unreachable";
  registeredMs: number;
  reregisteredMs: number | null;
  /** Raised at every change, so that an older time-out does nothing. */
  change: number;
  version: string;
}

export interface Task {
  readonly id: string;
  readonly appId: string;
  readonly node: NodeState;
  readonly slaveId: string;
  readonly containerId: string;
  readonly port: number;
  state: "TASK_STAGING" | "TASK_STARTING" | "TASK_RUNNING" | "TASK_KILLED" | "TASK_FINISHED" | "TASK_LOST" | "TASK_UNREACHABLE";
  readonly stagedMs: number;
  startedMs: number;
  readonly version: string;
}

/** Counters of the leading Mesos master; they start at 0 with every election. */
export interface Counters {
  registrations: number;
  reregistrations: number;
  removals: number;
  unhealthy: number;
  recoveryRemovals: number;
  lost: number;
  killed: number;
  failed: number;
  finished: number;
}

export interface App {
  readonly id: string;
  instances: number;
  readonly cpus: number;
  readonly mem: number;
  readonly cmd: string;
  image: string | null;
  constraints: readonly (readonly string[])[];
  readonly acceptedResourceRoles: readonly string[] | null;
  readonly healthCheck: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  version: string;
  readonly servicePort: number;
  /** The port its task has on every agent (`requirePorts`); null: one the agent gives. */
  readonly hostPort: number | null;
}

/** A Marathon that runs as an app of the root one, with apps of its own. */
export interface ServiceMarathon {
  readonly appId: string;
  /** Its framework name. */
  readonly name: string;
  readonly frameworkId: string;
  readonly apps: Map<string, App>;
}

export interface Deployment {
  readonly id: string;
  readonly version: string;
  readonly appId: string;
  readonly action: "StartApplication" | "ScaleApplication" | "RestartApplication" | "StopApplication";
}

export interface Model {
  readonly clock: SimClock;
  readonly seed: number;
  readonly clusterId: string;
  /** Cluster nodes in the order masters, private, public; then the bootstrap machine. */
  readonly nodes: readonly NodeState[];
  readonly masters: readonly NodeState[];
  readonly agents: readonly NodeState[];
  readonly bootstrap: NodeState;
  readonly byAddress: ReadonlyMap<string, NodeState>;
  readonly ensemble: {
    leader: NodeState | null;
    epoch: number;
    electing: boolean;
    servingSinceMs: number;
    lostMs: number | null;
    readonly written: Written;
    /** Sessions of clients whose connection is gone, and the mark of the timer that ends each. */
    readonly abandoned: Map<bigint, object>;
  };
  readonly mesos: Election & {
    readonly registry: Map<string, AgentEntry>;
    counters: Counters;
    nextAgent: number;
    lastRemovalMs: number;
    maintenance: {
      windows: readonly MaintenanceWindow[];
      /** Host names of machines that are down for maintenance. */
      readonly down: Set<string>;
    };
  };
  readonly marathon: Election & {
    readonly apps: Map<string, App>;
    readonly deployments: Deployment[];
    readonly groups: Set<string>;
    stateMinor: number;
    counter: number;
    launching: boolean;
  };
  /** Null: the cluster has none. */
  readonly service: ServiceMarathon | null;
  /** Null: masters answer everybody. */
  readonly authentication: Authentication | null;
  tasks: Task[];
  /** Ended tasks the leading master still remembers. */
  ended: Task[];
  /** Ids that never change: of the first master process and of the two schedulers. */
  readonly ids: { readonly firstMaster: string; readonly marathon: string; readonly metronome: string };
  readonly faults: {
    readonly planned: Set<Fault>;
    /** Target versions upgrade scripts had, in order: the hops. */
    readonly targets: string[];
    noLeader: boolean;
    secondLeader: NodeState | null;
    marathonDown: boolean;
    quorumLost: boolean;
    bootstrapDown: boolean;
  };
  readonly drops: ((node: string) => void)[];
  /** Set once by the cluster: who must look again after a change elsewhere. */
  readonly notify: { ensembleChanged: () => void; tasksChanged: () => void };
}

/** Calls back after `ms` of simulated time. */
export function later(model: Model, ms: number, act: () => void): void {
  model.clock.at(model.clock.now() + Math.round(ms), act);
}

/** Like `later`, but only if the node's services were not stopped in between. */
export function laterAt(model: Model, node: NodeState, ms: number, act: () => void): void {
  const generation = node.generation;
  later(model, ms, () => {
    if (node.generation === generation) act();
  });
}

/** The app of a task: the root Marathon's, or the service Marathon's. */
export function appOf(model: Model, appId: string): App | undefined {
  return model.marathon.apps.get(appId) ?? model.service?.apps.get(appId);
}

/** The framework that a task belongs to. */
export function frameworkOf(model: Model, task: Pick<Task, "appId">): string {
  return model.service?.apps.has(task.appId) === true ? model.service.frameworkId : model.ids.marathon;
}

/** More than half of the masters. */
export function quorumOf(model: Pick<Model, "masters">): number {
  return Math.floor(model.masters.length / 2) + 1;
}

/** The master parts of a node; asked only where the caller knows it is a master. */
export function masterOf(node: NodeState): Master {
  if (node.master === null) throw new Error(`${node.name} is not a master`);
  return node.master;
}

/** The agent parts of a node; asked only where the caller knows it is an agent. */
export function agentOf(node: NodeState): Agent {
  if (node.agent === null) throw new Error(`${node.name} is not an agent`);
  return node.agent;
}

/** Nothing wrong. */
export function noAilments(): Ailments {
  return {
    zookeeperStuck: false,
    cutOff: false,
    logCut: false,
    logStuck: false,
    agentDownUntilMs: 0,
    loseTasks: false,
    diskFull: false,
    bootstrapCut: false,
    clockSkewMs: 0,
    ssh: "fine",
  };
}

/** A process that does not run. */
export function stopped(pid: number): Proc {
  return { startedMs: null, pid, restarts: 0, held: false, hung: false };
}

/** Whether a process runs, and has for at least `ms`. */
export function runsFor(model: Model, proc: Proc, ms: number): boolean {
  return proc.startedMs !== null && model.clock.now() >= proc.startedMs + ms;
}
