import type { Monitor, MonitorPlot } from "../domain/monitor.ts";
import type { SeriesRow } from "../domain/series.ts";
import type { Plot, PlotLane, PlotLine, PlotMark, PlotPoint, Span } from "./plot-model.ts";

/** The rows of one source of a monitor. */
export interface SourceRows {
  readonly subject: string;
  readonly rows: readonly SeriesRow[];
}

/** More lines than this in one picture cannot be told apart. */
const MOST_LINES = 8;

/** One of a monitor's pictures, from the rows of its sources. */
export function plotOf(
  monitor: Monitor,
  plot: MonitorPlot,
  sources: readonly SourceRows[],
  marks: readonly PlotMark[],
  run: Span,
): Plot {
  const named = sources.toSorted((a, b) => a.subject.localeCompare(b.subject, "en", { numeric: true }));
  const body =
    plot.as === "lanes"
      ? { kind: "lanes" as const, lanes: plot.columns.flatMap((column) => lanesOf(column, plot, named, run)) }
      : { kind: "lines" as const, lines: linesOf(plot, named) };
  const title =
    sources.length === 1 || plot.as === "lanes" || plot.onlyWhere !== undefined ? plot.title : `${plot.title} (${monitor.title})`;
  return { title, unit: plot.unit, fromMs: run.fromMs, toMs: run.toMs, body, marks };
}

/** Whether there is nothing in it to see. */
export function isEmpty({ body }: Plot): boolean {
  return body.kind === "lines" ? body.lines.length === 0 : body.lanes.every((lane) => lane.on.length === 0);
}

/** `agents_active` as people read it. */
function label(column: string): string {
  return column.replace(/_(?:s|ms|mb)$/, "").replaceAll("_", " ");
}

function linesOf(plot: MonitorPlot, sources: readonly SourceRows[]): readonly PlotLine[] {
  const { columns, onlyWhere } = plot;
  if (onlyWhere !== undefined) {
    const merged = whoCounts(sources, onlyWhere);
    return columns.flatMap((column) => lineOf(label(column), column, merged));
  }
  return sources
    .flatMap(({ subject, rows }) =>
      columns.flatMap((column) => {
        const words = columns.length === 1 ? subject : sources.length === 1 ? label(column) : `${subject} ${label(column)}`;
        return lineOf(words, column, rows);
      }),
    )
    .slice(0, MOST_LINES);
}

function lineOf(words: string, column: string, rows: readonly SeriesRow[]): readonly PlotLine[] {
  const points = rows.map(({ atMs, values, gap }): PlotPoint => {
    const value = values[column];
    return { atMs, value: gap === null && typeof value === "number" ? value : null };
  });
  return points.some(({ value }) => value !== null) ? [{ label: words, points }] : [];
}

/**
 * Rows of whichever source has 1 in the column, as one. From where the source that had it stops to have it until another has it,
 * nothing is known.
 */
function whoCounts(sources: readonly SourceRows[], column: string): readonly SeriesRow[] {
  const all = sources
    .flatMap(({ subject, rows }) => rows.map((row) => ({ subject, row })))
    .sort((a, b) => a.row.atMs - b.row.atMs);
  const merged: SeriesRow[] = [];
  let who: string | null = null;
  for (const { subject, row } of all) {
    if (row.gap === null && row.values[column] === 1) {
      if (who !== null && who !== subject) merged.push({ atMs: row.atMs, values: {}, gap: "another one" });
      who = subject;
      merged.push(row);
    } else if (who === subject) {
      who = null;
      merged.push({ atMs: row.atMs, values: {}, gap: row.gap ?? "not the one any more" });
    }
  }
  return merged;
}

/** A lane for each source; where the column is a text, for each text it had. */
function lanesOf(column: string, plot: MonitorPlot, sources: readonly SourceRows[], run: Span): readonly PlotLane[] {
  return sources.flatMap(({ subject, rows }): readonly PlotLane[] => {
    const texts = [...new Set(rows.flatMap(({ values }) => (typeof values[column] === "string" ? [values[column]] : [])))].sort();
    const unknown = spansWhere(rows, run, ({ gap, values }) => gap !== null || values[column] === undefined);
    if (texts.length === 0) {
      const on = spansWhere(
        rows,
        run,
        ({ gap, values }) => gap === null && typeof values[column] === "number" && values[column] !== 0,
      );
      return [{ label: plot.columns.length === 1 ? subject : `${subject} ${label(column)}`, on, unknown }];
    }
    return texts.map((text) => ({
      label: text,
      on: spansWhere(rows, run, ({ gap, values }) => gap === null && values[column] === text),
      unknown,
    }));
  });
}

/** Stretches from a row that is so to the next that is not. */
function spansWhere(rows: readonly SeriesRow[], run: Span, is: (row: SeriesRow) => boolean): readonly Span[] {
  const spans: { fromMs: number; toMs: number }[] = [];
  let fromMs: number | null = null;
  for (const row of rows) {
    const so = is(row);
    if (so && fromMs === null) fromMs = row.atMs;
    if (!so && fromMs !== null) {
      spans.push({ fromMs, toMs: row.atMs });
      fromMs = null;
    }
  }
  if (fromMs !== null) spans.push({ fromMs, toMs: Math.max(run.toMs, fromMs) });
  return spans;
}
