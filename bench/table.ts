import type { Outcome } from "./compare.ts";

function times(value: number, base: number): string {
  if (!(base > 0)) return "-";
  const ratio = value / base;
  return ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(2);
}

function seconds(value: number): string {
  return value < 1 ? `${(value * 1000).toFixed(0)} ms` : `${value.toFixed(2)} s`;
}

/** A benchmark's result for people, 80 columns: figures of each contender, and how often pawl's they are. */
export function renderOutcome(outcome: Outcome): string {
  const rows = [["", "wall", "CPU", "memory", "× wall", "× CPU", "× memory"]];
  const base = [...outcome.medians.values()][0];
  for (const [name, { wallS, cpuS, peakMiB }] of outcome.medians)
    rows.push([
      name,
      seconds(wallS),
      seconds(cpuS),
      `${peakMiB.toFixed(0)} MiB`,
      times(wallS, base?.wallS ?? Number.NaN),
      times(cpuS, base?.cpuS ?? Number.NaN),
      times(peakMiB, base?.peakMiB ?? Number.NaN),
    ]);
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  const table = rows.map((row) =>
    `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join("  ")}`.trimEnd(),
  );
  const extras = [...outcome.medians].flatMap(([name, { extra }]) =>
    Object.entries(extra).map(([what, value]) => `  ${name}: ${what} ${value.toFixed(1)}`),
  );
  const goals = outcome.goals.map(({ text, met, measured }) => `  ${met ? "met    " : "NOT MET"} ${measured}: ${text}`);
  return [
    `${outcome.benchmark}: ${outcome.title}`,
    ...table,
    ...extras,
    ...goals,
    ...outcome.notRun.map((why) => `  not run: ${why}`),
    "",
  ].join("\n");
}

/** The same for programs: one JSON document a benchmark. */
export function outcomeJson(outcome: Outcome): object {
  return { ...outcome, medians: Object.fromEntries(outcome.medians) };
}
