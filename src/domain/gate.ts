import type { GatePolicy } from "./documents.ts";

export type Verdict = "pass" | "fail" | "inconclusive";

export interface Measurement {
  readonly atMs: number;
  readonly verdict: Verdict;
  /** The reading ends the gate at once (two leaders, wrong version, lost task). */
  readonly fatal: boolean;
}

export type GateDecision =
  | { readonly kind: "measure-again"; readonly atMs: number }
  | { readonly kind: "passed"; readonly streak: number; readonly spanMs: number }
  | { readonly kind: "refused"; readonly because: "failed" | "inconclusive" | "fatal" };

/** Passes at the end of what was seen, and the time they cover. Anything but a pass starts the count again. */
export function streakOf(seen: readonly Measurement[]): { readonly streak: number; readonly spanMs: number } {
  const from = seen.findLastIndex((one) => one.verdict !== "pass") + 1;
  const first = seen[from];
  const last = seen.at(-1);
  return { streak: seen.length - from, spanMs: first === undefined || last === undefined ? 0 : last.atMs - first.atMs };
}

/**
 * What to do after the readings so far. Pure: the engine owns the clock.
 * A streak must be long enough in number and in time. The deadline limits how long a first pass is waited for: a streak that
 * began before it may come to its end, and breaks off at the first reading that is not a pass.
 */
export function assess(policy: GatePolicy, startedMs: number, seen: readonly Measurement[]): GateDecision {
  const last = seen.at(-1);
  if (last === undefined) return { kind: "measure-again", atMs: startedMs };
  if (last.fatal && last.verdict !== "pass") return { kind: "refused", because: "fatal" };
  const { streak, spanMs } = streakOf(seen);
  if (streak > 0 && streak >= policy.consecutivePasses && spanMs >= policy.spanMs) return { kind: "passed", streak, spanMs };
  const nextMs = last.atMs + policy.intervalMs;
  const deadlineMs = startedMs + policy.deadlineMs;
  const beganMs = last.atMs - spanMs;
  if (nextMs <= deadlineMs || (streak > 0 && beganMs <= deadlineMs)) return { kind: "measure-again", atMs: nextMs };
  return { kind: "refused", because: last.verdict === "inconclusive" ? "inconclusive" : "failed" };
}
