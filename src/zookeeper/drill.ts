import pLimit from "p-limit";
import { ConnectionError, openWriter } from "./client.ts";
import { compareTrees, type Compared, type Trees } from "./compare.ts";
import { proofDocument, type ProofDocument } from "./proof-document.ts";
import { proveDump, proveFolders, treeOf, treesOf, vacuous, type CopyProof } from "./prove.ts";
import { DumpError, readDump, readGuano, type DumpIndex } from "./read-dump.ts";
import { OPEN_ACL } from "./records.ts";
import { restoreInto } from "./restore-dump.ts";
import { ScratchError, type Scratch } from "./scratch-server.ts";
import { aclText, sha256Of } from "./tree.ts";

/** Scratch servers that run beside each other: most of a proof is the start of a Java program, and each may take its heap. */
const SERVERS_AT_ONCE = 2;

/** One archive of a backup. `open` begins to read it anew each time. */
export interface Copy {
  readonly name: string;
  open(): AsyncIterable<Buffer>;
}

export interface Backup {
  readonly dump:
    (Copy & { /** Digest of its index when it was written; null: not known. */ readonly indexSha256: string | null }) | null;
  /** Archives of data folders, and the zxid their server was at when each was begun. */
  readonly folders: readonly (Copy & { readonly begun: bigint | null })[];
  /** Dumps of real guano. */
  readonly guano: readonly Copy[];
}

async function indexOf(dump: NonNullable<Backup["dump"]>): Promise<DumpIndex> {
  const found: { index?: DumpIndex } = {};
  await readDump(
    dump.open(),
    (index) => void (found.index = index),
    () => undefined,
  );
  if (found.index === undefined) throw new DumpError("the dump has no index");
  if (dump.indexSha256 !== null && found.index.sha256 !== dump.indexSha256)
    throw new DumpError(`its index is another one than when the tree was read (SHA-256 ${found.index.sha256})`);
  return found.index;
}

/** A copy that could not be brought back at all. */
function broken(copy: string, why: string, tookMs: number): CopyProof {
  const comparison = { znodes: 0, equal: 0, differences: [] };
  return { copy, version: "-", zxid: null, znodes: 0, comparison, refused: [], subtrees: [], troubles: [why], tookMs };
}

async function tried(copy: string, prove: () => Promise<CopyProof>): Promise<CopyProof> {
  const from = performance.now();
  try {
    return await prove();
  } catch (error) {
    if (!(error instanceof DumpError || error instanceof ScratchError || error instanceof ConnectionError)) throw error;
    return broken(copy, error.message, performance.now() - from);
  }
}

/** guano keeps neither ACLs nor kinds, and does not tell null from empty data: what it has must come back. */
async function proveGuano(scratch: Scratch, copy: Copy): Promise<CopyProof> {
  const from = performance.now();
  const folder = await scratch.folder();
  try {
    const server = await folder.start({ data: `${folder.path}/data`, logs: `${folder.path}/logs` });
    try {
      const client = await openWriter(await server.connect(), { auth: server.auth });
      const restoring = restoreInto(client, []);
      const expected = new Map<string, Compared>();
      await readGuano(copy.open(), async (znode) => {
        if (znode.data !== null || !expected.has(znode.path)) {
          const stat = { czxid: 0n, mzxid: 0n, pzxid: 0n, aversion: 0, cversion: 0, numChildren: 0 };
          const bytes = znode.data?.length ?? null;
          expected.set(znode.path, { sha256: sha256Of(znode.data), bytes, acl: aclText(OPEN_ACL), kind: "persistent", stat });
        }
        await restoring.put(znode);
      });
      const { refused } = await restoring.end();
      await client.close();
      const found = await treeOf(server);
      // A dump of one znode and what is below it has no root of its own: what a new server brings is not its business.
      const own: Trees = new Map([...found].filter(([path]) => expected.has(path) || !isOfServer(path)));
      const comparison = compareTrees(expected, own, { kind: "dump" });
      return {
        ...broken(copy.name, "", performance.now() - from),
        version: server.version,
        znodes: own.size,
        comparison,
        refused,
        troubles: [
          ...refused.map((one) => `${one.path}: ${one.what} was refused (${one.error})`),
          ...vacuous(expected, comparison),
        ],
      };
    } finally {
      await server.stop();
    }
  } finally {
    await folder.remove();
  }
}

function isOfServer(path: string): boolean {
  return path === "/" || path === "/zookeeper" || path.startsWith("/zookeeper/");
}

/** Brings every copy of a backup back in a scratch server of its own, and compares. Faults are in the document; throws for bugs only. */
export async function drill(
  scratch: Scratch,
  backup: Backup,
  about: { readonly at: string; readonly say?: (line: string) => void },
): Promise<ProofDocument> {
  const say = about.say ?? (() => undefined);
  const { dump } = backup;
  const read = dump === null ? null : await indexOf(dump).catch((error: unknown) => ({ error }));
  const index = read === null || "error" in read ? null : read;
  const header = index?.header ?? null;
  const reference: Trees = index === null ? new Map() : treesOf(index);
  const lane = pLimit(SERVERS_AT_ONCE);
  const begin = (copy: string, where: string, prove: () => Promise<CopyProof>): Promise<CopyProof> =>
    lane(() => {
      say(`${copy}: restored into ${where}`);
      return tried(copy, prove);
    });
  const served: Parameters<typeof proveFolders>[5] = new Map();
  const settled = await Promise.allSettled([
    ...(dump === null ? [] : [dump]).map((copy) =>
      begin(copy.name, "an empty scratch server", () => {
        if (read !== null && "error" in read) throw read.error;
        return proveDump(scratch, copy.name, copy.open(), () => reference);
      }),
    ),
    ...backup.folders.map((copy) =>
      begin(copy.name, "a scratch server", () => {
        if (header === null) throw new DumpError("there is no dump to compare it with");
        const compared = { trees: reference, read: BigInt(header.consistency.from) };
        return proveFolders(scratch, copy.name, copy.open(), compared, copy.begun, served);
      }),
    ),
    ...backup.guano.map((copy) => begin(copy.name, "an empty scratch server", () => proveGuano(scratch, copy))),
  ]);
  // Every server is gone before a fault of pawl's own is told.
  const proofs = settled.map((one) => {
    if (one.status === "rejected") throw one.reason;
    return one.value;
  });
  const found = scratch.find();
  return proofDocument(proofs, {
    at: about.at,
    tool: found.kind === "found" ? found.what : "none",
    reference:
      header === null
        ? null
        : {
            node: header.node,
            readAt: header.readAt,
            znodes: header.znodes,
            ephemerals: header.ephemerals,
            consistency: header.consistency.text,
            zxids: `${header.consistency.from} to ${header.consistency.to}`,
            changedWhileRead: [...header.consistency.changedPaths],
          },
  });
}

/** The zxid in a record's text; null where there is none. */
export function zxidFrom(value: string | null): bigint | null {
  return value !== null && /^0x[0-9a-f]+$/.test(value) ? BigInt(value) : null;
}
