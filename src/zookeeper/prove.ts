import { openReader, openWriter } from "./client.ts";
import { compareTrees, comparedOf, type Compared, type Comparison, type Difference, type Trees } from "./compare.ts";
import { unpackData, type DataFolders } from "./data-folders.ts";
import type { IndexEntry } from "./dump-layout.ts";
import { readDump, type DumpIndex } from "./read-dump.ts";
import { countBelow, featuresOf, readTree, subtreesOf, type Counted } from "./read-tree.ts";
import { restoreInto, type Refused } from "./restore-dump.ts";
import type { Scratch, ScratchFolder, ScratchServer } from "./scratch-server.ts";
import { aclText, isBelow, noSpool, zxidText } from "./tree.ts";

/** How one copy came back in a server of its own. */
export interface CopyProof {
  /** What was restored. */
  readonly copy: string;
  /** Version of the scratch server. */
  readonly version: string;
  /** The last zxid of the copy; null for a dump, which has none of its own. */
  readonly zxid: string | null;
  /** Znodes the scratch server has. */
  readonly znodes: number;
  readonly comparison: Comparison;
  /** What the scratch server would not take. */
  readonly refused: readonly Refused[];
  /** Of the reference, and of what came back. */
  readonly subtrees: readonly { readonly path: string; readonly expected: Counted; readonly found: Counted }[];
  /** Trouble besides differences: a copy that ends before it was begun. */
  readonly troubles: readonly string[];
  readonly tookMs: number;
}

/** The tree as it was read, by the index of a dump. */
export function treesOf(index: DumpIndex): Trees {
  const acls = index.header.acls.map(aclText);
  return new Map([...index.entries.values()].map((entry) => [entry.path, comparedEntry(entry, acls)]));
}

function comparedEntry(entry: IndexEntry, acls: readonly string[]): Compared {
  const { czxid, mzxid, pzxid, aversion, cversion, numChildren } = entry.stat;
  return {
    sha256: entry.sha256,
    bytes: entry.bytes,
    acl: acls[entry.acl] ?? "",
    kind: entry.kind,
    stat: {
      czxid: BigInt(czxid),
      mzxid: BigInt(mzxid),
      pzxid: BigInt(pzxid),
      aversion: Number(aversion),
      cversion: Number(cversion),
      numChildren: Number(numChildren),
    },
  };
}

/** The whole tree of a scratch server. Rejects with ConnectionError. */
export async function treeOf(server: ScratchServer): Promise<Trees> {
  const client = await openReader(await server.connect(), { auth: server.auth });
  try {
    const { tree } = await readTree(client, { spool: noSpool(), features: featuresOf(server.version) });
    const found = new Map<string, Compared>();
    for (const [path, znode] of tree.nodes) found.set(path, comparedOf(znode));
    return found;
  } finally {
    await client.close();
  }
}

function counted(reference: Trees, found: Trees): CopyProof["subtrees"] {
  return subtreesOf(reference).map((path) => ({
    path,
    expected: countBelow(reference, path),
    found: countBelow(found, path),
  }));
}

/** What a scratch server made of a copy's files: the tree, its last zxid, and which copy that was. */
interface Served {
  readonly copy: string;
  readonly version: string;
  readonly zxid: bigint;
  readonly found: Trees;
}

async function serve(folder: ScratchFolder, data: DataFolders, copy: string): Promise<Served> {
  const server = await folder.start(data);
  try {
    return { copy, version: server.version, zxid: server.loadedZxid, found: await treeOf(server) };
  } finally {
    await server.stop();
  }
}

/**
 * A proof that nothing could fail proves nothing: troubles where no znode that somebody made, and that outlives its session, came
 * back as it was read.
 */
export function vacuous(reference: Trees, comparison: Comparison): readonly string[] {
  const differing = new Set(comparison.differences.map((one) => one.path));
  const own = [...reference].filter(([path, { kind }]) => kind === "persistent" && path !== "/" && !isBelow(path, "/zookeeper"));
  if (own.length === 0) return ["the tree that was read holds nothing but what every server makes by itself: nothing is proven"];
  if (own.some(([path]) => !differing.has(path))) return [];
  return [`none of ${String(own.length)} znodes came back as it was read: nothing is proven`];
}

/**
 * Proves a copy of a server's folders: unpacked, a scratch server started on them, and its tree compared with the one that was read
 * from the ensemble. `begun`: what the server was at when the copy was begun; a copy that ends before lacks what was committed. Where
 * nobody knows, nothing is excused by the copy's end: a log that is missing ends it early too. `served`, by the digest of the files: the
 * servers of a quiet ensemble hold the same bytes, and no server is started twice on those. Throws DumpError, ScratchError, ConnectionError.
 */
export async function proveFolders(
  scratch: Scratch,
  copy: string,
  archive: AsyncIterable<Buffer>,
  reference: { readonly trees: Trees; readonly read: bigint },
  begun: bigint | null,
  served = new Map<string, Promise<Served>>(),
): Promise<CopyProof> {
  const from = performance.now();
  const folder = await scratch.folder();
  try {
    const data = await unpackData(archive, folder.path);
    const same = served.get(data.digest);
    const serving = same ?? serve(folder, data, copy);
    served.set(data.digest, serving);
    const { version, zxid, found, copy: first } = await serving;
    const short = begun !== null && zxid < begun;
    const due = begun ?? reference.read;
    const origin = { kind: "folders" as const, zxid: zxid < due ? due : zxid, read: reference.read };
    const comparison = compareTrees(reference.trees, found, origin);
    const files = `${String(data.snapshots.length)} snapshots, ${String(data.logFiles.length)} logs`;
    return {
      copy: `${copy} (${data.name}: ${files}${same === undefined ? "" : `, byte for byte those of the ${first}`})`,
      version,
      zxid: zxidText(zxid),
      znodes: found.size,
      comparison,
      refused: [],
      subtrees: counted(reference.trees, found),
      troubles: [
        ...(short
          ? [
              `it ends at zxid ${zxidText(zxid)}, but its server was at ${zxidText(begun)} when it was begun: a transaction log is missing or cut`,
            ]
          : vacuous(reference.trees, comparison)),
      ],
      tookMs: performance.now() - from,
    };
  } finally {
    await folder.remove();
  }
}

/** Proves a dump: every znode restored into an empty scratch server by create with its ACL, then read back and compared. */
export async function proveDump(
  scratch: Scratch,
  copy: string,
  archive: AsyncIterable<Buffer>,
  /** The tree as it was read; the dump's own index where nothing else is known. */
  reference: (index: DumpIndex) => Trees,
): Promise<CopyProof> {
  const from = performance.now();
  const folder = await scratch.folder();
  try {
    const server = await folder.start({ data: `${folder.path}/data`, logs: `${folder.path}/logs` });
    try {
      const client = await openWriter(await server.connect(), { auth: server.auth });
      let expected: Trees = new Map();
      let restoring = restoreInto(client, []);
      await readDump(
        archive,
        (index) => {
          expected = reference(index);
          restoring = restoreInto(client, index.header.acls);
        },
        (znode) => restoring.put(znode),
      );
      const { refused } = await restoring.end();
      await client.close();
      const found = await treeOf(server);
      const comparison = compareTrees(expected, found, { kind: "dump" });
      return {
        copy,
        version: server.version,
        zxid: null,
        znodes: found.size,
        comparison,
        refused,
        subtrees: counted(expected, found),
        troubles: [
          ...refused.map((one) => `${one.path}: ${one.what} was refused (${one.error})`),
          ...vacuous(expected, comparison),
        ],
        tookMs: performance.now() - from,
      };
    } finally {
      await server.stop();
    }
  } finally {
    await folder.remove();
  }
}

/** The faults of a copy: what nothing explains, and the other troubles. Empty: it is proven. */
export function faultsOf(proof: CopyProof): readonly (Difference | string)[] {
  return [...proof.troubles, ...proof.comparison.differences.filter((one) => one.explained === null)];
}
