import { formatDuration } from "../domain/duration.ts";
import { exitName } from "../domain/errors.ts";
import { allSteps, type Plan } from "../domain/plan.ts";
import { stepRecord } from "../domain/run-state.ts";
import { isSettled } from "../domain/status.ts";
import type { Live } from "./live-model.ts";
import { panelLines, type Now } from "./live-panel.ts";
import { phaseWindow } from "./live-phases.ts";
import { inkOf, printable, symbolsOf, type Paper } from "./paper.ts";
import { isCalm, type PhaseView } from "./phase-status.ts";
import { versionsOf } from "./plan-words.ts";
import { foldNames } from "./ranges.ts";
import { cells, clip, count, wrap } from "./text.ts";

export interface FramePaper extends Paper {
  /** Lines of the terminal; a frame takes at most one less. */
  readonly rows: number;
}

/** Accepted host keys that are told one by one at the end. */
const KEYS_SHOWN = 5;

/** Where we are: runbook and versions; wall time, time so far, steps done. Two lines that never move. */
function headLines(plan: Plan, live: Live, now: Now, paper: Paper): readonly string[] {
  const ink = inkOf(paper);
  const { arrow, dot, ellipsis } = symbolsOf(paper);
  const { from, to } = versionsOf(plan);
  const hop = plan.journey === null || plan.journey.hops < 2 ? "" : `, hop ${plan.journey.hop} of ${plan.journey.hops}`;
  const way = `${plan.cluster.name}${to === null ? "" : `  ${from.join(", ")} ${arrow} ${to}`}${hop}`;
  const title = clip(plan.runbook.title, Math.max(10, paper.columns - cells(way) - 2), ellipsis);
  const gap = " ".repeat(Math.max(2, paper.columns - cells(title) - cells(way)));
  const steps = allSteps(plan);
  const done = steps.filter((step) => isSettled(stepRecord(live.state, step.address).status)).length;
  const aside = steps.filter((step) => stepRecord(live.state, step.address).status === "set-aside").length;
  const parts = [
    `${new Date(now.wallMs).toISOString().slice(11, 19)} UTC`,
    live.beganAt === "" ? "" : `${formatDuration(Math.max(0, now.wallMs - Date.parse(live.beganAt)))} so far`,
    `${done} of ${count(steps.length, "step")}`,
  ].filter((part) => part !== "");
  return [
    clip(`${ink.strong(title)}${gap}${way}`, paper.columns, ellipsis),
    clip(
      `${ink.quiet(parts.join(` ${dot} `))}${aside === 0 ? "" : ink.waiting(` ${dot} ${aside} set aside`)}`,
      paper.columns,
      ellipsis,
    ),
  ];
}

/** Trust that was given while the run was shown: all of it where there is room, else how much. */
function keyLines(live: Live, most: number, paper: Paper): readonly string[] {
  const { acceptedKeys } = live;
  if (acceptedKeys.length === 0) return [];
  const ink = inkOf(paper);
  if (acceptedKeys.length > most) return [ink.waiting(`${count(acceptedKeys.length, "unknown host key")} accepted, as asked`)];
  return acceptedKeys.flatMap((words) => wrap(words, paper.columns)).map((line) => ink.waiting(line));
}

/** One picture of the run: header, phases, what is in hand. Never more than `rows - 1` lines, none wider than `columns`. */
export function frameLines(
  plan: Plan,
  views: readonly PhaseView[],
  rows: readonly string[],
  live: Live,
  now: Now,
  paper: FramePaper,
): readonly string[] {
  const room = Math.max(6, paper.rows - 1);
  const head = [...headLines(plan, live, now, paper), ...keyLines(live, 0, paper)];
  const body = room - head.length - 2;
  const forPhases = rows.length <= body - 8 ? rows.length : Math.max(3, Math.min(rows.length, Math.floor(body * 0.45)));
  const phases = phaseWindow(views, rows, forPhases, paper);
  const panel = panelLines(plan, live, now, Math.max(1, body - phases.length), paper);
  const lines = [...head, "", ...phases, ...(panel.length === 0 ? [] : ["", ...panel])];
  return lines.slice(0, room).map((line) => printable(line, paper));
}

/** What stays on the screen when the run has ended: the phases and the result. After a halt the problem follows from whoever ran the engine. */
export function summaryLines(
  plan: Plan,
  views: readonly PhaseView[],
  rows: readonly string[],
  live: Live,
  now: Now,
  paper: FramePaper,
): readonly string[] {
  const ink = inkOf(paper);
  const { ok, bad, stop, dash } = symbolsOf(paper);
  const { state } = live;
  const phases = phaseWindow(views, rows, Math.max(10, paper.rows - 8), paper);
  const keys = keyLines(live, KEYS_SHOWN, paper);
  const lines = [...headLines(plan, live, now, paper), "", ...phases, "", ...(keys.length === 0 ? [] : [...keys, ""])];
  const aside = allSteps(plan)
    .filter((step) => stepRecord(state, step.address).status === "set-aside")
    .flatMap((step) => step.node ?? []);
  if (state.phase === "completed") {
    const words = `completed, exit ${state.exit ?? 0} (${exitName(state.exit ?? 0)})`;
    lines.push(
      state.exit === 0
        ? ink.proven(`${ok} ${words}`)
        : ink.waiting(`${stop} ${words}; set aside: ${foldNames([...new Set(aside)], dash)}`),
    );
  } else if (state.halted !== null) {
    const where = state.halted.step === null ? "" : ` at ${state.halted.step}`;
    if (state.halted.exit === 0) lines.push(ink.waiting(`${stop} stopped as asked${where}`));
    else {
      const words = `halted${where}, exit ${state.halted.exit} (${exitName(state.halted.exit)})`;
      lines.push(isCalm(state.halted.exit) ? ink.waiting(`${stop} ${words}`) : ink.trouble(`${bad} ${words}`));
    }
  }
  return lines.map((line) => printable(line, paper));
}
