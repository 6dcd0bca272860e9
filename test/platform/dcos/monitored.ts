import type { Jq } from "../../../src/check/jq.ts";
import { createSampler } from "../../../src/check/sampler.ts";
import type { Clock, Monitoring, Remote } from "../../../src/engine/ports.ts";
import { createDcosPlatform } from "../../../src/platform/dcos/platform.ts";
import type { TestLab } from "./lab.ts";

const MINUTE = 60_000;

/** Monitors over an embedded cluster in process. Like those of a lab they move no time: they wait for the sleeps of others. */
export function labMonitoring(
  lab: TestLab,
  reader: Remote,
  clock: Clock,
  jq: Jq,
  leastGapMs: Monitoring["leastGapMs"] = { inHand: 2 * MINUTE, otherwise: 10 * MINUTE },
): Monitoring {
  return {
    sampler: createSampler({ remote: reader, inventory: lab.inventory, platform: createDcosPlatform(), clock, jq }),
    leastGapMs,
    idle: (ms, signal) =>
      new Promise<void>((resolve) => {
        const end = (): void => {
          cancel();
          signal.removeEventListener("abort", end);
          resolve();
        };
        const cancel = lab.clock.at(lab.clock.now() + Math.max(1, Math.ceil(ms)), end);
        signal.addEventListener("abort", end, { once: true });
        if (signal.aborted) end();
      }),
  };
}
