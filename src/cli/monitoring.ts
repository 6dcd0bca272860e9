import { createJq } from "../check/jq.ts";
import { createSampler } from "../check/sampler.ts";
import type { Inventory } from "../domain/inventory.ts";
import type { Clock, Monitoring, Platform, Remote } from "../engine/ports.ts";
import type { LabTime } from "./lab-time.ts";

/**
 * Wall time between two readings of one source in a lab: hours pass there in seconds, and a monitor must not take the processor from
 * what is shown. A real cluster is read at the runbook's own intervals.
 */
const LAB_WALL_GAP_MS = { inHand: 80, otherwise: 300 };

/** However fast a lab's time runs, one source is read at least this often in it: a curve needs its points. */
const LAB_GAP_MS = { inHand: 240_000, otherwise: 900_000 };

/** What monitors are made of, and how it ends. */
export interface ClusterMonitoring {
  readonly monitoring: Monitoring;
  close(): Promise<void>;
}

/** Monitors of a cluster, through its reader. Their jq is their own: a filter that does not end must not hold up the gates. */
export function monitoringOf(world: {
  readonly reader: Remote;
  readonly inventory: Inventory;
  readonly platform: Pick<Platform, "ports" | "nodeFacts">;
  readonly clock: Clock;
  readonly lab: LabTime | null;
}): ClusterMonitoring {
  const { reader, inventory, platform, clock, lab } = world;
  const jq = createJq();
  const sampler = createSampler({ remote: reader, inventory, platform, clock, jq: lab?.jq(jq) ?? jq });
  const scale = inventory.lab?.timeScale ?? 1;
  const gap = (when: keyof typeof LAB_GAP_MS): number => Math.min(LAB_WALL_GAP_MS[when] * scale, LAB_GAP_MS[when]);
  const monitoring: Monitoring = {
    sampler,
    leastGapMs: lab === null ? null : { inHand: gap("inHand"), otherwise: gap("otherwise") },
    idle: (ms, signal) => (lab === null ? clock.sleep(ms, signal) : lab.idle(ms, signal)),
  };
  return { monitoring, close: () => jq.close() };
}
