import { basename } from "node:path";
import { PawlError, type ExitName } from "../domain/errors.ts";
import { expiredRuns, isGoodSnapshot, removeRun, type ListedRun } from "./retention.ts";
import { cronCaveat, cronTrigger, inZone, type Trigger } from "./trigger.ts";

/** How one snapshot ended. */
interface SnapshotResult {
  readonly exit: ExitName;
  /** Null where it ended before there was a run. */
  readonly folder: string | null;
}

/** How one round of the schedule ended. */
export interface Round extends SnapshotResult {
  /** The good snapshot before it, and how many things differ; null where there was none to compare with. */
  readonly drift: { readonly since: string; readonly differences: number; readonly text: string } | null;
  readonly removed: readonly string[];
}

export interface ScheduleOptions {
  /** Minute, hour, day of month, month, day of week; with `once` it may be empty. */
  readonly cron: string;
  /** IANA name; null is the machine's own zone. */
  readonly timezone: string | null;
  /** One round now, for systemd timers and cron itself. */
  readonly once: boolean;
  readonly runSnapshot: () => Promise<SnapshotResult>;
  /** Every run under the output folder. */
  readonly listRuns: () => Promise<readonly ListedRun[]>;
  /** How many snapshots of a cluster stay; null keeps all. */
  readonly keep: number | null;
  /** Compares two snapshot folders, the earlier first. */
  readonly compare: (before: string, after: string) => Promise<{ readonly differences: number; readonly text: string }>;
  readonly log: (line: string, level: "info" | "warn") => void;
  /** Ends the schedule; what runs is let finish. */
  readonly signal: AbortSignal;
  /** Only for tests; otherwise node-cron. */
  readonly trigger?: Trigger;
}

/**
 * Nightly snapshots: at each moment one snapshot, its drift against the good one before, then retention. Never two at once.
 * Resolves with the last round (null: there was none) after the only one with `once`, else when the signal aborts. What a
 * round could not do is told and does not end the schedule; a bug in pawl does. Throws PawlError `usage` for a bad
 * expression or number.
 */
export async function runSchedule(options: ScheduleOptions): Promise<Round | null> {
  if (options.keep !== null && (!Number.isInteger(options.keep) || options.keep < 1)) {
    throw new PawlError("usage", "bad-retention", `${options.keep} snapshots cannot be kept`, {
      expected: "a whole number of at least 1",
    });
  }
  if (options.once) return runRound(options);
  const trigger = options.trigger ?? cronTrigger(options.cron, options.timezone);
  const caveat = cronCaveat(options.cron);
  if (caveat !== null) options.log(caveat, "warn");
  sayNext(options, trigger, 3);
  return watchTrigger(options, trigger);
}

function sayNext(options: ScheduleOptions, trigger: Trigger, count: number): void {
  const moments = trigger.nextRuns(count).map((at) => inZone(at, options.timezone));
  options.log(
    moments.length === 0 ? "no further snapshot: the expression never fits again" : `next: ${moments.join(", ")}`,
    "info",
  );
}

async function watchTrigger(options: ScheduleOptions, trigger: Trigger): Promise<Round | null> {
  let last: Round | null = null;
  let running: Promise<void> | null = null;
  return new Promise<Round | null>((done, failed) => {
    const begin = (at: Date): void => {
      if (options.signal.aborted) return;
      if (running !== null) {
        options.log(`skipped ${inZone(at, options.timezone)}: the snapshot before it is still at work`, "warn");
        return;
      }
      running = runRound(options)
        .then((round) => {
          last = round;
          sayNext(options, trigger, 1);
        })
        .catch((error: unknown) => end(() => failed(error instanceof Error ? error : new Error(String(error)))))
        .finally(() => (running = null));
    };
    const stop = trigger.start(begin, (at) =>
      options.log(`missed ${inZone(at, options.timezone)}: this process was held up`, "warn"),
    );
    const end = (finish: () => void): void => {
      options.signal.removeEventListener("abort", onAbort);
      stop().then(finish, failed);
    };
    const onAbort = (): void => {
      const settle = (): void => end(() => done(last));
      if (running === null) settle();
      else void running.finally(settle);
    };
    if (options.signal.aborted) onAbort();
    else options.signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** One snapshot with drift and retention. Expected failures are told and become part of the round; only bugs are thrown. */
async function runRound(options: ScheduleOptions): Promise<Round> {
  const result = await attempt(options, "the snapshot", options.runSnapshot);
  if (!result.ok) return { exit: result.exit, folder: null, drift: null, removed: [] };
  const { exit, folder } = result.value;
  options.log(`snapshot ${folder === null ? "" : `${basename(folder)} `}ended: ${exit}`, exit === "ok" ? "info" : "warn");
  if (exit !== "ok" || folder === null) return { exit, folder, drift: null, removed: [] };
  const listed = await attempt(options, "the list of runs", options.listRuns);
  const runs = listed.ok ? listed.value : [];
  const own = runs.find((run) => run.folder === folder);
  if (own === undefined) return { exit, folder, drift: null, removed: [] };
  return { exit, folder, drift: await driftOf(options, runs, own), removed: await expire(options, runs, own) };
}

async function driftOf(options: ScheduleOptions, runs: readonly ListedRun[], own: ListedRun): Promise<Round["drift"]> {
  const before = runs
    .filter((run) => run.cluster === own.cluster && run.run < own.run && isGoodSnapshot(run))
    .toSorted((a, b) => (a.run < b.run ? 1 : -1))[0];
  if (before === undefined) {
    options.log("no good snapshot before this one: nothing to compare with", "info");
    return null;
  }
  const compared = await attempt(options, "the drift", () => options.compare(before.folder, own.folder));
  if (!compared.ok) return null;
  const { differences, text } = compared.value;
  options.log(differences === 0 ? `no drift since ${before.run}` : text, differences === 0 ? "info" : "warn");
  return { since: before.folder, differences, text };
}

async function expire(options: ScheduleOptions, runs: readonly ListedRun[], own: ListedRun): Promise<readonly string[]> {
  if (options.keep === null) return [];
  const removed: string[] = [];
  for (const run of expiredRuns(runs, own.cluster, options.keep)) {
    // Names sort by time: after the clock went back the newest may look like the oldest.
    if (run.folder === own.folder) continue;
    const gone = await attempt(options, `removing ${run.run}`, () => removeRun(run.folder));
    if (gone.ok) removed.push(run.folder);
  }
  if (removed.length > 0)
    options.log(`removed ${removed.map((folder) => basename(folder)).join(", ")} (${options.keep} are kept)`, "info");
  return removed;
}

type Attempt<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly exit: ExitName };

/** Tells what went wrong where that is to be expected: refusals of pawl and of the file system. */
async function attempt<T>(options: ScheduleOptions, what: string, act: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { ok: true, value: await act() };
  } catch (error) {
    const expected = error instanceof PawlError || (error instanceof Error && "syscall" in error);
    if (!expected) throw error;
    options.log(`${what} failed: ${error.message}`, "warn");
    return { ok: false, exit: error instanceof PawlError ? error.exit : "said-no" };
  }
}
