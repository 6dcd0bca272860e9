import { formatDuration } from "../domain/duration.ts";
import { exitName } from "../domain/errors.ts";
import { acceptedKeyWords, noticeWords, type RunEvent } from "../domain/events.ts";
import { allSteps, type Plan, type Step } from "../domain/plan.ts";
import type { Telemetry, Viewer } from "../engine/ports.ts";
import { inkOf, printable, symbolsOf, type Ink, type Paper, type Symbols } from "./paper.ts";
import { isCalm } from "./phase-status.ts";
import { policyWords } from "./plan-words.ts";
import { problemFacts } from "./problem.ts";
import { foldNames } from "./ranges.ts";
import { cells, clean, count, oneLine, pad, sizeText } from "./text.ts";

export interface PlainLinesOptions {
  readonly plan: Plan;
  readonly paper: Paper;
  /** One or more lines; the receiver adds the newline. */
  out(text: string): void;
  /** Output lines of scripts as well. */
  readonly verbose?: boolean;
  /** Wall time of the run, epoch ms, for news that carries none; without it the time of the last event stands. */
  now?(): number;
}

interface Desk {
  readonly steps: ReadonlyMap<string, Step>;
  readonly paper: Paper;
  readonly ink: Ink;
  readonly symbols: Symbols;
  readonly startedMs: Map<string, number>;
  /** Last verdict by step and check, so that only news is printed. */
  readonly verdicts: Map<string, string>;
}

type Line = { readonly where: string; readonly text: string; readonly block?: readonly string[] };

/**
 * A viewer for pipes and logs: one line per event that means something, `HH:MM:SS  masters/m1/upgrade  …` in UTC as in
 * the journal; troubles as a block. Passing readings are counted by their gate, not printed.
 */
export function createPlainLines(options: PlainLinesOptions): Viewer {
  const { plan, paper } = options;
  const steps = allSteps(plan);
  const width = Math.min(32, Math.max(8, ...steps.map((step) => cells(step.address))));
  const desk: Desk = {
    steps: new Map(steps.map((step) => [step.address, step])),
    paper,
    ink: inkOf(paper),
    symbols: symbolsOf(paper),
    startedMs: new Map(),
    verdicts: new Map(),
  };
  let clockText = "        ";
  const print = (line: Line | null): void => {
    if (line === null) return;
    const head = `${desk.ink.quiet(clockText)}  ${pad(line.where, width)}  ${line.text}`.trimEnd();
    options.out(printable([head, ...(line.block ?? [])].join("\n"), paper));
  };
  return {
    show(news: Telemetry): void {
      switch (news.type) {
        case "event":
          clockText = news.event.time.slice(11, 19);
          print(eventLine(news.event, desk));
          return;
        case "reading":
          if (options.now !== undefined) clockText = new Date(options.now()).toISOString().slice(11, 19);
          print(readingLine(news, desk));
          return;
        case "output":
          if (options.verbose === true)
            for (const line of clean(news.line).split("\n"))
              print({ where: news.step, text: desk.ink.quiet(`| ${oneLine(line)}`) });
          return;
        case "sleeping":
          return;
      }
    },
  };
}

/** News about a gate that waits: only when its verdict changes for the worse; that it holds is said once, by its gate. */
function readingLine(news: Extract<Telemetry, { type: "reading" }>, desk: Desk): Line | null {
  return verdictLine(news.step, news.check, news.verdict, news.observed, desk);
}

function verdictLine(step: string | null, check: string, verdict: string, observed: string, desk: Desk): Line | null {
  const key = `${step ?? ""} ${check}`;
  const before = desk.verdicts.get(key);
  desk.verdicts.set(key, verdict);
  if (before === verdict || (verdict === "pass" && (step !== null || before === undefined))) return null;
  if (verdict === "pass") return { where: "watch", text: `${check} is well again: ${oneLine(observed)}` };
  const words = step === null ? `${check} is bad` : `${check} waits`;
  return { where: step ?? "watch", text: `${desk.ink.waiting(words)} (${verdict}): ${oneLine(observed)}` };
}

function eventLine(event: RunEvent, desk: Desk): Line | null {
  const { ink, symbols, paper } = desk;
  switch (event.type) {
    case "run.created":
      return {
        where: "run",
        text: `${event.run} on ${event.cluster}${event.ticket === null ? "" : `, ticket ${oneLine(event.ticket)}`}, times in UTC`,
      };
    case "run.opened":
      return {
        where: "run",
        text: event.resumed ? `taken up again by ${event.actor} on ${event.host}` : `opened by ${event.actor} on ${event.host}`,
      };
    case "host-key.accepted":
      return { where: "ssh", text: ink.waiting(oneLine(acceptedKeyWords(event))) };
    case "lock.taken":
      return { where: "lock", text: `taken on ${foldNames(event.nodes, symbols.dash)}: ${oneLine(event.holder)}` };
    case "lock.released":
      return {
        where: "lock",
        text: event.nodes.length === 0 ? "none was held" : `released on ${foldNames(event.nodes, symbols.dash)}`,
      };
    case "lock.broken":
      return {
        where: "lock",
        text: `${ink.waiting("broken")} by ${event.actor}: ${oneLine(event.reason)} (was ${oneLine(event.holder)})`,
      };
    case "finding.waived":
      return {
        where: "finding",
        text: `${ink.waiting("waived")} ${event.id} until ${event.until} by ${event.actor}: ${oneLine(event.reason)}`,
      };
    case "finding.reported":
      return event.verdict === "pass"
        ? null
        : {
            where: "preflight",
            text: `${ink.waiting(`${event.id} ${event.verdict}`)} (${event.severity}): ${oneLine(event.observed)}`,
          };
    case "step.moved":
      return stepLine(event, desk);
    case "step.reattached":
      return { where: event.step, text: `contact is back: ${oneLine(event.note)}` };
    case "artifact.recorded":
      return event.sealed
        ? {
            where: event.step ?? "run",
            text: `captured ${event.name}, ${sizeText(event.bytes)}, sha256 ${event.sha256.slice(0, 12)} (sealed)`,
          }
        : null;
    case "check.measured":
      return event.watch ? verdictLine(null, event.check, event.verdict, event.observed, desk) : null;
    case "gate.passed":
      desk.verdicts.delete(`${event.step} ${event.check}`);
      return {
        where: event.step,
        text: `${ink.proven(symbols.ok)} ${event.check}: ${event.asserted.passed} of ${event.asserted.subjects}, ${oneLine(event.observed)}${streakWords(event.streak, event.spanMs)}`,
      };
    case "gate.refused":
      return {
        where: event.step,
        text: `${ink.trouble(`${symbols.bad} ${event.check} refused`)} (${event.because}): ${oneLine(event.problem.text)}`,
      };
    case "notice.given":
      return { where: event.monitor, text: `${ink.waiting(symbols.stop)} ${oneLine(noticeWords(event))}` };
    case "watch.tripped":
      return {
        where: "watch",
        text: `${ink.trouble(`${symbols.bad} ${event.check} tripped`)}: ${oneLine(event.problem.text)}`,
        block: problemFacts(event.problem, paper),
      };
    case "hook.ended":
      return event.problem === null
        ? { where: event.node ?? "run", text: `the ${event.hook} hook ended with 0` }
        : {
            where: event.node ?? "run",
            text: ink.trouble(`${symbols.bad} ${oneLine(event.problem.text)}`),
            block: problemFacts(event.problem, paper),
          };
    case "order.changed":
      return {
        where: event.phase,
        text: `${ink.waiting("order changed")}: ${foldNames(event.order, symbols.dash)} (${oneLine(event.because)})`,
      };
    case "decision.asked":
      return {
        where: event.question.step ?? "run",
        text: `${ink.waiting(symbols.stop)} ${oneLine(event.question.title)}${event.question.announced ? "" : " (not announced by the plan)"}`,
      };
    case "operator.decided":
      return {
        where: event.target ?? "run",
        text: `${event.choice} by ${event.actor}${event.reason === null ? "" : `: ${oneLine(event.reason)}`}`,
      };
    case "plan.interrupted":
      return { where: "run", text: `${ink.waiting("paused")}: ${oneLine(event.because)}; nothing new starts` };
    case "plan.proceeded":
      return { where: "run", text: `goes on: ${oneLine(event.because)}` };
    case "run.halted":
      if (event.exit === 0)
        return {
          where: event.step ?? "run",
          text: `${ink.waiting("stopped as asked")}: ${oneLine(event.problem.text)}`,
          block: problemFacts(event.problem, paper),
        };
      return {
        where: event.step ?? "run",
        text: `${isCalm(event.exit) ? ink.waiting(`${symbols.stop} HALTED`) : ink.trouble(`${symbols.bad} HALTED`)}, exit ${event.exit} (${exitName(event.exit)}): ${oneLine(event.problem.text)}`,
        block: problemFacts(event.problem, paper),
      };
    case "run.accepted":
      return { where: "run", text: `accepted by ${event.actor}: ${oneLine(event.reason)}` };
    case "run.completed":
      return {
        where: "run",
        text:
          event.setAside.length === 0
            ? `${ink.proven(`${symbols.ok} completed`)}, exit ${event.exit} (${exitName(event.exit)})`
            : `${ink.waiting("completed")}, exit ${event.exit} (${exitName(event.exit)}); set aside: ${foldNames(event.setAside, symbols.dash)}`,
      };
  }
}

/** Why a step stands where it stands, on one line; the whole problem follows when the run halts. */
function causeWords({ problem, note }: Extract<RunEvent, { type: "step.moved" }>): string {
  const said =
    problem === null
      ? ""
      : `${oneLine(problem.text)}${problem.observed === undefined ? "" : ` (observed: ${oneLine(problem.observed)})`}`;
  return [said, oneLine(note ?? "")].filter((part) => part !== "").join("; ");
}

function streakWords(streak: number, spanMs: number): string {
  return streak > 1 ? `; ${streak} passes over ${formatDuration(spanMs)}` : "";
}

function stepLine(event: Extract<RunEvent, { type: "step.moved" }>, desk: Desk): Line | null {
  const { ink, symbols } = desk;
  const step = desk.steps.get(event.step);
  const atMs = Date.parse(event.time);
  const startedMs = desk.startedMs.get(event.step);
  const took = startedMs === undefined ? "" : ` in ${formatDuration(atMs - startedMs)}`;
  const note = event.note === null ? "" : `: ${oneLine(event.note)}`;
  const say = (text: string): Line => ({ where: event.step, text });
  switch (event.to) {
    case "prepared":
      return null;
    case "starting":
      desk.startedMs.set(event.step, atMs);
      if (step?.kind === "confirm") return null;
      if (step?.kind === "soak" && step.plannedMs !== null)
        return say(`${ink.waiting(symbols.waiting)} ${oneLine(step.title)}: ${formatDuration(step.plannedMs)}`);
      return say(
        `started   ${oneLine(step?.title ?? "")}${step !== undefined && step.effect !== "read" ? ` (${step.effect}s)` : ""}`.trimEnd(),
      );
    case "started": {
      const gates = step?.gates ?? [];
      const [only] = gates;
      if (only === undefined) return null;
      return say(
        `effect done${took}${note}; ${gates.length === 1 ? `${only.check} must hold: ${policyWords(only)}` : `${count(gates.length, "gate")} must hold`}`,
      );
    }
    case "complete":
      return say(`${ink.proven(`${symbols.ok} complete`)}${took}${note}`);
    case "error":
      return say(`${ink.trouble(`${symbols.bad} failed`)}${took}: ${causeWords(event)}`);
    case "unknown":
      return say(`${ink.trouble(`${symbols.unknown} outcome unknown`)}: ${causeWords(event)}`);
    case "set-aside":
      return say(`${ink.waiting(`${symbols.aside} set aside`)} by ${event.actor}: ${causeWords(event)}`);
    case "skipped":
      return say(`skipped by ${event.actor}${note}`);
    case "pending":
      return say(`will run again${note}`);
  }
}
