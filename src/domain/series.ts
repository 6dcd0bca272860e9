import type { Sample } from "./monitor.ts";

/** Longest reason of a gap and longest text in a cell, in characters. */
const LONGEST_TEXT = 200;

/** One row of a source's file. */
export interface SeriesRow {
  /** Epoch ms. */
  readonly atMs: number;
  readonly values: Readonly<Record<string, number | string>>;
  /** Why nothing is known from here until the next row; null where there is a reading. */
  readonly gap: string | null;
}

/** Rows that wait to be written: one segment of a source's file. */
export interface Segment {
  /** Takes a sample; of gaps that follow each other only the first becomes a row. Returns by how many cells it grew. */
  add(sample: Sample): number;
  readonly rows: number;
  /** The segment as CSV, or null where there is nothing in it; it is empty afterwards. */
  take(): string | null;
}

/**
 * A segment of a source's file: a header, then `epoch seconds, numbers…, gap`. A column that a later reading brings is added; what a
 * row does not have stays empty. Numbers are written as short as they can be read back.
 */
export function createSegment(): Segment {
  let columns: string[] = [];
  let known = new Set<string>();
  let rows: SeriesRow[] = [];
  /** Whether the row before, in this segment or an earlier one, was a gap: then it still goes on. */
  let inGap = false;
  return {
    get rows() {
      return rows.length;
    },
    add(sample) {
      if (sample.kind === "gap") {
        if (inGap) return 0;
        inGap = true;
        rows.push({ atMs: sample.atMs, values: {}, gap: short(sample.reason) });
        return 2;
      }
      inGap = false;
      const names = Object.keys(sample.kept);
      for (const name of names) {
        if (known.has(name)) continue;
        known.add(name);
        columns.push(name);
      }
      rows.push({ atMs: sample.atMs, values: sample.kept, gap: null });
      return names.length + 1;
    },
    take() {
      if (rows.length === 0) return null;
      const text = seriesText(columns, rows);
      columns = [];
      known = new Set();
      rows = [];
      return text;
    },
  };
}

/** The CSV of rows. */
function seriesText(columns: readonly string[], rows: readonly SeriesRow[]): string {
  const lines = rows.map(({ atMs, values, gap }) =>
    [number(Math.round(atMs) / 1_000), ...columns.map((name) => cell(values[name])), cell(gap ?? undefined)].join(","),
  );
  return `${["time", ...columns, "gap"].join(",")}\n${lines.join("\n")}\n`;
}

function number(value: number): string {
  return String(Number.isInteger(value) ? value : Number(value.toPrecision(15)));
}

function cell(value: number | string | undefined): string {
  if (value === undefined) return "";
  if (typeof value === "number") return number(value);
  const text = short(value);
  // A text that looks like a number, or like nothing, must come back as the text it was.
  return /^[^\s",=+@-][^",\n]*$/.test(text) && Number.isNaN(Number(text)) ? text : `"${text.replaceAll('"', '""')}"`;
}

/** One line, not too long, without what a terminal or a table would take for something else. */
function short(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\s]+/gu, " ").trim();
  return line.length > LONGEST_TEXT ? `${line.slice(0, LONGEST_TEXT - 1)}…` : line;
}

/**
 * The rows of a source, from its segments in their order. What cannot be read (a torn or foreign file) is left out, never guessed.
 * Between two segments nothing was lost unless a gap says so, or the time between them does.
 */
export function parseSeries(segments: readonly string[]): readonly SeriesRow[] {
  return segments.flatMap((segment) => {
    const [head = "", ...lines] = segment.split("\n");
    const columns = cellsOf(head).map((one) => one.text);
    const gapAt = columns.indexOf("gap");
    if (columns[0] !== "time" || gapAt < 0) return [];
    return lines.flatMap((line): readonly SeriesRow[] => {
      const cells = cellsOf(line);
      const seconds = Number(cells[0]?.text);
      if (cells.length !== columns.length || cells[0]?.text === "" || !Number.isFinite(seconds)) return [];
      const values: Record<string, number | string> = {};
      cells.forEach(({ text, quoted }, index) => {
        const name = columns[index];
        if (index === 0 || index === gapAt || name === undefined || (text === "" && !quoted)) return;
        const value = quoted ? Number.NaN : Number(text);
        values[name] = Number.isNaN(value) ? text : value;
      });
      const gap = cells[gapAt];
      return [{ atMs: Math.round(seconds * 1_000), values, gap: gap === undefined || gap.text === "" ? null : gap.text }];
    });
  });
}

function cellsOf(line: string): readonly { readonly text: string; readonly quoted: boolean }[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map((match) =>
    match[1] === undefined ? { text: match[2] ?? "", quoted: false } : { text: match[1].replaceAll('""', '"'), quoted: true },
  );
}
