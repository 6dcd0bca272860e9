import { cells, clip, pad } from "./text.ts";

/** A column of a table. `align` right is for numbers; a `flexible` column is clipped when the table is too wide. */
export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
  readonly flexible?: boolean;
}

const GAP = "  ";

/**
 * Borderless aligned columns, in the manner of kubectl. Cells may be coloured. Where the whole is wider than `columns`,
 * the flexible column (else the last) is clipped; nothing wraps. Without rows only the titles remain. `head` paints the title line.
 */
export function renderTable(
  shape: readonly Column[],
  rows: readonly (readonly string[])[],
  columns: number,
  options: { readonly head?: (text: string) => string; readonly ellipsis?: string } = {},
): string {
  const widths = shape.map((column, index) => Math.max(cells(column.title), ...rows.map((row) => cells(row[index] ?? ""))));
  const total = widths.reduce((sum, width) => sum + width, 0) + GAP.length * Math.max(0, shape.length - 1);
  const flexible = shape.findIndex((column) => column.flexible === true);
  const clipped = flexible === -1 ? shape.length - 1 : flexible;
  const room = Math.max(8, (widths[clipped] ?? 0) - Math.max(0, total - columns));
  const line = (row: readonly string[]): string =>
    shape
      .map((column, index) => {
        const cell = row[index] ?? "";
        const width = index === clipped ? Math.min(room, widths[index] ?? 0) : (widths[index] ?? 0);
        return pad(index === clipped ? clip(cell, width, options.ellipsis) : cell, width, column.align);
      })
      .join(GAP)
      .trimEnd();
  const paint = options.head ?? ((text: string) => text);
  return [paint(line(shape.map((column) => column.title))), ...rows.map(line)].join("\n");
}
