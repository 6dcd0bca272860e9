import { escaped } from "./html/markup.ts";
import { fixed, type PlotFrame, type PlotLine, type PlotPoint } from "./plot-model.ts";
import { valueScale } from "./plot-scale.ts";
import { INKS } from "./plot-style.ts";

interface Value {
  readonly atMs: number;
  readonly value: number;
}

/** Points that follow each other without a gap. */
function runsOf(points: readonly PlotPoint[]): readonly (readonly Value[])[] {
  const runs: Value[][] = [];
  let open: Value[] | null = null;
  for (const { atMs, value } of points) {
    if (value === null) {
      open = null;
      continue;
    }
    if (open === null) runs.push((open = []));
    open.push({ atMs, value });
  }
  return runs;
}

/** Of many points in one pixel column the first, the lowest, the highest and the last: what a peak was stays a peak. */
export function thinned(run: readonly Value[], x: (ms: number) => number): readonly Value[] {
  const kept: Value[] = [];
  let column: Value[] = [];
  let at = Number.NaN;
  const close = (): void => {
    const [first, last] = [column[0], column.at(-1)];
    if (first === undefined || last === undefined) return;
    const low = column.reduce((a, b) => (b.value < a.value ? b : a));
    const high = column.reduce((a, b) => (b.value > a.value ? b : a));
    const chosen = new Set([first, low, high, last]);
    kept.push(...column.filter((point) => chosen.has(point)));
  };
  for (const point of run) {
    const next = Math.floor(x(point.atMs));
    if (next !== at) {
      close();
      column = [];
      at = next;
    }
    column.push(point);
  }
  close();
  return kept;
}

/** What all lines range over, and whether all of it is whole numbers; null where there is no value at all. */
export function valuesOf(
  lines: readonly PlotLine[],
): { readonly min: number; readonly max: number; readonly whole: boolean } | null {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let whole = true;
  for (const line of lines)
    for (const { value } of line.points) {
      if (value === null) continue;
      min = Math.min(min, value);
      max = Math.max(max, value);
      whole = whole && Number.isInteger(value);
    }
  return min > max ? null : { min, max, whole };
}

/** Lines with their axis; hatched where none of them knows anything. `inks`: the ink of each line. */
export function drawLines(lines: readonly PlotLine[], inks: readonly number[], unit: string, frame: PlotFrame): string {
  const { left, right, top, bottom, x } = frame;
  const values = valuesOf(lines);
  if (values === null) return "";
  const scale = valueScale(values.min, values.max, unit, values.whole);
  const y = (value: number): number => bottom - ((value - scale.low) / (scale.high - scale.low)) * (bottom - top);
  const axis = scale.ticks.map(({ at, label }) => {
    const height = fixed(y(at));
    return `<path class="grid" d="M${left} ${height}H${right}"/><text class="tick" x="${left - 6}" y="${fixed(height + 4)}" text-anchor="end">${escaped(label)}</text>`;
  });
  const drawn = lines.map((line, index) => {
    const ink = (inks[index] ?? index) % INKS;
    const runs = runsOf(line.points).map((run) => thinned(run, x));
    const path = runs
      .filter((run) => run.length > 1)
      .map((run) => run.map(({ atMs, value }, at) => `${at === 0 ? "M" : "L"}${fixed(x(atMs))} ${fixed(y(value))}`).join(""));
    const dots = runs
      .filter((run) => run.length === 1)
      .flatMap((run) => run)
      .map(({ atMs, value }) => `<circle class="dot${ink}" cx="${fixed(x(atMs))}" cy="${fixed(y(value))}" r="1.8"/>`);
    return `${path.length === 0 ? "" : `<path class="line ink${ink}" d="${path.join("")}"/>`}${dots.join("")}`;
  });
  return [...holes(lines).map(({ fromMs, toMs }) => hatched(fromMs, toMs, frame)), ...axis, ...drawn].join("\n");
}

/** A stretch nobody knows anything about, at least as wide as can be seen. */
function hatched(fromMs: number, toMs: number, { x, top, bottom }: PlotFrame): string {
  const from = x(fromMs);
  return `<rect class="missing" x="${fixed(from)}" y="${top}" width="${fixed(Math.max(1.5, x(toMs) - from))}" height="${bottom - top}"/>`;
}

/** Between the last value of any line and the next of any, where a line has a gap in between. */
function holes(lines: readonly PlotLine[]): readonly { readonly fromMs: number; readonly toMs: number }[] {
  const all = lines
    .flatMap((line) => line.points)
    .filter(({ value }) => value !== null)
    .map(({ atMs }) => atMs)
    .sort((a, b) => a - b);
  const gaps = lines.flatMap((line) => line.points.filter(({ value }) => value === null).map(({ atMs }) => atMs));
  const found = new Map<number, number>();
  for (const at of gaps) {
    const next = firstAfter(all, at);
    const fromMs = all[next - 1] ?? at;
    const toMs = all[next];
    // Where another line has a value at that very moment, the picture is not empty there.
    if (toMs !== undefined && fromMs < at && toMs > at) found.set(fromMs, toMs);
  }
  return [...found].map(([fromMs, toMs]) => ({ fromMs, toMs }));
}

/** Index of the first moment behind `at`, in moments that are sorted. */
function firstAfter(moments: readonly number[], at: number): number {
  let low = 0;
  let high = moments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((moments[middle] ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}
