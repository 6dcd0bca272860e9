import {
  buffer,
  createReader,
  createWriter,
  encode,
  int,
  JuteError,
  long,
  record,
  text,
  vector,
  written,
  type JuteReader,
  type JuteWriter,
} from "../../zookeeper/jute.ts";
import { acl } from "../../zookeeper/records.ts";
import { BUILT_IN_ACL, emptyTree, parentOf, type Tree, type Znode } from "./tree.ts";
import { decodeTxn, encodeTxn, type Txn } from "./txn.ts";

/** Files of ZooKeeper 3.4, which later releases read too (persistence.FileSnap, FileTxnLog; SerializeUtils; DataTree). */
const fileHeader = record({ magic: int, version: int, dbId: long });
const statPersisted = record({
  czxid: long,
  mzxid: long,
  ctime: long,
  mtime: long,
  version: int,
  cversion: int,
  aversion: int,
  ephemeralOwner: long,
  pzxid: long,
});
const aclEntry = record({ id: long, acl: vector(acl) });
const logEntry = record({ checksum: long, bytes: buffer });
const session = record({ id: long, timeoutMs: int });
const VERSION = 2;
const END_OF_RECORD = Buffer.from([0x42]);
/** A server writes zeros ahead of its log, 64 MiB at once; a cluster that lives in memory is content with less. */
const PREALLOCATED_BYTES = 65_536;

/** A file's magic number: its first four letters. */
function magic(letters: string): number {
  return Buffer.from(letters, "latin1").readInt32BE(0);
}

/** So many bytes can be summed before the sums must be reduced (zlib's NMAX). */
const ADLER_CHUNK = 5_552;

/** The checksum of both kinds of files (RFC 1950, 9). */
export function adler32(bytes: Uint8Array): number {
  let low = 1;
  let high = 0;
  for (let at = 0; at < bytes.length; at += ADLER_CHUNK) {
    for (const byte of bytes.subarray(at, at + ADLER_CHUNK)) {
      low += byte;
      high += low;
    }
    low %= 65_521;
    high %= 65_521;
  }
  return high * 65_536 + low;
}

/** Numbers the access lists in the order they are met; the built-in one is -1 and not listed. */
function numbered(tree: Tree): { readonly lists: readonly (readonly [bigint, Znode["acl"]])[]; idOf(node: Znode): bigint } {
  const ids = new Map<string, bigint>();
  const lists: (readonly [bigint, Znode["acl"]])[] = [];
  for (const { acl: list } of tree.nodes.values()) {
    const key = JSON.stringify(list);
    if (list === BUILT_IN_ACL || ids.has(key)) continue;
    const id = BigInt(ids.size + 1);
    ids.set(key, id);
    lists.push([id, list]);
  }
  return { lists, idOf: (node) => (node.acl === BUILT_IN_ACL ? -1n : (ids.get(JSON.stringify(node.acl)) ?? -1n)) };
}

function writeNode(to: JuteWriter, tree: Tree, path: string, idOf: (node: Znode) => bigint): void {
  const node = tree.nodes.get(path);
  if (node === undefined) return;
  // On disk the root has the empty path: `/` ends the tree.
  text.write(to, path === "/" ? "" : path);
  buffer.write(to, node.data);
  long.write(to, idOf(node));
  statPersisted.write(to, {
    ...node,
    ctime: BigInt(node.ctimeMs),
    mtime: BigInt(node.mtimeMs),
    cversion: node.creates,
    ephemeralOwner: node.owner,
  });
  for (const child of node.children) writeNode(to, tree, `${path === "/" ? "" : path}/${child}`, idOf);
}

/** The bytes of `snapshot.<zxid>`: sessions, access lists, every znode, and the seal. */
export function snapshotFile(tree: Tree): Buffer {
  const to = createWriter();
  fileHeader.write(to, { magic: magic("ZKSN"), version: VERSION, dbId: -1n });
  int.write(to, tree.sessions.size);
  for (const [id, timeoutMs] of tree.sessions) session.write(to, { id, timeoutMs });
  const { lists, idOf } = numbered(tree);
  int.write(to, lists.length);
  for (const [id, list] of lists) aclEntry.write(to, { id, acl: list });
  writeNode(to, tree, "/", idOf);
  text.write(to, "/");
  long.write(to, BigInt(adler32(written(to))));
  text.write(to, "/");
  return Buffer.from(written(to));
}

/** The bytes of `log.<zxid of its first transaction>`: each transaction with its checksum, then zeros that are still to be written. */
export function logFile(txns: readonly Txn[]): Buffer {
  const parts = [encode(fileHeader, { magic: magic("ZKLG"), version: VERSION, dbId: 0n })];
  for (const txn of txns) {
    const bytes = encodeTxn(txn);
    parts.push(encode(logEntry, { checksum: BigInt(adler32(bytes)), bytes }), END_OF_RECORD);
  }
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = Buffer.alloc(Math.ceil((length + 1) / PREALLOCATED_BYTES) * PREALLOCATED_BYTES);
  Buffer.concat(parts).copy(whole);
  return whole;
}

function need(right: boolean, what: string): void {
  if (!right) throw new JuteError(what);
}

function readHeader(from: JuteReader, letters: string): void {
  const head = fileHeader.read(from);
  need(head.magic === magic(letters) && head.version === VERSION, `this is no file that begins with ${letters}`);
}

/** The tree of a snapshot; it has seen the transactions up to the one in the file's name. Throws JuteError for a damaged file. */
export function readSnapshot(bytes: Buffer, zxid: bigint): Tree {
  const from = createReader(bytes);
  readHeader(from, "ZKSN");
  const tree: Tree = { ...emptyTree(), zxid };
  tree.nodes.clear();
  for (let left = int.read(from); left > 0; left -= 1) {
    const { id, timeoutMs } = session.read(from);
    tree.sessions.set(id, timeoutMs);
  }
  const lists = new Map<bigint, Znode["acl"]>([[-1n, BUILT_IN_ACL]]);
  for (let left = int.read(from); left > 0; left -= 1) {
    const one = aclEntry.read(from);
    lists.set(one.id, one.acl);
  }
  for (let path = text.read(from); path !== "/"; path = text.read(from)) {
    const data = buffer.read(from);
    const acl = lists.get(long.read(from));
    const { ctime, mtime, cversion, ephemeralOwner, ...stat } = statPersisted.read(from);
    need(acl !== undefined, `${path} has an access list that is not there`);
    const times = { ctimeMs: Number(ctime), mtimeMs: Number(mtime) };
    const node = {
      ...stat,
      ...times,
      data,
      acl: acl ?? [],
      creates: cversion,
      owner: ephemeralOwner,
      children: new Set<string>(),
    };
    tree.nodes.set(path === "" ? "/" : path, node);
    if (path !== "") tree.nodes.get(parentOf(path))?.children.add(path.slice(path.lastIndexOf("/") + 1));
  }
  const summed = bytes.subarray(0, from.at);
  need(long.read(from) === BigInt(adler32(summed)), "its checksum is another one");
  need(text.read(from) === "/", "its seal is missing");
  return tree;
}

/** The transactions of a log. One that is cut off ends it, as it does for a server. Throws JuteError for a damaged file. */
export function readLog(bytes: Buffer): readonly Txn[] {
  const from = createReader(bytes);
  readHeader(from, "ZKLG");
  const txns: Txn[] = [];
  // Checksum and length; a length of 0 was written ahead.
  while (from.at + 12 <= bytes.length && bytes.readInt32BE(from.at + 8) > 0) {
    if (from.at + 12 + bytes.readInt32BE(from.at + 8) + END_OF_RECORD.length > bytes.length) break;
    const { checksum, bytes: entry } = logEntry.read(from);
    if (bytes[from.at] !== END_OF_RECORD[0]) break;
    from.at += END_OF_RECORD.length;
    need(entry !== null && checksum === BigInt(adler32(entry)), "a transaction's checksum is another one");
    txns.push(decodeTxn(entry ?? Buffer.alloc(0)));
  }
  return txns;
}
