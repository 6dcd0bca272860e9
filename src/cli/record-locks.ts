import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileNameOf } from "../domain/file-name.ts";
import { readWriterLock, type LockHolder } from "../journal/local-lock.ts";
import type { Cluster } from "./cluster.ts";
import type { Io } from "./io.ts";

/** A record of this cluster that somebody writes, or wrote when it died. */
export interface RecordLock {
  readonly folder: string;
  readonly holder: LockHolder;
}

/**
 * The records of this cluster that are locked: under the output folder, and where other locks say that their run lies. A lock
 * that cannot be read throws PawlError `locked`, with the file to remove.
 */
export async function findRecordLocks(
  io: Io,
  cluster: Cluster,
  outputDir: string,
  clusterId: string,
  named: readonly string[],
): Promise<readonly RecordLock[]> {
  const parent = resolve(io.cwd, outputDir, fileNameOf(cluster.inventory.document.name));
  const runs = await readdir(parent).catch((): string[] => []);
  const found: RecordLock[] = [];
  for (const folder of new Set([...runs.toSorted().map((run) => join(parent, run)), ...named])) {
    const holder = await readWriterLock(folder);
    if (holder !== null && holder.clusterId === clusterId) found.push({ folder, holder });
  }
  return found;
}
