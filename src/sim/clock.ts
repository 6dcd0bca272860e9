import type { SimClock } from "./ports.ts";

/** A simulated clock that knows when work is in flight that must not see time move. */
export interface BusyClock extends SimClock {
  /**
   * Runs work during which time stands still, except while that work itself sleeps: on the clock it is given, for only that one
   * knows whose sleep it is. (An AsyncLocalStorage would know too, and costs a fifth of an in-process upgrade on Node 20.)
   */
  busy<T>(work: (clock: SimClock) => Promise<T>): Promise<T>;
}

interface Entry {
  readonly dueMs: number;
  readonly order: number;
  /** Timers act before sleepers of the same moment wake. */
  readonly kind: "timer" | "sleeper";
  run(): void;
}

interface Timeline {
  nowMs: number;
  /** Sorted by due time, timers first, then by age. */
  readonly entries: Entry[];
  sleepers: number;
  order: number;
}

function before(a: Entry, b: Entry): boolean {
  if (a.dueMs !== b.dueMs) return a.dueMs < b.dueMs;
  if (a.kind !== b.kind) return a.kind === "timer";
  return a.order < b.order;
}

function insert(line: Timeline, entry: Entry): void {
  let low = 0;
  let high = line.entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const found = line.entries[middle];
    if (found !== undefined && before(found, entry)) low = middle + 1;
    else high = middle;
  }
  line.entries.splice(low, 0, entry);
  if (entry.kind === "sleeper") line.sleepers += 1;
}

function remove(line: Timeline, entry: Entry): boolean {
  const index = line.entries.indexOf(entry);
  if (index < 0) return false;
  line.entries.splice(index, 1);
  if (entry.kind === "sleeper") line.sleepers -= 1;
  return true;
}

/** Fires what is due in order, not later than `limitMs`, and stops after the first moment at which a sleeper woke. */
function step(line: Timeline, limitMs: number): boolean {
  let wokeAt: number | null = null;
  for (;;) {
    const next = line.entries[0];
    if (next === undefined || next.dueMs > limitMs) return wokeAt !== null;
    if (wokeAt !== null && next.dueMs > wokeAt) return true;
    line.entries.shift();
    line.nowMs = Math.max(line.nowMs, next.dueMs);
    if (next.kind === "sleeper") {
      line.sleepers -= 1;
      wokeAt = next.dueMs;
    }
    next.run();
  }
}

interface Work {
  sleeping: number;
}

/** What the two clocks share: the agenda, sleeping, and work that holds time. `poke` is called after every change. */
function createCore(startMs: number, now: (line: Timeline) => number, poke: () => void) {
  const line: Timeline = { nowMs: startMs, entries: [], sleepers: 0, order: 0 };
  const works = new Set<Work>();

  function isBusy(): boolean {
    for (const work of works) if (work.sleeping === 0) return true;
    return false;
  }

  function sleepOf(work: Work | null, ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    if (work !== null) work.sleeping += 1;
    return new Promise<void>((resolve) => {
      const done = (): void => {
        signal?.removeEventListener("abort", onAbort);
        if (work !== null) work.sleeping -= 1;
        resolve();
      };
      const entry: Entry = {
        dueMs: now(line) + Math.max(0, Math.ceil(ms)),
        order: (line.order += 1),
        kind: "sleeper",
        run: done,
      };
      const onAbort = (): void => {
        if (!remove(line, entry)) return;
        done();
        poke();
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      insert(line, entry);
      poke();
    });
  }

  function at(ms: number, act: () => void): () => void {
    const entry: Entry = { dueMs: ms, order: (line.order += 1), kind: "timer", run: act };
    insert(line, entry);
    poke();
    return () => {
      if (remove(line, entry)) poke();
    };
  }

  async function busy<T>(run: (clock: SimClock) => Promise<T>): Promise<T> {
    const work: Work = { sleeping: 0 };
    const time = (): number => now(line);
    works.add(work);
    poke();
    try {
      return await run({ now: time, monotonic: time, at, sleep: (ms, signal) => sleepOf(work, ms, signal) });
    } finally {
      works.delete(work);
      poke();
    }
  }

  const sleep = (ms: number, signal?: AbortSignal): Promise<void> => sleepOf(null, ms, signal);
  return { line, isBusy, sleep, at, busy };
}

/** Turns of the event loop without news after which a fake clock believes that everybody waits for it. */
const IDLE_TURNS = 8;

/** Turns of the event loop in which file work is watched closely; longer work (fsync) is looked at each millisecond. */
const CLOSE_TURNS = 50;

/** File work of Node in flight: whoever waits for it is not waiting for simulated time. */
function filesInFlight(): boolean {
  return process.getActiveResourcesInfo().some((name) => name.startsWith("FSReq"));
}

/**
 * In-process time. When somebody sleeps, no `busy` work is awake, no file operation is in flight and the event loop was
 * quiet for some turns, time jumps to the next wake or `at` time. `startMs` is epoch ms; `now` and `monotonic` are the same.
 */
export function createFakeClock(startMs: number): BusyClock {
  let looping = false;
  let quietTurns = 0;
  let fileTurns = 0;

  const turn = (): void => {
    if (core.line.sleepers === 0 || core.isBusy()) {
      looping = false;
      return;
    }
    if (filesInFlight()) {
      quietTurns = 0;
      fileTurns += 1;
      // A loop that spins while a disk writes takes the processor from whoever else has work.
      if (fileTurns > CLOSE_TURNS) setTimeout(turn, 1);
      else setImmediate(turn);
      return;
    }
    fileTurns = 0;
    quietTurns += 1;
    if (quietTurns > IDLE_TURNS) {
      quietTurns = 0;
      step(core.line, Number.POSITIVE_INFINITY);
    }
    setImmediate(turn);
  };
  const poke = (): void => {
    quietTurns = 0;
    if (looping || core.line.sleepers === 0) return;
    looping = true;
    setImmediate(turn);
  };
  const core = createCore(startMs, (line) => line.nowMs, poke);
  const now = (): number => core.line.nowMs;
  return { now, monotonic: now, sleep: core.sleep, at: core.at, busy: core.busy };
}

/** The time simulated time is made of. */
interface WallTime {
  /** Monotonic, ms. */
  now(): number;
  /** Calls back in about so many ms, rather a little early or late than not; what it returns takes that back. */
  after(ms: number, act: () => void): () => void;
}

const WALL: WallTime = {
  now: () => performance.now(),
  after: (ms, act) => {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
};

/** Wall lateness that is caught up; more (a blocked event loop) is forgotten, so that deadlines are not eaten by the CPU. */
const CATCH_UP_MS = 10;

/**
 * Simulated time over wall time: while somebody sleeps (and no `busy` work is awake) it moves `scale` times as fast as the
 * wall clock; otherwise it stands still. `startMs` is epoch ms. An `at` due earlier fires on the way, in order.
 */
export function createScaledClock(options: {
  readonly startMs: number;
  readonly scale: number;
  readonly wall?: WallTime;
}): BusyClock {
  const { scale, wall = WALL } = options;
  let anchor: { wallMs: number; simMs: number } | null = null;
  let timer: (() => void) | null = null;
  let soon: ReturnType<typeof setImmediate> | null = null;
  let stepping = false;

  const nextDue = (): number => core.line.entries[0]?.dueMs ?? Number.POSITIVE_INFINITY;
  const reached = (): number => (anchor === null ? core.line.nowMs : anchor.simMs + (wall.now() - anchor.wallMs) * scale);
  const now = (): number => {
    if (anchor === null || stepping) return core.line.nowMs;
    return Math.max(core.line.nowMs, Math.floor(Math.min(reached(), nextDue())));
  };

  const fire = (): void => {
    timer = null;
    soon = null;
    if (anchor === null) return;
    // A wall timer may come a little early: nothing is due then, and nothing is late.
    if (reached() < nextDue()) {
      poke();
      return;
    }
    stepping = true;
    step(core.line, reached());
    stepping = false;
    // Whoever slept last decides where time stands still, not the lateness of the wall timer.
    if (core.line.sleepers === 0) anchor = null;
    const lateMs = (reached() - core.line.nowMs) / scale;
    if (anchor !== null && lateMs > CATCH_UP_MS) anchor = { wallMs: wall.now(), simMs: core.line.nowMs };
    poke();
  };
  const poke = (): void => {
    if (stepping) return;
    const moving = core.line.sleepers > 0 && !core.isBusy();
    if (!moving) {
      if (anchor !== null) core.line.nowMs = now();
      anchor = null;
    } else anchor ??= { wallMs: wall.now(), simMs: core.line.nowMs };
    timer?.();
    if (soon !== null) clearImmediate(soon);
    timer = null;
    soon = null;
    if (!moving) return;
    const waitMs = (nextDue() - reached()) / scale;
    // Even what is overdue waits one turn, so that those just woken act before time goes on.
    if (waitMs <= 0) soon = setImmediate(fire);
    else timer = wall.after(Math.ceil(waitMs), fire);
  };
  const core = createCore(options.startMs, () => now(), poke);
  return { now, monotonic: now, sleep: core.sleep, at: core.at, busy: core.busy };
}
