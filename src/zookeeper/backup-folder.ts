import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { INDEX, OWN_DATA } from "./dump-layout.ts";
import type { Backup, Copy } from "./drill.ts";
import { DumpError, entriesOf } from "./read-dump.ts";

/** An archive that guano made and that has none of guano's signs, by the name a person gives it. */
const SAID_GUANO = /\.guano\.tar$/;

/** What tells a dump of guano's from any other folder: data of a folder, the znode every server makes itself, or a Marathon's own (dcos.md 8.2). */
function isOfGuano(names: ReadonlySet<string>): boolean {
  if ([...names].some((name) => name === "zookeeper/quota" || name === OWN_DATA || name.endsWith(`/${OWN_DATA}`))) return true;
  return [...names].some((name) => {
    const [, folder = ""] = /^(.*?)\/?state$/.exec(name) ?? [];
    const beside = (other: string): boolean => names.has(folder === "" ? other : `${folder}/${other}`);
    return /(?:^|\/)state$/.test(name) && (beside("leader-curator") || beside("leader"));
  });
}

/** What an archive is, by the entries that tell. `unknown`: none of them does. Throws DumpError for a damaged or cut one. */
async function natureOf(copy: Copy): Promise<"dump" | "folders" | "guano" | "unknown"> {
  const names = new Set<string>();
  for await (const entry of entriesOf(copy.open())) {
    if (entry.name === INDEX) return "dump";
    if (/(?:^|\/)version-2\/(?:snapshot|log)\.[0-9a-f]+$/.test(entry.name)) return "folders";
    names.add(entry.name);
  }
  return SAID_GUANO.test(copy.name) || isOfGuano(names) ? "guano" : "unknown";
}

async function* fileOf(path: string): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) yield chunk as Buffer;
}

/** The archives (`*.tar`) of a folder, each by what it holds. Throws DumpError where there are none, one that is none of these, or more than one dump. */
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
    if (nature === "unknown")
      throw new DumpError(
        `${join(folder, name)} is no backup pawl knows: no dump of pawl's, no data folder with version-2 in it, and nothing that tells a dump of guano's. One that guano did make is tried where its name ends in .guano.tar; anything else is put elsewhere.`,
      );
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
