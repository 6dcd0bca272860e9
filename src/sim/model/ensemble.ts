import { later, laterAt, masterOf, quorumOf, type EnsembleRole, type Model, type NodeState } from "./state.ts";
import { startEpoch } from "../zookeeper/history.ts";
import { writeZnodes } from "./znode-writes.ts";
import { closeFiles, openFiles, purgeFiles } from "./zookeeper-files.ts";

/** Time a ZooKeeper process needs before it takes part in an election. */
const BOOT_MS = 2_500;
/** Time an election takes once a quorum of servers is up. */
const ELECTION_MS = 2_000;

/** Codes of Exhibitor for what a server does (dcos.md section 6). */
function setRole(model: Model, node: NodeState, role: EnsembleRole): void {
  const { zookeeper } = masterOf(node);
  if (zookeeper.role === role) return;
  if (role === "down" || role === "looking") {
    closeFiles(model, node);
    for (const end of [...zookeeper.clients]) end();
  }
  zookeeper.role = role;
  const code = role === "down" ? 1 : role === "looking" ? 2 : 3;
  zookeeper.history.push({ atMs: model.clock.now(), code, leader: role === "leading" });
  if (zookeeper.history.length > 12) zookeeper.history.shift();
}

/** Whether the ensemble has a leader, so that clients can write. */
export function ensembleServes(model: Model): boolean {
  return model.ensemble.leader !== null;
}

function votes(model: Model, node: NodeState): boolean {
  const { zookeeper } = masterOf(node);
  const up = zookeeper.startedMs !== null && model.clock.now() >= zookeeper.startedMs + BOOT_MS;
  return up && !node.ailments.zookeeperStuck && !model.faults.quorumLost;
}

function elect(model: Model): void {
  const { ensemble } = model;
  ensemble.electing = false;
  const voters = model.masters.filter((node) => votes(model, node));
  if (ensemble.leader !== null || voters.length < quorumOf(model)) return;
  // All servers hold the same transactions here, so the highest id wins.
  const winner = voters.reduce((a, b) => (masterOf(b).serverId > masterOf(a).serverId ? b : a));
  ensemble.leader = winner;
  ensemble.epoch += 1;
  const loaded = ensemble.written.history.tree.zxid;
  startEpoch(ensemble.written.history, ensemble.epoch);
  ensemble.servingSinceMs = model.clock.now();
  ensemble.lostMs = null;
  for (const node of voters) {
    setRole(model, node, node === winner ? "leading" : "following");
    openFiles(model, node, loaded, (BigInt(ensemble.epoch) << 32n) + 1n);
  }
}

/**
 * Looks again at who takes part, after anything changed: a leader with a quorum keeps leading and newcomers follow it;
 * a leader without a quorum, or none, means that everybody looks for one, and serves nobody meanwhile.
 */
export function reconsiderEnsemble(model: Model): void {
  const { ensemble } = model;
  const voters = model.masters.filter((node) => votes(model, node));
  const had = ensemble.leader !== null;
  // What was written until now is in the logs of those who served until now.
  writeZnodes(model);
  if (ensemble.leader !== null && (!voters.includes(ensemble.leader) || voters.length < quorumOf(model))) {
    ensemble.leader = null;
    ensemble.lostMs = model.clock.now();
  }
  for (const node of model.masters) {
    const running = masterOf(node).zookeeper.startedMs !== null;
    if (!running) setRole(model, node, "down");
    else if (ensemble.leader === null || !voters.includes(node)) setRole(model, node, "looking");
    else if (node !== ensemble.leader && masterOf(node).zookeeper.role !== "following") {
      setRole(model, node, "following");
      openFiles(model, node, writeZnodes(model).tree.zxid);
    }
  }
  if (ensemble.leader === null && voters.length >= quorumOf(model) && !ensemble.electing) {
    ensemble.electing = true;
    later(model, ELECTION_MS, () => {
      elect(model);
      if (ensembleServes(model)) model.notify.ensembleChanged();
      else reconsiderEnsemble(model);
    });
  }
  if (had && ensemble.leader === null) model.notify.ensembleChanged();
}

/** Starts the ZooKeeper process of a master; it joins or elects a little later. */
export function startZooKeeper(model: Model, node: NodeState): void {
  const { zookeeper } = masterOf(node);
  zookeeper.startedMs = model.clock.now();
  purgeFiles(node);
  reconsiderEnsemble(model);
  laterAt(model, node, BOOT_MS, () => reconsiderEnsemble(model));
}

/** Stops the ZooKeeper process of a master. */
export function stopZooKeeper(model: Model, node: NodeState): void {
  masterOf(node).zookeeper.startedMs = null;
  reconsiderEnsemble(model);
}

/** Puts a fresh model's ensemble into its settled state: `leader` leads, the others follow, all for a long time. */
export function settleEnsemble(model: Model, leader: NodeState, sinceMs: number): void {
  model.ensemble.leader = leader;
  model.ensemble.servingSinceMs = sinceMs;
  for (const node of model.masters) {
    const { zookeeper } = masterOf(node);
    zookeeper.startedMs = sinceMs;
    zookeeper.role = node === leader ? "leading" : "following";
    zookeeper.history.push({ atMs: sinceMs, code: 3, leader: node === leader });
  }
}
