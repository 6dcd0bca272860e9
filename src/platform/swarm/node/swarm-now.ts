import type { Problem } from "../../../domain/errors.ts";
import type { InventoryNode } from "../../../domain/inventory.ts";
import type { Json } from "../../../domain/json.ts";
import { text } from "../../../domain/json-fields.ts";
import type { Permission, StepContext } from "../../../engine/ports.ts";
import { createManagers, PATIENCE_MS, type Managers } from "../access/managers.ts";
import { entryOf, nodeNames, parseNodes, type NodeEntry } from "../entries/node-entry.ts";
import { parseServices, type ServiceEntry } from "../entries/service-entry.ts";
import { parseTasks, type TaskEntry } from "../entries/task-entry.ts";

/** The Swarm at one moment, as a manager tells it. */
export interface SwarmMoment {
  readonly nodes: readonly NodeEntry[];
  readonly services: readonly ServiceEntry[];
  readonly tasks: readonly TaskEntry[];
  /** `GET /nodes` and `GET /services` as they came. */
  readonly raw: { readonly nodes: Json; readonly services: Json };
  /** What a node is called, by its id in the Swarm. */
  readonly name: (id: string) => string;
}

/** Nodes, services and tasks of one manager; in words why not. */
export async function readMoment(managers: Managers, ctx: Pick<StepContext, "inventory">): Promise<SwarmMoment | string> {
  const [nodes, services, tasks] = [
    await managers.get("/nodes"),
    await managers.get("/services?status=true"),
    await managers.get("/tasks"),
  ];
  if (!nodes.ok) return nodes.why;
  if (!services.ok) return services.why;
  if (!tasks.ok) return tasks.why;
  const parsed = { nodes: parseNodes(nodes.value), services: parseServices(services.value), tasks: parseTasks(tasks.value) };
  if (parsed.nodes === null || parsed.services === null || parsed.tasks === null) return "a manager's answer is no list";
  const names = nodeNames(parsed.nodes, ctx.inventory);
  return {
    nodes: parsed.nodes,
    services: parsed.services,
    tasks: parsed.tasks,
    raw: { nodes: nodes.value, services: services.value },
    name: (id) => names.get(id) ?? id.slice(0, 12),
  };
}

/** The managers, waited for as long as an election may take. `except`: a node whose word about itself is not asked. */
export function patientManagers(ctx: Pick<StepContext, "remote" | "inventory" | "clock">, except?: string): Managers {
  const patience = { clock: ctx.clock, forMs: PATIENCE_MS };
  return createManagers(ctx.remote, ctx.inventory, { patience, ...(except === undefined ? {} : { except }) });
}

/** The machine a step is about: that of its phase, else the one `with.node` names. */
export function nodeOf(ctx: Pick<StepContext, "node" | "step" | "inventory">): InventoryNode | null {
  const wanted = text(ctx.step.with["node"]);
  return ctx.node ?? ctx.inventory.nodes.find((one) => one.name === wanted) ?? null;
}

/** The problem of a step whose node the inventory does not have. */
export function noNode(ctx: Pick<StepContext, "step" | "inventory">): Problem {
  return {
    code: "no-such-node",
    text: `${ctx.step.address}: the inventory has no such node.`,
    expected: ctx.inventory.nodes.map((one) => one.name).join(", "),
    observed: text(ctx.step.with["node"]) ?? "no name",
    next: "Name a node of the inventory: --set node=NAME",
  };
}

/** The Swarm's entry of a machine, by the id the plan has seen, which stays where addresses and names change. */
export function ownEntry(nodes: readonly NodeEntry[], node: InventoryNode, ctx: Pick<StepContext, "plan">): NodeEntry | null {
  return entryOf(nodes, node, text(ctx.plan.facts.nodes[node.name]?.details["nodeId"]));
}

/** The node's availability when the plan was made; null where it was not seen. */
export function plannedAvailability(ctx: Pick<StepContext, "plan">, node: InventoryNode): string | null {
  return text(ctx.plan.facts.nodes[node.name]?.details["availability"]);
}

export function denied(exit: "refused" | "gate-halted", problem: Problem): Permission {
  return { kind: "no", exit, problem };
}

/** The problem of a Swarm that nobody tells about. */
export function noAnswer(ctx: StepContext, node: InventoryNode, why: string): Problem {
  return {
    code: "no-manager-answers",
    text: `No manager tells how the Swarm is, so ${node.name} is not touched.`,
    expected: "an answer about nodes, services and tasks",
    observed: why,
    node: node.name,
    next: `Look whether more than half of the managers are reachable; then: ${ctx.spell("resume")}`,
  };
}
