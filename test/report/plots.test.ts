import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ArtifactRecord } from "../../src/domain/events.ts";
import { seriesName, type Monitor } from "../../src/domain/monitor.ts";
import type { Plan } from "../../src/domain/plan.ts";
import { createSegment, type SeriesRow } from "../../src/domain/series.ts";
import { reportFiles } from "../../src/report/files.ts";
import { plotOf } from "../../src/report/plot-data.ts";
import { thinned } from "../../src/report/plot-lines.ts";
import type { Plot, PlotMark } from "../../src/report/plot-model.ts";
import { valueScale, timeTicks } from "../../src/report/plot-scale.ts";
import { plotSvg } from "../../src/report/plot.ts";
import { ARTIFACTS, STORY, STORY_PLAN } from "./story.ts";

const START = Date.parse("2026-11-20T22:00:00Z");
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const MONITOR: Monitor = {
  name: "managers",
  title: "Managers",
  source: "the book, page 18",
  scope: { kind: "role", roles: ["managers"] },
  reading: { kind: "facts", about: "node", as: "json", timeoutMs: 1_000, optional: false },
  keep: ".",
  intervalMs: 5_000,
  phases: [],
  plots: [
    { name: "leader", title: "Who leads", unit: "", columns: ["elected"], as: "lanes" },
    {
      name: "tasks",
      title: "Tasks as the leader counts them",
      unit: "tasks",
      columns: ["running", "lost"],
      as: "lines",
      onlyWhere: "elected",
    },
  ],
};

const row = (minute: number, values: SeriesRow["values"]): SeriesRow => ({ atMs: START + minute * MINUTE, values, gap: null });
const gap = (minute: number): SeriesRow => ({ atMs: START + minute * MINUTE, values: {}, gap: "connection refused" });

/** m1 leads for 10 minutes, is away for 5, and m2 leads from then on. */
const SOURCES = [
  {
    subject: "m10",
    rows: [
      ...minutes(0, 10).map((at) => row(at, { elected: 1, running: 100, lost: 0 })),
      gap(10),
      ...minutes(15, 60).map((at) => row(at, { elected: 0 })),
    ],
  },
  {
    subject: "m2",
    rows: [
      ...minutes(0, 15).map((at) => row(at, { elected: 0 })),
      ...minutes(15, 60).map((at) => row(at, { elected: 1, running: 90 + (at % 3), lost: at === 30 ? 2 : 0 })),
    ],
  },
];

function minutes(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

const MARK: PlotMark = { fromMs: START + 9 * MINUTE, toMs: START + 16 * MINUTE, label: "m10", group: "managers", bad: false };
const RUN = { fromMs: START, toMs: START + HOUR };

function picture(index: number, marks: readonly PlotMark[] = [MARK]): Plot {
  const plot = MONITOR.plots[index];
  if (plot === undefined) throw new RangeError("no such plot");
  return plotOf(MONITOR, plot, SOURCES, marks, RUN);
}

/** Elements of an SVG by class, with their attributes. */
function elements(svg: string, kind: string): readonly Readonly<Record<string, string>>[] {
  return [...svg.matchAll(/<(?:rect|path|circle|text)\s([^>]*)>/g)]
    .map((match) =>
      Object.fromEntries(
        [...(match[1] ?? "").matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name, value]) => [name ?? "", value ?? ""]),
      ),
    )
    .filter((one) => (one["class"] ?? "").split(" ").includes(kind));
}

describe("who leads, as lanes", () => {
  it("is a bar for each source while it led, and a hatch while nothing was known of it", () => {
    const { body } = picture(0);
    if (body.kind !== "lanes") throw new Error("not lanes");
    const span = (from: number, to: number) => ({ fromMs: START + from * MINUTE, toMs: START + to * MINUTE });
    expect(body.lanes).toEqual([
      { label: "m2", on: [span(15, 60)], unknown: [] },
      { label: "m10", on: [span(0, 10)], unknown: [span(10, 15)] },
    ]);
    const svg = plotSvg(picture(0));
    expect(elements(svg, "on")).toHaveLength(2);
    expect(elements(svg, "missing")).toHaveLength(1);
  });

  it("of a text has a lane for each text", () => {
    const named = { ...MONITOR, plots: [{ ...MONITOR.plots[0]!, columns: ["leader"] }] };
    const rows = [row(0, { leader: "m1" }), row(1, { leader: "m1" }), row(2, { leader: "m3" }), gap(3)];
    const { body } = plotOf(named, named.plots[0]!, [{ subject: "cluster", rows }], [], RUN);
    if (body.kind !== "lanes") throw new Error("not lanes");
    expect(body.lanes.map(({ label, on }) => [label, on.map((one) => (one.toMs - one.fromMs) / MINUTE)])).toEqual([
      ["m1", [2]],
      ["m3", [1]],
    ]);
  });
});

describe("numbers of whoever leads, as lines", () => {
  it("are one line over all sources, broken where nobody led", () => {
    const { body } = picture(1);
    if (body.kind !== "lines") throw new Error("not lines");
    expect(body.lines.map((line) => line.label)).toEqual(["running", "lost"]);
    const running = body.lines[0]?.points ?? [];
    expect(running.filter((point) => point.value === 100)).toHaveLength(10);
    expect(running.some((point) => point.value === null && point.atMs === START + 10 * MINUTE)).toBe(true);
  });

  it("that are much smaller than others have an axis of their own, so that two lost tasks are seen beside a hundred", () => {
    const svg = plotSvg(picture(1));
    const [running, lost] = [elements(svg, "ink0"), elements(svg, "ink1")].map((paths) => paths.at(-1)?.["d"] ?? "");
    const heights = (d: string | undefined) => [...(d ?? "").matchAll(/[ML][\d.]+ ([\d.]+)/g)].map((match) => Number(match[1]));
    // Each uses most of its own axis.
    expect(Math.max(...heights(running)) - Math.min(...heights(running))).toBeGreaterThan(40);
    expect(Math.max(...heights(lost)) - Math.min(...heights(lost))).toBeGreaterThan(40);
    expect(Math.min(...heights(lost))).toBeGreaterThan(Math.max(...heights(running)));
  });

  it("say what they range over, so that the picture can be read on paper without colour", () => {
    const svg = plotSvg(picture(1));
    expect(svg).toContain(">running 90 to 100</text>");
    expect(svg).toContain(">lost 0 to 2</text>");
    expect(svg).toMatch(/\.ink1\{stroke-dasharray:7 3\}/);
  });
});

describe("every picture", () => {
  it("marks when which node was upgraded, between its real times", () => {
    for (const index of [0, 1]) {
      const svg = plotSvg(picture(index));
      const [band] = elements(svg, "band");
      const [mark] = elements(svg, "mark");
      expect(svg).toContain("managers: m10</text>");
      const at22 = Number(elements(svg, "tick").find((one) => one["text-anchor"] === "middle")?.["x"]);
      const pixels = (Number(band?.["x"]) - at22) / (708 - at22);
      expect(pixels).toBeCloseTo(9 / 60, 2);
      expect(Number(band?.["width"]) / (708 - at22)).toBeCloseTo(7 / 60, 2);
      expect(Number(mark?.["x"])).toBe(Number(band?.["x"]));
    }
  });

  it("stands for itself: no script, nothing fetched, light and dark", () => {
    const svg = plotSvg({ ...picture(0), title: 'a <b> & "c"' });
    expect(svg).not.toMatch(/<script|<image|href|@import|url\((?!#)|on\w+=/i);
    expect(svg).toContain("@media (prefers-color-scheme:dark)");
    expect(svg).toContain("<title>a &lt;b&gt; &amp; &quot;c&quot;</title>");
    expect(svg.match(/viewBox="0 0 720 \d+"/)).not.toBeNull();
  });

  it("of five hundred nodes and two days of readings is a file one can send by mail, and keeps the highest peak", () => {
    const rows = minutes(0, 34_560).map((at) => ({
      ...row(at / 12, { elected: 1, running: at === 20_001 ? 900 : 500 + (at % 7) }),
    }));
    const marks = minutes(0, 500).map((at): PlotMark => ({
      fromMs: START + at * 5 * MINUTE,
      toMs: START + (at * 5 + 12) * MINUTE,
      label: `a${at}`,
      group: "workers",
      bad: at === 77,
    }));
    const plot = plotOf(MONITOR, MONITOR.plots[1]!, [{ subject: "m1", rows }], marks, { fromMs: START, toMs: START + 48 * HOUR });
    const svg = plotSvg(plot);
    expect(svg.length).toBeLessThan(250_000);
    expect(elements(svg, "bad")).toHaveLength(1);
    expect(elements(svg, "mark")).toHaveLength(499);
    const d = elements(svg, "ink0").at(-1)?.["d"] ?? "";
    expect(d.split("L").length).toBeLessThan(4 * 720);
    const heights = [...d.matchAll(/[ML][\d.]+ ([\d.]+)/g)].map((match) => Number(match[1]));
    expect(heights.filter((height) => height === Math.min(...heights))).toHaveLength(1);
    expect(svg).toContain("workers (500)");
  });

  it("is drawn whatever was read: never NaN, never outside of itself", () => {
    const value = fc.oneof(
      fc.constant(null),
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e12, max: 1e12 }),
      fc.integer({ min: 0, max: 5 }),
    );
    const points = fc.array(fc.record({ atMs: fc.integer({ min: START, max: START + HOUR }), value }), { maxLength: 30 });
    const sorted = points.map((all) => all.toSorted((a, b) => a.atMs - b.atMs));
    fc.assert(
      fc.property(
        fc.array(sorted, { maxLength: 8 }),
        fc.constantFrom("s", "", "MB"),
        fc.integer({ min: 0, max: HOUR }),
        (lines, unit, length) => {
          const svg = plotSvg({
            title: "any",
            unit,
            fromMs: START,
            toMs: START + length,
            body: { kind: "lines", lines: lines.map((all, index) => ({ label: `line ${index}`, points: all })) },
            marks: [MARK],
          });
          expect(svg).not.toMatch(/NaN|Infinity|undefined/);
          const height = Number(/viewBox="0 0 720 (\d+(?:\.\d+)?)"/.exec(svg)?.[1]);
          for (const [, x, y] of svg.matchAll(/[ML]([\d.-]+) ([\d.-]+)/g)) {
            expect(Number(x)).toBeGreaterThanOrEqual(0);
            expect(Number(x)).toBeLessThanOrEqual(720);
            expect(Number(y)).toBeGreaterThanOrEqual(0);
            expect(Number(y)).toBeLessThanOrEqual(height);
          }
        },
      ),
      { seed: 7, numRuns: 200 },
    );
  });
});

describe("thinning", () => {
  it("keeps the first, the last, the lowest and the highest of every column, in their order", () => {
    const run = fc.array(fc.record({ atMs: fc.integer({ min: 0, max: 500 }), value: fc.integer({ min: -50, max: 50 }) }), {
      minLength: 1,
      maxLength: 200,
    });
    fc.assert(
      fc.property(run, (all) => {
        const sorted = all.toSorted((a, b) => a.atMs - b.atMs);
        const kept = thinned(sorted, (ms) => ms / 50);
        expect(kept.map((point) => point.atMs)).toEqual(kept.map((point) => point.atMs).toSorted((a, b) => a - b));
        for (let column = 0; column <= 10; column += 1) {
          const inIt = (points: typeof kept) =>
            points.filter((point) => Math.floor(point.atMs / 50) === column).map((point) => point.value);
          expect(inIt(kept).length).toBeLessThanOrEqual(4);
          if (inIt(sorted).length === 0) continue;
          expect(Math.max(...inIt(kept))).toBe(Math.max(...inIt(sorted)));
          expect(Math.min(...inIt(kept))).toBe(Math.min(...inIt(sorted)));
          expect(inIt(kept)[0]).toBe(inIt(sorted)[0]);
          expect(inIt(kept).at(-1)).toBe(inIt(sorted).at(-1));
        }
      }),
      { seed: 7, numRuns: 200 },
    );
  });
});

describe("axes", () => {
  it("begin at 0, but where all values lie far from it they show the change", () => {
    expect(valueScale(0, 12, "", true)).toMatchObject({ low: 0 });
    expect(valueScale(495, 500, "", true)).toMatchObject({ low: 494 });
    expect(valueScale(6, 7, "", true).ticks.map((tick) => tick.label)).toEqual(["6", "7"]);
    expect(valueScale(0, 7_200, "s", true).ticks.map((tick) => tick.label)).toEqual(["0s", "1h", "2h"]);
    expect(valueScale(19, 19, "", true)).toMatchObject({ low: 0 });
  });

  it("have real times, and dates where a day begins", () => {
    expect(timeTicks(START, START + 4 * HOUR, 9).map((tick) => tick.label)).toEqual([
      "22:00",
      "22:30",
      "23:00",
      "23:30",
      "11-21",
      "00:30",
      "01:00",
      "01:30",
      "02:00",
    ]);
  });
});

describe("a report of a run with monitors", () => {
  it("shows the pictures, links to them in Markdown, and tells how often everything was read", async () => {
    const start = Date.parse(STORY[0]?.time ?? "");
    const texts = new Map<string, string>();
    const artifacts = ["m1", "m2"].map((subject, index): ArtifactRecord => {
      const segment = createSegment();
      segment.add({ kind: "kept", atMs: start + 1_000, kept: { elected: index, running: 5, lost: 0 }, notice: null });
      segment.add({ kind: "gap", atMs: start + 6_000, reason: "connection refused" });
      segment.add({ kind: "kept", atMs: start + 36_000, kept: { elected: index, running: 6, lost: 0 }, notice: null });
      const sha256 = String(index).padStart(64, "f");
      texts.set(sha256, segment.take() ?? "");
      return {
        sha256,
        bytes: 10,
        name: seriesName("managers", subject),
        mediaType: "text/csv",
        step: null,
        node: subject,
        evidenceOf: "Managers, every 5s",
        sealed: false,
      };
    });
    const plan: Plan = { ...STORY_PLAN, monitors: [MONITOR] };
    const files = await reportFiles(STORY, plan, { artifacts: [...ARTIFACTS, ...artifacts] }, async ({ sha256 }) =>
      Buffer.from(texts.get(sha256) ?? "gone"),
    );
    const named = (name: string): string => files.find((file) => file.name === name)?.text ?? "";
    expect(files.map((file) => file.name).filter((name) => name.startsWith("plots/"))).toEqual([
      "plots/managers-leader.svg",
      "plots/managers-tasks.svg",
    ]);
    expect(named("report.md")).toContain("## Monitoring\n\n[Who leads](plots/managers-leader.svg)");
    expect(named("report.md")).toContain("| `managers` Managers | 2 | 4 | 2 | 30s | every 5s; the book, page 18 |");
    expect(named("report.html")).toContain(Buffer.from(named("plots/managers-leader.svg")).toString("base64").slice(0, 200));
    // The managers were restarted one after the other.
    expect(named("plots/managers-tasks.svg")).toContain("managers: m1, m2</text>");
  });
});
