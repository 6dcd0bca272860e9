import { OPEN_ACL, type Acl, type Stat } from "../../zookeeper/records.ts";
import type { Txn } from "./txn.ts";

/** A znode as a server keeps it in memory and on disk. */
export interface Znode {
  data: Buffer | null;
  acl: readonly Acl[];
  readonly czxid: bigint;
  mzxid: bigint;
  readonly ctimeMs: number;
  mtimeMs: number;
  version: number;
  aversion: number;
  /** Children ever created. What clients are told counts deletions too (DataNode.copyStat of 3.4). */
  creates: number;
  /** Session id; 0n: persistent. */
  readonly owner: bigint;
  pzxid: bigint;
  readonly children: Set<string>;
}

/** What every server of an ensemble holds after the same transaction. */
export interface Tree {
  /** By path; the root is `/`. Parents come before their children. */
  readonly nodes: Map<string, Znode>;
  /** Time-out in ms by session id. */
  readonly sessions: Map<bigint, number>;
  /** The last transaction it has seen. */
  zxid: bigint;
}

/** The access list of znodes no client made: a server knows it by -1, not by a number of its own (DataTree of 3.4). */
export const BUILT_IN_ACL: readonly Acl[] = [...OPEN_ACL];

function builtIn(children: readonly string[]): Znode {
  return {
    data: Buffer.alloc(0),
    acl: BUILT_IN_ACL,
    czxid: 0n,
    mzxid: 0n,
    ctimeMs: 0,
    mtimeMs: 0,
    version: 0,
    aversion: 0,
    creates: 0,
    owner: 0n,
    pzxid: 0n,
    children: new Set(children),
  };
}

/** What a server has before anybody has written: three znodes, and four by its own count (dcos.md 7.1). */
export function emptyTree(): Tree {
  return {
    nodes: new Map([
      ["/", builtIn(["zookeeper"])],
      ["/zookeeper", builtIn(["quota"])],
      ["/zookeeper/quota", builtIn([])],
    ]),
    sessions: new Map(),
    zxid: 0n,
  };
}

/** Another tree with the same contents. */
export function copyTree(tree: Tree): Tree {
  return {
    nodes: new Map([...tree.nodes].map(([path, node]) => [path, { ...node, children: new Set(node.children) }])),
    sessions: new Map(tree.sessions),
    zxid: tree.zxid,
  };
}

/** Path of the parent; of `/a` it is `/`. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function remove(tree: Tree, path: string, zxid: bigint): void {
  const parent = tree.nodes.get(parentOf(path));
  if (!tree.nodes.delete(path) || parent === undefined) return;
  parent.children.delete(nameOf(path));
  parent.pzxid = zxid;
}

/** Does to the tree what a server does when a transaction is committed (DataTree.processTxn of 3.4). */
export function applyTxn(tree: Tree, txn: Txn): void {
  const { zxid, timeMs, session } = txn;
  tree.zxid = zxid;
  switch (txn.type) {
    case "create": {
      const parent = tree.nodes.get(parentOf(txn.path));
      if (parent === undefined || tree.nodes.has(txn.path)) return;
      parent.children.add(nameOf(txn.path));
      parent.creates = txn.parentCreates;
      parent.pzxid = zxid;
      tree.nodes.set(txn.path, {
        data: txn.data,
        acl: txn.acl,
        czxid: zxid,
        mzxid: zxid,
        ctimeMs: timeMs,
        mtimeMs: timeMs,
        version: 0,
        aversion: 0,
        creates: 0,
        owner: txn.ephemeral ? session : 0n,
        pzxid: zxid,
        children: new Set(),
      });
      return;
    }
    case "delete":
      remove(tree, txn.path, zxid);
      return;
    case "setData": {
      const node = tree.nodes.get(txn.path);
      if (node !== undefined) Object.assign(node, { data: txn.data, version: txn.version, mzxid: zxid, mtimeMs: timeMs });
      return;
    }
    case "setACL": {
      const node = tree.nodes.get(txn.path);
      if (node !== undefined) Object.assign(node, { acl: txn.acl, aversion: txn.version });
      return;
    }
    case "createSession":
      tree.sessions.set(session, txn.timeoutMs);
      return;
    case "closeSession":
      tree.sessions.delete(session);
      for (const [path, node] of [...tree.nodes]) if (node.owner === session) remove(tree, path, zxid);
      return;
  }
}

/** A znode's numbers as clients are told them. */
export function statOf(node: Znode): Stat {
  return {
    czxid: node.czxid,
    mzxid: node.mzxid,
    ctime: BigInt(node.ctimeMs),
    mtime: BigInt(node.mtimeMs),
    version: node.version,
    cversion: node.creates * 2 - node.children.size,
    aversion: node.aversion,
    ephemeralOwner: node.owner,
    dataLength: node.data?.length ?? 0,
    numChildren: node.children.size,
    pzxid: node.pzxid,
  };
}

/** What `mntr` counts: the root twice (dcos.md 7.1), and the bytes of all paths and data. */
export function countsOf(tree: Tree): { readonly znodes: number; readonly ephemerals: number; readonly bytes: number } {
  let ephemerals = 0;
  let bytes = 0;
  for (const [path, node] of tree.nodes) {
    if (node.owner !== 0n) ephemerals += 1;
    bytes += path.length + (node.data?.length ?? 0);
  }
  return { znodes: tree.nodes.size + 1, ephemerals, bytes };
}
