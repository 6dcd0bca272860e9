import type { Inventory, NodeName } from "../../../domain/inventory.ts";
import { text } from "../../../domain/json-fields.ts";
import type { Facts } from "../../../domain/plan.ts";

/**
 * Nodes of the inventory behind whose address another node's engine answers, and whose it is, in words: two of them say that they are the
 * same member of the Swarm, or one says that it is the member at another's address. Its word is not the node's own. Pure.
 */
export function mistaken(nodes: Facts["nodes"], inventory: Inventory): ReadonlyMap<NodeName, string> {
  const found = new Map<NodeName, string>();
  const answering = inventory.nodes.filter((node) => nodes[node.name]?.reachable === true);
  const detail = (name: NodeName, key: string): string | null => text(nodes[name]?.details[key]);
  for (const node of answering) {
    const id = detail(node.name, "nodeId");
    const same = answering.filter((one) => one !== node && id !== null && detail(one.name, "nodeId") === id);
    if (same.length > 0) {
      found.set(node.name, `the same engine answers as for ${same.map((one) => one.name).join(", ")}`);
      continue;
    }
    const address = detail(node.name, "swarmAddress");
    const other = inventory.nodes.find((one) => one.address === address);
    // Two nodes behind one address are told by what their engines say, not by it.
    if (other !== undefined && other.address !== node.address) found.set(node.name, `the engine of ${other.name} answers`);
  }
  return found;
}
