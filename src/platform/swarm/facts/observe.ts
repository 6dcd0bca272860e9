import { mapBounded } from "../../../domain/bounded.ts";
import type { Inventory } from "../../../domain/inventory.ts";
import type { Json, JsonRecord } from "../../../domain/json.ts";
import type { Facts, NodeFacts } from "../../../domain/plan.ts";
import type { Clock, Observation, Remote } from "../../../engine/ports.ts";
import { createManagers, PATIENCE_MS, type Said } from "../access/managers.ts";
import { managersOf, quorumOf } from "../contract.ts";
import { entryOf, nodeNames, parseNodes, plainVersion, type NodeEntry } from "../entries/node-entry.ts";
import { parseServices, type ServiceEntry } from "../entries/service-entry.ts";
import { isServing, isWanted, parseTasks, type TaskEntry } from "../entries/task-entry.ts";
import { infoDetails, readInfo, type InfoAnswer } from "./engine-info.ts";
import { mistaken } from "./identity.ts";

/** Engines asked at once: every node is another machine. */
const NODES_AT_ONCE = 50;

/** What a manager says of the whole Swarm; null: it could not be read. */
interface SwarmReading {
  readonly nodes: readonly NodeEntry[] | null;
  readonly services: readonly ServiceEntry[] | null;
  readonly tasks: readonly TaskEntry[] | null;
  readonly answers: readonly { readonly name: string; readonly said: Said }[];
}

/** Reads nodes, services and tasks from a manager; without a clock nobody is waited for. */
async function readSwarm(
  reader: Remote,
  inventory: Inventory,
  clock: Pick<Clock, "monotonic" | "sleep"> | null,
): Promise<SwarmReading> {
  const managers = createManagers(reader, inventory, clock === null ? {} : { patience: { clock, forMs: PATIENCE_MS } });
  // The first question finds a manager that answers; the others go to it.
  const nodes = await managers.get("/nodes");
  const none: Said = { ok: false, status: null, why: "no manager answers" };
  const [services, tasks] = nodes.ok
    ? await Promise.all([managers.get("/services?status=true"), managers.get("/tasks")])
    : [none, none];
  const value = (said: Said): Json | undefined => (said.ok ? said.value : undefined);
  return {
    nodes: parseNodes(value(nodes)),
    services: parseServices(value(services)),
    tasks: parseTasks(value(tasks)),
    answers: [
      { name: "nodes", said: nodes },
      { name: "services", said: services },
      { name: "tasks", said: tasks },
    ],
  };
}

/** The value most managers gave; empty where nobody gave one. */
function majority(values: readonly (string | null)[]): string {
  const given = values.filter((value) => value !== null);
  const times = (value: string): number => given.filter((one) => one === value).length;
  return given.toSorted((a, b) => times(b) - times(a))[0] ?? "";
}

/** A whole member: ready, and for a manager reachable. */
function isWhole(entry: NodeEntry): boolean {
  return entry.state === "ready" && (entry.role !== "manager" || entry.reachability === "reachable");
}

function factsOf(answer: InfoAnswer, entry: NodeEntry | null, target: string | undefined): NodeFacts {
  const seen: JsonRecord =
    entry === null
      ? { listed: false }
      : {
          ...{ listed: true, nodeId: entry.id, state: entry.state, stateMessage: entry.message },
          ...{
            swarmAddress: entry.address,
            availability: entry.availability,
            leader: entry.leader,
            reachability: entry.reachability,
            swarmRole: entry.role,
          },
        };
  // The engine's own word comes before what a manager last heard of it.
  const version = plainVersion(answer.kind === "read" ? answer.info.engineVersion : (entry?.engineVersion ?? null));
  const { address } = answer.node;
  if (answer.kind === "unread")
    return {
      ...{ version, role: entry?.role ?? null, reachable: false, complete: false },
      details: { ...seen, code: answer.code, reason: answer.reason, address },
    };
  const member = answer.info.swarmState === "active";
  const role = member ? (answer.info.control ? "manager" : "worker") : null;
  const heard = plainVersion(entry?.engineVersion ?? null) === version;
  const complete =
    target !== undefined && version === target && heard && role === answer.node.role && entry !== null && isWhole(entry);
  return { version, role, reachable: true, complete, details: { ...infoDetails(answer.info), ...seen, address } };
}

function serviceBaseline(service: ServiceEntry, { tasks, nodes }: SwarmReading): JsonRecord {
  const own = tasks?.filter((task) => task.serviceId === service.id) ?? null;
  return {
    ...{ id: service.id, name: service.name, image: service.image, mode: service.mode, replicas: service.replicas },
    ...{ stack: service.stack, constraints: service.constraints, updateState: service.updateStatus?.state ?? null },
    desired: service.replicas ?? service.desiredTasks ?? own?.filter((task) => isWanted(task)).length ?? null,
    serving: own === null || nodes === null ? null : own.filter((task) => isServing(task, nodes)).length,
  };
}

function baselineOf(reading: SwarmReading, inventory: Inventory): JsonRecord {
  const { nodes, services, tasks } = reading;
  const names = nodes === null ? new Map<string, string>() : nodeNames(nodes, inventory);
  const managers = nodes?.filter((node) => node.role === "manager") ?? null;
  const reachable = managers?.filter((node) => node.reachability === "reachable").length ?? null;
  const leader = nodes?.filter((node) => node.leader) ?? [];
  const known = new Set(inventory.nodes.flatMap((node) => (nodes === null ? [] : (entryOf(nodes, node)?.id ?? []))));
  return {
    leader: leader.length === 1 ? (names.get(leader[0]?.id ?? "") ?? null) : null,
    managers: managers?.map((node) => ({ name: names.get(node.id) ?? node.hostname, reachability: node.reachability })) ?? null,
    quorum: managers === null ? null : quorumOf(managers.length),
    /** How many more managers may be away before the Swarm cannot decide anything. */
    margin: managers === null || reachable === null ? null : reachable - quorumOf(managers.length),
    notInInventory: nodes?.filter((node) => !known.has(node.id)).map((node) => names.get(node.id) ?? node.hostname) ?? null,
    notReady:
      nodes
        ?.filter((node) => node.state !== "ready")
        .map((node) => ({ name: names.get(node.id) ?? node.id, state: node.state })) ?? null,
    engines: nodes?.map((node) => ({ name: names.get(node.id) ?? node.id, version: node.engineVersion })) ?? null,
    services: services?.map((service) => serviceBaseline(service, reading)) ?? null,
    runningTasks: tasks === null || nodes === null ? null : tasks.filter((task) => isServing(task, nodes)).length,
  };
}

function evidenceOf(engines: readonly InfoAnswer[], reading: SwarmReading): Observation["evidence"] {
  const item = (name: string, node: string | null, bytes: string, of: string): Observation["evidence"][number] => ({
    meta: { name: `observed/${name}.json`, mediaType: "application/json", step: null, node, evidenceOf: of },
    bytes,
  });
  return [
    ...engines.flatMap((one) =>
      one.kind === "read"
        ? [item(`${one.node.name}/info`, one.node.name, one.info.body, "what the node's engine says of itself")]
        : [],
    ),
    ...reading.answers.flatMap(({ name, said }) =>
      said.ok ? [item(name, said.node, said.body, `${name} as a manager lists them`)] : [],
    ),
  ];
}

/**
 * Reads what a plan is made of: every engine's own word, and a manager's about nodes, services and tasks. What could not be read is a gap
 * in words and null in the facts, never an assumed value. Only reads.
 */
export async function observe(
  reader: Remote,
  inventory: Inventory,
  inputs: Readonly<Record<string, string>>,
  clock: Clock,
): Promise<Observation> {
  const [engines, swarm] = await Promise.all([
    mapBounded(inventory.nodes, NODES_AT_ONCE, (node) => readInfo(reader, inventory, node, clock)),
    readSwarm(reader, inventory, clock),
  ]);
  const { nodes } = swarm;
  const found = engines.map((answer) => {
    const id = answer.kind === "read" ? answer.info.nodeId : null;
    const entry = nodes === null ? null : entryOf(nodes, answer.node, id);
    return { node: answer.node, entry, facts: factsOf(answer, entry, inputs["target"]) };
  });
  const told = Object.fromEntries(found.map((one) => [one.node.name, one.facts]));
  const others = mistaken(told, inventory);
  const own = ([name, one]: readonly [string, NodeFacts]): readonly [string, NodeFacts] => [
    name,
    others.has(name) ? { ...one, complete: false } : one,
  ];
  const managers = managersOf(inventory);
  const said = engines.flatMap((one) => (one.kind === "read" && managers.includes(one.node) ? [one.info.clusterId] : []));
  const leading = found.filter(({ entry }) => entry?.leader === true).map(({ node }) => node.name);
  const count = (role: string): number | null => nodes?.filter((node) => node.role === role).length ?? null;
  const facts: Facts = {
    clusterId: majority(said),
    observedAt: new Date(clock.now()).toISOString(),
    nodes: Object.fromEntries(Object.entries(told).map(own)),
    last: { manager: leading.length === 1 ? leading : [], worker: [] },
    counts: { manager: count("manager"), worker: count("worker") },
    baseline: { ...baselineOf(swarm, inventory), clusterIds: [...new Set(said)] },
  };
  const gaps = [
    ...engines.flatMap((one) => (one.kind === "unread" ? [`${one.node.name}: ${one.reason}`] : [])),
    ...swarm.answers.flatMap(({ name, said: one }) => (one.ok ? [] : [`${name}: ${one.why}`])),
  ];
  return { facts, evidence: evidenceOf(engines, swarm), gaps };
}

/** Leadership read again: the leading manager comes last. Null: it could not be told. */
export async function readLast(reader: Remote, inventory: Inventory, role: string): Promise<readonly string[] | null> {
  if (role !== "manager") return [];
  const said = await createManagers(reader, inventory).get("/nodes");
  const nodes = said.ok ? parseNodes(said.value) : null;
  const leading = nodes?.filter((node) => node.leader) ?? [];
  const [leader] = leading;
  if (nodes === null || leader === undefined || leading.length > 1) return null;
  const name = inventory.nodes.find((node) => entryOf(nodes, node)?.id === leader.id)?.name;
  return name === undefined ? null : [name];
}
