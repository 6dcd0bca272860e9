import { applyTxn, copyTree, parentOf, type Tree } from "./tree.ts";
import type { Change, Txn } from "./txn.ts";

/** Everything an ensemble has committed: where it began, each transaction since, and what came of it. */
export interface History {
  /** Never changed. */
  readonly base: Tree;
  readonly txns: Txn[];
  /** The tree now. */
  readonly tree: Tree;
}

/** A history that begins with the tree as it is. */
export function beginHistory(base: Tree): History {
  return { base, txns: [], tree: copyTree(base) };
}

/** Who commits, and when. */
export interface Author {
  readonly session: bigint;
  readonly timeMs: number;
  readonly cxid?: number;
}

/** Commits one change with the next transaction id; a new epoch begins with `startEpoch`. */
export function commit(history: History, change: Change, author: Author): Txn {
  const txn: Txn = { cxid: 0, ...author, zxid: history.tree.zxid + 1n, ...change };
  history.txns.push(txn);
  applyTxn(history.tree, txn);
  return txn;
}

/** The change that makes a znode; its parent must be there. */
export function creation(
  tree: Tree,
  made: {
    readonly path: string;
    readonly data: Buffer | null;
    readonly acl: Extract<Change, { type: "create" }>["acl"];
    readonly ephemeral: boolean;
  },
): Change {
  return { type: "create", ...made, parentCreates: (tree.nodes.get(parentOf(made.path))?.creates ?? 0) + 1 };
}

/** Transaction ids of an epoch count from here. */
export function startEpoch(history: History, epoch: number): void {
  history.tree.zxid = BigInt(epoch) << 32n;
}

/** The tree after the transaction `zxid`, made from the beginning. */
export function treeAt(history: History, zxid: bigint): Tree {
  const tree = copyTree(history.base);
  for (const txn of history.txns) {
    if (txn.zxid > zxid) break;
    applyTxn(tree, txn);
  }
  return tree;
}

/** The transactions after `from` (inclusive) up to `upTo` (inclusive; null: all so far). */
export function txnsBetween(history: History, from: bigint, upTo: bigint | null): readonly Txn[] {
  return history.txns.filter((txn) => txn.zxid >= from && (upTo === null || txn.zxid <= upTo));
}
