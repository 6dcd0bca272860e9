import type { Json } from "../../../domain/json.ts";
import { list } from "../../../domain/json-fields.ts";
import { isWanted, type TaskEntry } from "../entries/task-entry.ts";
import { barOf, placeOf, wishOf, type Place, type Wish } from "./placement.ts";

/** Where one task of a node could go. */
export interface TaskMove {
  readonly service: string;
  /** `web.3`, as people know it. */
  readonly task: string;
  /** The node it finds room on; null: nowhere. The scheduler may choose another one. */
  readonly to: string | null;
  /** Why each other node does not take it, where none does. */
  readonly barred: readonly { readonly node: string; readonly why: string }[];
  /** Data of the node it would leave behind. */
  readonly leaves: readonly string[];
}

/** What becomes of a node's tasks when it is drained. */
export interface NodeMoves {
  readonly node: string;
  readonly moves: readonly TaskMove[];
  /** Global services: their task ends, and comes back with the node. */
  readonly globals: readonly string[];
  /** Services all of whose tasks run here: away until they have started elsewhere, because a drain ends tasks at once. */
  readonly away: readonly string[];
}

export interface SwarmNow {
  /** `GET /nodes`, `GET /services` as they came. */
  readonly nodes: Json;
  readonly services: Json;
  readonly tasks: readonly TaskEntry[];
}

/** What is taken of a node by the tasks on it. */
interface Load {
  readonly place: Place;
  nanoCpus: number;
  memoryBytes: number;
  readonly ports: Set<string>;
  readonly perService: Map<string, number>;
  count: number;
}

function take(load: Load, wish: Wish): void {
  load.nanoCpus += wish.nanoCpus;
  load.memoryBytes += wish.memoryBytes;
  for (const port of wish.hostPorts) load.ports.add(port);
  load.perService.set(wish.id, (load.perService.get(wish.id) ?? 0) + 1);
  load.count += 1;
}

function shortOf(reserved: number, taken: number, has: number | null, what: string): string | null {
  if (reserved === 0) return null;
  if (has === null) return `does not say how much ${what} it has`;
  return taken + reserved > has ? `has too little ${what} left to reserve` : null;
}

/** Why a node does not take one more task of the service now; null where it does. */
function obstacle(wish: Wish, load: Load): string | null {
  const bar = barOf(wish, load.place);
  if (bar !== null) return bar;
  if (wish.maxPerNode > 0 && (load.perService.get(wish.id) ?? 0) >= wish.maxPerNode)
    return `has ${wish.maxPerNode} of its tasks, the most a node may have`;
  const port = wish.hostPorts.find((one) => load.ports.has(one));
  if (port !== undefined) return `has port ${port} in use`;
  return (
    shortOf(wish.nanoCpus, load.nanoCpus, load.place.nanoCpus, "CPU") ??
    shortOf(wish.memoryBytes, load.memoryBytes, load.place.memoryBytes, "memory")
  );
}

function loadsOf(places: readonly Place[], wishes: ReadonlyMap<string, Wish>, tasks: readonly TaskEntry[]): readonly Load[] {
  return places.map((place) => {
    const load: Load = { place, nanoCpus: 0, memoryBytes: 0, ports: new Set(), perService: new Map(), count: 0 };
    for (const task of tasks) {
      const wish = wishes.get(task.serviceId);
      if (task.nodeId === place.id && isWanted(task) && wish !== undefined) take(load, wish);
    }
    return load;
  });
}

function taskName(task: TaskEntry, wish: Wish | undefined): string {
  return `${wish?.name ?? task.serviceId.slice(0, 12)}.${task.slot === null || task.slot === 0 ? task.id.slice(0, 12) : String(task.slot)}`;
}

/**
 * Where every task of a node could go if it were drained now: constraints, platform, replicas per node, reservations and ports in host
 * mode against what runs on the other nodes, and the data that would stay behind (swarm.md, "Drain"). Tasks are given room one by one,
 * those with the fewest nodes to choose from first. Pure. `name`: what people call a node, by its id.
 */
export function movesOf(now: SwarmNow, nodeId: string, name: (id: string) => string): NodeMoves {
  const places = list(now.nodes).map((one) => {
    const place = placeOf(one, "");
    return { ...place, name: name(place.id) };
  });
  const wishes = new Map(list(now.services).map((one) => [wishOf(one).id, wishOf(one)]));
  const byText = new Intl.Collator("en", { numeric: true });
  const others = places.filter((place) => place.id !== nodeId).toSorted((a, b) => byText.compare(a.name, b.name));
  const loads = loadsOf(others, wishes, now.tasks);
  const here = now.tasks.filter((task) => task.nodeId === nodeId && isWanted(task));
  const moving = here.flatMap((task) => {
    const wish = wishes.get(task.serviceId);
    return wish === undefined || wish.global
      ? []
      : [{ task, wish, choice: others.filter((one) => barOf(wish, one) === null).length }];
  });
  const moves = moving
    .toSorted((a, b) => a.choice - b.choice || b.wish.memoryBytes - a.wish.memoryBytes)
    .map(({ task, wish }): TaskMove => {
      const [best] = loads
        .filter((load) => obstacle(wish, load) === null)
        .toSorted((a, b) => (a.perService.get(wish.id) ?? 0) - (b.perService.get(wish.id) ?? 0) || a.count - b.count);
      const barred = best === undefined ? loads.map((load) => ({ node: load.place.name, why: obstacle(wish, load) ?? "" })) : [];
      if (best !== undefined) take(best, wish);
      return { service: wish.name, task: taskName(task, wish), to: best?.place.name ?? null, barred, leaves: wish.dataHere };
    });
  const running = (task: TaskEntry): boolean => task.desired === "running" && task.state === "running";
  const away = [...new Set(moving.map(({ wish }) => wish))].filter(
    (wish) => !now.tasks.some((task) => task.serviceId === wish.id && task.nodeId !== nodeId && running(task)),
  );
  const globals = [...new Set(here.flatMap((task) => wishes.get(task.serviceId) ?? []).filter((wish) => wish.global))];
  return {
    node: name(nodeId),
    moves: moves.toSorted((a, b) => byText.compare(a.task, b.task)),
    globals: globals.map((wish) => wish.name).toSorted(byText.compare),
    away: away.map((wish) => wish.name).toSorted(byText.compare),
  };
}

const SHOWN = 4;

/** What keeps a node from being drained, a line for each service, apart from services of which somebody has said that it is all right. */
export function hindrances(moves: NodeMoves, accepted: ReadonlySet<string>): readonly string[] {
  const services = [...new Set(moves.moves.map((move) => move.service))].filter((one) => !accepted.has(one));
  return services.flatMap((service) => {
    const own = moves.moves.filter((move) => move.service === service);
    const stuck = own.filter((move) => move.to === null);
    const [first] = stuck;
    const leaves = own[0]?.leaves ?? [];
    const lines: string[] = [];
    if (first !== undefined) {
      const whys = first.barred.slice(0, SHOWN).map(({ node, why }) => `${node} ${why}`);
      const more = first.barred.length > SHOWN ? ` and ${first.barred.length - SHOWN} more` : "";
      const none = whys.length === 0 ? "there is no other node" : `${whys.join(", ")}${more}`;
      lines.push(`${stuck.map((move) => move.task).join(", ")} would have nowhere to go: ${none}`);
    }
    if (leaves.length > 0)
      lines.push(`${own.map((move) => move.task).join(", ")} would leave data behind on ${moves.node}: ${leaves.join(", ")}`);
    return lines;
  });
}

/** Names separated by commas or blanks, as an input of a runbook has them. */
export function namesIn(value: Json | undefined): readonly string[] {
  return typeof value === "string" ? value.split(/[\s,]+/).filter((one) => one !== "") : [];
}
