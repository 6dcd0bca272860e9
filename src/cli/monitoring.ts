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
  const monitoring: Monitoring = {
    sampler,
    leastGapMs: lab === null ? null : { inHand: LAB_WALL_GAP_MS.inHand * scale, otherwise: LAB_WALL_GAP_MS.otherwise * scale },
    idle: (ms, signal) => (lab === null ? clock.sleep(ms, signal) : lab.idle(ms, signal)),
  };
  return { monitoring, close: () => jq.close() };
}
