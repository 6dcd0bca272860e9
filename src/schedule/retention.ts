import { readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { EXIT } from "../domain/errors.ts";

/** A run as the list of runs gives it. */
export interface ListedRun {
  readonly folder: string;
  readonly cluster: string;
  readonly run: string;
  readonly kind: string;
  readonly phase: string;
  readonly exit: number | null;
}

/** Prefix of a folder that is on its way out; lists of runs leave out names that begin with a dot. */
const LEAVING = ".removing-";

/** Whether the run took a snapshot and nothing else: `snapshot`, `dcos-snapshot`. */
function isSnapshot(run: Pick<ListedRun, "kind">): boolean {
  return /(?:^|-)snapshot$/.test(run.kind);
}

/** Whether it is a snapshot that can be relied on. */
export function isGoodSnapshot(run: ListedRun): boolean {
  return isSnapshot(run) && run.phase === "completed" && run.exit === EXIT.ok;
}

/**
 * Which runs of one cluster may go: snapshots beyond the `keep` newest. Never the last good one, never a run that is not a
 * snapshot, never one that has no end (it may be at work) or cannot be read. `runs` in any order; names sort by time.
 */
export function expiredRuns<T extends ListedRun>(runs: readonly T[], cluster: string, keep: number): readonly T[] {
  const mine = runs.filter((run) => run.cluster === cluster && isSnapshot(run)).toSorted((a, b) => (a.run < b.run ? 1 : -1));
  const lastGood = mine.find(isGoodSnapshot);
  return mine.slice(Math.max(1, keep)).filter((run) => run !== lastGood && (run.phase === "completed" || run.phase === "halted"));
}

/** Removes a run's folder. It first gets another name, so that no list ever shows half a run; leftovers of an interrupted removal go too. */
export async function removeRun(folder: string): Promise<void> {
  const parent = dirname(folder);
  const leaving = join(parent, `${LEAVING}${basename(folder)}`);
  await rename(folder, leaving);
  for (const name of await readdir(parent))
    if (name.startsWith(LEAVING)) await rm(join(parent, name), { recursive: true, force: true });
}
