import type { Inventory, NodeName } from "../../../domain/inventory.ts";
import type { Remote } from "../../../engine/ports.ts";
import { mastersOf } from "../contract.ts";
import { leaderOf, readMaster, type MasterReading } from "../mesos.ts";
import { readServer, type ServerReading } from "../zookeeper/four-letter-words.ts";

/** Every master's own word about Mesos and ZooKeeper. */
export interface Ensemble {
  readonly masters: readonly MasterReading[];
  readonly servers: readonly ServerReading[];
}

/** Asks every master, at once. */
export async function readEnsemble(reader: Remote, inventory: Inventory): Promise<Ensemble> {
  const nodes = mastersOf(inventory);
  const [masters, servers] = await Promise.all([
    Promise.all(nodes.map((node) => readMaster(reader, inventory, node))),
    Promise.all(nodes.map((node) => readServer(reader, inventory, node))),
  ]);
  return { masters, servers };
}

/**
 * Masters that must come last, in that order: the ZooKeeper leader where it is another machine, then the leading Mesos
 * master, so that each leadership moves once (design rule 2). Null: one of them could not be told.
 */
export function lastMasters(ensemble: Ensemble, inventory: Inventory): readonly NodeName[] | null {
  const nodes = mastersOf(inventory);
  const mesos = leaderOf(ensemble.masters, nodes)?.name;
  const leading = ensemble.servers.filter((one) => one.state === "leader" || (nodes.length === 1 && one.state === "standalone"));
  const zookeeper = leading.length === 1 ? leading[0]?.node : undefined;
  if (mesos === undefined || zookeeper === undefined) return null;
  return zookeeper === mesos ? [mesos] : [zookeeper, mesos];
}

/** Leadership read again; roles without a leader have nobody to come last. */
export async function readLast(reader: Remote, inventory: Inventory, role: string): Promise<readonly NodeName[] | null> {
  if (role !== "master") return [];
  return lastMasters(await readEnsemble(reader, inventory), inventory);
}
