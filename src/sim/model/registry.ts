import { compareVersions, releaseOf } from "./releases.ts";
import { between } from "./random.ts";
import {
  agentOf,
  appOf,
  later,
  laterAt,
  runsFor,
  type AgentEntry,
  type Counters,
  type Model,
  type NodeState,
  type Task,
} from "./state.ts";

/** 20 pings, 15 s apart (dcos.md 3.3): then the master gives an agent up. */
const UNREACHABLE_MS = 300_000;
/** `agent_reregister_timeout`: how long a new leader waits for an agent of the registry. */
const REREGISTER_MS = 600_000;
/** Time an agent needs to recover its tasks before it registers. */
const RECOVERY_MS = { low: 1_500, high: 4_000 };

/** All counters at 0, as after an election. */
export function noCounters(): Counters {
  return {
    registrations: 0,
    reregistrations: 0,
    removals: 0,
    unhealthy: 0,
    recoveryRemovals: 0,
    lost: 0,
    killed: 0,
    failed: 0,
    finished: 0,
  };
}

/** What a new leader does not know any more: counters and ended tasks (dcos.md 17.1). */
export function forgetLeaderWork(model: Model): void {
  model.mesos.counters = noCounters();
  model.ended = [];
}

/** Whether the agent process listens. */
export function agentListens(model: Model, node: NodeState): boolean {
  return runsFor(model, agentOf(node).process, 300);
}

/** Whether the agent has recovered its tasks, so that it can register. */
export function agentRuns(model: Model, node: NodeState): boolean {
  return runsFor(model, agentOf(node).process, recoveryMs(model, node));
}

function recoveryMs(model: Model, node: NodeState): number {
  return Math.round(between(model.seed, `${node.name}/recovery/${node.generation}`, RECOVERY_MS.low, RECOVERY_MS.high));
}

/** Ends a task for good and counts it. */
export function endTask(model: Model, task: Task, state: "TASK_LOST" | "TASK_KILLED"): void {
  task.state = state;
  model.tasks = model.tasks.filter((one) => one !== task);
  model.ended.unshift(task);
  if (state === "TASK_LOST") model.mesos.counters.lost += 1;
  else model.mesos.counters.killed += 1;
}

function pause(model: Model): number {
  // MESOS_SLAVE_REMOVAL_RATE_LIMIT: one in 20 minutes, from DC/OS 1.12 on 100 a minute (dcos.md 3.3).
  const leader = model.masters[0];
  return leader !== undefined && compareVersions(leader.version, "1.12.0") >= 0 ? 600 : 1_200_000;
}

function giveUp(model: Model, entry: AgentEntry, change: number, recovery: boolean): void {
  if (entry.change !== change || (entry.state !== "inactive" && entry.state !== "recovered")) return;
  const now = model.clock.now();
  const allowedMs = model.mesos.lastRemovalMs + pause(model);
  if (!recovery && now < allowedMs) {
    later(model, allowedMs - now, () => giveUp(model, entry, change, recovery));
    return;
  }
  model.mesos.lastRemovalMs = now;
  entry.state = "unreachable";
  entry.change += 1;
  model.mesos.counters.removals += 1;
  if (recovery) model.mesos.counters.recoveryRemovals += 1;
  else model.mesos.counters.unhealthy += 1;
  for (const task of model.tasks) if (task.slaveId === entry.id && task.state === "TASK_RUNNING") task.state = "TASK_UNREACHABLE";
  model.notify.tasksChanged();
}

/** An election: every agent the registry admits is `recovered` until it is heard of, for ten minutes at most. */
export function recoverAgents(model: Model): void {
  for (const entry of model.mesos.registry.values()) {
    if (entry.state === "unreachable") continue;
    entry.state = "recovered";
    entry.change += 1;
    const { change } = entry;
    later(model, REREGISTER_MS, () => giveUp(model, entry, change, true));
  }
}

/** The agent process registers, or re-registers, with the leader; without a recovered one it tries again when there is one. */
export function registerAgent(model: Model, node: NodeState): void {
  const agent = agentOf(node);
  if (agent.process.startedMs === null || model.mesos.readyMs === null || model.mesos.leaderSeq === null) return;
  // A machine that is down for maintenance may not come back before it is declared up.
  if (model.mesos.maintenance.down.has(node.address)) return;
  const known = model.mesos.registry.get(agent.id);
  const nowMs = model.clock.now();
  const version = releaseOf(node.version).mesos;
  if (known === undefined) {
    model.mesos.registry.set(agent.id, {
      id: agent.id,
      node,
      state: "active",
      registeredMs: nowMs,
      reregisteredMs: null,
      change: 0,
      version,
    });
    model.mesos.counters.registrations += 1;
    return;
  }
  if (known.state === "active") return;
  if (known.state === "recovered") known.registeredMs = nowMs;
  known.state = "active";
  known.change += 1;
  known.reregisteredMs = nowMs;
  known.version = version;
  model.mesos.counters.reregistrations += 1;
  for (const task of model.tasks.filter((one) => one.slaveId === agent.id && one.state === "TASK_UNREACHABLE")) {
    // Marathon keeps a task that comes back only where it has not been replaced yet.
    const others = model.tasks.filter((one) => one.appId === task.appId && one.state !== "TASK_UNREACHABLE").length;
    if (others >= (appOf(model, task.appId)?.instances ?? 0)) endTask(model, task, "TASK_KILLED");
    else task.state = "TASK_RUNNING";
  }
}

/** Recovery failed: the agent registers as a new one, and the master declares the tasks of the old one lost (dcos.md section 10). */
function registerAsNew(model: Model, node: NodeState): void {
  const agent = agentOf(node);
  const old = agent.id;
  agent.id = `${model.ids.firstMaster}-S${model.mesos.nextAgent}`;
  model.mesos.nextAgent += 1;
  model.mesos.registry.delete(old);
  model.mesos.counters.removals += 1;
  for (const task of model.tasks.filter((one) => one.slaveId === old)) endTask(model, task, "TASK_LOST");
}

/** Starts the agent process; it recovers its tasks and then registers. */
export function startAgent(model: Model, node: NodeState): void {
  const agent = agentOf(node);
  const nowMs = model.clock.now();
  if (node.ailments.agentDownUntilMs > nowMs) {
    if (Number.isFinite(node.ailments.agentDownUntilMs))
      laterAt(model, node, node.ailments.agentDownUntilMs - nowMs, () => startAgent(model, node));
    return;
  }
  if (agent.process.startedMs !== null || agent.process.held) return;
  agent.process.startedMs = nowMs;
  const { loseTasks } = node.ailments;
  node.ailments.loseTasks = false;
  laterAt(model, node, recoveryMs(model, node), () => {
    if (loseTasks) registerAsNew(model, node);
    registerAgent(model, node);
    if (loseTasks) model.notify.tasksChanged();
  });
}

/** Takes an agent out at once, as `machine/down` does: its process ends, its tasks are lost, it is not counted as unreachable. */
export function removeAgent(model: Model, node: NodeState): void {
  const agent = agentOf(node);
  agent.process.startedMs = null;
  if (!model.mesos.registry.delete(agent.id)) return;
  model.mesos.counters.removals += 1;
  for (const task of model.tasks.filter((one) => one.slaveId === agent.id)) endTask(model, task, "TASK_LOST");
  model.notify.tasksChanged();
}

/** Kills the agent process: the leader sees the closed socket at once and waits five minutes for it. */
export function stopAgent(model: Model, node: NodeState): void {
  const agent = agentOf(node);
  if (agent.process.startedMs === null) return;
  agent.process.startedMs = null;
  const entry = model.mesos.registry.get(agent.id);
  if (entry?.state !== "active") return;
  entry.state = "inactive";
  entry.change += 1;
  const { change } = entry;
  later(model, UNREACHABLE_MS, () => giveUp(model, entry, change, false));
}
