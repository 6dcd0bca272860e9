import type { Inventory, InventoryNode } from "../../domain/inventory.ts";
import { list, number, record, text } from "../../domain/json-fields.ts";

/** Marathon-LB's own health check, where the inventory names no other (dcos.md pre-29). */
const PROXY_PORT = 9090;
const PROXY_PATH = "/_haproxy_health_check";

/** The load balancer on the cluster's agents (inventory: `settings.haproxy`). */
interface Proxy {
  readonly port: number;
  readonly path: string;
  /** Nodes it stands on, by name or by role. */
  readonly on: readonly string[];
}

/**
 * `settings: { haproxy: { port: 9090, path: /_haproxy_health_check, on: [agent_public] } }`; what is left out is as Marathon-LB has it,
 * on the public agents. Null where the inventory names none: nobody knows whether there is one.
 */
function proxyOf(inventory: Inventory): Proxy | null {
  const named = inventory.settings["haproxy"];
  if (named === null || named === undefined || named === false) return null;
  const { port, path, on } = record(named);
  const places = list(on).flatMap((one) => text(one) ?? []);
  return {
    port: number(port) ?? PROXY_PORT,
    path: text(path) ?? PROXY_PATH,
    on: places.length === 0 ? ["agent_public"] : places,
  };
}

/** The nodes that have a load balancer by the inventory's word; null where the inventory names none. */
export function proxyNodes(inventory: Inventory): readonly InventoryNode[] | null {
  const proxy = proxyOf(inventory);
  return proxy === null
    ? null
    : inventory.nodes.filter((node) => node.role !== "master" && (proxy.on.includes(node.name) || proxy.on.includes(node.role)));
}

/** Where a node's own load balancer says how it is; null where it has none. */
export function proxyUrl(inventory: Inventory, node: Pick<InventoryNode, "name" | "role">): string | null {
  const proxy = proxyOf(inventory);
  const here = proxyNodes(inventory)?.some((one) => one.name === node.name) === true;
  // What is no path is asked of nobody: the finding then has no answer.
  if (proxy === null || !here || !/^\/[A-Za-z0-9_./-]*$/.test(proxy.path)) return null;
  return `http://127.0.0.1:${proxy.port}${proxy.path}`;
}
