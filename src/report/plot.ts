import { formatDuration } from "../domain/duration.ts";
import { escaped } from "./html/markup.ts";
import { fixed, type Plot, type PlotFrame } from "./plot-model.ts";
import { drawLanes, lanesHeight } from "./plot-lanes.ts";
import { drawPanels, legendOf, panelsHeight } from "./plot-panels.ts";
import { drawMarks, marksHeight } from "./plot-marks.ts";
import { timeTicks } from "./plot-scale.ts";
import { PLOT_STYLE } from "./plot-style.ts";

const WIDTH = 720;
const LEFT = 62;
const RIGHT = 12;
const AXIS = 24;

/**
 * The picture as SVG text that stands for itself: light and dark as the reader's system says, no script, nothing fetched, lines that
 * differ without colour too. However many points there are, it holds a few for each pixel. Pure.
 */
export function plotSvg(plot: Plot): string {
  const { body } = plot;
  const fromMs = plot.fromMs;
  const toMs = Math.max(plot.toMs, fromMs + 1_000);
  const left =
    body.kind === "lanes" ? Math.min(150, Math.max(LEFT, ...body.lanes.map((lane) => lane.label.length * 6.6 + 14))) : LEFT;
  const right = WIDTH - RIGHT;
  const x = (ms: number): number => left + ((Math.min(toMs, Math.max(fromMs, ms)) - fromMs) / (toMs - fromMs)) * (right - left);
  const legend = body.kind === "lines" ? legendOf(body.lines, plot.unit, WIDTH - 2 * RIGHT) : { svg: "", height: 0 };
  const marksTop = 26 + legend.height;
  const top = marksTop + marksHeight(plot.marks);
  const bottom = top + (body.kind === "lanes" ? lanesHeight(body.lanes) : panelsHeight(body.lines));
  const frame: PlotFrame = { left, right, top, bottom, x };
  const height = bottom + AXIS;
  const unit = plot.unit === "" || plot.unit === "s" ? "" : `, ${plot.unit}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">
<title>${escaped(plot.title)}</title>
<style>${PLOT_STYLE}</style>
<defs><pattern id="gap" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="gap" width="1.5" height="6"/></pattern></defs>
<rect class="paper" width="${WIDTH}" height="${height}"/>
<text class="title" x="${RIGHT}" y="17">${escaped(plot.title)}<tspan class="unit">${escaped(unit)}</tspan></text>
${legend.svg}
${drawMarks(plot.marks, frame, marksTop)}
${timeAxis(fromMs, toMs, frame)}
${body.kind === "lanes" ? drawLanes(body.lanes, frame) : drawPanels(body.lines, plot.unit, frame)}
</svg>
`;
}

function timeAxis(fromMs: number, toMs: number, { x, top, bottom, right }: PlotFrame): string {
  const ticks = timeTicks(fromMs, toMs, 9).map(({ at, label }) => {
    const left = fixed(x(at));
    return `<path class="grid" d="M${left} ${top}V${bottom}"/><text class="tick" x="${left}" y="${bottom + 15}" text-anchor="${left > right - 16 ? "end" : "middle"}">${label}</text>`;
  });
  const day = new Date(fromMs).toISOString().slice(0, 10);
  const took = formatDuration(toMs - fromMs);
  return `${ticks.join("\n")}
<text class="tick" x="${right}" y="17" text-anchor="end">${day}, ${took}, UTC</text>`;
}
