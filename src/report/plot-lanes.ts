import { escaped } from "./html/markup.ts";
import { fixed, type PlotFrame, type PlotLane } from "./plot-model.ts";

const LANE = 17;
const BAR = 11;
/** More of them are counted only. */
const MOST_LANES = 16;

export function lanesHeight(lanes: readonly PlotLane[]): number {
  const rows = Math.min(lanes.length, MOST_LANES) + (lanes.length > MOST_LANES ? 1 : 0);
  return Math.max(1, rows) * LANE + 6;
}

/** A row for each lane: a bar while it was so, hatched where that is not known. */
export function drawLanes(lanes: readonly PlotLane[], { left, right, top, bottom, x }: PlotFrame): string {
  if (lanes.length === 0)
    return `<text class="tick" x="${(left + right) / 2}" y="${top + LANE}" text-anchor="middle">nothing was read</text>`;
  const rows = lanes.slice(0, MOST_LANES).map(({ label, on, unknown }, index) => {
    const y = top + 3 + index * LANE;
    const bar = (kind: string, fromMs: number, toMs: number): string => {
      const from = x(fromMs);
      return `<rect class="${kind}" x="${fixed(from)}" y="${fixed(y + (LANE - BAR) / 2)}" width="${fixed(Math.max(1.5, x(toMs) - from))}" height="${BAR}"/>`;
    };
    return [
      `<text x="${left - 8}" y="${y + 13}" text-anchor="end">${escaped(label.length > 20 ? `${label.slice(0, 19)}…` : label)}</text>`,
      ...unknown.map((span) => bar("missing", span.fromMs, span.toMs)),
      ...on.map((span) => bar("on", span.fromMs, span.toMs)),
    ].join("");
  });
  const more = lanes.length - MOST_LANES;
  if (more > 0) rows.push(`<text class="tick" x="${left + 4}" y="${top + 16 + MOST_LANES * LANE}">and ${more} more</text>`);
  return `${rows.join("\n")}
<path class="frame" d="M${left} ${top}V${bottom}H${right}"/>`;
}
