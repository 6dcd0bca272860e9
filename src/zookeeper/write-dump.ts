import { createHash } from "node:crypto";
import { pack, type Header, type Pack } from "tar-stream";
import { EPHEMERAL, folderOf, INDEX, placeOf, README, TREE, type IndexEntry } from "./dump-layout.ts";
import type { Consistency, TreeReading } from "./read-tree.ts";
import type { Acl, Stat } from "./records.ts";
import { aclOf, kindOf, parentOf, type Znode } from "./tree.ts";

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
function* inOrder(
  nodes: ReadonlyMap<string, Znode>,
  paths: readonly string[],
  parents: ReadonlySet<string>,
): Generator<Numbered> {
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

function statText(stat: Stat): IndexEntry["stat"] {
  const text = Object.entries(stat).map(([name, value]) => [name, typeof value === "bigint" ? value.toString() : value]);
  return Object.fromEntries(text) as IndexEntry["stat"];
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

/** Sorted so that a parent comes before its children and its own data before them. */
function sortedPaths(paths: Iterable<string>): readonly string[] {
  const key = (path: string): string => (path === "/" ? "" : path.replaceAll("/", "\u0001"));
  return [...paths]
    .map((path) => [key(path), path] as const)
    .sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0))
    .map(([, path]) => path);
}

function entry(archive: Pack, header: Partial<Header> & Pick<Header, "name">, bytes: Buffer | null): Promise<void> {
  return new Promise((resolve, reject) => {
    archive.entry(header, bytes ?? Buffer.alloc(0), (error) =>
      error === null || error === undefined ? resolve() : reject(error),
    );
  });
}

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

/**
 * Writes a tree as one tar, piece by piece: the index first, then guano's layout, parents first. Data is read back from where the
 * tree keeps it; memory stays at one znode's data. The same tree gives the same bytes. Rejects with what `write` or the disk throws.
 */
export async function writeDump(
  { tree, consistency }: TreeReading,
  meta: DumpMeta,
  write: (chunk: Buffer) => void | Promise<void>,
): Promise<DumpSummary> {
  const paths = sortedPaths(tree.nodes.keys());
  const parents = new Set(paths.filter((path) => path !== "/").map(parentOf));
  const acls = new Map([...new Set([...tree.nodes.values()].map((znode) => znode.acl))].toSorted().map((acl, at) => [acl, at]));
  const ephemerals = [...tree.nodes.values()].filter((znode) => kindOf(znode.stat) === "ephemeral").length;
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
  let indexBytes = 0;
  for (const piece of pieces(indexLines())) {
    hash.update(piece);
    indexBytes += piece.length;
  }
  const archive = pack();
  const sent = (async () => {
    for await (const chunk of archive) await write(chunk as Buffer);
  })();
  // Its failure is thrown below, where it is waited for; the archive ends without it.
  sent.catch(() => archive.destroy());
  const when = new Date(meta.readAt);
  let counted = 0;
  let dataBytes = 0;
  const produce = async (): Promise<void> => {
    await entry(archive, { name: README, mode: 0o600, mtime: when }, Buffer.from(TEXT));
    await new Promise<void>((resolve, reject) => {
      const index = archive.entry({ name: INDEX, size: indexBytes, mode: 0o600, mtime: when }, (error) =>
        error === null || error === undefined ? resolve() : reject(error),
      );
      void (async () => {
        for (const piece of pieces(indexLines()))
          if (!index.write(piece)) await new Promise<void>((go) => void index.once("drain", go));
        index.end(null);
      })();
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
