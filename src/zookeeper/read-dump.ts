import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { extract } from "tar-stream";
import { EPHEMERAL, INDEX, OWN_DATA, README, TREE, type IndexEntry } from "./dump-layout.ts";
import { entryOf, headerOf } from "./index-lines.ts";
import { DumpError } from "./dump-error.ts";
import type { IndexHeader } from "./write-dump.ts";

export { DumpError };

/** One znode as a dump has it, parents first. */
export interface DumpedZnode {
  readonly path: string;
  /** Null where the dump has no data for it: null, or empty. */
  readonly data: Buffer | null;
  /** What guano loses; null in a dump of guano itself. */
  readonly known: IndexEntry | null;
}

/** What a dump says of itself. Null in a dump of guano. */
export interface DumpIndex {
  readonly header: IndexHeader;
  readonly entries: ReadonlyMap<string, IndexEntry>;
  readonly sha256: string;
}

export interface DumpFigures {
  /** Files that are not `_znode`, and folders, the first one included: guano's count of znodes (dcos.md 8.2). */
  readonly counted: number;
  readonly index: DumpIndex | null;
}

const BLOCK = 512;
const LARGEST_INDEX_BYTES = 2 * 1024 * 1024 * 1024;

/** Passes an archive on, and refuses one that does not end as an archive ends: readers accept one that was cut between two blocks. */
async function* wholeArchive(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let bytes = 0;
  let tail = Buffer.alloc(0);
  for await (const chunk of chunks) {
    bytes += chunk.length;
    tail = Buffer.from(
      chunk.length >= 2 * BLOCK ? chunk.subarray(-2 * BLOCK) : Buffer.concat([tail, chunk]).subarray(-2 * BLOCK),
    );
    yield chunk;
  }
  if (bytes % BLOCK !== 0 || tail.length < 2 * BLOCK || tail.some((byte) => byte !== 0))
    throw new DumpError(`the archive is cut short: ${String(bytes)} bytes, and no two zero blocks at their end`);
}

export interface ArchiveEntry {
  readonly name: string;
  readonly type: string;
  readonly size: number;
  /** Must be read, or left, before the next entry is asked for. */
  readonly body: AsyncIterable<Buffer>;
}

/** Entries of a tar, one after the other; names without `./` and closing slashes. Throws DumpError for a damaged or cut one. */
export async function* entriesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<ArchiveEntry> {
  const archive = extract();
  const cut: { error?: Error } = {};
  const source = Readable.from(wholeArchive(chunks));
  source.on("error", (error) => {
    cut.error = error;
    archive.destroy(error);
  });
  source.pipe(archive);
  try {
    for await (const one of archive) {
      const name = one.header.name.replace(/^(?:\.?\/)+/, "").replace(/\/+$/, "");
      yield { name, type: one.header.type, size: one.header.size, body: one as AsyncIterable<Buffer> };
      one.resume();
    }
  } catch (error) {
    if (cut.error !== undefined) throw cut.error;
    // What a reader of the entries threw is its own.
    if (isOfArchive(error)) throw new DumpError(`the archive is damaged: ${error.message}`);
    throw error;
  } finally {
    source.destroy();
  }
}

/** The words of the library for headers it cannot read. */
function isOfArchive(error: unknown): error is Error {
  return error instanceof Error && /tar header|Unexpected end of data|Invalid|corrupt/i.test(error.message);
}

async function whole(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts);
}

async function readIndex(one: ArchiveEntry): Promise<DumpIndex> {
  if (one.size > LARGEST_INDEX_BYTES) throw new DumpError(`an index of ${String(one.size)} bytes`);
  const hash = createHash("sha256");
  const entries = new Map<string, IndexEntry>();
  const found: { header?: IndexHeader; end?: number } = {};
  let rest: Buffer = Buffer.alloc(0);
  const take = (text: string): void => {
    const value = parsed(text);
    if (found.header === undefined) {
      found.header = headerOf(value);
    } else if ("end" in value) found.end = Number(value["end"]);
    else {
      const entry = entryOf(value, found.header);
      if (entries.has(entry.path)) throw new DumpError(`the index has ${entry.path} twice`);
      entries.set(entry.path, entry);
    }
  };
  for await (const part of one.body) {
    hash.update(part);
    let from = 0;
    const bytes = rest.length === 0 ? part : Buffer.concat([rest, part]);
    for (let at = bytes.indexOf(10, from); at !== -1; at = bytes.indexOf(10, from)) {
      take(bytes.toString("utf8", from, at));
      from = at + 1;
    }
    rest = Buffer.from(bytes.subarray(from));
  }
  const { header, end } = found;
  if (header === undefined || end !== entries.size || entries.size !== header.znodes)
    throw new DumpError(`the index is not whole: ${String(entries.size)} of ${String(header?.znodes ?? 0)} znodes`);
  return { header, entries, sha256: hash.digest("hex") };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Said below.
  }
  throw new DumpError("the index has a line that is no JSON");
}

/**
 * Goes through a dump of pawl's, parents before children: `index` is told first, then every znode that can be restored. Throws
 * DumpError where the archive, its index or a znode's data is not whole, or an entry is there twice.
 */
export async function readDump(
  chunks: AsyncIterable<Buffer>,
  index: (index: DumpIndex) => void | Promise<void>,
  visit: (znode: DumpedZnode) => void | Promise<void>,
): Promise<DumpFigures> {
  let known: DumpIndex | null = null;
  let counted = 0;
  // Znodes without data have no entry of their own that tells them from their folder: they follow the order of the index.
  let order: Iterator<IndexEntry> | null = null;
  const before = async (wanted: string): Promise<IndexEntry> => {
    for (;;) {
      const next = order?.next();
      if (next === undefined || next.done === true)
        throw new DumpError(`${wanted}: the index does not have it, or has it elsewhere`);
      if (next.value.at === wanted) return next.value;
      if (next.value.at !== undefined) throw new DumpError(`${next.value.path}: its data is missing (${next.value.at})`);
      await visit({ path: next.value.path, data: null, known: next.value });
    }
  };
  for await (const one of entriesOf(chunks)) {
    if (one.name === README) continue;
    if (one.name === INDEX) {
      known = await readIndex(one);
      order = known.entries.values();
      await index(known);
      continue;
    }
    if (known === null) throw new DumpError("there is no index at its beginning: this is no dump of pawl's");
    const inTree = one.name === TREE || one.name.startsWith(`${TREE}/`);
    if (one.type === "directory") {
      if (inTree) counted += 1;
      continue;
    }
    if (inTree && !one.name.endsWith(`/${OWN_DATA}`)) counted += 1;
    const entry = await before(one.name);
    await visit({ path: entry.path, data: await whole(one.body), known: entry });
  }
  if (known === null) throw new DumpError("there is no index: this is no dump of pawl's");
  for (let next = order?.next(); next !== undefined && next.done !== true; next = order?.next()) {
    if (next.value.at !== undefined) throw new DumpError(`${next.value.path}: its data is missing (${next.value.at})`);
    await visit({ path: next.value.path, data: null, known: next.value });
  }
  return { counted, index: known };
}

/** The znode a file or folder of guano's stands for, below the znode it was told to dump; null for the data of a folder. */
function guanoPath(name: string): { readonly path: string; readonly own: boolean } {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  const own = parts.at(-1) === OWN_DATA;
  return { path: `/${(own ? parts.slice(0, -1) : parts).join("/")}`, own };
}

/**
 * Goes through a dump of real guano's, as a tar of its folder. Parents come first where tar put them first. Throws DumpError for a
 * damaged or cut archive.
 */
export async function readGuano(
  chunks: AsyncIterable<Buffer>,
  visit: (znode: DumpedZnode) => void | Promise<void>,
): Promise<DumpFigures> {
  let counted = 0;
  for await (const one of entriesOf(chunks)) {
    const { path, own } = guanoPath(one.name);
    if (!own) counted += 1;
    const data = one.type === "directory" ? null : await whole(one.body);
    await visit({ path, data, known: null });
  }
  return { counted, index: null };
}

/** What a dump's place below `ephemeral/` is for: nobody restores it. */
export function isRestored(znode: DumpedZnode): boolean {
  return znode.known?.kind !== "ephemeral" && znode.known?.at?.startsWith(`${EPHEMERAL}/`) !== true;
}
