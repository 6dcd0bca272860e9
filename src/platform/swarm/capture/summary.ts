import type { InventoryNode } from "../../../domain/inventory.ts";
import type { Json, JsonRecord } from "../../../domain/json.ts";
import { list, parseJson, record, text } from "../../../domain/json-fields.ts";
import { parseInfo } from "../facts/engine-info.ts";
import { entryOf, parseNodes, type NodeEntry } from "../entries/node-entry.ts";
import { parseServices, STACK_LABEL, type ServiceEntry } from "../entries/service-entry.ts";
import { isServing, isWanted, parseTasks, placeOf, type TaskEntry } from "../entries/task-entry.ts";

type Captured = ReadonlyMap<string, Buffer>;

function jsonOf(captured: Captured, name: string): Json | undefined {
  const bytes = captured.get(name);
  return bytes === undefined ? undefined : parseJson(bytes.toString("utf8"));
}

/** Pairs as a record whose keys are in order, so that equal snapshots are equal bytes. */
function sorted(pairs: readonly (readonly [string, Json])[]): JsonRecord {
  return Object.fromEntries(pairs.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

function namesOf(nodes: readonly NodeEntry[], planned: readonly InventoryNode[]): ReadonlyMap<string, string> {
  const names = new Map(nodes.map((one) => [one.id, one.hostname]));
  for (const node of planned) {
    const id = entryOf(nodes, node)?.id;
    if (id !== undefined) names.set(id, node.name);
  }
  return names;
}

function nodeSummary({ id, role, availability, state, reachability, engineVersion, labels, address }: NodeEntry): Json {
  return { id, address, role, availability, state, reachability, engineVersion, labels };
}

/** What a service is, without what every change of state moves. Empty and zero values are left out by some versions of the API. */
function serviceSummary(service: ServiceEntry, tasks: readonly TaskEntry[] | null, nodes: readonly NodeEntry[]): Json {
  const { id, image, mode, replicas, stack, labels, forceUpdate, spec } = service;
  const { Name: _name, Labels: _labels, Mode: _mode, TaskTemplate, UpdateConfig: _update, RollbackConfig: _back, ...rest } = spec;
  const { ContainerSpec, ForceUpdate: _force, ...template } = record(TaskTemplate);
  const { Image: _image, ...container } = record(ContainerSpec);
  const own = tasks?.filter((task) => task.serviceId === service.id) ?? null;
  return {
    ...{ id, image, mode, replicas, stack, labels, forceUpdate },
    update: { ...service.update },
    rollback: { ...service.rollback },
    definition: pruned({ container, template, ...rest }),
    lastUpdate: service.updateStatus?.state ?? null,
    serving: own?.filter((task) => isServing(task, nodes)).length ?? null,
  };
}

/** The value without empty members: `{}`, `[]`, `""`, 0, false and null say the same as nothing in a spec. */
function pruned(value: Json): Json {
  if (Array.isArray(value)) return value.map((one: Json) => pruned(one));
  if (value === null || typeof value !== "object") return value;
  return sorted(
    Object.entries(record(value)).flatMap(([name, member]) => {
      const less = pruned(member);
      const empty = less === null || less === "" || less === 0 || less === false;
      const hollow = typeof less === "object" && less !== null && Object.keys(less).length === 0;
      return empty || hollow ? [] : [[name, less] as const];
    }),
  );
}

/** The task of each place that is meant to run now: `ping.1`, or `agent.node4` of a global service. */
function taskSummary(tasks: readonly TaskEntry[], services: readonly ServiceEntry[], names: ReadonlyMap<string, string>): Json {
  const nameOf = new Map(services.map((one) => [one.id, one.name]));
  const nodeOf = (id: string | null): string | null => (id === null ? null : (names.get(id) ?? id));
  return sorted(
    tasks.flatMap((task) => {
      if (!isWanted(task) || task.desired !== "running") return [];
      const service = nameOf.get(task.serviceId) ?? task.serviceId;
      const place = task.slot === null ? (nodeOf(task.nodeId) ?? "") : placeOf(task);
      const { id, image, state } = task;
      return [[`${service}.${place}`, { service, id, image, state, node: nodeOf(task.nodeId) }] as const];
    }),
  );
}

function networks(value: Json | undefined): Json {
  if (!Array.isArray(value)) return null;
  return sorted(
    list(value as Json).map((one) => {
      const network = record(one);
      const labels = record(network["Labels"]);
      const subnets = list(record(network["IPAM"])["Config"]).map((config) => record(config)["Subnet"] ?? null);
      return [
        text(network["Name"]) ?? "",
        {
          ...{ id: network["Id"] ?? null, driver: network["Driver"] ?? null, scope: network["Scope"] ?? null, subnets },
          ...{ internal: network["Internal"] === true, attachable: network["Attachable"] === true },
          ...{ ingress: network["Ingress"] === true, encrypted: record(network["Options"])["encrypted"] !== undefined },
          stack: text(labels[STACK_LABEL]),
        },
      ];
    }),
  );
}

/** Configs or secrets by name: which object it is, and what tells its content where the API shows that. */
function named(value: Json | undefined): Json {
  if (!Array.isArray(value)) return null;
  return sorted(
    list(value as Json).map((one) => {
      const object = record(one);
      const spec = record(object["Spec"]);
      const stack = text(record(spec["Labels"])[STACK_LABEL]);
      return [text(spec["Name"]) ?? "", { id: object["ID"] ?? null, secretDigest: object["SecretDigest"] ?? null, stack }];
    }),
  );
}

function engines(captured: Captured, planned: readonly InventoryNode[]): Json {
  return sorted(
    planned.map(({ name }) => {
      const info = parseInfo(captured.get(`engines/${name}/info.json`)?.toString("utf8") ?? "", null);
      if (info === null) return [name, null];
      const { engineVersion, os, kernel, storageDriver, liveRestore, swarmState } = info;
      return [name, { engineVersion, os, kernel, storageDriver, liveRestore, swarmState }];
    }),
  );
}

function cluster(captured: Captured, planned: readonly InventoryNode[]): Json {
  for (const { name } of planned) {
    const info = parseInfo(captured.get(`engines/${name}/info.json`)?.toString("utf8") ?? "", null);
    if (info?.clusterId === null || info === null) continue;
    const { heartbeatMs, taskHistory, autolock, rootRotation } = info;
    return { heartbeatMs, taskHistory, autolock, rootRotation };
  }
  return null;
}

/** Services by stack (`docker stack ls`). */
export function stacksOf(services: readonly ServiceEntry[]): ReadonlyMap<string, readonly string[]> {
  const names = [...new Set(services.flatMap((one) => one.stack ?? []))].sort();
  return new Map(names.map((stack) => [stack, services.filter((one) => one.stack === stack).map((one) => one.name)]));
}

/**
 * The comparable essence of a snapshot. What moves by itself (indices, time stamps, process ids) is left out, so that two snapshots of a
 * quiet Swarm are equal; null means that it was not captured.
 */
export function summarise(captured: Captured, planned: readonly InventoryNode[] = []): JsonRecord {
  const nodes = parseNodes(jsonOf(captured, "swarm/nodes.json"));
  const services = parseServices(jsonOf(captured, "swarm/services.json"));
  const tasks = parseTasks(jsonOf(captured, "swarm/tasks.json"));
  const names = namesOf(nodes ?? [], planned);
  const leader = nodes?.find((node) => node.leader);
  return {
    swarm: cluster(captured, planned),
    leader: leader === undefined ? null : (names.get(leader.id) ?? leader.id),
    nodes: nodes === null ? null : sorted(nodes.map((node) => [names.get(node.id) ?? node.id, nodeSummary(node)])),
    engines: engines(captured, planned),
    services: services === null ? null : sorted(services.map((one) => [one.name, serviceSummary(one, tasks, nodes ?? [])])),
    stacks: services === null ? null : sorted([...stacksOf(services)]),
    tasks: tasks === null ? null : taskSummary(tasks, services ?? [], names),
    networks: networks(jsonOf(captured, "swarm/networks.json")),
    configs: named(jsonOf(captured, "swarm/configs.json")),
    secrets: named(jsonOf(captured, "swarm/secrets.json")),
  };
}
