import type { Inventory, InventoryNode } from "../../../domain/inventory.ts";
import { plainAddress } from "../../../domain/inventory.ts";
import type { Json, JsonRecord } from "../../../domain/json.ts";
import { list, number, record, text } from "../../../domain/json-fields.ts";

/** A node as a manager knows it (`GET /nodes`). */
export interface NodeEntry {
  readonly id: string;
  readonly hostname: string;
  readonly address: string;
  readonly role: string | null;
  /** active, pause, drain. */
  readonly availability: string | null;
  /** ready, down, unknown, disconnected; unknown is neither up nor down. */
  readonly state: string | null;
  readonly message: string | null;
  readonly leader: boolean;
  /** reachable, unreachable, unknown; null: no manager. */
  readonly reachability: string | null;
  /** As the engine says it: `20.10.24+dfsg1`. */
  readonly engineVersion: string | null;
  readonly labels: JsonRecord;
  /** Version.Index, which a change must name. */
  readonly index: number | null;
  readonly spec: JsonRecord;
}

/** The host of `host:port`. */
function hostOf(address: string | null): string | null {
  return address?.replace(/:\d+$/, "") ?? null;
}

function nodeEntry(value: Json): NodeEntry {
  const node = record(value);
  const [spec, status, manager] = [record(node["Spec"]), record(node["Status"]), node["ManagerStatus"]];
  const description = record(node["Description"]);
  const addr = text(status["Addr"]);
  // A manager that was started before it knew its address says 0.0.0.0 of itself.
  const own = addr === null || addr === "0.0.0.0" ? hostOf(text(record(manager)["Addr"])) : addr;
  return {
    id: text(node["ID"]) ?? "",
    hostname: text(description["Hostname"]) ?? "",
    address: plainAddress(own ?? ""),
    role: text(spec["Role"]),
    availability: text(spec["Availability"]),
    state: text(status["State"]),
    message: text(status["Message"]),
    leader: record(manager)["Leader"] === true,
    reachability: text(record(manager)["Reachability"]),
    engineVersion: text(record(description["Engine"])["EngineVersion"]),
    labels: record(spec["Labels"]),
    index: number(record(node["Version"])["Index"]),
    spec,
  };
}

/** The nodes of a `GET /nodes` answer; null where it is none. */
export function parseNodes(value: Json | undefined): readonly NodeEntry[] | null {
  return Array.isArray(value) ? list(value as Json).map(nodeEntry) : null;
}

/** Engine version as people and targets write it: without what a distribution has added behind `+`. */
export function plainVersion(version: string | null): string | null {
  return version === null ? null : version.replace(/\+.*$/, "");
}

/** The Swarm's node of a machine: by the id the machine itself gives, else by address, else by host name; null: none, or no single one. */
export function entryOf(
  entries: readonly NodeEntry[],
  node: Pick<InventoryNode, "name" | "address">,
  id: string | null = null,
): NodeEntry | null {
  if (id !== null && id !== "") return entries.find((one) => one.id === id) ?? null;
  for (const fits of [
    (one: NodeEntry): boolean => one.address === node.address,
    (one: NodeEntry): boolean => one.hostname === node.name || one.hostname === node.address,
  ]) {
    const found = entries.filter(fits);
    // A machine that has left and joined again is listed twice until somebody removes the old entry.
    const live = found.length > 1 ? found.filter((one) => one.state !== "down") : found;
    if (live.length === 1) return live[0] ?? null;
  }
  return null;
}

/** What the Swarm's nodes are called: by the inventory where it has them, else by host name. */
export function nodeNames(entries: readonly NodeEntry[], inventory: Inventory): ReadonlyMap<string, string> {
  const names = new Map(entries.map((one) => [one.id, one.hostname === "" ? one.id.slice(0, 12) : one.hostname]));
  for (const node of inventory.nodes) {
    const entry = entryOf(entries, node);
    if (entry !== null) names.set(entry.id, node.name);
  }
  return names;
}
