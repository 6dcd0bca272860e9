import { createHash } from "node:crypto";
import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DumpError, entriesOf } from "./read-dump.ts";

/** ZooKeeper's files of one server, as an archive has them: snapshots in one folder, transaction logs in the same or another. */
export interface DataFolders {
  /** Its place in the archive, for people. */
  readonly name: string;
  /** Where its snapshots and logs were laid: folders with `version-2`. */
  readonly data: string;
  readonly logs: string;
  readonly snapshots: readonly string[];
  readonly logFiles: readonly string[];
  readonly bytes: number;
  /** SHA-256 over the names and digests of those files: two servers with the same one hold the same bytes. */
  readonly digest: string;
}

/** `…/snapshot/version-2/snapshot.1a` and `…/transactions/version-2/log.1b` (DC/OS), or both below one `version-2`. */
const FILE = /^(?:(.*)\/)?version-2\/((?:snapshot|log)\.[0-9a-f]+)$/;

/** The folder that snapshots and logs share: `/snapshot` and `/transactions` are the two halves of one server's data. */
function shared(folder: string): string {
  return folder.replace(/\/?(?:snapshot|transactions)$/, "");
}

function zxidOf(file: string): bigint {
  return BigInt(`0x${file.slice(file.lastIndexOf(".") + 1)}`);
}

/**
 * Lays ZooKeeper's files of an archive below a folder: 0600 in 0700. Where the archive has the data of more than one place (clusters
 * first installed before 1.8), the one with the youngest file is returned. Throws DumpError for an archive that is damaged, is cut,
 * or has no snapshot and no log.
 */
export async function unpackData(chunks: AsyncIterable<Buffer>, folder: string): Promise<DataFolders> {
  const found = new Map<string, { snapshots: string[]; logFiles: string[]; bytes: number; digests: string[] }>();
  const placeOf = (group: string): string => join(folder, createHash("sha256").update(group).digest("hex").slice(0, 12));
  for await (const entry of entriesOf(chunks)) {
    const [, above = "", file = ""] = FILE.exec(entry.name) ?? [];
    if (file === "" || entry.type === "directory") continue;
    const group = shared(above);
    const one = found.get(group) ?? { snapshots: [], logFiles: [], bytes: 0, digests: [] };
    found.set(group, one);
    const isLog = file.startsWith("log.");
    const target = join(placeOf(group), isLog ? "logs" : "data", "version-2", file);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    const { bytes, sha256 } = await writeFileFrom(entry.body, target);
    one.bytes += bytes;
    one.digests.push(`${file} ${sha256}`);
    (isLog ? one.logFiles : one.snapshots).push(file);
  }
  const youngest = (one: { readonly snapshots: readonly string[]; readonly logFiles: readonly string[] }): bigint =>
    [...one.snapshots, ...one.logFiles].map(zxidOf).reduce((most, zxid) => (zxid > most ? zxid : most), 0n);
  const [best] = [...found].sort(([, one], [, other]) => (youngest(one) < youngest(other) ? 1 : -1));
  if (best === undefined) throw new DumpError("the archive has neither a snapshot nor a transaction log of ZooKeeper");
  const [group, { snapshots, logFiles, bytes, digests }] = best;
  return {
    name: group === "" ? "." : group,
    data: join(placeOf(group), "data"),
    logs: join(placeOf(group), "logs"),
    snapshots,
    logFiles,
    bytes,
    digest: createHash("sha256").update(digests.toSorted().join("\n")).digest("hex"),
  };
}

async function writeFileFrom(
  body: AsyncIterable<Buffer>,
  path: string,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const handle = await open(path, "wx", 0o600);
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const part of body) {
      await handle.writeFile(part);
      hash.update(part);
      bytes += part.length;
    }
  } finally {
    await handle.close();
  }
  return { bytes, sha256: hash.digest("hex") };
}
