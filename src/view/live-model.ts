import { EMPTY_RUN, fold, type RunState } from "../domain/run-state.ts";
import type { RunEvent } from "../domain/events.ts";
import type { Telemetry } from "../engine/ports.ts";
import { lastLine, oneLine } from "./text.ts";

type Reading = Extract<Telemetry, { type: "reading" }>;

/** How one gate of a step stands: held, refused, or its last reading. */
export type GateView =
  | { readonly kind: "held"; readonly observed: string }
  | { readonly kind: "refused"; readonly observed: string }
  | { readonly kind: "open"; readonly reading: Reading };

/** What a live view knows: the folded journal, and the news that are not in it. */
export interface Live {
  readonly state: RunState;
  /** By step address, then by check; emptied when the step begins anew. */
  readonly gates: Readonly<Record<string, Readonly<Record<string, GateView>>>>;
  /** Last output line by step. */
  readonly output: Readonly<Record<string, string>>;
  /** Countdowns by step: until when on the monotonic clock, and how long in all, ms. */
  readonly sleeping: Readonly<Record<string, { readonly untilMs: number; readonly totalMs: number }>>;
  /** Watches whose last reading was not a pass, with what was observed. */
  readonly badWatches: Readonly<Record<string, string>>;
  /** Wall time of the first event shown, ISO; empty before it. */
  readonly beganAt: string;
}

export const EMPTY_LIVE: Live = { state: EMPTY_RUN, gates: {}, output: {}, sleeping: {}, badWatches: {}, beganAt: "" };

/** The picture of a run that is taken up again: what was done is done, and its time counts from its first step. */
export function liveFrom(state: RunState): Live {
  const started = Object.values(state.steps).flatMap((record) => record.startedAt ?? []);
  return { ...EMPTY_LIVE, state, beganAt: started.toSorted()[0] ?? "" };
}

function without<T>(record: Readonly<Record<string, T>>, key: string): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));
}

function withGate(live: Live, step: string, check: string, gate: GateView): Live {
  return { ...live, gates: { ...live.gates, [step]: { ...live.gates[step], [check]: gate } } };
}

/** The next picture. An event that the fold refuses is shown by nobody and decides nothing: a view must never end a run. */
export function takeNews(live: Live, news: Telemetry): Live {
  switch (news.type) {
    case "reading":
      return news.step === null
        ? live
        : withGate(live, news.step, news.check, { kind: "open", reading: { ...news, observed: oneLine(news.observed) } });
    case "output": {
      const line = oneLine(lastLine(news.line));
      return line === "" ? live : { ...live, output: { ...live.output, [news.step]: line } };
    }
    case "sleeping":
      return { ...live, sleeping: { ...live.sleeping, [news.step]: { untilMs: news.untilMs, totalMs: news.totalMs } } };
    case "event":
      break;
  }
  const { event } = news;
  const next: Live = { ...live, state: foldSafely(live.state, event), beganAt: live.beganAt === "" ? event.time : live.beganAt };
  switch (event.type) {
    case "step.moved": {
      if (event.to === "starting" || event.to === "pending")
        return { ...next, gates: without(next.gates, event.step), output: without(next.output, event.step) };
      if (event.to === "started") return { ...next, gates: without(next.gates, event.step) };
      return event.to === "prepared" ? next : { ...next, sleeping: without(next.sleeping, event.step) };
    }
    case "gate.passed":
      return withGate(next, event.step, event.check, { kind: "held", observed: oneLine(event.observed) });
    case "gate.refused":
      return withGate(next, event.step, event.check, {
        kind: "refused",
        observed: oneLine(event.problem.observed ?? event.problem.text),
      });
    case "check.measured":
      if (!event.watch) return next;
      return {
        ...next,
        badWatches:
          event.verdict === "pass"
            ? without(next.badWatches, event.check)
            : { ...next.badWatches, [event.check]: oneLine(event.observed) },
      };
    case "run.created":
    case "run.opened":
    case "lock.taken":
    case "lock.released":
    case "lock.broken":
    case "finding.reported":
    case "finding.waived":
    case "step.reattached":
    case "artifact.recorded":
    case "watch.tripped":
    case "hook.ended":
    case "order.changed":
    case "decision.asked":
    case "operator.decided":
    case "plan.interrupted":
    case "plan.proceeded":
    case "run.halted":
    case "run.completed":
      return next;
  }
}

function foldSafely(state: RunState, event: RunEvent): RunState {
  try {
    return fold([event], state);
  } catch (error) {
    if (error instanceof RangeError) return state;
    throw error;
  }
}
