import type { ArtifactStore, Clock, Journal, Remote } from "../engine/ports.ts";
import type { Jq } from "../check/jq.ts";

/** Simulated time may run this far ahead of an answer that is still under way. */
const SLICE_MS = 10_000;
const QUIET_TURNS = 4;

/** Time that stands still while pawl works, and the wrappers that tell when it works. */
export interface LabTime {
  readonly clock: Clock;
  remote(remote: Remote): Remote;
  jq(jq: Jq): Jq;
  journal<T extends Journal>(journal: T): T;
  artifacts(artifacts: ArtifactStore): ArtifactStore;
}

/**
 * The rule of simulated time (design section 8): it moves only while pawl sleeps, and waiting for an answer does not advance
 * it. A sleep is taken in slices, and no slice begins while a question is under way; so a slow machine changes how long a lab
 * takes, never what happens in it.
 */
export function labTime(inner: Clock): LabTime {
  let working = 0;
  let waiting: (() => void)[] = [];
  const during = async <T>(work: () => Promise<T>): Promise<T> => {
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
  };
  const idle = async (): Promise<void> => {
    // Whoever got an answer usually writes it down or asks the next question at once: only a few quiet turns mean rest.
    for (let quiet = 0; quiet < QUIET_TURNS; quiet += 1) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (working === 0) continue;
      await new Promise<void>((resolve) => waiting.push(resolve));
      quiet = -1;
    }
  };
  const clock: Clock = {
    now: () => inner.now(),
    monotonic: () => inner.monotonic(),
    async sleep(ms, signal) {
      for (let left = ms; left > 0 && signal?.aborted !== true; left -= SLICE_MS) {
        await idle();
        await inner.sleep(Math.min(left, SLICE_MS), signal);
      }
    },
  };
  return {
    clock,
    remote: (remote) => ({
      ...remote,
      run: (target, command, signal) => during(() => remote.run(target, command, signal)),
      stream: (target, command, onChunk, signal) => during(() => remote.stream(target, command, onChunk, signal)),
      http: (request, signal) => during(() => remote.http(request, signal)),
      tcp: (host, port, send, timeoutMs, signal) => during(() => remote.tcp(host, port, send, timeoutMs, signal)),
      close: () => remote.close(),
    }),
    journal: (journal) => {
      const append: Journal["append"] = (body, actor) => during(() => journal.append(body, actor));
      return Object.create(journal, { append: { value: append } }) as typeof journal;
    },
    artifacts: (artifacts) => ({ ...artifacts, put: (meta, bytes) => during(() => artifacts.put(meta, bytes)), sink: (meta) => during(() => artifacts.sink(meta)) }),
    jq: (jq) => ({ evaluate: (items) => during(() => jq.evaluate(items)), close: () => jq.close() }),
  };
}
