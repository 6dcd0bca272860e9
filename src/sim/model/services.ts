import { startZooKeeper, stopZooKeeper } from "./ensemble.ts";
import { exhibitorStable } from "./exhibitor.ts";
import { startMarathon, stopMarathon } from "./marathon.ts";
import { leadingMaster, mesosHasRoutes, startMesos, stopMesos } from "./mesos.ts";
import { between } from "./random.ts";
import { agentListens, startAgent, stopAgent } from "./registry.ts";
import { releaseOf } from "./releases.ts";
import { agentOf, laterAt, masterOf, runsFor, type Model, type NodeState, type Proc } from "./state.ts";

/** How long units other than the four modelled processes take to be active after the target was started. */
const SMALL_UNITS_MS = 6_000;

function waitFor(model: Model, node: NodeState, everyMs: number, ready: () => boolean, act: () => void): void {
  if (ready()) act();
  else laterAt(model, node, everyMs, () => waitFor(model, node, everyMs, ready, act));
}

/**
 * Starts dcos.target on a node. A master: Exhibitor, which starts ZooKeeper; the Mesos master once its own Exhibitor sees all
 * servers serving and one leader (its bootstrap step, dcos.md section 6); Marathon once `leader.mesos` answers. An agent: soon.
 */
export function startServices(model: Model, node: NodeState): void {
  node.servicesSinceMs = model.clock.now();
  for (const proc of [node.agent?.process, node.master?.exhibitor, node.master?.mesos, node.master?.marathon])
    if (proc !== undefined) proc.held = false;
  const draw = (words: string, low: number, high: number): number =>
    between(model.seed, `${node.name}/${words}/${node.generation}`, low, high);
  if (node.agent !== null) {
    laterAt(model, node, draw("agent", 5_000, 11_000), () => startAgent(model, node));
    return;
  }
  if (node.master === null) return;
  laterAt(model, node, draw("exhibitor", 1_000, 3_000), () => {
    masterOf(node).exhibitor.startedMs = model.clock.now();
    laterAt(model, node, draw("zookeeper", 12_000, 20_000), () => startZooKeeper(model, node));
    waitFor(
      model,
      node,
      5_000,
      () => exhibitorStable(model, node),
      () => {
        laterAt(model, node, draw("mesos", 2_000, 8_000), () => {
          startMesos(model, node);
          const answers = (): boolean => {
            const leader = leadingMaster(model);
            return leader !== null && mesosHasRoutes(model, leader);
          };
          waitFor(model, node, 3_000, answers, () =>
            laterAt(model, node, draw("marathon", 3_000, 9_000), () => startMarathon(model, node)),
          );
        });
      },
    );
  });
}

/** Stops every DC/OS unit of a node, as the activation does. */
export function stopServices(model: Model, node: NodeState): void {
  node.generation += 1;
  node.servicesSinceMs = null;
  if (node.agent !== null) stopAgent(model, node);
  if (node.master === null) return;
  stopMarathon(model, node);
  stopMesos(model, node);
  stopZooKeeper(model, node);
  masterOf(node).exhibitor.startedMs = null;
}

/** A unit as systemd sees it. */
export interface UnitState {
  readonly id: string;
  readonly description: string;
  readonly active: "active" | "activating" | "inactive" | "failed";
  readonly sub: string;
  readonly pid: number;
  readonly restarts: number;
  readonly sinceMs: number | null;
}

/** Units of a node by role and release (dcos.md 3.2). */
export function unitNames(node: NodeState): readonly string[] {
  if (node.version === "") return [];
  const { minor } = releaseOf(node.version);
  const all = [
    "pkgpanda-api",
    "gen-resolvconf.timer",
    ...(minor <= 10 ? ["spartan", "spartan-watchdog.timer", "navstar"] : ["net", "net-watchdog"]),
  ];
  if (minor >= 11) all.push("checks-poststart.timer");
  if (minor >= 12) all.push("telegraf", "checks-api.socket");
  if (minor >= 13) all.push("fluent-bit");
  const diagnostics = minor === 9 ? "3dt" : "diagnostics";
  if (node.role === "master") {
    all.push(
      "exhibitor",
      "mesos-master",
      "mesos-dns",
      "marathon",
      "metronome",
      "cosmos",
      "adminrouter",
      "history",
      "log-master",
      "signal.timer",
      "logrotate-master.timer",
      `${diagnostics}-master`,
    );
    if (minor <= 12) all.push("oauth");
    else all.push("bouncer", "cockroach", "ui-update-service");
  } else {
    all.push(
      node.role === "agent" ? "mesos-slave" : "mesos-slave-public",
      "adminrouter-agent",
      "docker-gc.timer",
      "rexray",
      "log-agent",
      "logrotate-agent.timer",
      `${diagnostics}-agent`,
    );
  }
  return all.map((name) => `dcos-${name.includes(".") ? name : `${name}.service`}`).sort();
}

function ofProcess(model: Model, node: NodeState, id: string, proc: Proc, readyMs: number, description: string): UnitState {
  const ready = runsFor(model, proc, readyMs);
  const starting = node.servicesSinceMs !== null && !ready && !proc.held;
  return {
    id,
    description,
    active: ready ? "active" : starting ? "activating" : "inactive",
    sub: ready ? "running" : starting ? (proc.startedMs === null ? "auto-restart" : "start-pre") : "dead",
    pid: proc.startedMs === null ? 0 : proc.pid,
    restarts: proc.restarts,
    sinceMs: ready && proc.startedMs !== null ? proc.startedMs + readyMs : null,
  };
}

/** A unit's state; null: the node has no such unit. Names may leave `.service` out. */
export function unitState(model: Model, node: NodeState, name: string): UnitState | null {
  const id = name.includes(".") ? name : `${name}.service`;
  if (id === "dcos.target")
    return {
      id,
      description: "dcos.target",
      active: node.servicesSinceMs === null ? "inactive" : "active",
      sub: node.servicesSinceMs === null ? "dead" : "active",
      pid: 0,
      restarts: 0,
      sinceMs: node.servicesSinceMs,
    };
  if (!unitNames(node).includes(id)) return null;
  if (node.master !== null) {
    if (id === "dcos-exhibitor.service")
      return ofProcess(model, node, id, node.master.exhibitor, 0, "Exhibitor: Zookeeper Supervisor Service");
    if (id === "dcos-mesos-master.service")
      return ofProcess(model, node, id, node.master.mesos, 0, "Mesos Master: distributed systems kernel");
    if (id === "dcos-marathon.service")
      return ofProcess(model, node, id, node.master.marathon, 0, "Marathon: container orchestration engine");
  }
  if (node.agent !== null && id.startsWith("dcos-mesos-slave"))
    return ofProcess(model, node, id, agentOf(node).process, 0, "Mesos Agent: distributed systems kernel agent");
  const since = node.servicesSinceMs;
  const readyMs = since === null ? null : since + SMALL_UNITS_MS;
  const ready = readyMs !== null && model.clock.now() >= readyMs;
  const passive = id.endsWith(".timer") || id.endsWith(".socket");
  return {
    id,
    description: id.replace(/^dcos-/, "DC/OS ").replace(/\.\w+$/, ""),
    active: ready ? "active" : since === null ? "inactive" : "activating",
    sub: ready ? (passive ? (id.endsWith(".timer") ? "waiting" : "listening") : "running") : since === null ? "dead" : "start",
    pid: ready && !passive ? 2_000 + ((id.length * 37) % 5_000) : 0,
    restarts: 0,
    sinceMs: ready ? readyMs : null,
  };
}

/** Units that are not healthy, as dcos-diagnostics judges: activating ones that were active before count as unhealthy. */
export function unhealthyUnits(model: Model, node: NodeState): readonly UnitState[] {
  return unitNames(node)
    .map((name) => unitState(model, node, name))
    .filter((unit) => unit !== null)
    .filter((unit) => unit.active !== "active" || (unit.id.startsWith("dcos-mesos-slave") && !agentListens(model, node)));
}
