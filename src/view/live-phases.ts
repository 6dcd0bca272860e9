import { formatDuration } from "../domain/duration.ts";
import { inkOf, symbolsOf, type Paper } from "./paper.ts";
import type { PhaseView } from "./phase-status.ts";
import { phaseMark } from "./status.ts";
import { cells, clip, count, pad } from "./text.ts";

/** Widths that stay the same for a whole run, so that nothing moves sideways. */
export interface PhaseColumns {
  readonly name: number;
}

export function phaseColumns(views: readonly PhaseView[], columns: number): PhaseColumns {
  return { name: Math.min(Math.floor(columns / 3), Math.max(0, ...views.map((view) => cells(view.phase.name)))) };
}

function progressWords(view: PhaseView): string {
  const aside = view.setAside.length > 0 ? `, ${view.setAside.length} set aside` : "";
  if (view.nodes === 0)
    return view.status === "pending" ? count(view.steps, "step") : `${view.stepsDone} of ${count(view.steps, "step")}`;
  if (view.status === "pending") return count(view.nodes, view.phase.role ?? "node", view.phase.role ?? "nodes");
  const after =
    view.nodesDone + view.setAside.length === view.nodes && view.status !== "complete"
      ? `, ${view.stepsDone} of ${count(view.steps, "step")}`
      : "";
  return `${view.nodesDone} of ${view.nodes} ${view.phase.role ?? "nodes"}${aside}${after}`;
}

/** One phase in one line: mark, name, nodes done, time so far. `nowMs` is wall time. */
export function phaseRow(view: PhaseView, widths: PhaseColumns, nowMs: number, paper: Paper): string {
  const ink = inkOf(paper);
  const { ellipsis } = symbolsOf(paper);
  const time =
    view.startedMs === null || view.status === "pending" ? "" : formatDuration((view.endedMs ?? nowMs) - view.startedMs);
  const name = pad(clip(view.phase.name, widths.name, ellipsis), widths.name);
  const room = paper.columns - widths.name - 4 - 10;
  const words = pad(clip(progressWords(view), room, ellipsis), room);
  const live = view.status !== "pending" && view.status !== "complete";
  const text = `${live ? ink.strong(name) : name}  ${view.setAside.length > 0 ? ink.waiting(words) : words}`;
  return `${phaseMark(view, paper)} ${view.status === "pending" ? ink.quiet(`${name}  ${words}`) : text}${ink.quiet(pad(time, 10, "right"))}`.trimEnd();
}

/** Which rows are shown one by one: a third of them behind the active one; a fold line is only made for more than one row. */
function span(count: number, active: number, room: number): { readonly first: number; readonly last: number } {
  const inner = Math.max(1, room - 2);
  const first = Math.max(0, Math.min(active, count - 1) - Math.floor(inner / 3));
  if (first <= 1) return { first: 0, last: Math.min(count, room - 1) };
  if (first + inner >= count - 1) return { first: Math.max(0, count - room + 1), last: count };
  return { first, last: first + inner };
}

/**
 * The phases in at most `room` lines: the ones at work always, around them what fits, the rest folded into one line above
 * and one below. `rows` are the rendered phases, one each.
 */
export function phaseWindow(views: readonly PhaseView[], rows: readonly string[], room: number, paper: Paper): readonly string[] {
  if (rows.length <= room) return rows;
  const ink = inkOf(paper);
  const { ok, pending, dash } = symbolsOf(paper);
  const found = views.findIndex((view) => view.status !== "complete");
  const active = found === -1 ? views.length : found;
  const { first, last } = span(views.length, active, room);
  const before = views.slice(0, first);
  const after = views.slice(last);
  const aside = before.flatMap((view) => view.setAside).length;
  const names = (part: readonly PhaseView[]): string => `${part[0]?.phase.name ?? ""} ${dash} ${part.at(-1)?.phase.name ?? ""}`;
  const lines = rows.slice(first, last);
  if (before.length > 0)
    lines.unshift(
      `${aside === 0 ? ink.proven(ok) : ink.waiting(ok)} ${ink.quiet(`${count(before.length, "phase")} complete (${names(before)})`)}${aside === 0 ? "" : ink.waiting(`, ${aside} set aside`)}`,
    );
  if (after.length > 0) lines.push(ink.quiet(`${pending} ${count(after.length, "more phase")} (${names(after)})`));
  return lines.map((line) => clip(line, paper.columns));
}
