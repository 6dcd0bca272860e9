import { readJson } from "../../domain/json.ts";
import { record, text } from "../../domain/json-fields.ts";
import type { Inventory, InventoryNode } from "../../domain/inventory.ts";
import type { OrderGroup } from "../../domain/order.ts";
import type { ApiVersions, WebProduct } from "../../engine/ports.ts";

/** The engine's port, by which addresses name it; nobody listens there: it is asked at its socket, or with TLS at 2376. */
export const PORTS = { engine: 2375 } as const;
const SECURE_PORT = 2376;
const SOCKET = "/var/run/docker.sock";

/** Where the advisory cluster lock lives on the managers (design rule 7). */
export const LOCK_PATH = "/var/lib/pawl/lock";

/** API version every answer here was recorded with (swarm.md): the newest of engine 20.10, which 26.1 speaks as well. */
const WRITTEN_FOR = "1.41";
const UNFIT = /client version \S+ is too (?:new|old)/;

/** Minor number of an API version `1.NN`; null for anything else. */
function minorOf(version: string | null): number | null {
  const found = /^1\.(\d{1,3})$/.exec(version ?? "");
  return found?.[1] === undefined ? null : Number(found[1]);
}

/**
 * The version to ask an engine in, from its `/version`: the one pawl was written for where the engine speaks it, else the nearest it
 * does. In a Swarm whose engines are being upgraded each is asked in its own (swarm.md, "Reaching a Swarm").
 */
function apiPrefix(body: string): string | null {
  const read = readJson(body);
  if (!read.ok) return null;
  const said = record(read.value);
  const newest = minorOf(text(said["ApiVersion"]));
  const oldest = minorOf(text(said["MinAPIVersion"])) ?? 0;
  const wanted = minorOf(WRITTEN_FOR);
  if (newest === null || wanted === null || oldest > newest) return null;
  return `/v1.${String(Math.min(Math.max(wanted, oldest), newest))}`;
}

const API: ApiVersions = {
  ask: "/version",
  prefix: apiPrefix,
  speaks: `${WRITTEN_FOR}, or what is nearest to it`,
  unfit: (status, body) => status === 400 && UNFIT.test(body),
};

/** The Engine API of each node: at its socket through the node's own SSH connection; with `http: { security: strict }` by TLS. */
export const WEB: WebProduct = {
  services: {
    engine: {
      securePort: SECURE_PORT,
      gateway: null,
      socket: { path: SOCKET, dial: (path) => ["docker", "-H", `unix://${path}`, "system", "dial-stdio"] },
      api: API,
    },
  },
  tokenPrefix: "",
};

/** Managers one at a time with the leader last, so that none is older than the workers it commands; then workers (swarm.md). */
export const CONTRACT: readonly OrderGroup[] = [
  { role: "manager", title: "managers", serial: true, leaderLast: true, manager: true, after: [], budget: "none" },
  { role: "worker", title: "workers", serial: false, leaderLast: false, manager: false, after: ["manager"], budget: "rollout" },
];

/** The inventory's managers, in its order. */
export function managersOf(inventory: Inventory): readonly InventoryNode[] {
  return inventory.nodes.filter((node) => node.role === "manager");
}

/** `http://address:port/path` of a node's engine, without an API version; IPv6 addresses are bracketed. */
export function engineUrl(inventory: Inventory, node: Pick<InventoryNode, "address">, path: string): string {
  const host = node.address.includes(":") ? `[${node.address}]` : node.address;
  return `http://${host}:${inventory.ports["engine"] ?? PORTS.engine}${path}`;
}

/** The votes the managers need: more than half. */
export function quorumOf(managers: number): number {
  return Math.floor(managers / 2) + 1;
}
