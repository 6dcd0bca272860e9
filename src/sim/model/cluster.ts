import type { Fault } from "../faults.ts";
import type {
  Program,
  SimClock,
  SimCluster,
  SimHttpAnswer,
  SimHttpRequest,
  SimListener,
  SimNode,
  SimTcpAnswer,
  Sleep,
} from "../ports.ts";
import { fireFaults, fireNextHop, healAll, RUN_LOCK, strike } from "./ailments.ts";
import { createModel } from "./creation.ts";
import { DIAGNOSTICS_PORT, diagnosticsHttp } from "./diagnostics.ts";
import { SIDE_PORTS, sideHttp } from "./side-services.ts";
import { exhibitorHttp } from "./exhibitor.ts";
import { fourLetterWord } from "./four-letter.ts";
import { BOOTSTRAP_PORT, bootstrapHttp, installerProgram, type Installer } from "./installer.ts";
import { marathonHttp } from "./marathon-http.ts";
import { agentHttp, masterHttp } from "./mesos-http.ts";
import { curlProgram } from "./programs/curl.ts";
import { dcosPrograms } from "./programs/dcos.ts";
import { systemPrograms } from "./programs/system.ts";
import { systemdPrograms } from "./programs/systemd.ts";
import { machineOf } from "../shell/machine.ts";
import { rebootNode } from "./reboot.ts";
import { upgradeProgram } from "./script-run.ts";
import { SERVICE_PORT, serviceHttp, serviceSettings } from "./service-marathon.ts";
import type { Ailments, Authentication, Model, NodeState, ScriptRun } from "./state.ts";
import type { BakedIn } from "./upgrade-script.ts";
import { zookeeperPort } from "./zookeeper-port.ts";
import { serveClient } from "../zookeeper/client-port.ts";

export interface ClusterOptions {
  readonly masters: number;
  readonly privateAgents: number;
  readonly publicAgents: number;
  /** DC/OS version all nodes run at first; one of `RELEASE_VERSIONS`. */
  readonly version: string;
  readonly clock: SimClock;
  readonly faults: readonly Fault[];
  /** First three numbers of the addresses; a second network with the next third number is used beyond 99 private agents. */
  readonly network?: string;
  readonly seed?: number;
  /** Mesos masters then ask for these credentials (`--authenticate_http_readonly`). */
  readonly authentication?: Authentication;
}

/** What happened on a node: for tests, never for product code. */
interface NodeInspection {
  readonly version: string;
  readonly role: NodeState["role"];
  readonly scriptRuns: readonly ScriptRun[];
  readonly agentId: string | null;
}

export interface ModelCluster extends SimCluster {
  inspect(): Readonly<Record<string, NodeInspection>>;
  /** Lets something go wrong now, whatever is planned. */
  strike(fault: Pick<Fault, "name" | "node">): void;
  /** What the wire must do to SSH of the node (faults `ssh-hang`, `hostkey-changed`). */
  sshAilment(node: string): Ailments["ssh"];
  /** The machine loses its power and starts again; false where there is none of that name. */
  reboot(node: string): boolean;
}

const PORTS = { master: 5050, agent: 5051, marathon: 8080, exhibitor: 8181, zookeeper: 2181 };

function listenersOf(model: Model): readonly SimListener[] {
  const http = (node: NodeState, port: number): SimListener => ({ host: node.address, port, protocol: "http" });
  return [
    ...model.masters.flatMap((node): SimListener[] => [
      http(node, PORTS.master),
      http(node, PORTS.marathon),
      http(node, PORTS.exhibitor),
      ...[DIAGNOSTICS_PORT, ...Object.values(SIDE_PORTS)].map((port) => http(node, port)),
      { host: node.address, port: PORTS.zookeeper, protocol: "stream" },
    ]),
    ...model.agents.map((node) => http(node, PORTS.agent)),
    ...(model.service === null
      ? []
      : model.agents.filter((node) => node.role === "agent").map((node) => http(node, SERVICE_PORT))),
    http(model.bootstrap, BOOTSTRAP_PORT),
  ];
}

async function ask(model: Model, host: string, port: number, request: SimHttpRequest, sleep: Sleep): Promise<SimHttpAnswer> {
  const node = model.byAddress.get(host);
  if (node === undefined) return { kind: "refused" };
  if (node === model.bootstrap) return port === BOOTSTRAP_PORT ? bootstrapHttp(model, request) : { kind: "refused" };
  if (node.agent !== null && port === SERVICE_PORT) return serviceHttp(model, node, request);
  if (node.agent !== null) return port === PORTS.agent ? agentHttp(model, node, request, sleep) : { kind: "refused" };
  switch (port) {
    case PORTS.master:
      return masterHttp(model, node, request, sleep);
    case PORTS.marathon:
      return marathonHttp(model, node, request);
    case PORTS.exhibitor:
      return exhibitorHttp(model, node, request);
    case DIAGNOSTICS_PORT:
      return diagnosticsHttp(model, node, request);
    default:
      return sideHttp(model, node, port, request) ?? { kind: "refused" };
  }
}

function programsOf(model: Model, node: NodeState): ReadonlyMap<string, Program> {
  const curl = curlProgram(model, node, (host, port, request, sleep) => ask(model, host, port, request, sleep));
  const own = node.role === "bootstrap" ? [] : [...systemdPrograms(model, node), ...dcosPrograms(model, node)];
  return new Map([...systemPrograms(model, node), ...own, ["curl", curl]]);
}

function scriptProgram(model: Model, node: NodeState, path: string): Program | null {
  const found = node.fs.scriptAt(path) as BakedIn | Installer | null;
  if (found === null) return null;
  if ("installer" in found) return node.role === "bootstrap" ? installerProgram(model, found) : null;
  return node.role === "bootstrap" ? null : upgradeProgram(model, node, found);
}

function simNode(model: Model, node: NodeState): SimNode {
  return {
    name: node.name,
    address: node.address,
    get bootId() {
      return node.bootId;
    },
    fs: node.fs,
    programs: node.programs,
    scriptProgram: (path) => scriptProgram(model, node, path),
    online: true,
  };
}

/**
 * A cluster of the model, settled and healthy but for faults that are there from the start. Nodes m1…, a1… (private), p1…
 * (public) and `bootstrap`. Programs take `argv` with the program's name first. Throws a usage error for a version or a fault
 * the model does not know.
 */
export function createCluster(options: ClusterOptions): ModelCluster {
  const model = createModel(options, programsOf);
  const nodes = model.nodes.map((node) => simNode(model, node));
  fireFaults(model, "start", 1, null);
  for (const master of model.masters) master.fs.whenGone(RUN_LOCK, () => fireNextHop(model));
  const ports = new Map(model.masters.map((node) => [node.address, zookeeperPort(model, node)]));
  const bootstrap = nodes.at(-1);
  if (bootstrap === undefined) throw new Error("a model without machines");
  return {
    id: model.clusterId,
    clock: model.clock,
    nodes: nodes.slice(0, -1),
    bootstrap,
    listeners: listenersOf(model),
    http: (host, port, request, sleep = (ms) => model.clock.sleep(ms)) => ask(model, host, port, request, sleep),
    tcp: (host, port, text): Promise<SimTcpAnswer> => {
      const node = model.byAddress.get(host);
      const body =
        node === undefined || node.master === null || port !== PORTS.zookeeper
          ? null
          : fourLetterWord(model, node, text.trim().slice(0, 4));
      return Promise.resolve(body === null ? { kind: "refused" } : { kind: "answered", body });
    },
    serve: (host, port, stream) => {
      const served = port === PORTS.zookeeper ? ports.get(host) : undefined;
      if (served === undefined || served.word("ruok") === null) return false;
      serveClient(served, stream);
      return true;
    },
    onDrop: (cut) => void model.drops.push(cut),
    heal: () => healAll(model),
    reboot: (name) => {
      const node = model.nodes.find((one) => one.name === name);
      const machine = nodes.find((one) => one.name === name);
      if (node === undefined || machine === undefined) return false;
      rebootNode(model, node);
      // Meeting the machine after its boot id changed ends every process of the boot before.
      machineOf(machine, model.clock);
      return true;
    },
    strike: (fault) => strike(model, fault),
    settings: () => serviceSettings(model),
    sshAilment: (name) => model.nodes.find((node) => node.name === name)?.ailments.ssh ?? "fine",
    inspect: () =>
      Object.fromEntries(
        model.nodes
          .filter((node) => node.role !== "bootstrap")
          .map((node) => [
            node.name,
            {
              version: node.version,
              role: node.role,
              scriptRuns: node.scriptRuns.map((run) => ({ ...run })),
              agentId: node.agent?.id ?? null,
            },
          ]),
      ),
  };
}
