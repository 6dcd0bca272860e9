import { escaped } from "./html/markup.ts";
import { fixed, type PlotFrame, type PlotMark, type Span } from "./plot-model.ts";

const GROUPS = 13;
const LANE = 7;
const MOST_LANES = 4;
/** Width of a letter of a heading, about. */
const LETTER = 5.6;
/** So many names stand in a heading; more are counted. */
const MOST_NAMES = 4;

export function marksHeight(marks: readonly PlotMark[]): number {
  return marks.length === 0 ? 4 : GROUPS + packed(marks).length * LANE + 5;
}

/** Marks that overlap lie below each other; what is beyond the last lane lies on it. */
function packed(marks: readonly PlotMark[]): readonly (readonly PlotMark[])[] {
  const lanes: PlotMark[][] = [];
  for (const mark of marks.toSorted((a, b) => a.fromMs - b.fromMs || a.toMs - b.toMs)) {
    const free = lanes.find((lane) => (lane.at(-1)?.toMs ?? 0) <= mark.fromMs);
    if (free !== undefined) free.push(mark);
    else if (lanes.length < MOST_LANES) lanes.push([mark]);
    else lanes.at(-1)?.push(mark);
  }
  return lanes;
}

/** Stretches covered by any of the spans. */
function union(spans: readonly Span[]): readonly Span[] {
  const all: { fromMs: number; toMs: number }[] = [];
  for (const { fromMs, toMs } of spans.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const last = all.at(-1);
    if (last !== undefined && fromMs <= last.toMs) last.toMs = Math.max(last.toMs, toMs);
    else all.push({ fromMs, toMs });
  }
  return all;
}

/** Above the picture when which node was worked on, by group; through it, as a shade, when any was. */
export function drawMarks(marks: readonly PlotMark[], { x, top, bottom }: PlotFrame, marksTop: number): string {
  const shades = union(marks).map(({ fromMs, toMs }) => {
    const from = x(fromMs);
    return `<rect class="band" x="${fixed(from)}" y="${top}" width="${fixed(Math.max(1, x(toMs) - from))}" height="${bottom - top}"/>`;
  });
  const lanes = packed(marks).flatMap((lane, row) =>
    lane.map((mark) => {
      const from = x(mark.fromMs);
      return `<rect class="${mark.bad ? "bad" : "mark"}" x="${fixed(from)}" y="${marksTop + GROUPS + row * LANE}" width="${fixed(Math.max(1.2, x(mark.toMs) - from - 0.7))}" height="${LANE - 2}"><title>${escaped(mark.label)}</title></rect>`;
    }),
  );
  return [...shades, ...headings(marks, x, marksTop), ...lanes].join("\n");
}

/** The groups over their marks, each where its first mark begins, or behind the one before; one without room is left out. */
function headings(marks: readonly PlotMark[], x: (ms: number) => number, marksTop: number): readonly string[] {
  const groups = new Map<string, PlotMark[]>();
  for (const mark of marks) groups.set(mark.group, [...(groups.get(mark.group) ?? []), mark]);
  const all = [...groups].map(([group, its]) => ({ group, its, left: x(Math.min(...its.map((mark) => mark.fromMs))) }));
  let free = 0;
  return all.flatMap(({ group, its, left }, index) => {
    const names = its.toSorted((a, b) => a.fromMs - b.fromMs).map((mark) => mark.label);
    const short = `${group} (${names.length})`;
    const text = names.length <= MOST_NAMES ? `${group}: ${names.join(", ")}` : short;
    const from = Math.max(left, free);
    const next = all[index + 1]?.left ?? Number.POSITIVE_INFINITY;
    const [chosen] = [text, short].filter((words) => from + words.length * LETTER < next || from === left);
    if (chosen === undefined) return [];
    free = from + chosen.length * LETTER + 8;
    return [`<text class="group" x="${fixed(from)}" y="${marksTop + 9}">${escaped(chosen)}</text>`];
  });
}
