import type { ReadingSpec } from "./documents.ts";

/**
 * Who is read. `cluster`: one source; nodes with one of the roles are asked in turn until one answers. `role`: every node with one
 * of the roles is a source of its own. `in-hand`: a node, while a step that changes it is at work on it. `listed`: every entry with a
 * name and an address of a list that the platform found when the plan was made, each a source of its own, whose address is `{url}`.
 */
export type MonitorScope =
  | { readonly kind: "cluster"; readonly roles: readonly string[] }
  | { readonly kind: "role"; readonly roles: readonly string[] }
  | { readonly kind: "in-hand" }
  | { readonly kind: "listed"; readonly fact: string };

/** A picture of some columns of a monitor, over the time of the run. */
export interface MonitorPlot {
  readonly name: string;
  readonly title: string;
  /** What the numbers count; empty where they count different things. */
  readonly unit: string;
  readonly columns: readonly string[];
  /** `lines`: values over time. `lanes`: a bar for each source while the column is not 0 (who leads). */
  readonly as: "lines" | "lanes";
  /** Only rows in which this column is 1, of whichever source: one line for whoever counts. */
  readonly onlyWhere?: string;
}

/** Something that is read again and again from before the first phase to after the last, and kept. It never decides anything. */
export interface Monitor {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly scope: MonitorScope;
  readonly reading: ReadingSpec;
  /** jq: the reading → a flat object of numbers and short texts, which are the columns of its file. */
  readonly keep: string;
  /** jq: `{ before, now }`, two results of `keep` → a sentence worth telling at once, or null. */
  readonly notice?: string;
  readonly intervalMs: number;
  /** Phases (or families of waves) in which it is read; empty: the whole run. */
  readonly phases: readonly string[];
  readonly plots: readonly MonitorPlot[];
}

/** What one reading was kept as. */
export type Kept = Readonly<Record<string, number | string>>;

/** One reading of one source, or why there is none. `notice`: what a person wants to know at once. */
export type Sample =
  | { readonly kind: "kept"; readonly atMs: number; readonly kept: Kept; readonly notice: string | null }
  | { readonly kind: "gap"; readonly atMs: number; readonly reason: string };

/** Columns every file has besides those that `keep` names. */
const RESERVED_COLUMNS: readonly string[] = ["time", "gap"];
const COLUMN = /^[A-Za-z][A-Za-z0-9_./-]{0,63}$/;

export function isColumn(name: string): boolean {
  return COLUMN.test(name) && !RESERVED_COLUMNS.includes(name);
}

/** Name of the artifact a source's segments are kept under. */
export function seriesName(monitor: string, subject: string): string {
  return `monitor/${monitor}/${subject}.csv`;
}

/** Which source an artifact's name belongs to, or null where it is none of these. */
export function seriesOf(name: string): { readonly monitor: string; readonly subject: string } | null {
  const [, monitor, subject] = /^monitor\/([^/]+)\/([^/]+)\.csv$/.exec(name) ?? [];
  return monitor === undefined || subject === undefined ? null : { monitor, subject };
}
