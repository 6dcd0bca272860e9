import type { Inventory, InventoryNode } from "../../../domain/inventory.ts";
import { text } from "../../../domain/json-fields.ts";
import type { Facts } from "../../../domain/plan.ts";
import type { CaptureItem } from "../../../engine/ports.ts";
import { filtersOf } from "../access/change-spec.ts";
import { engineUrl, managersOf } from "../contract.ts";
import { aList, withoutContent } from "./configs.ts";

const LONG_MS = 60_000;
const SHORT_MS = 10_000;
const LARGEST_BYTES = 256 * 1024 * 1024;

/** What any manager tells of the whole Swarm, by the capture's name. */
const OF_SWARM: readonly {
  readonly name: string;
  readonly path: string;
  readonly of: string;
  readonly keep: NonNullable<CaptureItem["keep"]>;
}[] = [
  { name: "nodes", path: "/nodes", of: "nodes with role, availability, state and engine", keep: aList },
  { name: "services", path: "/services?status=true", of: "services with their whole definition and last update", keep: aList },
  { name: "tasks", path: "/tasks", of: "tasks, with the history that the Swarm keeps", keep: aList },
  { name: "networks", path: `/networks?${filtersOf({ scope: ["swarm"] })}`, of: "overlay networks", keep: aList },
  { name: "configs", path: "/configs", of: "configs by name and digest, without their content", keep: withoutContent },
  { name: "secrets", path: "/secrets", of: "secrets by name", keep: withoutContent },
];

function ofSwarm(inventory: Inventory, manager: InventoryNode): readonly CaptureItem[] {
  return OF_SWARM.map(({ name, path, of, keep }) => ({
    name: `swarm/${name}.json`,
    node: null,
    mediaType: "application/json",
    evidenceOf: of,
    keep,
    read: {
      kind: "http",
      request: {
        ...{ method: "GET", url: engineUrl(inventory, manager, path), followRedirects: 0 },
        ...{ timeoutMs: LONG_MS, maxBytes: LARGEST_BYTES },
      },
    },
  }));
}

function ofNode(inventory: Inventory, node: InventoryNode): readonly CaptureItem[] {
  const one = (name: string, path: string, of: string): CaptureItem => ({
    name: `engines/${node.name}/${name}.json`,
    node: node.name,
    mediaType: "application/json",
    evidenceOf: of,
    read: {
      kind: "http",
      request: { method: "GET", url: engineUrl(inventory, node, path), followRedirects: 0, timeoutMs: SHORT_MS },
    },
  });
  return [
    one("info", "/info", "what the engine says of itself and its machine"),
    one("version", "/version", "versions of the engine and its components"),
    one("images", "/images/json", "images the node holds"),
  ];
}

/** The managers in the order they are asked in: the one that leads, then the others. */
export function managersInTurn(inventory: Inventory, facts: Facts): readonly InventoryNode[] {
  const leader = text(facts.baseline["leader"]);
  return managersOf(inventory).toSorted((a, b) => Number(b.name === leader) - Number(a.name === leader));
}

/** Everything a snapshot of a Swarm holds: nodes, services, tasks, networks, configs and secrets of a manager, and every engine's own word. */
export function captures(inventory: Inventory, facts: Facts): readonly CaptureItem[] {
  const [manager] = managersInTurn(inventory, facts);
  return [
    ...(manager === undefined ? [] : ofSwarm(inventory, manager)),
    ...inventory.nodes.flatMap((node) => ofNode(inventory, node)),
  ];
}

/** The same capture of another manager; null for what only the node itself can tell. */
export function atManager(item: CaptureItem, inventory: Inventory, manager: InventoryNode): CaptureItem | null {
  if (!item.name.startsWith("swarm/") || item.read.kind !== "http") return null;
  const { pathname, search } = new URL(item.read.request.url);
  const url = engineUrl(inventory, manager, `${pathname}${search}`);
  return { ...item, read: { kind: "http", request: { ...item.read.request, url } } };
}
