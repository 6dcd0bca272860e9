import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { INDEX } from "./dump-layout.ts";
import type { Backup, Copy } from "./drill.ts";
import { DumpError, entriesOf } from "./read-dump.ts";

/** What an archive is, by the first entries that tell. A folder's tree of guano's has neither an index nor ZooKeeper's files. */
async function natureOf(copy: Copy): Promise<"dump" | "folders" | "guano"> {
  for await (const entry of entriesOf(copy.open())) {
    if (entry.name === INDEX) return "dump";
    if (/(?:^|\/)version-2\/(?:snapshot|log)\.[0-9a-f]+$/.test(entry.name)) return "folders";
  }
  return "guano";
}

async function* fileOf(path: string): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) yield chunk as Buffer;
}

/** The archives (`*.tar`) of a folder, each by what it holds. Throws DumpError where there are none, or more than one dump. */
export async function backupOfFolder(folder: string): Promise<Backup> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".tar")).toSorted();
  if (names.length === 0) throw new DumpError(`${folder} has no archives (*.tar)`);
  const dumps: Copy[] = [];
  const folders: Copy[] = [];
  const guano: Copy[] = [];
  for (const name of names) {
    const copy: Copy = { name, open: () => fileOf(join(folder, name)) };
    // One that cannot be read to its end is tried as what its name says, and found there.
    const nature = await natureOf(copy).catch(() => (name.endsWith(".znodes.tar") ? "dump" : "folders"));
    ({ dump: dumps, folders, guano })[nature].push(copy);
  }
  const [dump, second] = dumps;
  if (second !== undefined) throw new DumpError(`${folder} has more than one dump: ${dumps.map((one) => one.name).join(", ")}`);
  return {
    dump: dump === undefined ? null : { ...dump, indexSha256: null },
    folders: folders.map((copy) => ({ ...copy, begun: null })),
    guano,
  };
}
