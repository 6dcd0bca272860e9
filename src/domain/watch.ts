import type { Measurement } from "./gate.ts";

export type WatchDecision =
  | { readonly kind: "quiet" }
  | { readonly kind: "troubled"; readonly sinceMs: number }
  | { readonly kind: "tripped"; readonly forMs: number };

/** A watch trips when nothing but bad readings were seen for `haltAfterMs`, or at once on a fatal one. Inconclusive is bad. */
export function assessWatch(haltAfterMs: number, seen: readonly Measurement[]): WatchDecision {
  const last = seen.at(-1);
  if (last === undefined || last.verdict === "pass") return { kind: "quiet" };
  const first = seen[seen.findLastIndex((one) => one.verdict === "pass") + 1] ?? last;
  const forMs = last.atMs - first.atMs;
  if (last.fatal || forMs >= haltAfterMs) return { kind: "tripped", forMs };
  return { kind: "troubled", sinceMs: first.atMs };
}
