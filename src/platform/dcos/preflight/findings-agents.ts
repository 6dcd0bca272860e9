import type { InventoryNode } from "../../../domain/inventory.ts";
import type { Json } from "../../../domain/json.ts";
import type { Finding } from "../../../domain/plan.ts";
import { list, record, text } from "../../../domain/json-fields.ts";
import { finding } from "../../../domain/judgement.ts";
import { isNode } from "../mesos.ts";

interface Listed {
  readonly id: string;
  readonly hostname: string;
  readonly address: string;
  readonly role: string;
  readonly active: boolean;
}

/** The agents of a plan's baseline; null where the leader's list could not be read. */
function agentsOfBaseline(value: Json | undefined): readonly Listed[] | null {
  if (!Array.isArray(value)) return null;
  return list(value)
    .map(record)
    .map((agent) => ({
      id: text(agent["id"]) ?? "",
      hostname: text(agent["hostname"]) ?? "",
      address: text(agent["address"]) ?? "",
      role: text(agent["role"]) ?? "",
      active: agent["active"] === true,
    }));
}

/**
 * Agents of the leader's list against the inventory, both ways and by address: counting `active: false` alone misses agents
 * that vanished from the list (dcos.md pre-07).
 */
export function agentFindings(baseline: Json | undefined, nodes: readonly InventoryNode[]): readonly Finding[] {
  const listed = agentsOfBaseline(baseline);
  const unknown = listed === null ? [{ node: null, text: "the leading master's list of agents could not be read" }] : [];
  const agents = listed ?? [];
  const entryOf = (node: InventoryNode): Listed | undefined =>
    agents.find((agent) => isNode(agent, node) && agent.active) ?? agents.find((agent) => isNode(agent, node));
  const lacking = listed === null ? [] : nodes.filter((node) => entryOf(node)?.active !== true);
  const registered = finding({
    id: "agents-counted",
    title: "Every agent of the inventory is registered and active",
    expected: `${nodes.length} agents active on the leading master`,
    good: `${nodes.length} active`,
    unknown,
    bad: lacking.map((node) => ({
      node: node.name,
      text:
        entryOf(node) === undefined
          ? `${node.name} (${node.address}) is not registered`
          : `${node.name} (${node.address}) is registered but not active`,
    })),
    remedy: "Bring these agents back, or take machines that are gone for good out of the inventory.",
  });
  const strangers = agents.filter((agent) => !nodes.some((node) => isNode(agent, node)));
  const roles = new Map<string, number>();
  for (const agent of strangers) roles.set(agent.role, (roles.get(agent.role) ?? 0) + 1);
  const empty = [...roles.keys()].filter((role) => !nodes.some((node) => node.role === role));
  const covered = finding({
    id: "agents-covered",
    title: "The inventory has every agent of the cluster",
    expected: "each agent on the leading master is a node of the inventory",
    good: `${agents.length} agents, all in the inventory`,
    unknown,
    bad: [
      ...empty.map((role) => ({
        node: null,
        text: `the cluster has ${roles.get(role) ?? 0} ${role} and the inventory has none`,
      })),
      ...strangers.map((agent) => ({
        node: null,
        text: `${agent.hostname} (${agent.role}, ${agent.id}) is not in the inventory`,
      })),
    ],
    remedy: "Add these agents to the inventory: agents left behind would run an older version than their masters.",
  });
  const wrong = nodes.flatMap((node) => {
    const entry = entryOf(node);
    return entry === undefined || entry.role === node.role
      ? []
      : [{ node: node.name, text: `${node.name}: inventory says ${node.role}, its resources say ${entry.role}` }];
  });
  const offered = finding({
    id: "agents-offer-their-role",
    title: "Agents offer the resources of their role",
    expected: "public agents reserve for slave_public, private ones do not",
    good: `${nodes.length - wrong.length} as planned`,
    bad: wrong,
    unknown,
    remedy: "Find out whether the inventory or the agent is wrong before anything is upgraded.",
  });
  return [registered, covered, offered];
}
