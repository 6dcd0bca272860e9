import { escaped } from "./html/markup.ts";
import { drawLines, valuesOf } from "./plot-lines.ts";
import { fixed, type PlotFrame, type PlotLine } from "./plot-model.ts";
import { valueText } from "./plot-scale.ts";
import { INKS } from "./plot-style.ts";

const TALL = 130;
const LOW = 64;
/** Of lines that never change: enough to see that, and where nothing was known. */
const FLAT = 26;
const BETWEEN = 12;
/** A line that stays below this part of the highest would lie on the bottom of its axis: it gets an axis of its own. */
const SMALL = 0.2;
const LEGEND_ROW = 17;
const LETTER = 6.3;

/** Lines of about one size, with one axis. */
interface Panel {
  readonly lines: readonly PlotLine[];
  readonly inks: readonly number[];
  readonly height: number;
}

function panelsOf(lines: readonly PlotLine[]): readonly Panel[] {
  const sizes = lines.map((line) => {
    const values = valuesOf([line]);
    return values === null ? 0 : Math.max(Math.abs(values.min), Math.abs(values.max));
  });
  const largest = Math.max(0, ...sizes);
  const pick = (small: boolean): readonly number[] =>
    lines.flatMap((_, index) => ((sizes[index] ?? 0) < largest * SMALL === small ? [index] : []));
  const parts = [pick(false), pick(true)].filter((part) => part.length > 0);
  return parts.map((inks, place): Panel => {
    const its = inks.flatMap((index) => lines[index] ?? []);
    const flat = its.every((line) => {
      const values = valuesOf([line]);
      return values === null || values.min === values.max;
    });
    return { lines: its, inks, height: flat ? FLAT : place === 0 ? TALL : LOW };
  });
}

/** Height of all panels. */
export function panelsHeight(lines: readonly PlotLine[]): number {
  const panels = panelsOf(lines);
  return panels.reduce((sum, panel) => sum + panel.height, 0) + BETWEEN * (panels.length - 1);
}

/** The lines, those that are much smaller than the others below them with an axis of their own. */
export function drawPanels(lines: readonly PlotLine[], unit: string, frame: PlotFrame): string {
  let { top } = frame;
  return panelsOf(lines)
    .map(({ lines: its, inks, height }) => {
      const own = { ...frame, top, bottom: top + height };
      top += height + BETWEEN;
      return `${drawLines(its, inks, unit, own)}
<path class="frame" d="M${frame.left} ${own.top}V${own.bottom}H${frame.right}"/>`;
    })
    .join("\n");
}

/** A sample of each line with its name and what it ranged over; as many rows as it needs. */
export function legendOf(
  lines: readonly PlotLine[],
  unit: string,
  width: number,
): { readonly svg: string; readonly height: number } {
  let left = 0;
  let row = 0;
  const parts = lines.map((line, index) => {
    const range = valuesOf([line]);
    const words = `${line.label}${range === null ? ": nothing" : ` ${rangeText(range.min, range.max, unit)}`}`;
    const wide = 30 + words.length * LETTER + 14;
    if (left > 0 && left + wide > width) {
      left = 0;
      row += 1;
    }
    const [x, y] = [12 + left, 36 + row * LEGEND_ROW];
    left += wide;
    return `<path class="line ink${index % INKS}" d="M${fixed(x)} ${y - 4}H${fixed(x + 24)}"/><text x="${fixed(x + 30)}" y="${y}">${escaped(words)}</text>`;
  });
  return { svg: parts.join("\n"), height: (row + 1) * LEGEND_ROW };
}

function rangeText(min: number, max: number, unit: string): string {
  const low = valueText(min, unit);
  const high = valueText(max, unit);
  return low === high ? low : `${low} to ${high}`;
}
