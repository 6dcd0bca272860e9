import type { Json } from "../../../domain/json.ts";
import { list, record, text } from "../../../domain/json-fields.ts";
import type { LookingWorld, Sheet, SheetCell, Tone } from "../../../engine/ports.ts";
import { quorumOf } from "../contract.ts";
import { entryOf, type NodeEntry } from "../entries/node-entry.ts";
import { isServing } from "../entries/task-entry.ts";
import { viewSwarm, type SwarmView } from "./world.ts";

const cell = (text: string, tone?: Tone): SheetCell => (tone === undefined ? { text } : { text, tone });

function stateCell(state: string | null): SheetCell {
  return cell(state ?? "unknown", state === "ready" ? "good" : state === "unknown" ? "waiting" : "bad");
}

function managerCell({ role, leader, reachability }: NodeEntry): SheetCell {
  if (role !== "manager") return cell("");
  if (reachability !== "reachable") return cell(reachability ?? "unknown", "bad");
  return cell(leader ? "leader" : "reachable", "good");
}

/** What the managers can bear, in a sentence. */
function quorumLine(nodes: readonly NodeEntry[]): SheetCell {
  const managers = nodes.filter((node) => node.role === "manager");
  const reachable = managers.filter((node) => node.reachability === "reachable").length;
  const needed = quorumOf(managers.length);
  const spare = reachable - needed;
  const begin = `${managers.length === 1 ? "1 manager" : `${managers.length} managers`}, ${reachable} reachable, quorum ${needed}`;
  if (!nodes.some((node) => node.leader)) return cell(`${begin}: nobody leads, so nothing can be decided.`, "bad");
  if (spare < 0) return cell(`${begin}: too few to decide anything.`, "bad");
  if (spare === 0) return cell(`${begin}: none may be away.`, "waiting");
  return cell(`${begin}: ${spare === 1 ? "one" : spare} more may be away.`);
}

function warnings(view: SwarmView, { inventory }: LookingWorld): readonly SheetCell[] {
  const { nodes, names } = view;
  const known = new Set(inventory.nodes.flatMap((node) => entryOf(nodes, node)?.id ?? []));
  const strangers = nodes.filter((node) => !known.has(node.id)).map((node) => names.get(node.id) ?? node.id);
  const missing = inventory.nodes.filter((node) => entryOf(nodes, node) === null).map((node) => node.name);
  const other = inventory.nodes.flatMap((node) => {
    const role = entryOf(nodes, node)?.role ?? node.role;
    return role === node.role ? [] : [`${node.name} is a ${role}`];
  });
  const versions = new Set(nodes.map((node) => node.engineVersion));
  return [
    ...nodes
      .filter((node) => node.state !== "ready" && (node.message ?? "") !== "")
      .map((node) => cell(`${names.get(node.id) ?? node.id}: ${node.message ?? ""}`, "bad")),
    ...(versions.size > 1 ? [cell(`Engines of ${versions.size} versions.`, "waiting")] : []),
    ...(strangers.length > 0 ? [cell(`Not in the inventory: ${strangers.join(", ")}.`, "waiting")] : []),
    ...(missing.length > 0 ? [cell(`In the inventory, but not in the Swarm: ${missing.join(", ")}.`, "bad")] : []),
    ...(other.length > 0 ? [cell(`Other roles than in the inventory: ${other.join(", ")}.`, "waiting")] : []),
  ];
}

/** `pawl nodes`: what `docker node ls` tells, with the tasks each node carries and what the managers can bear. */
export async function nodesSheet(world: LookingWorld): Promise<Sheet> {
  const view = await viewSwarm(world);
  const { nodes, tasks, names, clusterId, info } = view;
  const carried = (id: string): number => tasks.filter((task) => task.nodeId === id && isServing(task, nodes)).length;
  const shown = nodes.toSorted((a, b) => {
    const [one, other] = [a, b].map((node) => `${node.role === "manager" ? 0 : 1} ${names.get(node.id) ?? ""}`);
    return (one ?? "").localeCompare(other ?? "", "en", { numeric: true });
  });
  const managers = nodes.filter((node) => node.role === "manager");
  const reachable = managers.filter((node) => node.reachability === "reachable").length;
  const labels = (node: NodeEntry): string =>
    Object.entries(node.labels)
      .map(([name, value]) => `${name}=${text(value) ?? ""}`)
      .join(" ");
  const labelled = shown.some((node) => Object.keys(node.labels).length > 0);
  return {
    clusterId,
    document: {
      cluster: clusterId,
      leader: names.get(nodes.find((node) => node.leader)?.id ?? "") ?? null,
      managers: {
        total: managers.length,
        reachable,
        quorum: quorumOf(managers.length),
        margin: reachable - quorumOf(managers.length),
      },
      nodes: shown.map((node): Json => {
        const { id, hostname, address, role, availability, state, message, leader, reachability, engineVersion } = node;
        return {
          ...{ name: names.get(id) ?? hostname, id, hostname, address, role, availability, state, message, leader, reachability },
          ...{ engineVersion, labels: node.labels, servingTasks: carried(id) },
        };
      }),
      remoteManagers: list(info["RemoteManagers"]).map((one) => text(record(one)["Addr"])),
    },
    parts: [
      {
        kind: "table",
        empty: "This Swarm has no nodes.",
        columns: [
          { title: "NODE" },
          { title: "ROLE" },
          { title: "STATE" },
          { title: "AVAILABILITY" },
          { title: "MANAGER" },
          { title: "ENGINE" },
          { title: "TASKS", align: "right" },
          ...(labelled ? [{ title: "LABELS", flexible: true }] : []),
        ],
        rows: shown.map((node) => [
          cell(names.get(node.id) ?? node.hostname),
          cell(node.role ?? ""),
          stateCell(node.state),
          cell(node.availability ?? "", node.availability === "active" ? undefined : "waiting"),
          managerCell(node),
          cell(node.engineVersion ?? ""),
          cell(String(carried(node.id))),
          ...(labelled ? [cell(labels(node))] : []),
        ]),
      },
      { kind: "lines", lines: [quorumLine(nodes), ...warnings(view, world)] },
    ],
  };
}
