import type { Inventory } from "../../../domain/inventory.ts";
import { finding } from "../../../domain/judgement.ts";
import type { Json } from "../../../domain/json.ts";
import { list, parseJson, record, text } from "../../../domain/json-fields.ts";
import type { Facts, Finding } from "../../../domain/plan.ts";
import type { Observation } from "../../../engine/ports.ts";
import { nodeNames, parseNodes } from "../entries/node-entry.ts";
import { parseTasks } from "../entries/task-entry.ts";
import { hindrances, movesOf, namesIn } from "./node-moves.ts";

const MOVES = "tasks-can-move";
const AWAY = "drained-services-stay";
/** Findings that only a run has that drains nodes. */
export const MOVE_FINDINGS: readonly string[] = [MOVES, AWAY];

type Inputs = Readonly<Record<string, string>>;

/** The nodes a run would drain, by its inputs: one that is named, or all that are not at the target yet. Null: it drains none. */
function drained({ facts }: Observation, inventory: Inventory, inputs: Inputs): readonly string[] | null {
  const { node, target } = inputs;
  if (node !== undefined) return [node];
  if (target === undefined) return null;
  return inventory.nodes.filter((one) => facts.nodes[one.name]?.complete !== true).map((one) => one.name);
}

/**
 * What would become of the tasks of each node that a run drains, as part of the facts (`baseline.moves`); null where it drains none. Made
 * from the answers the observation has kept.
 */
export function movesBaseline(observation: Observation, inventory: Inventory, inputs: Inputs): Json {
  const wanted = drained(observation, inventory, inputs);
  if (wanted === null) return null;
  const read = (name: string): Json | undefined => {
    const bytes = observation.evidence.find((one) => one.meta.name === `observed/${name}.json`)?.bytes;
    return bytes === undefined ? undefined : parseJson(bytes);
  };
  const [nodes, services, tasks] = [read("nodes"), read("services"), parseTasks(read("tasks"))];
  const entries = parseNodes(nodes);
  if (nodes === undefined || services === undefined || tasks === null || entries === null) return [];
  const names = nodeNames(entries, inventory);
  const accepted = new Set(namesIn(inputs["accept"]));
  return wanted.map((node) => {
    const id = text(observation.facts.nodes[node]?.details["nodeId"]);
    if (id === null) return { node, known: false, hindrances: [], away: [] };
    const moves = movesOf({ nodes, services, tasks }, id, (one) => names.get(one) ?? one.slice(0, 12));
    return { node, known: true, hindrances: hindrances(moves, accepted), away: moves.away, tasks: moves.moves.length };
  });
}

/** The findings over `baseline.moves`: none for a run that drains no node. */
export function moveFindings(facts: Facts): readonly Finding[] {
  const moves = facts.baseline["moves"];
  if (moves === undefined || moves === null) return [];
  const nodes = list(moves).map(record);
  const lines = (key: string, tell: (line: string) => string): { node: string | null; text: string }[] =>
    nodes.flatMap((one) => list(one[key]).map((line) => ({ node: text(one["node"]), text: tell(text(line) ?? "") })));
  const unknown = nodes
    .filter((one) => one["known"] === false)
    .map((one) => ({ node: text(one["node"]), text: `${text(one["node"]) ?? "?"} is not in the Swarm` }));
  const unread = list(moves).length === 0 ? [{ node: null, text: "no manager tells about nodes, services and tasks" }] : [];
  const away = [...new Set(nodes.flatMap((one) => list(one["away"]).flatMap((name) => text(name) ?? [])))];
  return [
    finding({
      id: MOVES,
      title: "Every task of a node that is drained has somewhere to go",
      expected: "room on another node, and no data of theirs on this one",
      good: `${nodes.length} nodes`,
      bad: lines("hindrances", (line) => line),
      unknown: [...unknown, ...unread],
      remedy:
        "Make room, or change the placement. What may stand still meanwhile is named when the run begins: --set accept=SERVICE,SERVICE",
    }),
    finding({
      id: AWAY,
      title: "No service has all its tasks on one node that is drained",
      expected: "a second task on another node",
      good: "none",
      bad: away.map((service) => ({ node: null, text: `${service} is away until it has started elsewhere` })),
      unknown: [...unread],
      severity: "advisory",
      remedy: "Give it a second replica before, or tell its users: a drain ends tasks at once, whatever the update's order is.",
    }),
  ];
}
