import { formatDuration } from "../domain/duration.ts";
import type { Account } from "./account.ts";
import type { NodeAccount, PhaseAccount } from "./account-path.ts";
import { escaped } from "./html/markup.ts";

const WIDTH = 1000;
const LEFT = 190;
const RIGHT = 16;
const LANE = 12;
const ROW_GAP = 12;
const MOST_LANES = 6;

interface Bar {
  readonly from: number;
  readonly to: number;
  readonly label: string;
  readonly kind: "node" | "bad" | "wait" | "work";
}

interface Row {
  readonly title: string;
  readonly lanes: readonly (readonly Bar[])[];
}

/** When what was worked on: a row for each phase, a bar for each node, soaks hatched, halts marked. Null where nothing was begun. */
export function timelineSvg(account: Account): string | null {
  const rows = account.phases.flatMap((phase) => rowOf(account, phase));
  if (rows.length === 0) return null;
  const start = Date.parse(account.startedAt);
  const end = Math.max(start + 1, Date.parse(account.lastAt));
  const x = (ms: number): number => LEFT + ((ms - start) / (end - start)) * (WIDTH - LEFT - RIGHT);
  let y = 8;
  const parts: string[] = [];
  for (const row of rows) {
    const height = Math.max(1, row.lanes.length) * LANE;
    parts.push(
      `<text class="label" x="${LEFT - 10}" y="${y + height / 2 + 4}" text-anchor="end">${escaped(cut(row.title, 28))}</text>`,
    );
    row.lanes.forEach((lane, index) => {
      for (const bar of lane) parts.push(drawBar(bar, x, y + index * LANE));
    });
    y += height + ROW_GAP;
  }
  const bottom = y;
  const halts = account.halts.map((halt) => Date.parse(halt.at));
  const marks = halts.map((at) => `<line class="halt" x1="${round(x(at))}" x2="${round(x(at))}" y1="2" y2="${bottom}"/>`);
  const height = bottom + 26;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">
<style>${SVG_STYLE}</style>
<defs><pattern id="wait" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="ground" width="6" height="6"/><rect class="hatch" width="2" height="6"/></pattern></defs>
<rect class="paper" width="${WIDTH}" height="${height}"/>
${axis(start, end, x, bottom)}
${parts.join("\n")}
${marks.join("\n")}
</svg>
`;
}

const SVG_STYLE = `
.paper{fill:#fff}.label,.tick,.in{font:12px system-ui,"DejaVu Sans",sans-serif;fill:#1c2126}.tick{fill:#5b6670;font-size:11px}.in{fill:#fff;font-size:9.5px}
.grid{stroke:#e3e7eb}.node{fill:#2f7d4f}.bad{fill:#c02b2b}.work{fill:#4a7fb5}.ground{fill:#f3ead2}.hatch{fill:#d9b65a}.halt{stroke:#c02b2b;stroke-width:1.5;stroke-dasharray:4 3}
@media (prefers-color-scheme:dark){.paper{fill:#14181c}.label{fill:#e4e8ec}.tick{fill:#9aa5af}.grid{stroke:#2a3138}.node{fill:#3d9a63}.work{fill:#4f86bd}.ground{fill:#3a3320}.hatch{fill:#8a6d2a}.bad,.halt{fill:#e5635b;stroke:#e5635b}}
`;

function rowOf(account: Account, phase: PhaseAccount): readonly Row[] {
  if (phase.startedAt === null || phase.tookMs === null) return [];
  const from = Date.parse(phase.startedAt);
  const nodes = account.nodes.filter((node) => node.phase === phase.name && node.startedAt !== null).map(nodeBar);
  const waits = account.waits
    .filter((wait) => wait.kind === "soak" && wait.what.startsWith(`${phase.name}/`))
    .map((wait): Bar => {
      const began = Date.parse(wait.from);
      return { from: began, to: began + wait.tookMs, label: `soak ${formatDuration(wait.tookMs)}`, kind: "wait" };
    });
  const bars = nodes.length > 0 ? nodes : [{ from, to: from + phase.tookMs, label: "", kind: "work" as const }];
  return [{ title: phase.name, lanes: packed(nodes.length === 0 && waits.length > 0 ? waits : [...bars, ...waits]) }];
}

function nodeBar(node: NodeAccount): Bar {
  const from = Date.parse(node.startedAt ?? "");
  const bad = node.status === "error" || node.status === "unknown" || node.status === "set-aside";
  return { from, to: from + (node.tookMs ?? 0), label: node.node, kind: bad ? "bad" : "node" };
}

/** Bars that overlap lie below each other, in as few lanes as there can be; what is beyond the last lane lies on it. */
function packed(bars: readonly Bar[]): readonly (readonly Bar[])[] {
  const lanes: Bar[][] = [];
  for (const bar of bars.toSorted((a, b) => a.from - b.from || a.to - b.to)) {
    const free = lanes.find((lane) => (lane.at(-1)?.to ?? 0) <= bar.from);
    if (free !== undefined) free.push(bar);
    else if (lanes.length < MOST_LANES) lanes.push([bar]);
    else lanes.at(-1)?.push(bar);
  }
  return lanes;
}

function drawBar(bar: Bar, x: (ms: number) => number, y: number): string {
  const left = x(bar.from);
  const width = Math.max(2, x(bar.to) - left);
  const title = `<title>${escaped(`${bar.label} ${formatDuration(bar.to - bar.from)}`.trim())}</title>`;
  const fits = bar.kind !== "wait" && bar.label !== "" && width > bar.label.length * 6 + 6;
  const inside = fits ? `<text class="in" x="${round(left + 4)}" y="${y + 8.5}">${escaped(bar.label)}</text>` : "";
  const fill = bar.kind === "wait" ? ' fill="url(#wait)"' : ` class="${bar.kind}"`;
  return `<g><rect${fill} x="${round(left)}" y="${y}" width="${round(width)}" height="${LANE - 2}" rx="2"/>${inside}${title}</g>`;
}

const STEPS_MS = [1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400, 172_800, 604_800].map(
  (s) => s * 1_000,
);

function axis(start: number, end: number, x: (ms: number) => number, bottom: number): string {
  const step = STEPS_MS.find((ms) => (end - start) / ms <= 9) ?? 2_592_000_000;
  const ticks: string[] = [];
  for (let at = Math.ceil(start / step) * step; at <= end; at += step) {
    const iso = new Date(at).toISOString();
    const label = step < 60_000 ? iso.slice(11, 19) : step < 86_400_000 ? iso.slice(11, 16) : iso.slice(5, 10);
    const left = round(x(at));
    ticks.push(
      `<line class="grid" x1="${left}" x2="${left}" y1="2" y2="${bottom}"/><text class="tick" x="${left}" y="${bottom + 16}" text-anchor="middle">${label}</text>`,
    );
  }
  return ticks.join("\n");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
