import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { upgradeSoFar } from "../difference/upgrade-so-far.ts";
import type { UpgradeBetween } from "../domain/difference.ts";
import { PawlError } from "../domain/errors.ts";
import { stepRecord } from "../domain/run-state.ts";
import { readPlan } from "../journal/plan-file.ts";
import { foldJournal, readJournal } from "../journal/read.ts";

/** A summary's place in time: the run that holds it, and when it was recorded (ISO). */
export interface Taken {
  readonly folder: string;
  readonly at: string;
}

/**
 * What upgrades on record changed between two snapshots of one cluster, oldest first. Runs beside them in the cluster's folder are
 * looked through; one that cannot be read explains nothing.
 */
export async function upgradesBetween(before: Taken, after: Taken): Promise<readonly UpgradeBetween[]> {
  const cluster = dirname(after.folder);
  if (dirname(before.folder) !== cluster) return [];
  const names = (await readdir(cluster)).filter((name) => /-upgrade-/.test(name)).toSorted();
  const found: UpgradeBetween[] = [];
  for (const name of names) {
    const upgrade = await upgradeIn(join(cluster, name), before.at, after.at);
    if (upgrade !== null && upgrade.upgraded.length + upgrade.setAside.length + upgrade.changed.length > 0) found.push(upgrade);
  }
  return found;
}

async function upgradeIn(folder: string, from: string, to: string): Promise<UpgradeBetween | null> {
  try {
    const { events } = await readJournal(folder);
    const [first, last] = [events[0]?.time ?? "", events.at(-1)?.time ?? ""];
    if (first > to || last < from) return null;
    const state = foldJournal(folder, events);
    return upgradeSoFar(
      basename(folder),
      await readPlan(folder),
      (address) => stepRecord(state, address),
      ({ since }) => since >= from && since <= to,
    );
  } catch (error) {
    if (error instanceof PawlError) return null;
    throw error;
  }
}
