import { abandon, enroll, keepSession, leaderOf, lowest, reviveSessions } from "./election.ts";
import { ensembleServes } from "./ensemble.ts";
import { hasLog, recoverLog } from "./mesos-log.ts";
import { agentRuns, forgetLeaderWork, recoverAgents, registerAgent } from "./registry.ts";
import { between } from "./random.ts";
import { later, laterAt, masterOf, quorumOf, runsFor, type Model, type NodeState } from "./state.ts";

/** Between the port opening and the master's routes existing (mesos-real.md, 2). */
const ROUTES_MS = 1_000;
/** Between process start and its entry in ZooKeeper. */
const ENROLL_MS = 2_000;
/** A leader that cannot recover its registry aborts after `registry_fetch_timeout`. */
const FETCH_TIMEOUT_MS = 60_000;
/** systemd waits this long before it starts a dead master again. */
const RESTART_MS = 15_000;
/** A leader that lost ZooKeeper gives up after its session time-out. */
const LOST_SESSION_MS = 10_000;

/** Whether the process listens. */
export function mesosListens(model: Model, node: NodeState): boolean {
  return runsFor(model, masterOf(node).mesos, 50);
}

/** Whether the master's own routes and metrics exist; before that everything but `/metrics/snapshot` is 404. */
export function mesosHasRoutes(model: Model, node: NodeState): boolean {
  return runsFor(model, masterOf(node).mesos, ROUTES_MS);
}

/** The master that leads with a living process; null: none, or the former leader's session has not expired yet. */
export function leadingMaster(model: Model): NodeState | null {
  return model.faults.noLeader ? null : leaderOf(model.mesos);
}

/** Whom a master believes to lead; it may be dead. Null: it knows of none. */
export function believedLeader(model: Model, node: NodeState): NodeState | null {
  if (model.faults.secondLeader === node) return node;
  if (model.faults.noLeader || node.ailments.cutOff || !runsFor(model, masterOf(node).mesos, ENROLL_MS)) return null;
  return knownLeader(model);
}

/** Whether everybody's session with ZooKeeper is over. */
function isCutOff(model: Model): boolean {
  const { lostMs } = model.ensemble;
  return !ensembleServes(model) && lostMs !== null && model.clock.now() - lostMs > LOST_SESSION_MS;
}

/** Whom ZooKeeper names as leader to whoever asks, agents too; it may be dead. */
export function knownLeader(model: Model): NodeState | null {
  return model.faults.noLeader || isCutOff(model) ? null : (lowest(model.mesos)?.node ?? null);
}

/** Whether the registry can be read and written: a quorum of masters runs with a recovered log. */
function hasLogQuorum(model: Model): boolean {
  const votes = (node: NodeState): boolean => {
    const { mesos } = masterOf(node);
    return mesosListens(model, node) && mesos.logRecovered && !mesos.hung;
  };
  return model.masters.filter(votes).length >= quorumOf(model);
}

/**
 * Replicas of the log that ZooKeeper knows: one for each candidate, dead ones until their session expires. Whoever has lost
 * ZooKeeper knows of itself only (recorded: zookeeper-all-down).
 */
export function logReplicas(model: Model): number {
  if (isCutOff(model)) return 1;
  return new Set(model.mesos.candidates.map((one) => one.node)).size;
}

/** Starts the Mesos master process of a node. */
export function startMesos(model: Model, node: NodeState): void {
  const { mesos } = masterOf(node);
  if (mesos.held) return;
  mesos.startedMs = model.clock.now();
  const empty = !hasLog(node);
  mesos.logRecovered = !node.ailments.logStuck && !empty;
  if (empty) recoverLog(model, node);
  laterAt(model, node, ENROLL_MS, () => enrollMaster(model, node));
}

/** Kills it. SIGTERM is no more graceful than SIGKILL: the session expires by itself (mesos-real.md, timings). */
export function stopMesos(model: Model, node: NodeState): void {
  const { mesos } = masterOf(node);
  if (mesos.startedMs === null) return;
  const words = `${node.name}/session/${mesos.startedMs}`;
  mesos.startedMs = null;
  mesos.hung = false;
  abandon(
    model,
    model.mesos,
    node,
    (low, high) => between(model.seed, words, low, high),
    () => settleMesos(model),
  );
}

/** SIGSTOP: the port takes connections, nothing answers, and the session dies as if the process had (recorded: leader-hung). */
export function hangMesos(model: Model, node: NodeState): void {
  const { mesos } = masterOf(node);
  if (mesos.startedMs === null || mesos.hung) return;
  mesos.hung = true;
  const words = `${node.name}/hung/${model.clock.now()}`;
  abandon(
    model,
    model.mesos,
    node,
    (low, high) => between(model.seed, words, low, high),
    () => settleMesos(model),
  );
}

/** SIGCONT: in time it goes on; one whose session is over ends at once, and systemd starts it again. */
export function resumeMesos(model: Model, node: NodeState): void {
  const { mesos } = masterOf(node);
  if (!mesos.hung) return;
  mesos.hung = false;
  if (!keepSession(model.mesos, node, mesos)) crashMesos(model, node);
}

/** Puts a running master into the election. */
export function enrollMaster(model: Model, node: NodeState): void {
  if (node.ailments.cutOff || model.faults.noLeader) return;
  if (enroll(model, model.mesos, node, masterOf(node).mesos)) settleMesos(model);
}

/** Restarts a master that ended by itself, as systemd does. */
export function crashMesos(model: Model, node: NodeState): void {
  stopMesos(model, node);
  masterOf(node).mesos.restarts += 1;
  laterAt(model, node, RESTART_MS, () => startMesos(model, node));
}

function recoverRegistry(model: Model, seq: number): void {
  const leader = leadingMaster(model);
  if (leader === null || model.mesos.leaderSeq !== seq || model.mesos.readyMs !== null) return;
  if (!hasLogQuorum(model) || !masterOf(leader).mesos.logRecovered) {
    if (model.clock.now() - model.mesos.electedMs >= FETCH_TIMEOUT_MS) crashMesos(model, leader);
    else later(model, 1_000, () => recoverRegistry(model, seq));
    return;
  }
  model.mesos.readyMs = model.clock.now();
  for (const node of model.agents) {
    if (!agentRuns(model, node)) continue;
    const delayMs = between(model.seed, `${node.name}/reregister/${seq}`, 200, 1_400);
    later(model, delayMs, () => {
      if (model.mesos.leaderSeq === seq) registerAgent(model, node);
    });
  }
}

/** Looks who leads now; a new leader begins with an empty memory and the registry's agents as `recovered`. */
function settleMesos(model: Model): void {
  const first = lowest(model.mesos);
  if (first === null) {
    model.mesos.leaderSeq = null;
    model.mesos.readyMs = null;
    return;
  }
  if (first.seq === model.mesos.leaderSeq || first.expiresMs !== null) return;
  model.mesos.leaderSeq = first.seq;
  model.mesos.electedMs = model.clock.now();
  model.mesos.readyMs = null;
  forgetLeaderWork(model);
  recoverAgents(model);
  later(model, between(model.seed, `registry/${first.seq}`, 80, 400), () => recoverRegistry(model, first.seq));
}

/** ZooKeeper began or ceased to serve: masters enrol again, or a leader without a session gives up after 10 s. */
export function mesosSeesEnsemble(model: Model): void {
  if (ensembleServes(model)) {
    const words = `sessions/${model.ensemble.epoch}`;
    reviveSessions(
      model,
      model.mesos,
      (low, high) => between(model.seed, words, low, high),
      () => settleMesos(model),
    );
    for (const node of model.masters) {
      if (runsFor(model, masterOf(node).mesos, ENROLL_MS)) {
        const delayMs = between(model.seed, `${node.name}/again/${model.ensemble.epoch}`, 500, 2_500);
        laterAt(model, node, delayMs, () => enrollMaster(model, node));
      }
    }
    return;
  }
  const lost = model.ensemble.lostMs;
  later(model, LOST_SESSION_MS, () => {
    if (ensembleServes(model) || model.ensemble.lostMs !== lost) return;
    const leader = leadingMaster(model);
    model.mesos.leaderSeq = null;
    model.mesos.readyMs = null;
    if (leader !== null) crashMesos(model, leader);
  });
}
