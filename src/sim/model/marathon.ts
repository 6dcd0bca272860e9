import { loadOf, makeTask, placeFor } from "./apps.ts";
import { abandon, drop, enroll, leaderOf, lowest, reviveSessions } from "./election.ts";
import { ensembleServes } from "./ensemble.ts";
import { leadingMaster } from "./mesos.ts";
import { between, uuidOf } from "./random.ts";
import { agentRuns, endTask } from "./registry.ts";
import { serviceTask } from "./service-marathon.ts";
import { releaseOf } from "./releases.ts";
import { agentOf, later, laterAt, masterOf, runsFor, type App, type Deployment, type Model, type NodeState } from "./state.ts";

/** Time a Marathon needs from process start to its port. */
const BOOT_MS = 11_000;
/** A Marathon that cannot read the newer state ends and is started again after this. */
const REFUSED_MS = 20_000;
/** From staging to running. */
const LAUNCH_MS = { low: 2_500, high: 6_000 };

/** The second number of the Marathon version of a node: what kind of state it writes (dcos.md 11.5). */
function stateMinor(node: NodeState): number {
  return Number(releaseOf(node.version).marathon.split(".")[1]);
}

/** Whether the node's Marathon listens. */
export function marathonListens(model: Model, node: NodeState): boolean {
  return runsFor(model, masterOf(node).marathon, BOOT_MS);
}

/** The Marathon that leads and has loaded its state; null: none can be asked. */
export function marathonLeader(model: Model): NodeState | null {
  return model.marathon.readyMs === null || model.faults.marathonDown ? null : leaderOf(model.marathon);
}

/** Whom the others forward to: it may be dead until its session expires. Null: they know of no leader. */
export function believedMarathon(model: Model): NodeState | null {
  if (model.faults.marathonDown || model.marathon.readyMs === null) return null;
  return lowest(model.marathon)?.node ?? null;
}

/** Whether Marathon's scheduler is connected to the leading Mesos master. */
export function schedulerConnected(model: Model): boolean {
  const { readyMs } = model.marathon;
  const mesosMs = model.mesos.readyMs;
  if (marathonLeader(model) === null || leadingMaster(model) === null || readyMs === null || mesosMs === null) return false;
  return model.clock.now() >= Math.max(readyMs, mesosMs) + 2_500;
}

/** Starts the Marathon process of a master. */
export function startMarathon(model: Model, node: NodeState): void {
  masterOf(node).marathon.startedMs = model.clock.now();
  laterAt(model, node, BOOT_MS, () => enrollMarathon(model, node));
}

/** Kills it. */
export function stopMarathon(model: Model, node: NodeState): void {
  const { marathon } = masterOf(node);
  if (marathon.startedMs === null) return;
  const words = `${node.name}/marathon/${marathon.startedMs}`;
  marathon.startedMs = null;
  abandon(
    model,
    model.marathon,
    node,
    (low, high) => between(model.seed, words, low, high),
    () => settleMarathon(model),
  );
}

function enrollMarathon(model: Model, node: NodeState): void {
  if (enroll(model, model.marathon, node, masterOf(node).marathon)) settleMarathon(model);
}

function settleMarathon(model: Model): void {
  const { marathon } = model;
  const first = lowest(marathon);
  if (first === null) {
    marathon.leaderSeq = null;
    marathon.readyMs = null;
    return;
  }
  if (first.seq === marathon.leaderSeq || first.expiresMs !== null) return;
  const { node } = first;
  if (stateMinor(node) < marathon.stateMinor) {
    drop(model, marathon, first);
    masterOf(node).marathon.startedMs = null;
    masterOf(node).marathon.restarts += 1;
    laterAt(model, node, REFUSED_MS, () => startMarathon(model, node));
    settleMarathon(model);
    return;
  }
  marathon.leaderSeq = first.seq;
  marathon.electedMs = model.clock.now();
  marathon.readyMs = null;
  const migrates = stateMinor(node) > marathon.stateMinor;
  later(model, between(model.seed, `marathon/${first.seq}`, 3_000, 7_000) + (migrates ? 8_000 : 0), () => {
    if (marathon.leaderSeq !== first.seq || leaderOf(marathon) !== node) return;
    marathon.readyMs = model.clock.now();
    marathon.stateMinor = Math.max(marathon.stateMinor, stateMinor(node));
    launchMissing(model);
  });
}

/** ZooKeeper serves again: those who are not in the election enrol. A short outage changes nothing, sessions survive it. */
export function marathonSeesEnsemble(model: Model): void {
  if (!ensembleServes(model)) return;
  const words = `marathon sessions/${model.ensemble.epoch}`;
  reviveSessions(
    model,
    model.marathon,
    (low, high) => between(model.seed, words, low, high),
    () => settleMarathon(model),
  );
  for (const node of model.masters) if (marathonListens(model, node)) enrollMarathon(model, node);
  settleMarathon(model);
}

function offered(model: Model): readonly NodeState[] {
  return model.agents.filter((node) => agentRuns(model, node) && model.mesos.registry.get(agentOf(node).id)?.state === "active");
}

function launch(model: Model, app: App): boolean {
  const node = placeFor(app, offered(model), loadOf(model.tasks));
  if (node === null) return false;
  model.marathon.counter += 1;
  const task = makeTask(model, app, node, agentOf(node).id, model.clock.now(), model.marathon.counter);
  model.tasks.push(task);
  later(model, between(model.seed, `launch ${task.id}`, LAUNCH_MS.low, LAUNCH_MS.high), () => {
    if (task.state !== "TASK_STAGING") return;
    task.state = "TASK_RUNNING";
    task.startedMs = model.clock.now();
    finishDeployments(model);
  });
  return true;
}

/** Tasks of an app that run or are about to; those on unreachable agents do not count. */
function liveTasks(model: Model, appId: string): number {
  return model.tasks.filter((task) => task.appId === appId && task.state !== "TASK_UNREACHABLE").length;
}

function launchNow(model: Model): void {
  const served = serviceTask(model) === null ? [] : [...(model.service?.apps.values() ?? [])];
  const missing = [...model.marathon.apps.values(), ...served].filter((app) => liveTasks(model, app.id) < app.instances);
  // A service Marathon that starts now looks after its own apps when it is there.
  const waits = model.service !== null && serviceTask(model) === null;
  if (waits && !model.marathon.launching) launchMissing(model, 15_000);
  if (missing.length === 0 || model.marathon.readyMs === null) return;
  if (!schedulerConnected(model)) {
    launchMissing(model);
    return;
  }
  const stuck = missing.filter((app) => {
    while (liveTasks(model, app.id) < app.instances) if (!launch(model, app)) return true;
    return false;
  });
  if (stuck.length > 0) launchMissing(model, 15_000);
}

/** Starts what is missing, a little later and only while the scheduler is connected; tries again while no offer matches. */
export function launchMissing(model: Model, afterMs = 3_000): void {
  if (model.marathon.launching) return;
  model.marathon.launching = true;
  later(model, afterMs, () => {
    model.marathon.launching = false;
    launchNow(model);
  });
}

function finishDeployments(model: Model): void {
  const done = (one: Deployment): boolean => {
    const app = model.marathon.apps.get(one.appId);
    if (one.action === "StopApplication") return app === undefined;
    const running = model.tasks.filter((task) => task.appId === one.appId && task.state === "TASK_RUNNING");
    // A restart is over when every task is one of the new version.
    const wanted = one.action === "RestartApplication" ? running.filter((task) => task.version === app?.version) : running;
    return app !== undefined && wanted.length >= app.instances;
  };
  const open = model.marathon.deployments.filter((one) => !done(one));
  model.marathon.deployments.splice(0, model.marathon.deployments.length, ...open);
}

/** Starts a deployment that scales the app to its instances, or stops it; returns its id and version. */
export function deploy(model: Model, appId: string, action: Deployment["action"]): Deployment {
  model.marathon.counter += 1;
  const id = uuidOf(model.seed, `deployment ${model.marathon.counter} ${appId}`);
  const deployment = { id, version: new Date(model.clock.now()).toISOString(), appId, action };
  model.marathon.deployments.push(deployment);
  if (action === "StopApplication") {
    later(model, between(model.seed, id, 1_500, 4_000), () => {
      model.marathon.apps.delete(appId);
      for (const task of model.tasks.filter((one) => one.appId === appId)) endTask(model, task, "TASK_KILLED");
      finishDeployments(model);
    });
    return deployment;
  }
  later(model, 1_500, () => {
    const app = model.marathon.apps.get(appId);
    const own = model.tasks.filter((one) => one.appId === appId);
    const surplus =
      app === undefined
        ? []
        : action === "RestartApplication"
          ? own.filter((one) => one.version !== app.version)
          : own.slice(app.instances);
    for (const task of surplus) endTask(model, task, "TASK_KILLED");
    finishDeployments(model);
    launchMissing(model);
  });
  return deployment;
}
