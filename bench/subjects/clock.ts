import { monitorEventLoopDelay } from "node:perf_hooks";
import type { InsideFigures } from "../inside.ts";

/** Does the work and prints what it took, with the longest block of the event loop in ms. */
export async function report(work: () => Promise<Readonly<Record<string, number>>>): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const cpu = process.cpuUsage();
  const begun = process.hrtime.bigint();
  const extra = await work();
  const wallS = Number(process.hrtime.bigint() - begun) / 1e9;
  const { user, system } = process.cpuUsage(cpu);
  // One more turn: a block that lasted to the end shows only at the next tick.
  await new Promise((resolve) => setTimeout(resolve, 5));
  delay.disable();
  const figures: InsideFigures = {
    wallS,
    cpuS: (user + system) / 1e6,
    extra: { ...extra, "longest block, ms": delay.max / 1e6 },
  };
  process.stdout.write(JSON.stringify(figures));
}

/** The value below which a share of all values lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
