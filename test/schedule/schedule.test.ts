import { mkdir, mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PawlError, type ExitName } from "../../src/domain/errors.ts";
import { expiredRuns, isGoodSnapshot, type ListedRun } from "../../src/schedule/retention.ts";
import { runSchedule, type ScheduleOptions } from "../../src/schedule/schedule.ts";
import { cronCaveat, cronTrigger, inZone, type Trigger } from "../../src/schedule/trigger.ts";

const run = (name: string, over: Partial<ListedRun> = {}): ListedRun => ({
  folder: `/b/production/${name}`,
  cluster: "production",
  run: name,
  kind: "dcos-snapshot",
  phase: "completed",
  exit: 0,
  ...over,
});

/** A trigger a test fires by hand. */
function handTrigger() {
  let fire: (at: Date) => void = () => undefined;
  let stopped = false;
  const trigger: Trigger = {
    nextRuns: (count) => Array.from({ length: count }, (_, n) => new Date(Date.UTC(2026, 10, 21 + n, 2))),
    start: (act) => {
      fire = act;
      return async () => void (stopped = true);
    },
  };
  return { trigger, fire: () => fire(new Date(Date.UTC(2026, 10, 21, 2))), stopped: () => stopped };
}

/** A schedule over a folder of runs that exist as empty folders; each snapshot adds one. */
async function world(existing: readonly ListedRun[], over: Partial<ScheduleOptions> = {}) {
  const output = await mkdtemp(join(tmpdir(), "pawl-schedule-"));
  const runs: ListedRun[] = [];
  const add = async (one: ListedRun): Promise<string> => {
    const folder = join(output, one.cluster, one.run);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "journal.jsonl"), "{}\n");
    runs.push({ ...one, folder });
    return folder;
  };
  for (const one of existing) await add(one);
  const lines: string[] = [];
  const stop = new AbortController();
  let taken = 0;
  const options: ScheduleOptions = {
    cron: "0 2 * * *",
    timezone: "UTC",
    once: true,
    runSnapshot: async () => ({ exit: "ok", folder: await add(run(`20261201T02000${taken++}Z-snapshot`)) }),
    listRuns: async () => runs,
    keep: null,
    compare: async (before, after) => ({
      differences: 1,
      text: `1 difference between ${basename(before)} and ${basename(after)}`,
    }),
    log: (line, level) => lines.push(`${level} ${line}`),
    signal: stop.signal,
    ...over,
  };
  return { output, options, lines, stop, left: async () => (await readdir(join(output, "production"))).sort() };
}

describe("one round", () => {
  it("takes a snapshot, tells the drift since the good one before, and removes what is too old", async () => {
    const { options, lines, left } = await world(
      [
        run("20261101T020000Z-snapshot"),
        run("20261102T020000Z-snapshot"),
        run("20261103T020000Z-snapshot", { exit: 6, phase: "halted" }),
        run("20261102T150000Z-upgrade", { kind: "dcos-upgrade" }),
      ],
      { keep: 2 },
    );
    const round = await runSchedule(options);
    expect(round).toMatchObject({
      exit: "ok",
      drift: { differences: 1, since: expect.stringMatching(/20261102T020000Z-snapshot$/) },
    });
    expect(round?.removed.map((folder) => basename(folder))).toEqual(["20261102T020000Z-snapshot", "20261101T020000Z-snapshot"]);
    expect(await left()).toEqual(["20261102T150000Z-upgrade", "20261103T020000Z-snapshot", "20261201T020000Z-snapshot"]);
    expect(lines).toContain("warn 1 difference between 20261102T020000Z-snapshot and 20261201T020000Z-snapshot");
  });

  it("hands on how the snapshot ended, and removes nothing after one that failed", async () => {
    const { options, left } = await world([run("20261101T020000Z-snapshot"), run("20261102T020000Z-snapshot")], {
      keep: 1,
      runSnapshot: async () => ({ exit: "step-failed", folder: null }),
    });
    expect(await runSchedule(options)).toEqual({ exit: "step-failed", folder: null, drift: null, removed: [] });
    expect(await left()).toHaveLength(2);
  });

  it("turns an expected failure into its exit code, and lets a bug through", async () => {
    const locked = await world([], {
      runSnapshot: async () => Promise.reject(new PawlError("locked", "cluster-locked", "another run holds this cluster")),
    });
    expect(await runSchedule(locked.options)).toMatchObject({ exit: "locked" });
    expect(locked.lines).toEqual(["warn the snapshot failed: another run holds this cluster"]);
    const bug = await world([], { runSnapshot: async () => Promise.reject(new TypeError("x is not a function")) });
    await expect(runSchedule(bug.options)).rejects.toThrow("x is not a function");
  });

  it("still counts as done when the drift cannot be told", async () => {
    const { options, lines } = await world([run("20261101T020000Z-snapshot")], {
      compare: async () => Promise.reject(new PawlError("said-no", "no-summary", "holds no summary")),
    });
    expect(await runSchedule(options)).toMatchObject({ exit: "ok", drift: null });
    expect(lines).toContain("warn the drift failed: holds no summary");
  });

  it.each([0, -1, 1.5])("refuses to keep %d snapshots", async (keep) => {
    const { options } = await world([], { keep });
    await expect(runSchedule(options)).rejects.toMatchObject({ exit: "usage", code: "bad-retention" });
  });
});

describe("the schedule", () => {
  it("shows the next runs, runs at each moment, and never two at once", async () => {
    const hand = handTrigger();
    const ends: ((exit: ExitName) => void)[] = [];
    const { options, lines, stop } = await world([], {
      once: false,
      trigger: hand.trigger,
      runSnapshot: async () => new Promise((done) => ends.push((exit) => done({ exit, folder: null }))),
    });
    const schedule = runSchedule(options);
    expect(lines).toEqual(["info next: 2026-11-21 02:00 UTC, 2026-11-22 02:00 UTC, 2026-11-23 02:00 UTC"]);
    hand.fire();
    hand.fire();
    expect(ends).toHaveLength(1);
    expect(lines.at(-1)).toBe("warn skipped 2026-11-21 02:00 UTC: the snapshot before it is still at work");
    ends[0]?.("gate-halted");
    await new Promise((done) => setImmediate(done));
    hand.fire();
    expect(ends).toHaveLength(2);
    stop.abort();
    ends[1]?.("ok");
    expect(await schedule).toMatchObject({ exit: "ok" });
    expect(hand.stopped()).toBe(true);
  });

  it("lets a snapshot finish when it is asked to end, and starts no other", async () => {
    const hand = handTrigger();
    let finish: () => void = () => undefined;
    let begun = 0;
    const { options, stop } = await world([], {
      once: false,
      trigger: hand.trigger,
      runSnapshot: async () =>
        new Promise((done) => {
          begun += 1;
          finish = () => done({ exit: "ok", folder: null });
        }),
    });
    let ended = false;
    const schedule = runSchedule(options).finally(() => (ended = true));
    hand.fire();
    stop.abort();
    hand.fire();
    await new Promise((done) => setImmediate(done));
    expect([ended, begun]).toEqual([false, 1]);
    finish();
    await schedule;
  });

  it("goes on after a round that failed, and ends with a bug", async () => {
    const hand = handTrigger();
    let failure: Error = new PawlError("locked", "x", "held");
    const { options } = await world([], { once: false, trigger: hand.trigger, runSnapshot: async () => Promise.reject(failure) });
    const schedule = runSchedule(options);
    hand.fire();
    await new Promise((done) => setImmediate(done));
    failure = new TypeError("a bug");
    hand.fire();
    await expect(schedule).rejects.toThrow("a bug");
    expect(hand.stopped()).toBe(true);
  });
});

describe("the cron trigger", () => {
  it("keeps local time across the change to summer time", () => {
    const zone = "Europe/Berlin";
    const next = cronTrigger("30 1 * * *", zone)
      .nextRuns(400)
      .map((at) => inZone(at, zone));
    expect(next.every((text) => / 01:30 Europe\/Berlin$/.test(text))).toBe(true);
    expect(new Set(next).size).toBe(400);
  });

  it("fires, and stops firing when stopped", async () => {
    const trigger = cronTrigger("* * * * * *", "UTC");
    await new Promise<void>((done) => {
      const stop = trigger.start(
        () => void stop().then(done),
        () => undefined,
      );
    });
  });

  it.each(["61 * * * *", "hello", "", "* * *"])("refuses the expression %j", (cron) => {
    expect(() => cronTrigger(cron, "UTC")).toThrow(PawlError);
  });

  it("refuses a time zone that does not exist", () => {
    expect(() => cronTrigger("0 2 * * *", "Europe/Atlantis")).toThrow(/no time zone "Europe\/Atlantis"/);
  });

  it("warns where both day fields are given", () => {
    expect(cronCaveat("0 2 1 * 1")).toContain("only when both fit");
    expect(cronCaveat("0 2 * * 1")).toBeNull();
    expect(cronCaveat("0 0 2 1 * *")).toBeNull();
  });
});

describe("retention", () => {
  const anyRun = fc.record({
    run: fc.integer({ min: 0, max: 999_999 }).map((n) => `2026${String(n).padStart(6, "0")}`),
    cluster: fc.constantFrom("production", "staging"),
    kind: fc.constantFrom("dcos-snapshot", "snapshot", "dcos-upgrade", "swarm-upgrade", ""),
    phase: fc.constantFrom("completed", "completed", "halted", "open", "created", "unreadable"),
    exit: fc.constantFrom(0, 0, 5, 6, null),
    folder: fc.constant("/b"),
  });

  it("never takes the last good snapshot, another cluster's, another kind or one without an end, and keeps the newest", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(anyRun, { selector: (one) => one.run, maxLength: 30 }),
        fc.integer({ min: 1, max: 8 }),
        (runs, keep) => {
          const gone = expiredRuns(runs, "production", keep);
          const snapshots = runs
            .filter((one) => one.cluster === "production" && /snapshot$/.test(one.kind))
            .sort((a, b) => (a.run < b.run ? 1 : -1));
          for (const one of gone) {
            expect(snapshots).toContain(one);
            expect(["completed", "halted"]).toContain(one.phase);
            expect(snapshots.indexOf(one)).toBeGreaterThanOrEqual(keep);
          }
          const good = snapshots.find(isGoodSnapshot);
          if (good !== undefined) expect(gone).not.toContain(good);
          const ended = snapshots.slice(keep).filter((one) => one !== good && ["completed", "halted"].includes(one.phase));
          expect(gone).toEqual(ended);
        },
      ),
      { numRuns: 500 },
    );
  });
});
