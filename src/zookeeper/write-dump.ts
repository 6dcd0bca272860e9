import { createHash } from "node:crypto";
import { pack, type Header, type Pack } from "tar-stream";
import { EPHEMERAL, folderOf, INDEX, placeOf, README, TREE, type IndexEntry } from "./dump-layout.ts";
import type { Consistency, TreeReading } from "./read-tree.ts";
import type { Acl, Stat } from "./records.ts";
import { aclOf, kindOf, parentOf, type Znode } from "./tree.ts";
import type { Znodes } from "./znodes.ts";

/** First line of an index. */
export interface IndexHeader {
  readonly format: "pawl-znodes/1";
  readonly node: string;
  readonly version: string | null;
  readonly readAt: string;
  readonly consistency: Consistency;
  readonly znodes: number;
  readonly ephemerals: number;
  readonly acls: readonly (readonly Acl[])[];
}

export interface DumpMeta {
  readonly node: string;
  readonly version: string | null;
  /** ISO. */
  readonly readAt: string;
}

export interface DumpSummary {
  readonly znodes: number;
  readonly ephemerals: number;
  /** Files and folders of the tree as guano counts them. */
  readonly counted: number;
  readonly dataBytes: number;
  /** Digest of the index: of every path, digest, ACL and stat. */
  readonly indexSha256: string;
}

const TEXT = `A dump of ZooKeeper's znodes, made by pawl.

${TREE}/         the tree as guano lays it out: a znode with children is a folder, its own data is in _znode
${EPHEMERAL}/    data of ephemeral znodes: to look at; they belong to sessions that are over
pawl/index.jsonl every znode with its ACL, kind, stat and the digest of its data; null data told from empty data
pawl/data/    data of znodes whose names cannot lie in that layout

pawl restore zookeeper --drill tries a restore on a server of its own. The real restore is in docs/restore.md.
`;

interface Numbered {
  readonly node: Pick<IndexEntry, "path" | "kind" | "bytes"> & { readonly isParent: boolean };
  readonly znode: Znode;
  readonly at: string | null;
}

/** The znodes in the order of their paths, parents first, with the places of their data. Gone through more than once: nothing is kept. */
function* inOrder(nodes: Znodes, paths: readonly string[], parents: ReadonlySet<string>): Generator<Numbered> {
  let odds = 0;
  for (const path of paths) {
    const znode = nodes.get(path);
    if (znode === undefined) continue;
    const node = {
      path,
      kind: kindOf(znode.stat),
      bytes: znode.data.kind === "null" ? null : znode.data.length,
      isParent: parents.has(path),
    };
    const at = placeOf(node, odds);
    if (at?.startsWith("pawl/") === true) odds += 1;
    yield { node, znode, at };
  }
}

/** 64 bits as text, in the order of the protocol. */
function statText(stat: Stat): IndexEntry["stat"] {
  return {
    czxid: stat.czxid.toString(),
    mzxid: stat.mzxid.toString(),
    ctime: stat.ctime.toString(),
    mtime: stat.mtime.toString(),
    version: stat.version,
    cversion: stat.cversion,
    aversion: stat.aversion,
    ephemeralOwner: stat.ephemeralOwner.toString(),
    dataLength: stat.dataLength,
    numChildren: stat.numChildren,
    pzxid: stat.pzxid.toString(),
  };
}

function line({ node, znode, at }: Numbered, acls: ReadonlyMap<string, number>): Buffer {
  const entry: IndexEntry = {
    path: node.path,
    kind: node.kind,
    bytes: node.bytes,
    sha256: znode.sha256,
    acl: acls.get(znode.acl) ?? 0,
    stat: statText(znode.stat),
    ...(at === null ? {} : { at }),
  };
  return Buffer.from(`${JSON.stringify(entry)}\n`);
}

/** Order of paths in which a parent comes before its children, and they before what is named after it: the slash is the least character. */
function byPath(one: string, other: string): number {
  const shorter = Math.min(one.length, other.length);
  for (let at = 0; at < shorter; at += 1) {
    const [here, there] = [one.charCodeAt(at), other.charCodeAt(at)];
    if (here !== there) return (here === SLASH ? 0 : here) - (there === SLASH ? 0 : there);
  }
  return one.length - other.length;
}

function entry(archive: Pack, header: Partial<Header> & Pick<Header, "name">, bytes: Buffer | null): Promise<void> {
  return new Promise((resolve, reject) => {
    archive.entry(header, bytes ?? Buffer.alloc(0), (error) =>
      error === null || error === undefined ? resolve() : reject(error),
    );
  });
}

const SLASH = "/".charCodeAt(0);
/** Written in pieces of about this size. */
const PIECE_BYTES = 256 * 1024;

function* pieces(lines: Iterable<Buffer>): Generator<Buffer> {
  let held: Buffer[] = [];
  let bytes = 0;
  for (const one of lines) {
    held.push(one);
    bytes += one.length;
    if (bytes < PIECE_BYTES) continue;
    yield Buffer.concat(held, bytes);
    held = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(held, bytes);
}

/** Passes an archive on in pieces of about PIECE_BYTES, and holds it back while one is under way. Rejects with what `write` throws. */
function sendOn(archive: Pack, write: (chunk: Buffer) => void | Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    let held: Buffer[] = [];
    let bytes = 0;
    let ended = false;
    const send = async (): Promise<void> => {
      const piece = Buffer.concat(held, bytes);
      held = [];
      bytes = 0;
      await write(piece);
    };
    archive.on("data", (data) => {
      const chunk = data as Buffer;
      held.push(chunk);
      bytes += chunk.length;
      if (bytes < PIECE_BYTES) return;
      archive.pause();
      send().then(() => void archive.resume(), reject);
    });
    archive.once("error", reject);
    archive.once("end", () => {
      ended = true;
      send().then(resolve, reject);
    });
    archive.once("close", () => {
      if (!ended) reject(new Error("the archive was given up"));
    });
  });
}

/**
 * Writes a tree as one tar, piece by piece: the index first, then guano's layout, parents first. Data is read back from where the
 * tree keeps it; memory stays at one znode's data. The same tree gives the same bytes. Rejects with what `write` or the disk throws.
 */
export async function writeDump(
  { tree, consistency }: TreeReading,
  meta: DumpMeta,
  write: (chunk: Buffer) => void | Promise<void>,
): Promise<DumpSummary> {
  const paths = [...tree.nodes.keys()].sort(byPath);
  const parents = new Set<string>();
  const lists = new Set<string>();
  let ephemerals = 0;
  for (const [path, znode] of tree.nodes) {
    if (path !== "/") parents.add(parentOf(path));
    lists.add(znode.acl);
    if (kindOf(znode.stat) === "ephemeral") ephemerals += 1;
  }
  const acls = new Map([...lists].toSorted().map((acl, at) => [acl, at]));
  const header: IndexHeader = {
    format: "pawl-znodes/1",
    node: meta.node,
    version: meta.version,
    readAt: meta.readAt,
    consistency,
    znodes: paths.length,
    ephemerals,
    acls: [...acls.keys()].map(aclOf),
  };
  const indexLines = function* (): Generator<Buffer> {
    yield Buffer.from(`${JSON.stringify(header)}\n`);
    for (const one of inOrder(tree.nodes, paths, parents)) yield line(one, acls);
    yield Buffer.from(`${JSON.stringify({ end: paths.length })}\n`);
  };
  const hash = createHash("sha256");
  // Its size comes before it in the archive: it is made once, and waits where the data waits.
  const index: { readonly offset: number; readonly length: number }[] = [];
  for (const piece of pieces(indexLines())) {
    hash.update(piece);
    index.push({ offset: await tree.spool.keep(piece), length: piece.length });
  }
  const archive = pack();
  const sent = sendOn(archive, write);
  // Its failure is thrown below, where it is waited for; the archive ends without it.
  sent.catch(() => archive.destroy());
  const when = new Date(meta.readAt);
  let counted = 0;
  let dataBytes = 0;
  const produce = async (): Promise<void> => {
    await entry(archive, { name: README, mode: 0o600, mtime: when }, Buffer.from(TEXT));
    await new Promise<void>((resolve, reject) => {
      const size = index.reduce((sum, { length }) => sum + length, 0);
      const into = archive.entry({ name: INDEX, size, mode: 0o600, mtime: when }, (error) =>
        error === null || error === undefined ? resolve() : reject(error),
      );
      void (async () => {
        for (const { offset, length } of index)
          if (!into.write(await tree.spool.read(offset, length))) await new Promise<void>((go) => void into.once("drain", go));
        into.end(null);
      })().catch(reject);
    });
    for (const { node, znode, at } of inOrder(tree.nodes, paths, parents)) {
      const mtime = new Date(Number(znode.stat.mtime));
      const folder = folderOf(node);
      if (folder !== null) {
        counted += 1;
        await entry(archive, { name: folder, type: "directory", mode: 0o700, mtime }, null);
      }
      if (at === null || znode.data.kind === "null") continue;
      if (folder === null && at.startsWith(TREE)) counted += 1;
      dataBytes += znode.data.length;
      const bytes = await tree.spool.read(znode.data.offset, znode.data.length);
      await entry(archive, { name: at, mode: 0o600, mtime }, bytes);
    }
    archive.finalize();
  };
  await Promise.all([Promise.race([produce(), sent.then(() => undefined)]), sent]);
  return { znodes: paths.length, ephemerals, counted, dataBytes, indexSha256: hash.digest("hex") };
}
