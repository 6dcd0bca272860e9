import { open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { createFakeClock, createScaledClock } from "../../src/sim/clock.ts";

const START = Date.UTC(2026, 10, 20, 15, 0, 0);

describe("the fake clock", () => {
  it("jumps over a sleep of days in no time and ends exactly there", async () => {
    const clock = createFakeClock(START);
    await clock.sleep(3 * 24 * 3_600_000);
    expect(clock.now() - START).toBe(3 * 24 * 3_600_000);
    expect(clock.monotonic()).toBe(clock.now());
  });

  it("wakes sleepers in the order of their due times, and timers before sleepers of the same moment", async () => {
    const clock = createFakeClock(START);
    const seen: string[] = [];
    clock.at(START + 5_000, () => seen.push(`timer ${clock.now() - START}`));
    await Promise.all(
      [9_000, 5_000, 1_000].map(async (ms) => {
        await clock.sleep(ms);
        seen.push(`sleeper ${clock.now() - START}`);
      }),
    );
    expect(seen).toEqual(["sleeper 1000", "timer 5000", "sleeper 5000", "sleeper 9000"]);
  });

  it("never moves while nobody sleeps, whatever is scheduled", async () => {
    const clock = createFakeClock(START);
    let fired = false;
    clock.at(START + 1, () => (fired = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(fired).toBe(false);
    expect(clock.now()).toBe(START);
  });

  it("stands still while busy work is awake, and moves while that work sleeps", async () => {
    const clock = createFakeClock(START);
    const other = clock.sleep(60_000).then(() => clock.now());
    const inside = await clock.busy(async (own) => {
      await new Promise((resolve) => setTimeout(resolve, 15));
      const still = clock.now() - START;
      await own.sleep(10_000);
      return [still, clock.now() - START];
    });
    expect(inside).toEqual([0, 10_000]);
    expect((await other) - START).toBe(60_000);
  });

  it("does not jump while a file is being written", async () => {
    const clock = createFakeClock(START);
    const file = path.join(tmpdir(), `pawl-clock-${process.pid}`);
    let slept = false;
    const sleeper = clock.sleep(1_000).then(() => (slept = true));
    const handle = await open(file, "w");
    for (let index = 0; index < 20; index += 1) {
      await handle.write("x");
      await handle.sync();
      expect(slept).toBe(false);
    }
    await handle.close();
    await rm(file);
    await sleeper;
    expect(clock.now() - START).toBe(1_000);
  });

  it("ends an aborted sleep at once, without an error, at the time it was", async () => {
    const clock = createFakeClock(START);
    const abort = new AbortController();
    const sleeping = clock.sleep(1_000_000, abort.signal);
    abort.abort();
    await sleeping;
    await clock.sleep(1, AbortSignal.abort());
    expect(clock.now()).toBe(START);
  });

  it("forgets a cancelled timer", async () => {
    const clock = createFakeClock(START);
    let fired = false;
    const cancel = clock.at(START + 10, () => (fired = true));
    cancel();
    await clock.sleep(1_000);
    expect(fired).toBe(false);
  });
});

describe("the scaled clock", () => {
  it("sleeps the length divided by the scale, and several sleepers share the movement", async () => {
    const clock = createScaledClock({ startMs: START, scale: 10_000 });
    const begin = performance.now();
    const ends = await Promise.all([100_000, 200_000, 200_000].map((ms) => clock.sleep(ms).then(() => clock.now() - START)));
    expect(performance.now() - begin).toBeGreaterThanOrEqual(19);
    expect(ends[0]).toBeGreaterThanOrEqual(100_000);
    expect(ends[0]).toBeLessThan(ends[1]!);
    // Shared, not added up: three sleeps one after the other would be 500 s.
    expect(clock.now() - START).toBeGreaterThanOrEqual(200_000);
    expect(clock.now() - START).toBeLessThan(400_000);
  });

  it("fires what is due on the way, in order, at its own time", async () => {
    const clock = createScaledClock({ startMs: START, scale: 100_000 });
    const seen: number[] = [];
    for (const ms of [3_000, 1_000, 2_000, 50_000]) clock.at(START + ms, () => seen.push(clock.now() - START));
    await clock.sleep(10_000);
    expect(seen).toEqual([1_000, 2_000, 3_000]);
  });

  it("stands still when nobody sleeps and while busy work is awake", async () => {
    const clock = createScaledClock({ startMs: START, scale: 1_000_000 });
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(clock.now()).toBe(START);
    const sleeping = clock.sleep(60_000);
    await clock.busy(async () => {
      const before = clock.now();
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(clock.now()).toBe(before);
    });
    await sleeping;
    expect(clock.now() - START).toBe(60_000);
    expect(Number.isInteger(clock.now())).toBe(true);
  });

  it("loses no time to wall timers that come a little early", async () => {
    let wallMs = 0;
    const after = (ms: number, act: () => void): (() => void) => {
      const timer = setImmediate(() => {
        wallMs += ms - 0.6;
        act();
      });
      return () => clearImmediate(timer);
    };
    const clock = createScaledClock({ startMs: START, scale: 60, wall: { now: () => wallMs, after } });
    for (let n = 1; n <= 20; n += 1) await clock.sleep(30_000);
    expect(clock.now() - START).toBe(600_000);
    expect(wallMs).toBeGreaterThan(9_999);
    expect(wallMs).toBeLessThan(10_020);
  });

  it("ends an aborted sleep at once", async () => {
    const clock = createScaledClock({ startMs: START, scale: 1 });
    const abort = new AbortController();
    const sleeping = clock.sleep(3_600_000, abort.signal);
    setTimeout(() => abort.abort(), 5);
    await sleeping;
    expect(clock.now() - START).toBeLessThan(60_000);
    const frozen = clock.now();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(clock.now()).toBe(frozen);
  });
});
