import { EXIT, PawlError, type ExitName } from "../domain/errors.ts";
import { listRuns } from "../journal/runs.ts";
import { runSchedule, type Round } from "../schedule/schedule.ts";
import { compareRuns, renderComparison } from "./commands/diff.ts";
import { takeSnapshot } from "./commands/snapshot.ts";
import { askedSudoPassword, givenSudoPassword } from "./access.ts";
import type { Io } from "./io.ts";
import type { ClusterOptions } from "./options.ts";

export interface SnapshotSchedule extends ClusterOptions {
  readonly cron: string;
  readonly timezone: string;
  readonly keep: string;
  readonly once?: true;
}

/** The schedule over the real parts: this machine's snapshots, runs and comparisons. Ends with the last round's exit. */
export async function runSnapshots(io: Io, options: SnapshotSchedule): Promise<ExitName> {
  const keep = options.keep === "all" ? null : Number(options.keep);
  if (keep !== null && !Number.isInteger(keep))
    throw new PawlError("usage", "bad-retention", `--keep ${options.keep}: give a number of snapshots, or all`);
  // Asked for once, not at night.
  const sudoPassword = givenSudoPassword(io, options) ?? (await askedSudoPassword(io, options));
  const stop = new AbortController();
  const off = io.onStop(() => stop.abort());
  const json = options.json === true;
  const log = (text: string, level: "info" | "warn"): void => {
    if (json) io.out(JSON.stringify({ type: "schedule", time: new Date(io.now()).toISOString(), level, text }));
    else (level === "warn" ? io.err : io.out)(`${new Date(io.now()).toISOString()}  ${text}`);
  };
  try {
    const last = await runSchedule({
      cron: options.cron,
      timezone: options.timezone,
      once: options.once === true,
      keep,
      runSnapshot: () =>
        takeSnapshot(
          json ? { ...io, out: () => undefined } : io,
          {
            inventory: options.inventory,
            outputDir: options.outputDir,
            sudoPassword,
            ...(options.acceptNewHostKeys === undefined ? {} : { acceptNewHostKeys: options.acceptNewHostKeys }),
          },
          true,
        ),
      listRuns: () => listRuns(options.outputDir),
      compare: async (before, after) => {
        const comparison = await compareRuns(before, after);
        return { differences: comparison.differences.length, text: renderComparison(comparison) };
      },
      log,
      signal: stop.signal,
    });
    const exit = exitOf(last);
    if (json)
      io.out(
        JSON.stringify({
          type: "result",
          exit: EXIT[exit],
          name: exit,
          run: last?.folder ?? null,
          runs: last === null || last.folder === null ? [] : [last.folder],
          drift: last?.drift ?? null,
          removed: last?.removed ?? [],
        }),
      );
    return exit;
  } finally {
    off();
  }
}

/** Drift is news, not a failure: the round's own exit counts. A schedule that was ended before any round is no failure. */
function exitOf(last: Round | null): ExitName {
  return last === null ? "ok" : last.exit;
}
