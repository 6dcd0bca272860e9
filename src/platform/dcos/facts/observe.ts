import { fileNameOf } from "../../../domain/file-name.ts";
import type { Inventory, InventoryNode } from "../../../domain/inventory.ts";
import type { Json, JsonRecord } from "../../../domain/json.ts";
import type { Facts, NodeFacts } from "../../../domain/plan.ts";
import type { Clock, Observation, Remote } from "../../../engine/ports.ts";
import { mapBounded } from "../../../domain/bounded.ts";
import { mastersOf, urlOf } from "../contract.ts";
import { getJson } from "../http-reading.ts";
import { number, record, text } from "../../../domain/json-fields.ts";
import { lastMasters, readEnsemble, type Ensemble } from "./leadership.ts";
import { askMarathon, parseApps, type AppBaseline } from "../marathon.ts";
import { marathonsBaseline, readMarathons } from "../marathon/read-marathons.ts";
import { frameworkId, isNode, leaderOf, parseAgents, readTasks, type AgentEntry, type TaskCount } from "../mesos.ts";
import { readTarball } from "../preflight/executor-tarball.ts";
import { readImages } from "../preflight/images.ts";
import { readConfiguration } from "../preflight/read-configuration.ts";
import { readNode, reportJson, type NodeAnswer } from "./node-facts.ts";
import { isServing } from "../zookeeper/four-letter-words.ts";

/** Nodes read at once: connecting costs the most, and every node is another machine (performance.md section 6). */
const NODES_AT_ONCE = 50;
/** Running tasks kept in the plan at most, so that a plan stays a file a person can open. */
const MAX_TASKS_KEPT = 50_000;

interface NodeReading {
  readonly node: InventoryNode;
  readonly answer: NodeAnswer;
  /** The node's clock minus ours at the middle of the reading, in ms; null where it could not be told. */
  readonly skewMs: number | null;
}

interface ClusterReading {
  readonly agents: readonly AgentEntry[] | null;
  readonly frameworks: Json;
  readonly tasks: TaskCount;
  readonly marathon: {
    readonly info: JsonRecord | null;
    readonly apps: readonly AppBaseline[] | null;
    readonly leader: string | null;
    readonly all: Json;
  };
  readonly gaps: readonly string[];
  readonly evidence: readonly {
    readonly name: string;
    readonly node: string | null;
    readonly body: string;
    readonly of: string;
  }[];
}

async function readNodes(reader: Remote, inventory: Inventory, clock: Clock): Promise<readonly NodeReading[]> {
  return mapBounded(inventory.nodes, NODES_AT_ONCE, async (node) => {
    const before = clock.now();
    const answer = await readNode(reader, inventory, node);
    const middle = (before + clock.now()) / 2;
    const epoch = answer.kind === "read" ? answer.report.clockEpoch : null;
    return { node, answer, skewMs: epoch === null ? null : Math.round(epoch * 1_000 - middle) };
  });
}

async function readCluster(reader: Remote, inventory: Inventory, leader: InventoryNode | null): Promise<ClusterReading> {
  const gaps: string[] = [];
  const evidence: ClusterReading["evidence"][number][] = [];
  const keep = (name: string, node: string | null, body: string, of: string): void =>
    void evidence.push({ name, node, body, of });
  let agents: readonly AgentEntry[] | null = null;
  let frameworks: Json = null;
  let tasks: TaskCount = { running: [], total: 0, why: "no leading master" };
  if (leader === null) gaps.push("no single leading Mesos master: agents, frameworks and tasks were not read");
  else {
    const long = { timeoutMs: 60_000, followRedirects: 1 };
    const [slaves, known] = await Promise.all([
      getJson(reader, urlOf(inventory, leader, "mesos-master", "/slaves"), long),
      getJson(reader, urlOf(inventory, leader, "mesos-master", "/frameworks"), long),
    ]);
    if (slaves.ok) {
      agents = parseAgents(slaves.value);
      keep("slaves.json", leader.name, slaves.body, "agents as the leading master lists them");
    }
    if (agents === null) gaps.push(`agents: ${slaves.ok ? "the answer has no list of agents" : slaves.why}`);
    if (known.ok) {
      frameworks = known.value;
      keep("frameworks.json", leader.name, known.body, "frameworks as the leading master lists them");
    } else gaps.push(`frameworks: ${known.why}`);
    tasks = await readTasks(reader, inventory, leader);
    if (tasks.why !== null) gaps.push(`tasks: ${tasks.why}`);
  }
  const [{ readings, root }, elected] = await Promise.all([
    readMarathons(reader, inventory, { frameworks, agents: agents ?? [] }),
    askMarathon(reader, inventory, "/v2/leader"),
  ]);
  const { info, apps } = root;
  if (elected.ok) keep("marathon-leader.json", null, elected.body, "Marathon's /v2/leader");
  else gaps.push(`Marathon /v2/leader: ${elected.why}`);
  for (const one of readings) {
    const folder = one.root ? "marathon" : `marathons/${fileNameOf(one.name)}/marathon`;
    const whose = one.root ? "Marathon" : `Marathon ${one.name}`;
    for (const { name, body } of one.bodies) keep(`${folder}-${name}.json`, null, body, `${whose}'s /v2/${name}`);
    gaps.push(...one.gaps);
  }
  return {
    agents,
    frameworks,
    tasks,
    marathon: {
      info: info.ok ? record(info.value) : null,
      apps: apps.ok ? parseApps(apps.value) : null,
      leader: elected.ok ? text(record(elected.value)["leader"]) : null,
      all: marathonsBaseline(readings),
    },
    gaps,
    evidence,
  };
}

function serves(node: InventoryNode, ensemble: Ensemble, agents: readonly AgentEntry[] | null, masters: number): boolean {
  if (node.role !== "master") return (agents ?? []).some((agent) => isNode(agent, node) && agent.active);
  const mesos = ensemble.masters.find((one) => one.node === node.name);
  const server = ensemble.servers.find((one) => one.node === node.name);
  // A master that answers and names no leader is up, but not in the quorum.
  return mesos?.recovered === true && mesos.redirect !== null && server !== undefined && isServing(server, masters);
}

function factsOf({ node, answer, skewMs }: NodeReading, serving: boolean, target: string | undefined): NodeFacts {
  if (answer.kind === "unreadable")
    return {
      version: null,
      role: null,
      reachable: false,
      complete: false,
      details: { code: answer.code, reason: answer.reason, address: node.address, serving },
    };
  const { report } = answer;
  const complete =
    target !== undefined && report.version === target && report.installProgress === false && report.role === node.role && serving;
  return {
    version: report.version,
    role: report.role,
    reachable: true,
    complete,
    details: { ...reportJson(report), address: node.address, skewMs, serving },
  };
}

/** The value most nodes gave, so that one odd node cannot rename the cluster; empty where nobody gave one. */
function majority(values: readonly (string | null)[]): string {
  const given = values.filter((value) => value !== null);
  const times = (value: string): number => given.filter((one) => one === value).length;
  return given.toSorted((a, b) => times(b) - times(a))[0] ?? "";
}

/** What is kept of an agent in the plan; attributes and fault domain where it has some. */
function agentBaseline({ id, hostname, address, role, active, attributes, region, zone }: AgentEntry): JsonRecord {
  return {
    ...{ id, hostname, address, role, active },
    ...(Object.keys(attributes).length === 0 ? {} : { attributes }),
    ...(region === null && zone === null ? {} : { region, zone }),
  };
}

function baselineOf(cluster: ClusterReading, ensemble: Ensemble, leader: InventoryNode | null): JsonRecord {
  const reading = ensemble.masters.find((one) => one.node === leader?.name);
  const counter = (name: string): number | null => number(reading?.metrics?.[name]);
  const running = cluster.tasks.why === null ? cluster.tasks.running : null;
  return {
    leader: leader?.name ?? null,
    mesosVersion: reading?.version ?? null,
    masters: ensemble.masters.map((one) => ({
      name: one.node,
      version: one.version,
      elected: one.elected,
      recovered: one.recovered,
      uptimeSecs: one.uptimeSecs,
    })),
    zookeeper: ensemble.servers.map((one) => ({
      name: one.node,
      state: one.state,
      znodes: one.znodes,
      ephemerals: one.ephemerals,
    })),
    agents: cluster.agents?.map(agentBaseline) ?? null,
    activeAgents: cluster.agents?.filter((agent) => agent.active).length ?? null,
    frameworkIds: { marathon: cluster.frameworks === null ? null : frameworkId(cluster.frameworks, "marathon") },
    marathonVersion: text(cluster.marathon.info?.["version"]),
    marathonLeader: cluster.marathon.leader,
    apps: cluster.marathon.apps?.map((app) => ({ ...app })) ?? null,
    marathons: cluster.marathon.all,
    runningTasks: running === null ? null : running.slice(0, MAX_TASKS_KEPT),
    tasksTotal: cluster.tasks.why === null ? cluster.tasks.total : null,
    slaveRemovals: counter("master/slave_removals"),
    recoverySlaveRemovals: counter("master/recovery_slave_removals"),
    tasksLost: counter("master/tasks_lost"),
    tasksFailed: counter("master/tasks_failed"),
  };
}

function gapsOf(nodes: readonly NodeReading[], ensemble: Ensemble): readonly string[] {
  return [
    ...nodes.flatMap(({ node, answer }) => (answer.kind === "unreadable" ? [`${node.name}: ${answer.reason}`] : [])),
    ...ensemble.masters.flatMap((one) => (one.why === null ? [] : [`${one.node}, Mesos master: ${one.why}`])),
    ...ensemble.servers.flatMap((one) => (one.why === null ? [] : [`${one.node}, ZooKeeper: ${one.why}`])),
  ];
}

function evidenceOf(nodes: readonly NodeReading[], ensemble: Ensemble, cluster: ClusterReading): Observation["evidence"] {
  const item = (
    name: string,
    node: string | null,
    bytes: string,
    of: string,
    mediaType: string,
  ): Observation["evidence"][number] => ({
    meta: { name: `observed/${name}`, mediaType, step: null, node, evidenceOf: of },
    bytes,
  });
  return [
    ...nodes.flatMap(({ node, answer }) =>
      answer.raw === ""
        ? []
        : [item(`${node.name}/facts.txt`, node.name, answer.raw, "what the node says about itself", "text/plain")],
    ),
    ...ensemble.masters.flatMap((one) =>
      one.body === null
        ? []
        : [item(`${one.node}/metrics.json`, one.node, one.body, "the master's own metrics", "application/json")],
    ),
    ...ensemble.servers.flatMap((one) =>
      one.body === "" ? [] : [item(`${one.node}/mntr.txt`, one.node, one.body, "the ZooKeeper server's own state", "text/plain")],
    ),
    ...cluster.evidence.map((one) => item(one.name, one.node, one.body, one.of, "application/json")),
  ];
}

function configurationEvidence(configuration: JsonRecord | null): Observation["evidence"] {
  if (configuration === null) return [];
  const meta = {
    name: "observed/configuration.json",
    mediaType: "application/json",
    step: null,
    node: null,
    evidenceOf: "the installed configuration against the one the target is generated with",
  };
  return [{ meta, bytes: `${JSON.stringify(configuration, null, 1)}\n` }];
}

/**
 * Reads what a plan is made of: every node in one command, every master's own word, the leader's lists, Marathon.
 * What could not be read is a gap in words and null in the facts, never an assumed value. Only reads.
 */
export async function observe(
  reader: Remote,
  inventory: Inventory,
  inputs: Readonly<Record<string, string>>,
  clock: Clock,
): Promise<Observation> {
  const masters = mastersOf(inventory);
  const [nodes, ensemble] = await Promise.all([readNodes(reader, inventory, clock), readEnsemble(reader, inventory)]);
  const leader = leaderOf(ensemble.masters, masters);
  const reports = nodes.flatMap(({ node, answer }) => (answer.kind === "read" ? [{ node, report: answer.report }] : []));
  // A master before an agent, of those with what most have: an odd one is another finding. Who is at the target already holds the target's own.
  const behind = reports.filter(({ report: { version } }) => version !== null && version !== inputs["target"]);
  const common = majority(behind.map(({ report }) => report.configSha256));
  const left = behind.flatMap(({ node, report: { version, configSha256 } }) =>
    version === null || (configSha256 ?? "") !== common ? [] : [{ node, version }],
  );
  const holder = left.find(({ node }) => node.role === "master") ?? left[0] ?? null;
  const [cluster, configuration, images, executorTarball] = await Promise.all([
    readCluster(reader, inventory, leader),
    readConfiguration(reader, inventory, holder, inputs["target"]),
    readImages(reader, inventory, inputs["target"]),
    inputs["target"] === undefined ? null : readTarball(reader, inventory),
  ]);
  const counted = new Set(reports.map(({ report }) => report.masterCount).filter((value) => value !== null));
  const agentsOfRole = (role: string): number | null => cluster.agents?.filter((agent) => agent.role === role).length ?? null;
  const facts: Facts = {
    clusterId: majority(reports.filter(({ node }) => node.role === "master").map(({ report }) => report.clusterId)),
    observedAt: new Date(clock.now()).toISOString(),
    nodes: Object.fromEntries(
      nodes.map((reading) => [
        reading.node.name,
        factsOf(reading, serves(reading.node, ensemble, cluster.agents, masters.length), inputs["target"]),
      ]),
    ),
    last: { master: lastMasters(ensemble, inventory) ?? [] },
    counts: {
      master: counted.size === 1 ? ([...counted][0] ?? null) : null,
      agent: agentsOfRole("agent"),
      agent_public: agentsOfRole("agent_public"),
    },
    baseline: {
      ...baselineOf(cluster, ensemble, leader),
      configuration,
      images,
      ...(executorTarball === null ? {} : { executorTarball }),
    },
  };
  return {
    facts,
    evidence: [...evidenceOf(nodes, ensemble, cluster), ...configurationEvidence(configuration)],
    gaps: [...gapsOf(nodes, ensemble), ...cluster.gaps],
  };
}
