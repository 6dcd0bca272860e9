/** What was read at a moment (epoch ms); null: from here on nothing is known until the next. */
export interface PlotPoint {
  readonly atMs: number;
  readonly value: number | null;
}

export interface PlotLine {
  readonly label: string;
  readonly points: readonly PlotPoint[];
}

/** When something was so (who leads, which log is recovered), and when that was not known. */
export interface PlotLane {
  readonly label: string;
  readonly on: readonly Span[];
  readonly unknown: readonly Span[];
}

/** From one moment to another, epoch ms. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Something that was done to a node in that time. */
export interface PlotMark extends Span {
  readonly label: string;
  /** What the node was part of: marks of one group stand under one heading. */
  readonly group: string;
  readonly bad: boolean;
}

/** A picture of values over the time of a run. */
export interface Plot extends Span {
  readonly title: string;
  /** What the numbers count; `s` is told as durations; empty: nothing stands there. */
  readonly unit: string;
  readonly body:
    | { readonly kind: "lines"; readonly lines: readonly PlotLine[] }
    | { readonly kind: "lanes"; readonly lanes: readonly PlotLane[] };
  readonly marks: readonly PlotMark[];
}

/** Where a picture's parts lie, in its own units; one is a pixel where it is shown as wide as it is. */
export interface PlotFrame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  x(ms: number): number;
}

/** A coordinate with a tenth of a unit. */
export function fixed(value: number): number {
  return Math.round(value * 10) / 10;
}
