import type { Fault, FaultName } from "../faults.ts";
import { reconsiderEnsemble } from "./ensemble.ts";
import { restoreUserConfig, userConfigYaml } from "./files.ts";
import { launchMissing } from "./marathon.ts";
import { crashMesos, enrollMaster, leadingMaster } from "./mesos.ts";
import { between } from "./random.ts";
import { registerAgent, startAgent, stopAgent } from "./registry.ts";
import { laterAt, masterOf, noAilments, type Model, type NodeState } from "./state.ts";

/** A late agent comes back after this, well under the five minutes a master waits. */
const LATE_MS = { low: 140_000, high: 220_000 };
/** Where a run that changes the cluster leaves its mark on the masters. */
export const RUN_LOCK = "/var/lib/pawl/lock";
const ROLES = { master: "master", agent: "slave", agent_public: "slave_public" } as const;

function roleFile(node: NodeState, right: boolean): string {
  const own = node.role === "bootstrap" ? "master" : ROLES[node.role];
  const other = own === "slave" ? "slave_public" : "slave";
  return `/etc/mesosphere/roles/${right ? own : other}`;
}

function restartAgent(model: Model, node: NodeState, afterMs: number): void {
  stopAgent(model, node);
  laterAt(model, node, afterMs, () => startAgent(model, node));
}

function afflict(model: Model, node: NodeState, name: FaultName): void {
  const { ailments } = node;
  switch (name) {
    case "replog-not-recovered":
      ailments.logStuck = true;
      if (masterOf(node).mesos.startedMs !== null) crashMesos(model, node);
      return;
    case "exhibitor-not-serving":
      ailments.zookeeperStuck = true;
      reconsiderEnsemble(model);
      return;
    case "master-out-of-quorum":
      ailments.cutOff = true;
      if (masterOf(node).mesos.startedMs !== null) crashMesos(model, node);
      return;
    case "two-leaders":
      model.faults.secondLeader = leadingMaster(model) === node ? (model.masters.find((one) => one !== node) ?? null) : node;
      return;
    case "no-leader":
      model.faults.noLeader = true;
      return;
    case "marathon-down":
      model.faults.marathonDown = true;
      return;
    case "zk-quorum-lost":
      model.faults.quorumLost = true;
      reconsiderEnsemble(model);
      return;
    case "agent-never":
      ailments.agentDownUntilMs = Number.POSITIVE_INFINITY;
      stopAgent(model, node);
      return;
    case "agent-late":
      ailments.agentDownUntilMs =
        model.clock.now() + Math.round(between(model.seed, `${node.name}/late`, LATE_MS.low, LATE_MS.high));
      restartAgent(model, node, 1_000);
      return;
    case "tasks-lost":
      ailments.loseTasks = true;
      restartAgent(model, node, 5_000);
      return;
    case "ssh-hang":
      ailments.ssh = "hang";
      return;
    case "hostkey-changed":
      ailments.ssh = "hostkey-changed";
      // Another machine answers now: nobody goes on talking to the old one.
      for (const cut of model.drops) cut(node.name);
      return;
    case "disk-full":
      ailments.diskFull = true;
      return;
    case "bootstrap-down":
      if (node.role === "bootstrap") model.faults.bootstrapDown = true;
      else ailments.bootstrapCut = true;
      return;
    case "wrong-role":
      void node.fs.rm(roleFile(node, true), { force: true });
      node.fs.writeFileSync(roleFile(node, false), "");
      return;
    case "config-differs":
      node.fs.writeFileSync("/opt/mesosphere/etc/user.config.yaml", userConfigYaml(model, { oauth_enabled: "false" }));
      return;
    case "clock-skew":
      ailments.clockSkewMs = 8_000;
      return;
    case "zookeeper-backup-bad":
      ailments.logCut = true;
      return;
    case "constraint-broken": {
      const app = model.marathon.apps.get("/ops/cron") ?? [...model.marathon.apps.values()][0];
      if (app !== undefined) app.constraints = [["hostname", "LIKE", "*"]];
      return;
    }
    case "script-fails":
    case "script-lies":
    case "ssh-drop":
      // These belong to the script itself: it takes them with `takeFault` when it gets there.
      return;
  }
}

function take(model: Model, wanted: (fault: Fault) => boolean): readonly Fault[] {
  const found = [...model.faults.planned].filter(wanted);
  for (const fault of found) model.faults.planned.delete(fault);
  return found;
}

/** The hop a script run with this target belongs to: the first target ever seen is hop 1. */
export function hopOf(model: Model, target: string): number {
  if (!model.faults.targets.includes(target)) model.faults.targets.push(target);
  return model.faults.targets.indexOf(target) + 1;
}

/** Whether a fault of the script itself is planned for this run; it is used up by asking. */
export function takeFault(model: Model, node: NodeState, name: FaultName, hop: number): boolean {
  return take(model, (fault) => fault.name === name && fault.node === node.name && fault.hop === hop).length > 0;
}

/**
 * Lets the faults of one moment happen: each fires once. The bootstrap machine has no script of its own: what is planned for
 * it `during` a hop happens with the first script of that hop.
 */
export function fireFaults(model: Model, when: Fault["when"], hop: number, node: NodeState | null): void {
  const scripts: readonly FaultName[] = ["script-fails", "script-lies", "ssh-drop"];
  const due = take(
    model,
    (fault) =>
      fault.when === when &&
      fault.hop === hop &&
      (node === null || fault.node === node.name || fault.node === "bootstrap") &&
      !scripts.includes(fault.name),
  );
  for (const fault of due) strike(model, fault);
}

/** Lets something go wrong now. */
export function strike(model: Model, fault: Pick<Fault, "name" | "node">): void {
  const where = fault.node === "bootstrap" ? model.bootstrap : model.nodes.find((one) => one.name === fault.node);
  if (where !== undefined) afflict(model, where, fault.name);
}

/**
 * Faults planned for the start of the next hop: they happen between two runs, when every node is at the newest target and no
 * run holds the cluster any more. Called when a script has ended and when a run has given its lock back.
 */
export function fireNextHop(model: Model): void {
  const target = model.faults.targets.at(-1);
  const complete = model.nodes.every((node) => node.role === "bootstrap" || node.version === target);
  const held = model.masters.some((node) => node.fs.getAllPaths().includes(RUN_LOCK));
  if (complete && !held) fireFaults(model, "start", model.faults.targets.length + 1, null);
}

function healNode(model: Model, node: NodeState): void {
  Object.assign(node.ailments, noAilments());
  if (node.role === "bootstrap") return;
  void node.fs.rm(roleFile(node, false), { force: true });
  node.fs.writeFileSync(roleFile(node, true), "");
  restoreUserConfig(model, node);
  if (node.servicesSinceMs === null) return;
  if (node.master !== null) {
    node.master.mesos.logRecovered = true;
    enrollMaster(model, node);
  }
  if (node.agent !== null) {
    if (node.agent.process.startedMs === null) startAgent(model, node);
    else registerAgent(model, node);
  }
}

/** Repairs every fault that has happened (`pawl lab heal`). Faults that are still to come stay planned. */
export function healAll(model: Model): void {
  model.faults.noLeader = false;
  model.faults.secondLeader = null;
  model.faults.marathonDown = false;
  model.faults.quorumLost = false;
  model.faults.bootstrapDown = false;
  for (const app of model.marathon.apps.values())
    if (app.constraints.some((one) => one[1] === "LIKE" && one[2] === "*")) app.constraints = [];
  for (const node of model.nodes) healNode(model, node);
  reconsiderEnsemble(model);
  launchMissing(model);
}
