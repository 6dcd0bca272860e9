import { startZooKeeper, stopZooKeeper } from "./ensemble.ts";
import { startMarathon, stopMarathon } from "./marathon.ts";
import { crashMesos, hangMesos, resumeMesos, startMesos, stopMesos } from "./mesos.ts";
import { startAgent, stopAgent } from "./registry.ts";
import { agentOf, laterAt, masterOf, type Model, type NodeState, type Proc } from "./state.ts";

/** systemd starts a dead service again after this. */
const RESTART_MS = 15_000;

interface Service {
  readonly proc: Proc;
  start(): void;
  stop(): void;
}

function serviceOf(model: Model, node: NodeState, id: string): Service | null {
  if (node.agent !== null)
    return /^dcos-mesos-slave(-public)?\.service$/.test(id)
      ? { proc: agentOf(node).process, start: () => startAgent(model, node), stop: () => stopAgent(model, node) }
      : null;
  if (node.master === null) return null;
  const { exhibitor, mesos, marathon } = masterOf(node);
  switch (id) {
    case "dcos-mesos-master.service":
      return { proc: mesos, start: () => startMesos(model, node), stop: () => stopMesos(model, node) };
    case "dcos-marathon.service":
      return { proc: marathon, start: () => startMarathon(model, node), stop: () => stopMarathon(model, node) };
    case "dcos-exhibitor.service":
      // Exhibitor starts and stops ZooKeeper as its child.
      return {
        proc: exhibitor,
        start: () => {
          exhibitor.startedMs = model.clock.now();
          startZooKeeper(model, node);
        },
        stop: () => {
          exhibitor.startedMs = null;
          stopZooKeeper(model, node);
        },
      };
    default:
      return null;
  }
}

/** `systemctl start|stop|restart` of a modelled service. False: it is none. */
export function controlService(model: Model, node: NodeState, id: string, verb: "start" | "stop" | "restart"): boolean {
  const service = serviceOf(model, node, id);
  if (service === null) return false;
  if (verb !== "start") service.stop();
  service.proc.held = verb === "stop";
  if (verb !== "stop" && service.proc.startedMs === null) service.start();
  return true;
}

/** A signal to the main process of a modelled service: STOP and CONT of the Mesos master, everything else ends it and systemd starts it again. */
export function signalService(model: Model, node: NodeState, id: string, signal: string): boolean {
  const service = serviceOf(model, node, id);
  if (service === null || service.proc.startedMs === null) return false;
  if (id === "dcos-mesos-master.service" && (signal === "STOP" || signal === "CONT")) {
    (signal === "STOP" ? hangMesos : resumeMesos)(model, node);
    return true;
  }
  if (id === "dcos-mesos-master.service") {
    crashMesos(model, node);
    return true;
  }
  service.stop();
  service.proc.restarts += 1;
  laterAt(model, node, RESTART_MS, () => {
    if (service.proc.startedMs === null && !service.proc.held) service.start();
  });
  return true;
}
