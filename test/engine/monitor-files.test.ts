import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Monitor } from "../../src/domain/monitor.ts";
import { parseSeries } from "../../src/domain/series.ts";
import { createSeriesFiles, type SeriesOwner } from "../../src/engine/monitor-files.ts";

const MONITOR: Monitor = {
  name: "load",
  title: "load",
  source: "test",
  scope: { kind: "role", roles: ["boss"] },
  reading: { kind: "facts", about: "node", as: "json", timeoutMs: 1_000, optional: false },
  keep: ".",
  intervalMs: 1_000,
  phases: [],
  plots: [],
};

const owner = (subject: string): SeriesOwner => ({ monitor: MONITOR, subject, node: null });

/** A disk that takes as long as it is told, or does not take anything. */
function shelf() {
  const texts: string[] = [];
  let nowMs = 0;
  let block: Promise<void> = Promise.resolve();
  let go: () => void = () => undefined;
  let full = false;
  return {
    texts,
    monotonic: () => nowMs,
    pass: (ms: number) => void (nowMs += ms),
    hang: () => void (block = new Promise((resolve) => (go = resolve))),
    release: () => go(),
    fill: (is: boolean) => void (full = is),
    keep: async (_meta: unknown, text: string): Promise<void> => {
      await block;
      if (full) throw new Error("no space left");
      texts.push(text);
    },
  };
}

const kept = (atMs: number, value: number) => ({ kind: "kept", atMs, kept: { value, other: value }, notice: null }) as const;

describe("what waits to be written", () => {
  it("is bounded, however many sources there are, however fast they are and whatever the disk does", async () => {
    const bounds = { rows: 50, cells: 400 };
    const act = fc.oneof(
      { weight: 12, arbitrary: fc.record({ do: fc.constant("sample" as const), of: fc.nat(9), gap: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("write" as const, "write" as const, "hang" as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 200, maxLength: 400 }), fc.boolean(), async (acts, hangs) => {
        const disk = shelf();
        if (hangs) disk.hang();
        const files = createSeriesFiles(disk, false, bounds);
        for (const one of acts) {
          disk.pass(1_000);
          if (one.do === "write") void files.write();
          if (one.do === "hang") disk.hang();
          if (one.do === "sample")
            files.add(
              owner(`n${one.of}`),
              one.gap ? { kind: "gap", atMs: disk.monotonic(), reason: "away" } : kept(disk.monotonic(), 1),
            );
          const { rows, cells } = files.waiting();
          expect(rows).toBeLessThanOrEqual(bounds.rows);
          expect(cells).toBeLessThanOrEqual(bounds.cells);
          await Promise.resolve();
        }
        disk.release();
      }),
      { seed: 7, numRuns: 60 },
    );
  });

  it("is asked to be written at once when half of what may wait is there", () => {
    const disk = shelf();
    const files = createSeriesFiles(disk, false, { rows: 10, cells: 1_000 });
    for (let at = 0; at < 5; at += 1) files.add(owner("n1"), kept(at, 1));
    expect(files.dueMs()).toBeGreaterThan(disk.monotonic());
    files.add(owner("n1"), kept(5, 1));
    expect(files.dueMs()).toBe(disk.monotonic());
  });

  it("leaves a gap where the disk did not keep up or was full, and goes on when it is well", async () => {
    const disk = shelf();
    const files = createSeriesFiles(disk, false, { rows: 6, cells: 1_000 });
    for (let at = 0; at < 20; at += 1) files.add(owner("n1"), kept(at * 1_000, at));
    await files.write();
    files.add(owner("n1"), kept(20_000, 20));
    disk.fill(true);
    await files.write();
    disk.fill(false);
    files.add(owner("n1"), kept(21_000, 21));
    await files.write();
    const rows = parseSeries(disk.texts);
    expect(rows.filter((row) => row.gap === null).map((row) => row.values["value"])).toEqual([0, 1, 2, 3, 4, 21]);
    expect(rows.filter((row) => row.gap !== null).map((row) => row.gap)).toEqual([
      "2 readings could not be written: no space left",
    ]);
  });
});
