import type { Json, JsonRecord } from "../../../domain/json.ts";
import { record, text } from "../../../domain/json-fields.ts";
import { tiesOf } from "./app-definition.ts";

/** One agent of a summary, with what it runs. */
export interface PlacedAgent {
  /** The inventory's name, else the host. */
  readonly name: string;
  readonly hostname: string;
  readonly role: "agent" | "agent_public";
  readonly active: boolean;
  readonly version: string | null;
  /** Where it stands: the inventory says so, or one of the agent's own attributes. Null: nobody does. */
  readonly rack: string | null;
  readonly tasks: number;
  readonly containers: number | null;
  /** Apps with tasks here that are tied to places, each with what ties it. */
  readonly tied: readonly { readonly app: string; readonly ties: string }[];
}

/** Attributes that say where an agent stands, in the order they are believed. */
const RACK_ATTRIBUTES = [/^rack(?:[-_]?(?:id|name|number))?$/i, /rack/i, /^(?:zone|availability[-_]zone)$/i];

/** The rack in an agent's attributes; null where none names one. */
export function rackOfAttributes(attributes: JsonRecord): string | null {
  for (const pattern of RACK_ATTRIBUTES) {
    const found = Object.entries(attributes).find(([name]) => pattern.test(name));
    const value: Json | undefined = found?.[1];
    if (typeof value === "string" && value !== "") return value;
    if (typeof value === "number") return String(value);
  }
  return null;
}

function byName(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

/** The agents of a summary by rack, name and role: what the node-rack worksheets and the diagram are filled from. */
export function placedAgents(summary: JsonRecord): readonly PlacedAgent[] {
  const apps = record(summary["apps"]);
  const ties = new Map(Object.entries(apps).map(([id, app]) => [id, tiesOf(record(app))]));
  const running = new Map<string, { count: number; readonly apps: Set<string> }>();
  for (const task of Object.values(record(summary["tasks"]))) {
    const { agent, app } = record(task);
    const id = text(agent) ?? "";
    const known = running.get(id) ?? { count: 0, apps: new Set<string>() };
    running.set(id, known);
    known.count += 1;
    const name = text(app);
    if (name !== null) known.apps.add(name);
  }
  const agents = Object.entries(record(summary["agents"])).map(([id, one]): PlacedAgent => {
    const agent = record(one);
    const name = text(agent["node"]);
    const node = record(name === null ? undefined : record(summary["nodes"])[name]);
    const here = running.get(id);
    const containers = node["containers"];
    return {
      name: name ?? text(agent["hostname"]) ?? id,
      hostname: text(agent["hostname"]) ?? "",
      role: agent["role"] === "agent_public" ? "agent_public" : "agent",
      active: agent["active"] === true,
      version: text(node["version"]),
      rack: text(node["rack"]) ?? rackOfAttributes(record(agent["attributes"])),
      tasks: here?.count ?? 0,
      containers: typeof containers === "number" ? containers : null,
      tied: [...(here?.apps ?? [])].toSorted(byName).flatMap((app) => {
        const why = ties.get(app) ?? "";
        return why === "" ? [] : [{ app, ties: why }];
      }),
    };
  });
  return agents.toSorted((a, b) => byName(a.rack ?? "\uFFFF", b.rack ?? "\uFFFF") || byName(a.name, b.name));
}

/** Agents of one role in groups of one rack each, in the order of the racks; those of no known rack come last. */
export function byRack(
  agents: readonly PlacedAgent[],
  role: PlacedAgent["role"],
): readonly { readonly rack: string | null; readonly agents: readonly PlacedAgent[] }[] {
  const groups = new Map<string | null, PlacedAgent[]>();
  for (const agent of agents) {
    if (agent.role !== role) continue;
    const group = groups.get(agent.rack);
    if (group === undefined) groups.set(agent.rack, [agent]);
    else group.push(agent);
  }
  return [...groups].map(([rack, members]) => ({ rack, agents: members }));
}

/** Values with how many times each is there, the most frequent first: `1.11.3 (498), 1.10.8 (2)`; one value stands alone. */
export function tally(values: readonly (string | null)[]): string {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value ?? "not known", (counts.get(value ?? "not known") ?? 0) + 1);
  const sorted = [...counts].toSorted((a, b) => b[1] - a[1] || byName(a[0], b[0]));
  return sorted.length === 1 ? (sorted[0]?.[0] ?? "") : sorted.map(([value, count]) => `${value} (${count})`).join(", ");
}
