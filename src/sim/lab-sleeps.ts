import type { SimClock } from "./ports.ts";

/** Sleeps asked for from outside, and who holds them still. */
export interface LabSleeps {
  /** Returns when that much simulated time has passed, or when `gone` aborts. A hold lets none of it pass. */
  sleep(ms: number, gone: AbortSignal): Promise<void>;
  /** From now until the returned function is called no sleep of any client makes time move. */
  hold(): () => void;
}

/**
 * Time moves only while pawl sleeps (design section 8): where two processes use one lab, the sleep of one must not move the
 * clock under the hands of the other, which would find every node's clock wrong. What nodes themselves sleep goes on.
 */
export function createLabSleeps(clock: SimClock): LabSleeps {
  const asleep = new Set<AbortController>();
  const waiting = new Set<() => void>();
  let holds = 0;

  const released = (gone: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const go = (): void => {
        waiting.delete(go);
        gone.removeEventListener("abort", go);
        resolve();
      };
      waiting.add(go);
      gone.addEventListener("abort", go, { once: true });
    });

  return {
    async sleep(ms, gone) {
      let leftMs = ms;
      while (leftMs > 0 && !gone.aborted) {
        if (holds > 0) {
          await released(gone);
          continue;
        }
        const held = new AbortController();
        asleep.add(held);
        const beganMs = clock.now();
        await clock.sleep(leftMs, AbortSignal.any([gone, held.signal]));
        asleep.delete(held);
        leftMs -= clock.now() - beganMs;
      }
    },
    hold() {
      holds += 1;
      for (const one of asleep) one.abort();
      let open = true;
      return () => {
        if (!open) return;
        open = false;
        holds -= 1;
        if (holds === 0) for (const go of [...waiting]) go();
      };
    },
  };
}
