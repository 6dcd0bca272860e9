import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/domain/events.ts";
import type { Clock } from "../../src/engine/ports.ts";
import { createJournal, openJournal } from "../../src/journal/file-journal.ts";
import { verifyRun } from "../../src/journal/verify.ts";
import { expiredRuns } from "../../src/schedule/retention.ts";
import { runSchedule } from "../../src/schedule/schedule.ts";
import { inZone } from "../../src/schedule/trigger.ts";
import { toyRun } from "../toy/toy.ts";

const HOUR = 3_600_000;
const folder = mkdtempSync(join(tmpdir(), "pawl-clock-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** What happened, without when; and how long it took by the clock that cannot jump. */
async function story(
  jumps: readonly number[],
): Promise<{ readonly trace: readonly string[]; readonly lengthMs: number; readonly events: readonly RunEvent[] }> {
  const toy = toyRun({ bosses: 3, workers: 6 });
  const clock = toy.clock as { -readonly [K in keyof Clock]: Clock[K] };
  const wall = clock.now.bind(clock);
  const started = clock.monotonic();
  let offset = 0;
  // Each time the wall clock is asked it may have jumped since: by hours, forward and back.
  let asked = 0;
  clock.now = () => {
    asked += 1;
    if (jumps.length > 0 && asked % 7 === 0) offset += (jumps[Math.floor(asked / 7) % jumps.length] ?? 0) * HOUR;
    return wall() + offset;
  };
  const result = await toy.run();
  expect(result.exit).toBe("ok");
  const trace = toy.events.flatMap((event) =>
    event.type === "step.moved"
      ? [`${event.step} ${event.to}`]
      : event.type === "gate.passed"
        ? [`${event.step} passed ${event.check}`]
        : [],
  );
  return { trace, lengthMs: clock.monotonic() - started, events: toy.events };
}

describe("a wall clock that jumps during a run", () => {
  it("changes nothing of what happens, and neither shortens nor lengthens a gate or a soak", async () => {
    const calm = await story([]);
    expect(calm.lengthMs).toBeGreaterThan(20 * 60_000);
    for (const jumps of [[6], [-6], [1, -1], [24 * 365 * 13, -24 * 365 * 13], [-2, 5, -9]]) {
      const jumpy = await story(jumps);
      expect(jumpy.trace).toEqual(calm.trace);
      expect(jumpy.lengthMs).toBe(calm.lengthMs);
      const times = jumpy.events.map((event) => Date.parse(event.time));
      expect(times.every(Number.isFinite)).toBe(true);
      expect(times.some((time, index) => Math.abs(time - (times[index - 1] ?? time)) >= HOUR / 2)).toBe(true);
    }
  });

  it("leaves a journal that verifies and can be gone on with: its order is its numbers, not its times", async () => {
    const times = [
      "2026-11-21T12:00:00Z",
      "2026-11-21T06:00:00Z",
      "2038-01-19T03:14:08Z",
      "2016-12-31T23:59:59.999Z",
      "1970-01-01T00:00:00Z",
      "2026-03-29T01:30:00Z",
    ].map((text) => Date.parse(text));
    const run = join(folder, "run");
    let at = 0;
    const clock = { now: () => times[at++ % times.length] ?? 0 };
    const first = await createJournal({ folder: run, clock, actor: "test" });
    await first.append({
      type: "run.created",
      run: "run",
      kind: "toy",
      cluster: "c",
      plan: "0".repeat(64),
      pawl: "0",
      ticket: null,
    });
    for (let round = 0; round < 10; round += 1) await first.append({ type: "plan.interrupted", because: `${round}` });
    await first.seal();
    await first.close();
    const second = await openJournal({ folder: run, clock, actor: "test" });
    await second.append({ type: "plan.proceeded", because: "resumed" });
    await second.seal();
    await second.close();
    const verified = await verifyRun(run);
    expect(verified.findings.filter((one) => one.level === "broken" && one.file !== "plan.json")).toEqual([]);
    expect(verified.events).toBe(12);
  });
});

describe("snapshots while the clock is wrong", () => {
  const run = (name: string) => ({
    folder: `/b/c/${name}`,
    cluster: "c",
    run: name,
    kind: "snapshot",
    phase: "completed",
    exit: 0,
  });

  it("are not removed in the moment they were taken: a clock that went back makes a new one look old", async () => {
    const later = ["20261122T000000Z-snapshot", "20261123T000000Z-snapshot", "20261124T000000Z-snapshot"].map(run);
    const own = run("20261121T000000Z-snapshot");
    const round = await runSchedule({
      cron: "",
      timezone: null,
      once: true,
      keep: 2,
      runSnapshot: async () => ({ exit: "ok", folder: own.folder }),
      listRuns: async () => [own, ...later],
      compare: async () => ({ differences: 0, text: "" }),
      log: () => undefined,
      signal: new AbortController().signal,
    });
    expect(expiredRuns([own, ...later], "c", 2).map((one) => one.run)).toContain(own.run);
    expect(round?.removed).not.toContain(own.folder);
  });

  it("are told in the zone's own time on both sides of daylight saving, and after 2038", () => {
    expect(inZone(new Date("2026-03-29T00:59:00Z"), "Europe/Berlin")).toBe("2026-03-29 01:59 Europe/Berlin");
    expect(inZone(new Date("2026-03-29T01:00:00Z"), "Europe/Berlin")).toBe("2026-03-29 03:00 Europe/Berlin");
    expect(inZone(new Date("2026-10-25T01:00:00Z"), "Europe/Berlin")).toBe("2026-10-25 02:00 Europe/Berlin");
    expect(inZone(new Date("2038-01-19T03:14:08Z"), "UTC")).toBe("2038-01-19 03:14 UTC");
  });
});
