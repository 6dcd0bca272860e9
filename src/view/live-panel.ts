import { formatDuration } from "../domain/duration.ts";
import { allSteps, type Plan, type Step } from "../domain/plan.ts";
import { stepRecord, type StepRecord } from "../domain/run-state.ts";
import { isBusy, isStuck } from "../domain/status.ts";
import type { GateView, Live } from "./live-model.ts";
import { inkOf, symbolsOf, type Paper } from "./paper.ts";
import { foldNames, sortNames } from "./ranges.ts";
import { cells, clip, oneLine, pad } from "./text.ts";

/** Both clocks of the run: wall time for people, monotonic for countdowns. Epoch ms and ms. */
export interface Now {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

interface Flight {
  readonly step: Step;
  readonly record: StepRecord;
}

const TIME = 10;

/** `left` filled and `right` set to the right edge; `left` gives way. */
function spread(left: string, right: string, paper: Paper): string {
  const room = paper.columns - cells(right) - (right === "" ? 0 : 1);
  return `${pad(clip(left, room, symbolsOf(paper).ellipsis), room)}${right === "" ? "" : ` ${right}`}`.trimEnd();
}

function mark({ step, record }: Flight, paper: Paper): string {
  const ink = inkOf(paper);
  const { bad, unknown, stop, waiting, active } = symbolsOf(paper);
  if (record.status === "error") return ink.trouble(bad);
  if (record.status === "unknown") return ink.trouble(unknown);
  if (step.kind === "confirm") return ink.waiting(stop);
  return step.kind === "soak" || (record.status === "started" && step.gates.length > 0)
    ? ink.waiting(waiting)
    : ink.active(active);
}

/** What is going on with a step, in words; the step's title while it runs. */
function words({ step, record }: Flight, live: Live): string {
  if (isStuck(record.status)) return oneLine(record.problem?.text ?? record.status);
  if (step.kind === "confirm") return `${oneLine(messageOf(step))} A person decides.`;
  if (record.status === "prepared") return "asks whether it may begin";
  if (record.status !== "started" || step.gates.length === 0) return oneLine(step.title);
  const held = step.gates.filter((gate) => live.gates.get(step.address)?.get(gate.check)?.kind === "held").length;
  return step.gates.length === 1 ? "effect done, its gate must hold" : `effect done, ${held} of ${step.gates.length} gates hold`;
}

function messageOf(step: Step): string {
  return typeof step.with.message === "string" ? step.with.message : step.title;
}

function elapsed(record: StepRecord, now: Now): string {
  const begun = Date.parse(record.startedAt ?? record.since);
  return Number.isNaN(begun) ? "" : formatDuration(Math.max(0, now.wallMs - begun));
}

/** One gate: what it read, how many passes of how many, how long it may still take. Green only once it has held. */
function gateLine(check: string, nameWidth: number, gate: GateView | undefined, now: Now, paper: Paper): string {
  const ink = inkOf(paper);
  const { ok, bad, pending, waiting } = symbolsOf(paper);
  const name = pad(check, nameWidth);
  if (gate === undefined) return ink.quiet(`  ${pending} ${name}  not measured yet`);
  if (gate.kind === "held") return spread(`  ${ink.proven(ok)} ${name}  ${ink.quiet(gate.observed)}`, "", paper);
  if (gate.kind === "refused") return spread(`  ${ink.trouble(bad)} ${name}  ${gate.observed}`, "", paper);
  const { verdict, observed, streak, wanted, spanMs, wantedSpanMs, deadlineMs } = gate.reading;
  const span =
    wantedSpanMs > 0 ? ` over ${formatDuration(Math.min(spanMs, wantedSpanMs))} of ${formatDuration(wantedSpanMs)}` : "";
  const left = `at most ${formatDuration(Math.max(0, deadlineMs - now.monotonicMs))} more`;
  const state = verdict === "pass" ? `${streak}/${wanted}${span}` : `${verdict}: ${observed}`;
  return spread(
    `  ${ink.waiting(waiting)} ${name}  ${verdict === "pass" ? `${state}  ${ink.quiet(observed)}` : ink.waiting(state)}`,
    ink.quiet(left),
    paper,
  );
}

/** Few gates are listed; of many those that have held, and those that were not measured yet, take one line each. */
function gateLines(step: Step, gates: ReadonlyMap<string, GateView>, now: Now, paper: Paper): readonly string[] {
  const ink = inkOf(paper);
  const { ok, pending, ellipsis } = symbolsOf(paper);
  const names = step.gates.map((gate) => gate.check);
  const width = Math.min(28, Math.max(0, ...names.map((name) => cells(name))));
  if (names.length <= 4) return names.map((name) => gateLine(name, width, gates.get(name), now, paper));
  const held = names.filter((name) => gates.get(name)?.kind === "held");
  const open = names.filter((name) => gates.get(name)?.kind === "open" || gates.get(name)?.kind === "refused");
  const later = names.filter((name) => !gates.has(name));
  return [
    ...(held.length === 0
      ? []
      : [
          clip(
            `  ${ink.proven(ok)} ${ink.quiet(`${held.length === 1 ? "holds" : `${held.length} hold`}: ${held.join(", ")}`)}`,
            paper.columns,
            ellipsis,
          ),
        ]),
    ...open.map((name) => gateLine(name, width, gates.get(name), now, paper)),
    ...(later.length === 0
      ? []
      : [clip(ink.quiet(`  ${pending} not measured yet: ${later.join(", ")}`), paper.columns, ellipsis)]),
  ];
}

/** A countdown in the run's own time: bar, what is left, of how much. */
function soakLine(sleep: { readonly untilMs: number; readonly totalMs: number }, now: Now, paper: Paper): string {
  const ink = inkOf(paper);
  const { full, empty } = symbolsOf(paper);
  const leftMs = Math.min(sleep.totalMs, Math.max(0, sleep.untilMs - now.monotonicMs));
  const width = Math.min(30, Math.floor(paper.columns / 3));
  const done = sleep.totalMs === 0 ? width : Math.round(((sleep.totalMs - leftMs) / sleep.totalMs) * width);
  return `  ${ink.waiting(full.repeat(done))}${ink.quiet(empty.repeat(width - done))}  ${formatDuration(leftMs)} left of ${formatDuration(sleep.totalMs)}`;
}

function detail(flight: Flight, live: Live, now: Now, paper: Paper): readonly string[] {
  const ink = inkOf(paper);
  const { pipe, ellipsis } = symbolsOf(paper);
  const { step, record } = flight;
  const lines = [
    spread(
      `${mark(flight, paper)} ${ink.strong(step.address)}  ${words(flight, live)}`,
      ink.quiet(pad(elapsed(record, now), TIME, "right")),
      paper,
    ),
  ];
  const sleep = live.sleeping.get(step.address);
  if (step.kind === "soak" && sleep !== undefined) lines.push(soakLine(sleep, now, paper));
  if (isStuck(record.status) && record.problem?.observed !== undefined)
    lines.push(clip(`  ${ink.quiet("observed")}  ${oneLine(record.problem.observed)}`, paper.columns, ellipsis));
  const gates = live.gates.get(step.address);
  if (record.status === "started" || (isStuck(record.status) && gates !== undefined)) {
    lines.push(...gateLines(step, gates ?? new Map(), now, paper));
  }
  const said = live.output.get(step.address);
  if (said !== undefined && !isStuck(record.status))
    lines.push(clip(`  ${ink.quiet(`${pipe} ${said}`)}`, paper.columns, ellipsis));
  return lines;
}

/** One line for a step among many: the gate that waits, or the last thing it said. */
function brief(flight: Flight, width: number, live: Live, now: Now, paper: Paper): string {
  const ink = inkOf(paper);
  const { step, record } = flight;
  const open = [...(live.gates.get(step.address)?.values() ?? [])].find((one) => one.kind === "open");
  const gate = open?.reading ?? null;
  const text =
    record.status === "started" && gate !== null
      ? gate.verdict === "pass"
        ? `${gate.check} ${gate.streak}/${gate.wanted}`
        : `${gate.check} ${gate.verdict}: ${gate.observed}`
      : (live.output.get(step.address) ?? words(flight, live));
  return spread(
    `${mark(flight, paper)} ${pad(step.address, width)}  ${text}`,
    ink.quiet(pad(elapsed(record, now), TIME, "right")),
    paper,
  );
}

/** What a monitor noticed stays in the picture for so long. */
const NOTICE_SHOWN_MS = 10 * 60_000;

/** Everything in hand in at most `room` lines: in full where few steps are, one line each where many are, the rest counted. */
export function panelLines(plan: Plan, live: Live, now: Now, room: number, paper: Paper): readonly string[] {
  const ink = inkOf(paper);
  const { waiting, bad, stop, dash, ellipsis } = symbolsOf(paper);
  const notes = [
    ...(live.state.interrupted === null
      ? []
      : [`${ink.waiting(waiting)} ${ink.waiting(`paused: ${oneLine(live.state.interrupted)}; nothing new starts`)}`]),
    ...[...live.badWatches].map(([check, observed]) => `${ink.trouble(bad)} watch ${check}: ${observed}`),
    ...live.notices
      .filter(({ atMs }) => now.wallMs - atMs < NOTICE_SHOWN_MS)
      .map(({ atMs, text }) => `${ink.waiting(stop)} ${ink.quiet(new Date(atMs).toISOString().slice(11, 16))} ${text}`),
  ]
    .map((line) => clip(line, paper.columns, ellipsis))
    .slice(0, Math.max(0, room - 1));
  const flights = allSteps(plan)
    .map((step) => ({ step, record: stepRecord(live.state, step.address) }))
    .filter(({ record }) => isBusy(record.status) || isStuck(record.status))
    .toSorted((a, b) => Number(isStuck(b.record.status)) - Number(isStuck(a.record.status)));
  const left = room - notes.length;
  const full = flights.flatMap((flight) => detail(flight, live, now, paper));
  if (full.length <= left) return [...notes, ...full];
  if (flights.length === 1) return [...notes, ...full.slice(0, left)];
  const width = Math.max(...flights.map(({ step }) => cells(step.address)));
  const lines = flights.map((flight) => brief(flight, width, live, now, paper));
  if (lines.length <= left) return [...notes, ...lines];
  const hidden = flights.slice(left - 1);
  const names = foldNames(sortNames(hidden.map(({ step }) => step.node ?? step.address)), dash);
  return [
    ...notes,
    ...lines.slice(0, Math.max(0, left - 1)),
    clip(ink.quiet(`  ${ellipsis} and ${hidden.length} more: ${names}`), paper.columns, ellipsis),
  ];
}
