import type { Inventory, InventoryNode } from "../../../domain/inventory.ts";
import type { Remote } from "../../../engine/ports.ts";
import { portOf } from "../contract.ts";

/** One ZooKeeper server by its `mntr` answer. */
export interface ServerReading {
  readonly node: string;
  /** `leader`, `follower`, `standalone`; null: it does not serve (dcos.md 7.1). */
  readonly state: string | null;
  readonly followers: number | null;
  readonly syncedFollowers: number | null;
  readonly znodes: number | null;
  readonly ephemerals: number | null;
  readonly body: string;
  readonly why: string | null;
}

const FOUR_LETTER_TIMEOUT_MS = 10_000;

/** `key<TAB>value` lines of `mntr`. A server without quorum answers one sentence instead: no keys. */
export function parseMntr(body: string): ReadonlyMap<string, string> {
  const pairs = body
    .split("\n")
    .map((line) => line.split("\t"))
    .filter((parts) => parts.length === 2);
  return new Map(pairs.map(([key = "", value = ""]) => [key.trim(), value.trim()]));
}

function count(value: string | undefined): number | null {
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : null;
}

/** Asks one server for its state. `ruok` is no use: it answers without a quorum (dcos.md 7.1). */
export async function readServer(reader: Remote, inventory: Inventory, node: InventoryNode): Promise<ServerReading> {
  const answer = await reader.tcp(node.address, portOf(inventory, "zookeeper"), "mntr", FOUR_LETTER_TIMEOUT_MS);
  const body = answer.kind === "answered" ? answer.body.toString("utf8") : "";
  const values = parseMntr(body);
  const state = values.get("zk_server_state") ?? null;
  const why = answer.kind === "no-answer" ? answer.reason : state === null ? body.trim() || "an empty answer" : null;
  return {
    node: node.name,
    state,
    followers: count(values.get("zk_followers")),
    syncedFollowers: count(values.get("zk_synced_followers")),
    znodes: count(values.get("zk_znode_count")),
    ephemerals: count(values.get("zk_ephemerals_count")),
    body,
    why,
  };
}

/** Whether the server votes: leader or follower; alone only where it is the only master. */
export function isServing(reading: Pick<ServerReading, "state">, masters: number): boolean {
  return reading.state === "leader" || reading.state === "follower" || (masters === 1 && reading.state === "standalone");
}

/** The transaction id a server is at, from `srvr`; null where it does not serve. */
export async function readZxid(reader: Remote, inventory: Inventory, node: InventoryNode): Promise<string | null> {
  const answer = await reader.tcp(node.address, portOf(inventory, "zookeeper"), "srvr", FOUR_LETTER_TIMEOUT_MS);
  return answer.kind === "answered" ? (/^Zxid: (0x[0-9a-f]+)/m.exec(answer.body.toString("utf8"))?.[1] ?? null) : null;
}
