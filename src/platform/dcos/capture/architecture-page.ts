/** Measures of the diagram's page in px, and what every part of it needs. */
export const WIDTH = 1_120;
export const MARGIN = 24;
export const INNER = WIDTH - 2 * MARGIN;
export const GAP = 14;

/** A part of the page, and the height it takes. */
export interface Drawn {
  readonly svg: string;
  readonly height: number;
}

/** A count with its word: `1 node`, `2 nodes`. */
export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

/** Columns of equal width in the page's inner width, none narrower than `least`, and no last row that is nearly empty. */
export function columns(count: number, least: number): { readonly across: number; readonly width: number } {
  const most = Math.max(1, Math.min(count, Math.floor((INNER + GAP) / (least + GAP))));
  const across = Math.max(1, Math.ceil(count / Math.ceil(count / most)));
  return { across, width: Math.floor((INNER - GAP * (across - 1)) / across) };
}
