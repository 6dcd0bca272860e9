import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isColumn, type Sample } from "../../src/domain/monitor.ts";
import { createSegment, parseSeries } from "../../src/domain/series.ts";

const kept = (atMs: number, values: Readonly<Record<string, number | string>>): Sample => ({
  kind: "kept",
  atMs,
  kept: values,
  notice: null,
});
const gap = (atMs: number, reason: string): Sample => ({ kind: "gap", atMs, reason });

function written(samples: readonly Sample[]): string {
  const segment = createSegment();
  for (const sample of samples) segment.add(sample);
  return segment.take() ?? "";
}

describe("a source's file", () => {
  it("is a table a person can open: epoch seconds, numbers, and why there is none", () => {
    const text = written([
      kept(1_000_000, { elected: 1, load: 0.25 }),
      gap(1_005_000, "connection refused"),
      gap(1_010_000, "connection refused"),
      kept(1_015_500, { elected: 0, load: 1e-7, agents: 12 }),
    ]);
    expect(text).toBe("time,elected,load,agents,gap\n1000,1,0.25,,\n1005,,,,connection refused\n1015.5,0,1e-7,12,\n");
  });

  it("goes on in a next segment, and a gap that goes on is not told twice", () => {
    const segment = createSegment();
    segment.add(gap(1_000, "gone"));
    const first = segment.take() ?? "";
    segment.add(gap(2_000, "gone"));
    expect(segment.take()).toBeNull();
    segment.add(kept(3_000, { a: 1 }));
    const rows = parseSeries([first, segment.take() ?? ""]);
    expect(rows).toEqual([
      { atMs: 1_000, values: {}, gap: "gone" },
      { atMs: 3_000, values: { a: 1 }, gap: null },
    ]);
  });

  it("gives back what was kept, whatever the texts are", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 40 }).map((one) => one.replaceAll(/[\p{Cc}\s]+/gu, " ").trim());
    const value = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), text);
    const column = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_./-]{0,20}$/).filter(isColumn);
    const sample = fc.oneof(
      fc.dictionary(column, value, { minKeys: 1, maxKeys: 6, noNullPrototype: true }).map((values) => kept(0, values)),
      text.filter((one) => one !== "").map((reason) => gap(0, reason)),
    );
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 20 }), (samples) => {
        const timed = samples.map((one, index) => ({ ...one, atMs: index * 1_250 }));
        const wanted = timed.filter((one, index) => one.kind === "kept" || timed[index - 1]?.kind !== "gap");
        const rows = parseSeries([written(timed)]);
        expect(rows.map((row) => row.atMs)).toEqual(wanted.map((one) => one.atMs));
        wanted.forEach((one, index) => {
          const row = rows[index];
          if (one.kind === "gap") expect(row).toMatchObject({ values: {}, gap: one.reason });
          else
            for (const [name, value] of Object.entries(one.kept)) {
              const back = row?.values[name];
              if (typeof value === "number") expect(back).toBeCloseTo(value, 9 - Math.ceil(Math.log10(Math.abs(value) + 1)));
              else expect(back).toBe(value);
            }
        });
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  it("that is torn or no such file gives what can be read of it, and no guess", () => {
    expect(parseSeries(["time,a,gap\n10,1,\n20,"])).toEqual([{ atMs: 10_000, values: { a: 1 }, gap: null }]);
    expect(parseSeries(["<html>", "", "a,b\n1,2\n"])).toEqual([]);
    expect(parseSeries(["time,a,gap\nnoon,1,\n,1,\n"])).toEqual([]);
  });
});
