import { PawlError } from "../../domain/errors.ts";
import type { Fault } from "../faults.ts";
import type { Program, SimClock } from "../ports.ts";
import { countTask, initialApps, loadOf, makeTask, placeFor } from "./apps.ts";
import { settleEnsemble } from "./ensemble.ts";
import { nothingWritten, settleZnodes } from "./znode-writes.ts";
import { writeBaseFiles, writeVersionFiles } from "./files.ts";
import { readInstaller, writeInstallers } from "./installer.ts";
import { launchMissing, marathonSeesEnsemble } from "./marathon.ts";
import { mesosSeesEnsemble } from "./mesos.ts";
import { NodeFs } from "./node-fs.ts";
import { between, uuidOf } from "./random.ts";
import { noCounters } from "./registry.ts";
import { createService, hasServiceMarathon, serviceApp } from "./service-marathon.ts";
import { findRelease, RELEASE_VERSIONS, releaseOf } from "./releases.ts";
import {
  agentOf,
  masterOf,
  noAilments,
  stopped,
  type Authentication,
  type Election,
  type Model,
  type NodeState,
  type Role,
} from "./state.ts";
import { readScript } from "./upgrade-script.ts";

interface Wanted {
  readonly masters: number;
  readonly privateAgents: number;
  readonly publicAgents: number;
  readonly version: string;
  readonly clock: SimClock;
  readonly faults: readonly Fault[];
  readonly network?: string;
  readonly seed?: number;
  readonly authentication?: Authentication;
}

const HOUR_MS = 3_600_000;
/** Private agents in the first network: .51 to .149, so that public agents begin at .151. Later networks hold 200, from .51. */
const FIRST_NETWORK = 99;
const LATER_NETWORKS = 200;

function addressOf(network: string, role: Role, index: number): string {
  const [a = "127", b = "83", c = "12"] = network.split(".");
  const at = (third: number, fourth: number): string => `${a}.${b}.${(Number(c) + third) % 256}.${fourth}`;
  switch (role) {
    case "bootstrap":
      return at(0, 5);
    case "master":
      return at(0, 11 + index);
    case "agent":
      return index < FIRST_NETWORK
        ? at(0, 51 + index)
        : at(1 + Math.floor((index - FIRST_NETWORK) / LATER_NETWORKS), 51 + ((index - FIRST_NETWORK) % LATER_NETWORKS));
    case "agent_public":
      return at(0, 151 + index);
  }
}

/** Racks of at most twenty agents, three at least; agents of a kind stand in them in turn. */
function rackOf(wanted: Wanted, role: Role, index: number): string {
  const count = role === "agent" ? wanted.privateAgents : role === "agent_public" ? wanted.publicAgents : 0;
  return count === 0 ? "" : `r${1 + (index % Math.max(3, Math.ceil(count / 20)))}`;
}

function makeNode(wanted: Wanted, seed: number, role: Role, index: number, number: number): NodeState {
  const name = role === "bootstrap" ? "bootstrap" : `${role === "master" ? "m" : role === "agent" ? "a" : "p"}${index + 1}`;
  const nowMs = wanted.clock.now();
  const fs = new NodeFs();
  fs.recogniseBy((text) => readScript(text) ?? readInstaller(text));
  return {
    name,
    role,
    index,
    address: addressOf(wanted.network ?? "127.83.12", role, index),
    rack: rackOf(wanted, role, index),
    version: role === "bootstrap" ? "" : wanted.version,
    bootId: uuidOf(seed, `boot ${name}`),
    bootMs: nowMs - Math.round(between(seed, `up ${name}`, 20, 60)) * 24 * HOUR_MS,
    fs,
    programs: new Map(),
    master:
      role !== "master"
        ? null
        : {
            serverId: index + 1,
            exhibitor: stopped(1410),
            zookeeper: { ...stopped(1633), role: "down", history: [], log: null, clients: new Set() },
            mesos: { ...stopped(2107), logRecovered: true, metricsFreeMs: 0 },
            marathon: stopped(2260),
          },
    agent:
      role !== "agent" && role !== "agent_public" ? null : { process: { ...stopped(1980), metricsFreeMs: 0 }, id: "", number },
    generation: 0,
    servicesSinceMs: role === "bootstrap" ? null : nowMs - 12 * HOUR_MS,
    activatedMs: nowMs,
    ailments: noAilments(),
    scriptRuns: [],
  };
}

function noElection(sinceMs: number): Election {
  return { candidates: [], nextSeq: 0, leaderSeq: null, electedMs: sinceMs, readyMs: null };
}

/** Makes the first of `order` lead, as if everybody had enrolled in that order long ago. */
function settleElection(
  election: Election,
  order: readonly NodeState[],
  startOf: (node: NodeState) => number,
  sinceMs: number,
): void {
  for (const node of order) {
    election.candidates.push({ node, seq: election.nextSeq, processMs: startOf(node), expiresMs: null });
    election.nextSeq += 1;
  }
  election.leaderSeq = order.length === 0 ? null : 0;
  election.electedMs = sinceMs;
  election.readyMs = sinceMs + 2_000;
}

function turned<T>(list: readonly T[], by: number): readonly T[] {
  return list.map((_, index) => list[(index + by) % list.length]).filter((one) => one !== undefined);
}

function settleMasters(model: Model, nowMs: number): void {
  const { masters, seed } = model;
  const zookeeperMs = nowMs - 11 * HOUR_MS;
  const leader = turned(masters, seed + 2)[0];
  if (leader !== undefined) settleEnsemble(model, leader, zookeeperMs);
  for (const [index, node] of masters.entries()) {
    const { exhibitor, mesos, marathon } = masterOf(node);
    exhibitor.startedMs = zookeeperMs - 40_000;
    mesos.startedMs = nowMs - 10 * HOUR_MS - index * 7_000;
    marathon.startedMs = nowMs - 9 * HOUR_MS - index * 11_000;
  }
  settleElection(
    model.mesos,
    turned(masters, seed + 1),
    (node) => masterOf(node).mesos.startedMs ?? 0,
    nowMs - 10 * HOUR_MS + 30_000,
  );
  settleElection(
    model.marathon,
    turned(masters, seed),
    (node) => masterOf(node).marathon.startedMs ?? 0,
    nowMs - 9 * HOUR_MS + 60_000,
  );
}

function settleAgents(model: Model, nowMs: number): void {
  for (const node of model.agents) {
    const agent = agentOf(node);
    agent.id = `${model.ids.firstMaster}-S${agent.number}`;
    agent.process.startedMs = nowMs - 8 * HOUR_MS - agent.number * 900;
    model.mesos.registry.set(agent.id, {
      id: agent.id,
      node,
      state: "active",
      registeredMs: agent.process.startedMs + 3_214,
      reregisteredMs: null,
      change: 0,
      version: releaseOf(node.version).mesos,
    });
  }
  model.mesos.counters.registrations = model.agents.length;
  const load = loadOf([]);
  for (const app of [...model.marathon.apps.values(), ...(model.service?.apps.values() ?? [])]) {
    for (let count = 0; count < app.instances; count += 1) {
      const node = placeFor(app, model.agents, load);
      if (node === null) continue;
      countTask(load, app.id, node);
      model.marathon.counter += 1;
      const stagedMs = nowMs - 7 * HOUR_MS + model.marathon.counter * 1_700;
      const task = makeTask(model, app, node, agentOf(node).id, stagedMs, model.marathon.counter);
      task.state = "TASK_RUNNING";
      task.startedMs = stagedMs + 4_100;
      model.tasks.push(task);
    }
    if (!model.marathon.apps.has(app.id)) continue;
    const parts = app.id.split("/").slice(1, -1);
    for (const [index] of parts.entries()) model.marathon.groups.add(`/${parts.slice(0, index + 1).join("/")}`);
  }
}

/** A settled, healthy cluster as plain data: everything has been running for hours. Throws a usage error for an unknown version. */
export function createModel(wanted: Wanted, programsOf: (model: Model, node: NodeState) => ReadonlyMap<string, Program>): Model {
  const seed = wanted.seed ?? 1;
  const nowMs = wanted.clock.now();
  if (findRelease(wanted.version) === null) {
    throw new PawlError("usage", "unknown-release", `the embedded cluster has no DC/OS ${wanted.version}`, {
      observed: wanted.version,
      expected: `${RELEASE_VERSIONS[0] ?? ""} to ${RELEASE_VERSIONS.at(-1) ?? ""}`,
      next: "choose a released version",
    });
  }
  const many = (role: Role, count: number, from: number): readonly NodeState[] =>
    Array.from({ length: count }, (_, index) => makeNode(wanted, seed, role, index, from + index));
  const masters = many("master", wanted.masters, 0);
  const privates = many("agent", wanted.privateAgents, 0);
  const publics = many("agent_public", wanted.publicAgents, wanted.privateAgents);
  const [bootstrap] = many("bootstrap", 1, 0);
  if (bootstrap === undefined) throw new Error("a model without a bootstrap machine");
  const agents = [...privates, ...publics];
  const nodes = [...masters, ...agents, bootstrap];
  const firstMaster = uuidOf(seed, "first master");
  const serves = hasServiceMarathon(privates.length);
  const started = new Date(nowMs - 30 * 24 * HOUR_MS).toISOString();
  const model: Model = {
    clock: wanted.clock,
    seed,
    // Another number of masters is another cluster: what was recorded of this one says nothing about it.
    clusterId: uuidOf(seed, wanted.masters === 3 ? "cluster" : `cluster of ${wanted.masters}`),
    nodes,
    masters,
    agents,
    bootstrap,
    byAddress: new Map(nodes.map((node) => [node.address, node])),
    ensemble: {
      leader: null,
      epoch: 3,
      electing: false,
      servingSinceMs: nowMs,
      lostMs: null,
      written: nothingWritten(),
      abandoned: new Map(),
    },
    mesos: {
      ...noElection(nowMs),
      registry: new Map(),
      counters: noCounters(),
      nextAgent: agents.length,
      lastRemovalMs: 0,
      maintenance: { windows: [], down: new Set() },
    },
    marathon: {
      ...noElection(nowMs),
      apps: new Map(
        [...initialApps(privates, publics, started), ...(serves ? [serviceApp(wanted.version, started)] : [])].map((app) => [
          app.id,
          app,
        ]),
      ),
      deployments: [],
      groups: new Set(["/"]),
      stateMinor: Number(releaseOf(wanted.version).marathon.split(".")[1]),
      counter: 0,
      launching: false,
    },
    service: serves ? createService(firstMaster, started) : null,
    authentication: wanted.authentication ?? null,
    tasks: [],
    ended: [],
    ids: { firstMaster, marathon: `${firstMaster}-0000`, metronome: `${firstMaster}-0001` },
    faults: {
      planned: new Set(wanted.faults),
      targets: [],
      noLeader: false,
      secondLeader: null,
      marathonDown: false,
      quorumLost: false,
      bootstrapDown: false,
    },
    drops: [],
    notify: { ensembleChanged: () => undefined, tasksChanged: () => undefined },
  };
  model.notify.ensembleChanged = () => {
    mesosSeesEnsemble(model);
    marathonSeesEnsemble(model);
  };
  model.notify.tasksChanged = () => launchMissing(model);
  settleMasters(model, nowMs);
  settleAgents(model, nowMs);
  settleZnodes(model);
  for (const node of nodes) {
    writeBaseFiles(model, node);
    if (node.role !== "bootstrap") writeVersionFiles(model, node);
    node.activatedMs = nowMs - 30 * 24 * HOUR_MS;
    for (const [name, program] of programsOf(model, node)) (node.programs as Map<string, Program>).set(name, program);
  }
  writeInstallers(model);
  return model;
}
