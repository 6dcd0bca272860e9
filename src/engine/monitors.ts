import type { Sample } from "../domain/monitor.ts";
import type { Phase } from "../domain/plan.ts";
import { createSeriesFiles, type SeriesShelf } from "./monitor-files.ts";
import { createSources, requestOf, type Source } from "./monitor-sources.ts";
import { createNoticeBoard } from "./notices.ts";
import type { Session } from "./session.ts";

/** How long the last reading at the end of a run is waited for. */
const LAST_READING_MS = 1_000;
const LONGEST_NAP_MS = 3_600_000;
/** A write that is under way is not asked about more often than this. */
const WRITE_AGAIN_MS = 5_000;
const LONGEST_REASON = 160;

/** Monitors at work. */
export interface Monitors {
  /** The phase that runs from now on. */
  enter(phase: Phase): void;
  /** Reads a last time where the run ends well, writes what is left, and resolves when it is on record. Never rejects. */
  stop(): Promise<void>;
}

/**
 * Reads the plan's monitors beside the phases, from now until `stop`, soaks and questions included. It decides nothing, no step
 * waits for it, and whatever goes wrong in it is a gap in a file. `resumed`: between the segment before and this one nothing is known.
 */
export function startMonitors(session: Session, resumed: boolean): Monitors {
  const { monitoring, plan, clock } = session.parts;
  if (monitoring === undefined || (plan.monitors ?? []).length === 0)
    return { enter: () => undefined, stop: () => Promise.resolve() };
  const { sampler, leastGapMs, idle } = monitoring;
  const sources = createSources(session, leastGapMs);
  const shelf: SeriesShelf = {
    keep: async (meta, text) => session.recorded(await session.parts.artifacts.put(meta, text)),
    monotonic: () => clock.monotonic(),
  };
  const files = createSeriesFiles(shelf, leastGapMs !== null);
  const board = createNoticeBoard(() => clock.now());
  const ended = new AbortController();
  const begunAgain = new Set<Source>();
  let nap = new AbortController();
  let phase: Phase | null = null;

  const hear = (source: Source, sample: Sample): void => {
    if (source.askedMs === null || ended.signal.aborted) return;
    source.askedMs = null;
    if (resumed && !begunAgain.has(source)) {
      begunAgain.add(source);
      files.add(source, { kind: "gap", atMs: sample.atMs, reason: "pawl was taken up again" });
    }
    files.add(source, sample);
    if (sample.kind === "gap") return;
    source.before = sample.kept;
    const event = sample.notice === null ? null : board.give(source.monitor.name, source.subject, sample.notice);
    if (event !== null) session.post(event);
  };

  /** A fault in here ends the monitoring, never the run; the record says that nothing is watched from now on. */
  const fail = (error: unknown): void => {
    if (ended.signal.aborted) return;
    ended.abort();
    nap.abort();
    const why = (error instanceof Error ? error.message : String(error)).slice(0, LONGEST_REASON);
    const text = `monitoring ended: ${why}; gates and watches go on, nothing else is read beside the phases`;
    session.post({ type: "notice.given", monitor: "monitoring", subject: "pawl", text, unsaid: 0 });
  };

  const gap = (source: Source, reason: string): void => hear(source, { kind: "gap", atMs: clock.now(), reason });

  const ask = async (due: readonly Source[]): Promise<void> => {
    const nowMs = clock.monotonic();
    for (const source of due) {
      source.askedMs = nowMs;
      source.lastMs = nowMs;
      source.told = false;
      // Kept in step; what came late does not come twice at once.
      source.dueMs = Math.max(source.dueMs + source.everyMs, nowMs + source.everyMs / 2);
    }
    let reason = "nothing was heard of it";
    try {
      const requests = due.map((source) => requestOf(session, source));
      await sampler.sample(requests, ended.signal, (index, sample) => {
        const source = due[index];
        if (source?.askedMs === nowMs) hear(source, sample);
      });
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    for (const source of due) if (source.askedMs === nowMs) gap(source, reason);
  };

  /** Begins what is due and returns how long nothing else will be, ms. */
  const round = (): number => {
    const left = sources.refresh(phase).filter((source) => source.askedMs === null);
    const nowMs = clock.monotonic();
    const due = sources.all.filter((source) => source.active && source.askedMs === null && source.dueMs <= nowMs);
    if (due.length + left.length > 0) void ask([...due, ...left]).catch(fail);
    let next = Math.min(files.dueMs(), nowMs + LONGEST_NAP_MS);
    if (next <= nowMs) {
      void files.write().catch(fail);
      next = nowMs + WRITE_AGAIN_MS;
    }
    for (const source of sources.all) {
      const lateMs = source.askedMs === null ? null : source.askedMs + source.everyMs;
      if (lateMs !== null && lateMs <= nowMs && !source.told) {
        source.told = true;
        files.add(source, { kind: "gap", atMs: clock.now(), reason: "no answer yet" });
      }
      if (lateMs !== null && !source.told) next = Math.min(next, lateMs);
      if (lateMs === null && source.active) next = Math.min(next, source.dueMs);
    }
    return Math.max(1, next - nowMs);
  };

  const run = async (): Promise<void> => {
    let changed: Promise<void> | null = null;
    while (!ended.signal.aborted) {
      nap = new AbortController();
      changed ??= session.changed().then(() => void (changed = null));
      await Promise.race([idle(round(), nap.signal), changed]);
      nap.abort();
    }
  };

  const running = run().catch(fail);
  return {
    enter(next) {
      phase = next;
      nap.abort();
    },
    async stop() {
      if (session.halt === null && !ended.signal.aborted) {
        const over = new AbortController();
        const last = sources.all.filter((source) => source.active && source.askedMs === null);
        await Promise.race([ask(last).catch(fail), clock.sleep(LAST_READING_MS, over.signal)]);
        over.abort();
      }
      ended.abort();
      nap.abort();
      await running;
      for (const event of board.rest()) session.post(event);
      // The first may be a write that was under way before the last reading came.
      await files.write();
      await files.write();
    },
  };
}
