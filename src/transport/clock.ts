import type { Clock } from "../engine/ports.ts";

/** Longer timers overflow Node's 32 bits and would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The machine's own clock. `monotonic` is not moved by someone setting the time. */
export function createClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    async sleep(ms, signal) {
      const end = performance.now() + ms;
      for (let left = ms; left > 0 && signal?.aborted !== true; left = end - performance.now())
        await pause(Math.min(left, LONGEST_TIMER_MS), signal);
    },
  };
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
  });
}
