import { formatDuration } from "../domain/duration.ts";
import type { ArtifactRecord } from "../domain/events.ts";
import { seriesOf, type Monitor } from "../domain/monitor.ts";
import { stepsOf, type Plan } from "../domain/plan.ts";
import { parseSeries } from "../domain/series.ts";
import type { Account } from "./account.ts";
import { code, section, type Block, type Section, type Words } from "./page.ts";
import { isEmpty, plotOf, type SourceRows } from "./plot-data.ts";
import { plotSvg } from "./plot.ts";
import type { PlotMark, Span } from "./plot-model.ts";

/** Pictures are made of so many sources of a monitor at most, and tables have so many rows. */
const MOST_SOURCES = 16;
const MOST_ROWS = 100;

/** A monitor's files, read. */
interface MonitorFiles {
  readonly monitor: Monitor;
  readonly sources: readonly SourceRows[];
}

/** A picture as it is shown, and as the file beside the report that Markdown links to. */
export interface PlotFile {
  /** Relative to the run folder: `plots/mesos-masters-leader.svg`. */
  readonly file: string;
  readonly title: string;
  readonly svg: string;
}

/** What was monitored, as a report shows it. */
export interface Monitoring {
  readonly plots: readonly PlotFile[];
  readonly sections: readonly Section[];
}

const NONE: Monitoring = { plots: [], sections: [] };

/**
 * Pictures and tables of the run's monitors, from the segments in the store. The pictures are views, made again from artifacts at any
 * time; they are no evidence of their own. An artifact that is gone is left out.
 */
export async function monitoringOf(
  account: Account,
  plan: Plan,
  read: (artifact: ArtifactRecord) => Promise<Buffer>,
): Promise<Monitoring> {
  const monitors = plan.monitors ?? [];
  if (monitors.length === 0) return NONE;
  const files = await Promise.all(monitors.map((monitor) => filesOf(monitor, account.artifacts, read)));
  const kept = files.filter(({ sources }) => sources.length > 0);
  if (kept.length === 0) return NONE;
  const run: Span = { fromMs: Date.parse(account.startedAt), toMs: Date.parse(account.lastAt) };
  const marks = marksOf(account, plan);
  const plots = kept.flatMap(({ monitor, sources }) =>
    monitor.plots.flatMap((plot): readonly PlotFile[] => {
      const picture = plotOf(monitor, plot, sources.slice(0, MOST_SOURCES), marks, run);
      // Not every release has every number.
      if (isEmpty(picture)) return [];
      return [{ file: `plots/${monitor.name}-${plot.name}.svg`, title: picture.title, svg: plotSvg(picture) }];
    }),
  );
  const figures = plots.map((plot): Block => ({ kind: "figure", figure: { title: plot.title, svg: plot.svg }, file: plot.file }));
  return { plots, sections: section("Monitoring", [...figures, overview(kept), ...kept.flatMap(handedTable)]) };
}

/** All segments of a monitor by source, in the order in which they were written. */
async function filesOf(
  monitor: Monitor,
  artifacts: readonly ArtifactRecord[],
  read: (artifact: ArtifactRecord) => Promise<Buffer>,
): Promise<MonitorFiles> {
  const bySubject = new Map<string, ArtifactRecord[]>();
  for (const artifact of artifacts) {
    const of = seriesOf(artifact.name);
    if (of === null || of.monitor !== monitor.name || artifact.sealed) continue;
    bySubject.set(of.subject, [...(bySubject.get(of.subject) ?? []), artifact]);
  }
  const sources: SourceRows[] = [];
  for (const [subject, segments] of bySubject) {
    const texts: string[] = [];
    for (const segment of segments) {
      const bytes = await read(segment).catch(() => null);
      if (bytes !== null) texts.push(bytes.toString("utf8"));
    }
    sources.push({ subject, rows: parseSeries(texts) });
  }
  return { monitor, sources };
}

/** When each node was taken in hand by a step that restarts it, by phase (waves under the name of their family). */
function marksOf(account: Account, plan: Plan): readonly PlotMark[] {
  const groups = new Map(
    plan.phases
      .filter((phase) => stepsOf(phase).some((step) => step.effect === "restart"))
      .map((phase) => [phase.name, phase.wave?.of ?? phase.name]),
  );
  return account.nodes.flatMap((node) => {
    const group = groups.get(node.phase);
    if (group === undefined || node.startedAt === null) return [];
    const fromMs = Date.parse(node.startedAt);
    const bad = node.status === "error" || node.status === "unknown" || node.status === "set-aside";
    return [{ fromMs, toMs: fromMs + (node.tookMs ?? 0), label: node.node, group, bad }];
  });
}

/** How often everything was read, and where nothing was known. */
function overview(files: readonly MonitorFiles[]): Block {
  return {
    kind: "table",
    head: ["monitor", "sources", "readings", "gaps", "longest gap", "from the runbook"],
    rows: files.map(({ monitor, sources }): readonly Words[] => {
      const gaps = sources.flatMap(({ rows }) => gapLengths(rows));
      return [
        [code(monitor.name), ` ${monitor.title}`],
        [String(sources.length)],
        [String(sources.reduce((sum, { rows }) => sum + rows.filter((row) => row.gap === null).length, 0))],
        [String(gaps.length)],
        [gaps.length === 0 ? "" : formatDuration(Math.max(...gaps))],
        [`every ${formatDuration(monitor.intervalMs)}; ${monitor.source}`],
      ];
    }),
  };
}

function gapLengths(rows: SourceRows["rows"]): readonly number[] {
  return rows.flatMap((row, index) => (row.gap === null ? [] : [(rows[index + 1] ?? row).atMs - row.atMs]));
}

/** What was counted on each node while it was in hand: those with anything, and how many had nothing. */
function handedTable({ monitor, sources }: MonitorFiles): readonly Block[] {
  if (monitor.scope.kind !== "in-hand") return [];
  const last = sources.map(({ subject, rows }) => ({ subject, values: rows.findLast((row) => row.gap === null)?.values ?? {} }));
  const some = last.filter(({ values }) => Object.values(values).some((value) => typeof value === "number" && value !== 0));
  const columns = [...new Set(some.flatMap(({ values }) => Object.keys(values)))];
  const none = last.length - some.length;
  return [
    { kind: "heading", words: [monitor.title] },
    {
      kind: "text",
      words: [`${last.length} ${last.length === 1 ? "node" : "nodes"} read while in hand; nothing counted on ${none}.`],
    },
    {
      kind: "table",
      head: ["node", ...columns.map((column) => column.replaceAll("_", " "))],
      rows: some
        .slice(0, MOST_ROWS)
        .map(({ subject, values }): readonly Words[] => [
          [code(subject)],
          ...columns.map((column): Words => [String(values[column] ?? "")]),
        ]),
    },
  ];
}
