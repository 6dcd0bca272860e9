import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { extract } from "tar-stream";
import { countTarBlocks } from "./tar-blocks.ts";

interface TarEntry {
  readonly name: string;
  /** `file`, `directory`, `symlink`, … as tar-stream names them. */
  readonly type: string;
  readonly bytes: number;
}

export interface TarInspection {
  /** Nothing is wrong with it: it is a whole archive and holds what was required. */
  readonly ok: boolean;
  /** In words, what is wrong. */
  readonly problems: readonly string[];
  readonly entries: readonly TarEntry[];
  readonly bytes: number;
  readonly sha256: string;
}

export interface TarWishes {
  /** Entries that must be there: `version-2/`, `myid`. Compared with the end of each entry's path. */
  readonly required?: readonly string[];
  /** Names of the listing made where the archive came from (`tar tf`), to be met exactly. */
  readonly listing?: readonly string[];
}

/**
 * Reads a tar to its end and says whether it can be believed. A tar library accepts an empty file, a file of zeros and an
 * archive that was cut between two blocks (docs of tar-stream, measured), so the blocks are counted here as well: every
 * entry's content complete and the two zero blocks at the end. Streams; memory is the list of names.
 * Throws only what the source itself throws.
 */
export async function inspectTar(source: Readable, wishes: TarWishes = {}): Promise<TarInspection> {
  const blocks = countTarBlocks();
  const digest = createHash("sha256");
  const problems: string[] = [];
  const entries: TarEntry[] = [];
  let sourceError: unknown = null;

  async function* watched(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of source as AsyncIterable<Buffer | string>) {
        const bytes = Buffer.from(chunk as Buffer);
        blocks.update(bytes);
        digest.update(bytes);
        yield bytes;
      }
    } catch (error) {
      sourceError = error;
      throw error;
    }
  }

  const reader = Readable.from(watched(), { objectMode: false });
  const unpack = extract();
  reader.on("error", (error) => unpack.destroy(error));
  reader.pipe(unpack);
  try {
    for await (const entry of unpack) {
      entries.push({ name: entry.header.name, type: entry.header.type, bytes: entry.header.size });
      // The content is counted and hashed on its way in.
      entry.resume();
    }
  } catch (error) {
    if (sourceError !== null) throw sourceError as Error;
    problems.push(`it cannot be read as a tar: ${error instanceof Error ? error.message : String(error)}`);
    // The rest still counts: the digest and the length are those of the whole stream.
    reader.unpipe(unpack);
    reader.resume();
    await finished(reader);
  }

  const seen = blocks.result();
  if (seen.bytes === 0) problems.push("it is empty");
  else if (seen.headers === 0) problems.push("it holds no entry");
  if (seen.cutInside) problems.push("it was cut off inside an entry");
  else if (seen.bytes > 0 && seen.endBlocks < 2)
    problems.push(`it was cut off: ${seen.endBlocks} of the 2 zero blocks that end a tar are there`);
  if (seen.trailing) problems.push("something follows behind its end");
  problems.push(...missing(entries, wishes));
  return { ok: problems.length === 0, problems, entries, bytes: seen.bytes, sha256: digest.digest("hex") };
}

function missing(entries: readonly TarEntry[], wishes: TarWishes): readonly string[] {
  const found = new Set(entries.map((entry) => plain(entry.name)));
  const problems: string[] = [];
  for (const wish of wishes.required ?? []) {
    const wanted = plain(wish);
    const folder = wish.endsWith("/");
    const hit = entries.find((entry) => {
      const name = plain(entry.name);
      return (name === wanted || name.endsWith(`/${wanted}`)) && (entry.type === "directory") === folder;
    });
    if (hit === undefined) problems.push(`${wish} is not in it`);
  }
  if (wishes.listing !== undefined) {
    const listed = new Set(wishes.listing.map(plain).filter((name) => name !== ""));
    const gone = [...listed].filter((name) => !found.has(name));
    const more = [...found].filter((name) => name !== "" && !listed.has(name));
    if (gone.length > 0) problems.push(`${gone.length} entries of the listing are not in it: ${gone.slice(0, 3).join(", ")}`);
    if (more.length > 0) problems.push(`${more.length} entries are not in the listing: ${more.slice(0, 3).join(", ")}`);
  }
  return problems;
}

/** `./a/b/` and `a/b` are the same entry. */
function plain(name: string): string {
  return name
    .replace(/^(?:\.?\/)+/, "")
    .replace(/\/+$/, "")
    .replace(/^\.$/, "");
}
