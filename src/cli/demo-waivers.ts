import type { WaiverRequest } from "../domain/waiver.ts";
import { PROVABLE, provability } from "../platform/dcos/zookeeper/proof.ts";
import { createScratch, type Scratch } from "../zookeeper/scratch-server.ts";
import { printOf } from "./waivers.ts";

/** Longer than any demo lasts in its own time. */
const HOLDS_MS = 14 * 86_400_000;

/**
 * What the demo lets stand by itself: on a machine without Java and ZooKeeper no backup can be proven, and the demo goes on without
 * proof, saying so in its journal and its report. Nobody depends on its cluster; for a real one a person decides.
 */
export function demoWaivers(nowMs: number, scratch: Scratch = createScratch({})): readonly WaiverRequest[] {
  const found = scratch.find();
  if (found.kind === "found") return [];
  return [
    {
      finding: PROVABLE,
      print: printOf(provability({ ...found })),
      person: "pawl demo",
      reason: `${found.reason}: this demo's backup of ZooKeeper is not proven`,
      until: new Date(nowMs + HOLDS_MS).toISOString().slice(0, 10),
    },
  ];
}
