import { createFold, EMPTY_RUN, type RunFold, type RunState } from "../domain/run-state.ts";
import { acceptedKeyWords, noticeWords, type RunEvent } from "../domain/events.ts";
import type { Telemetry } from "../engine/ports.ts";
import { lastLine, oneLine } from "./text.ts";

/** Notices that are kept for the picture; all of them are in the journal. */
const MOST_NOTICES = 3;

type Reading = Extract<Telemetry, { type: "reading" }>;

/** How one gate of a step stands: held, refused, or its last reading. */
export type GateView =
  | { readonly kind: "held"; readonly observed: string }
  | { readonly kind: "refused"; readonly observed: string }
  | { readonly kind: "open"; readonly reading: Reading };

/** What a live view knows: the folded journal, and the news that are not in it. The same objects all the time: it is looked at, never kept. */
export interface Live {
  readonly state: RunState;
  /** By step address, then by check; emptied when the step begins anew. */
  readonly gates: ReadonlyMap<string, ReadonlyMap<string, GateView>>;
  /** Last output line by step. */
  readonly output: ReadonlyMap<string, string>;
  /** Countdowns by step: until when on the monotonic clock, and how long in all, ms. */
  readonly sleeping: ReadonlyMap<string, { readonly untilMs: number; readonly totalMs: number }>;
  /** Watches whose last reading was not a pass, with what was observed. */
  readonly badWatches: ReadonlyMap<string, string>;
  /** Host keys that were trusted on request while the run was shown, each as a sentence. */
  readonly acceptedKeys: readonly string[];
  /** What monitors noticed last, the latest at the end, with the time of it (epoch ms). */
  readonly notices: readonly { readonly atMs: number; readonly text: string }[];
  /** Wall time of the first event shown, ISO; empty before it. */
  readonly beganAt: string;
}

/** The picture of a run as its news come in. */
export interface LiveModel {
  readonly live: Live;
  /** An event that the fold refuses is shown by nobody and decides nothing: a view must never end a run. */
  take(news: Telemetry): void;
}

interface Draft extends Live {
  readonly gates: Map<string, Map<string, GateView>>;
  readonly output: Map<string, string>;
  readonly sleeping: Map<string, { readonly untilMs: number; readonly totalMs: number }>;
  readonly badWatches: Map<string, string>;
  readonly acceptedKeys: string[];
  readonly notices: { readonly atMs: number; readonly text: string }[];
  beganAt: string;
}

/**
 * The picture of a run that begins, or of one that is taken up again: what was done is done, and its time counts from its first
 * step. Each piece of news costs the same, however long the run has been: a rollout over 1,000 nodes has some 60,000.
 */
export function createLive(from: RunState = EMPTY_RUN): LiveModel {
  const folded = createFold(from);
  const started = Object.values(from.steps).flatMap((record) => record.startedAt ?? []);
  const live: Draft = {
    state: folded.state,
    gates: new Map(),
    output: new Map(),
    sleeping: new Map(),
    badWatches: new Map(),
    acceptedKeys: [],
    notices: [],
    beganAt: started.toSorted()[0] ?? "",
  };
  return { live, take: (news) => takeNews(live, folded, news) };
}

function setGate(live: Draft, step: string, check: string, gate: GateView): void {
  const gates = live.gates.get(step) ?? new Map<string, GateView>();
  live.gates.set(step, gates.set(check, gate));
}

function takeNews(live: Draft, folded: RunFold, news: Telemetry): void {
  switch (news.type) {
    case "reading":
      if (news.step !== null)
        setGate(live, news.step, news.check, { kind: "open", reading: { ...news, observed: oneLine(news.observed) } });
      return;
    case "output": {
      const line = oneLine(lastLine(news.line));
      if (line !== "") live.output.set(news.step, line);
      return;
    }
    case "sleeping":
      live.sleeping.set(news.step, { untilMs: news.untilMs, totalMs: news.totalMs });
      return;
    case "event":
      addSafely(folded, news.event);
      if (live.beganAt === "") live.beganAt = news.event.time;
      takeEvent(live, news.event);
  }
}

function takeEvent(live: Draft, event: RunEvent): void {
  switch (event.type) {
    case "step.moved": {
      const anew = event.to === "starting" || event.to === "pending";
      if (anew || event.to === "started") live.gates.delete(event.step);
      if (anew) live.output.delete(event.step);
      else if (event.to !== "started" && event.to !== "prepared") live.sleeping.delete(event.step);
      return;
    }
    case "gate.passed":
      setGate(live, event.step, event.check, { kind: "held", observed: oneLine(event.observed) });
      return;
    case "gate.refused": {
      const observed = oneLine(event.problem.observed ?? event.problem.text);
      setGate(live, event.step, event.check, { kind: "refused", observed });
      return;
    }
    case "check.measured":
      if (!event.watch) return;
      if (event.verdict === "pass") live.badWatches.delete(event.check);
      else live.badWatches.set(event.check, oneLine(event.observed));
      return;
    case "host-key.accepted":
      live.acceptedKeys.push(oneLine(acceptedKeyWords(event)));
      return;
    case "notice.given":
      live.notices.push({ atMs: Date.parse(event.time), text: oneLine(noticeWords(event)) });
      if (live.notices.length > MOST_NOTICES) live.notices.shift();
      return;
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
    case "run.accepted":
      return;
  }
}

function addSafely(folded: RunFold, event: RunEvent): void {
  try {
    folded.add(event);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
}
