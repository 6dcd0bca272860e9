import type { Jq } from "../check/jq.ts";
import type { ArtifactStore, Clock, Journal, Remote } from "../engine/ports.ts";

/** Whoever got an answer usually writes it down or asks the next question at once: only a few quiet turns mean rest. */
const QUIET_TURNS = 4;

/** Time that stands still while pawl works, and the wrappers that tell when it works. */
export interface LabTime {
  readonly clock: Clock;
  /** Resolves when the sleeps of others have moved time that far, or the signal aborts; it moves none itself. */
  idle(ms: number, signal: AbortSignal): Promise<void>;
  /** While this work goes on, no other process that uses the lab moves its time. Nothing in it may sleep. */
  during<T>(work: () => Promise<T>): Promise<T>;
  remote(remote: Remote): Remote;
  jq(jq: Jq): Jq;
  journal<T extends Journal>(journal: T): T;
  artifacts(artifacts: ArtifactStore): ArtifactStore;
}

type Open = NonNullable<Remote["open"]>;

interface Sleeper {
  readonly dueMs: number;
  wake(): void;
  fail(error: unknown): void;
}

/** Counts work under way; `rest` resolves when nothing has been under way for a few turns. */
function createWork(): { during<T>(work: () => Promise<T>): Promise<T>; rest(): Promise<void> } {
  let working = 0;
  let waiting: (() => void)[] = [];
  return {
    async during(work) {
      working += 1;
      try {
        return await work();
      } finally {
        working -= 1;
        if (working === 0) {
          for (const go of waiting) go();
          waiting = [];
        }
      }
    },
    async rest() {
      for (let quiet = 0; quiet < QUIET_TURNS; quiet += 1) {
        await new Promise<void>((resolve) => setImmediate(resolve));
        if (working === 0) continue;
        await new Promise<void>((resolve) => waiting.push(resolve));
        quiet = -1;
      }
    },
  };
}

/** Opens streams and counts each as work until it is closed: questions and answers on it take no simulated time. */
function whileOpen(work: Pick<ReturnType<typeof createWork>, "during">, open: Open): Open {
  return (...asked) =>
    new Promise((resolve, reject) => {
      const held = work.during(async () => {
        const answer = await open(...asked);
        const closed =
          answer.kind === "open" ? new Promise<void>((done) => void answer.stream.once("close", () => done())) : undefined;
        resolve(answer);
        await closed;
      });
      held.catch(reject);
    });
}

/**
 * The rule of simulated time (design section 8): it moves only while pawl sleeps, and waiting for an answer does not advance
 * it. All sleeps of this process are one: when everything rests, the lab is asked for the time until the earliest of them is
 * over. So a slow machine changes how long a lab takes, never what happens in it.
 */
export function labTime(inner: Clock & { hold(): Promise<() => void> }): LabTime {
  const work = createWork();
  const sleepers = new Set<Sleeper>();
  const idlers = new Set<Sleeper>();
  let moving = false;

  const move = async (): Promise<void> => {
    if (moving) return;
    moving = true;
    try {
      while (sleepers.size > 0) {
        await work.rest();
        const nextMs = Math.min(...[...sleepers].map((one) => one.dueMs));
        if (nextMs > inner.now() && nextMs < Number.POSITIVE_INFINITY) await inner.sleep(nextMs - inner.now());
        for (const one of [...idlers, ...sleepers].filter((sleeper) => sleeper.dueMs <= inner.now())) one.wake();
      }
    } catch (error) {
      // A lab that went away takes every sleep with it.
      for (const one of [...sleepers]) one.fail(error);
    } finally {
      moving = false;
    }
  };

  const clock: Clock = {
    now: () => inner.now(),
    monotonic: () => inner.monotonic(),
    during: (doing) => work.during(doing),
    sleep: (ms, signal) =>
      new Promise<void>((resolve, reject) => {
        const leave = (): void => {
          sleepers.delete(sleeper);
          signal?.removeEventListener("abort", wake);
        };
        const wake = (): void => {
          leave();
          resolve();
        };
        const fail = (error: unknown): void => {
          leave();
          reject(error instanceof Error ? error : new Error(String(error)));
        };
        const sleeper: Sleeper = { dueMs: inner.now() + Math.max(0, ms), wake, fail };
        if (signal?.aborted === true) {
          resolve();
          return;
        }
        signal?.addEventListener("abort", wake, { once: true });
        sleepers.add(sleeper);
        void move();
      }),
  };

  return {
    clock,
    idle: (ms, signal) =>
      new Promise<void>((resolve) => {
        const wake = (): void => {
          idlers.delete(idler);
          signal.removeEventListener("abort", wake);
          resolve();
        };
        const idler: Sleeper = { dueMs: inner.now() + Math.max(0, ms), wake, fail: wake };
        if (signal.aborted) {
          resolve();
          return;
        }
        signal.addEventListener("abort", wake, { once: true });
        idlers.add(idler);
      }),
    async during(doing) {
      const release = await inner.hold();
      try {
        return await doing();
      } finally {
        release();
      }
    },
    remote: (remote) => ({
      ...remote,
      run: (target, command, signal) => work.during(() => remote.run(target, command, signal)),
      stream: (target, command, onChunk, signal) => work.during(() => remote.stream(target, command, onChunk, signal)),
      http: (request, signal) => work.during(() => remote.http(request, signal)),
      tcp: (host, port, send, timeoutMs, signal) => work.during(() => remote.tcp(host, port, send, timeoutMs, signal)),
      ...(remote.open === undefined ? {} : { open: whileOpen(work, remote.open.bind(remote)) }),
      close: () => remote.close(),
    }),
    journal: (journal) => {
      const append: Journal["append"] = (body, actor) => work.during(() => journal.append(body, actor));
      return Object.create(journal, { append: { value: append } }) as typeof journal;
    },
    artifacts: (artifacts) => ({
      ...artifacts,
      put: (meta, bytes) => work.during(() => artifacts.put(meta, bytes)),
      sink: (meta) => work.during(() => artifacts.sink(meta)),
    }),
    jq: (jq) => ({ evaluate: (items) => work.during(() => jq.evaluate(items)), close: () => jq.close() }),
  };
}
