import { PawlError } from "../../../domain/errors.ts";
import { plainAddress, type Inventory } from "../../../domain/inventory.ts";
import type { Discovery, Remote } from "../../../engine/ports.ts";
import { createManagers } from "../access/managers.ts";
import { parseNodes, type NodeEntry } from "../entries/node-entry.ts";
import { readInfo } from "./engine-info.ts";

/** A host name as a node's name in an inventory: part of step addresses, unique. */
function namesFor(entries: readonly NodeEntry[]): ReadonlyMap<string, string> {
  const taken = new Set<string>();
  return new Map(
    entries.map(({ id, hostname }) => {
      const plain = hostname.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "") || id.slice(0, 12);
      const tries = [plain, `${plain}-${id.slice(0, 4)}`, id];
      const name = tries.find((one) => !taken.has(one)) ?? id;
      taken.add(name);
      return [id, name] as const;
    }),
  );
}

/**
 * The nodes of the Swarm that the inventory's one node manages, by the manager's own list: managers first, each by its host name, the
 * address the Swarm knows it by, and its role. Only reads. Throws PawlError where the node is no manager, or nobody leads.
 */
export async function discover(reader: Remote, inventory: Inventory): Promise<Discovery> {
  const [asked] = inventory.nodes;
  if (asked === undefined) throw new PawlError("usage", "no-node", "Discovery needs one machine to ask.");
  const answer = await readInfo(reader, inventory, asked, null);
  if (answer.kind === "unread")
    throw new PawlError("said-no", answer.code, `${asked.address} does not tell of a Swarm: ${answer.reason}`, {
      node: asked.name,
      expected: "an engine that answers at its socket, through SSH",
      next: "Correct address, user, key or host key. The user must reach the engine's socket: root, or a member of its group.",
    });
  const { info } = answer;
  if (!info.control)
    throw new PawlError("said-no", "not-a-manager", `${asked.address} is no manager of a Swarm.`, {
      expected: "a manager",
      observed:
        info.swarmState === "active"
          ? `a worker; managers are at ${info.managers.join(", ")}`
          : `in no Swarm (${info.swarmState ?? "unknown"})`,
      next: "Name a manager with --ssh-host.",
    });
  const said = await createManagers(reader, inventory).get("/nodes");
  const entries = said.ok ? parseNodes(said.value) : null;
  if (entries === null || entries.length === 0)
    throw new PawlError("said-no", "no-nodes", `${asked.address} does not list the nodes of its Swarm.`, {
      expected: "the list of nodes",
      observed: said.ok ? "an answer that is no list" : said.why,
      next: "Look whether more than half of the managers are reachable.",
    });
  const rank = ({ role }: NodeEntry): number => (role === "manager" ? 0 : 1);
  const ordered = entries.toSorted((a, b) => rank(a) - rank(b) || a.hostname.localeCompare(b.hostname, "en", { numeric: true }));
  const names = namesFor(ordered);
  const nodes = ordered.map((one) => ({ name: names.get(one.id) ?? one.id, address: one.address, role: one.role ?? "worker" }));
  const absent = ordered
    .filter((one) => one.state !== "ready")
    .map((one) => `${names.get(one.id) ?? one.id} (${one.state ?? "unknown"})`);
  const known = nodes.some((node) => node.address === plainAddress(asked.address) || node.name === asked.address);
  const self = ordered.find((one) => one.id === info.nodeId);
  return {
    clusterId: info.clusterId ?? "",
    nodes,
    notes: [
      ...(absent.length > 0 ? [`Not ready now: ${absent.join(", ")}. Take out what is gone for good.`] : []),
      ...(known || self === undefined
        ? []
        : [`The Swarm knows ${asked.address} as ${self.address}: look whether this machine reaches the addresses written here.`]),
    ],
  };
}
