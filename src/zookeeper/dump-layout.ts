import type { Stat } from "./records.ts";

/**
 * How a znode lies in a dump: guano's layout below `tree/` (dcos.md 8.2), so that `guano -r / -i tree` can restore it; what guano
 * leaves out lies beside it.
 */
export const TREE = "tree";
/** Data of ephemeral znodes: kept to be looked at, restored by nobody. */
export const EPHEMERAL = "ephemeral";
export const INDEX = "pawl/index.jsonl";
export const README = "pawl/README.txt";
/** Data of znodes whose name cannot lie in guano's layout. */
const ODD = "pawl/data";
/** guano's name for the data of a znode that has children. */
export const OWN_DATA = "_znode";

/** One znode of the index. */
export interface IndexEntry {
  readonly path: string;
  readonly kind: "persistent" | "ephemeral";
  /** Null: null data. */
  readonly bytes: number | null;
  readonly sha256: string | null;
  /** Number of its ACL in the index's list. */
  readonly acl: number;
  /** As the server gave it; 64 bits as text. */
  readonly stat: Readonly<Record<keyof Stat, string | number>>;
  /** The entry that has its data; absent where it has none. */
  readonly at?: string;
}

/** A znode named as guano names the data of its parent has no place in guano's layout, nor has what is below it. */
function isOdd(path: string): boolean {
  return path.includes(OWN_DATA) && path.split("/").includes(OWN_DATA);
}

function below(folder: string, path: string): string {
  return path === "/" ? folder : `${folder}${path}`;
}

/** Where the data of a znode lies; null where there is none to be kept in a file. `number`: of the odd ones so far. */
export function placeOf(
  znode: { readonly path: string; readonly kind: IndexEntry["kind"]; readonly bytes: number | null; readonly isParent: boolean },
  odds: number,
): string | null {
  if (znode.bytes === null || znode.bytes === 0) return null;
  if (znode.kind === "ephemeral") return below(EPHEMERAL, znode.path);
  if (isOdd(znode.path)) return `${ODD}/${String(odds)}`;
  return znode.isParent ? `${below(TREE, znode.path)}/${OWN_DATA}` : below(TREE, znode.path);
}

/** The folder of a znode that is one in guano's layout; null where it is a file, or not there. */
export function folderOf(znode: {
  readonly path: string;
  readonly kind: IndexEntry["kind"];
  readonly bytes: number | null;
  readonly isParent: boolean;
}): string | null {
  if (znode.kind === "ephemeral" || isOdd(znode.path)) return null;
  return znode.isParent || znode.bytes === null || znode.bytes === 0 ? `${below(TREE, znode.path)}/` : null;
}

/** The persistent znodes a server has, by its own counters: 3.4 and later count the root twice (dcos.md 7.1, 8.2). */
export function persistentByCounters(znodes: number, ephemerals: number): number {
  return znodes - 1 - ephemerals;
}
