import { formatDuration } from "../domain/duration.ts";

/** A place on an axis with what stands there. */
export interface Tick {
  readonly at: number;
  readonly label: string;
}

const SECOND = 1_000;
const STEPS_S = [
  1, 2, 5, 10, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800,
  1_209_600,
];

/** Round times (epoch ms, UTC) between two moments, at most so many; where a day begins, its date. */
export function timeTicks(fromMs: number, toMs: number, most: number): readonly Tick[] {
  const seconds = (toMs - fromMs) / SECOND;
  const step = (STEPS_S.find((s) => seconds / s <= most) ?? Math.ceil(seconds / most / 86_400) * 86_400) * SECOND;
  const ticks: Tick[] = [];
  for (let at = Math.ceil(fromMs / step) * step; at <= toMs; at += step) {
    const iso = new Date(at).toISOString();
    const midnight = at % 86_400_000 === 0;
    ticks.push({ at, label: midnight ? iso.slice(5, 10) : iso.slice(11, step < 60 * SECOND ? 19 : 16) });
  }
  return ticks;
}

/** A value axis: where it begins and ends, and the round values on it. */
export interface ValueScale {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly Tick[];
}

/**
 * An axis for values from `min` to `max`. It begins at 0 unless all values lie in the upper half, so that a small change is not made
 * to look large, nor lost. `whole`: only whole numbers are counted. Unit `s` is told as a duration.
 */
export function valueScale(min: number, max: number, unit: string, whole: boolean): ValueScale {
  const base = min >= 0 && min < max / 2 ? 0 : min;
  const spread = max - base;
  // One value all the time: something around it, so that its line does not lie on an edge.
  if (spread === 0) return flat(max, unit);
  const step = unit === "s" ? durationStep(spread / 3) : Math.max(roundStep(spread / 3), whole ? 1 : 0);
  const low = Math.floor(base / step) * step;
  const high = Math.ceil(max / step) * step;
  const ticks: Tick[] = [];
  for (let index = 0; low + index * step <= high + step / 1_000; index += 1) ticks.push(tickAt(low + index * step, unit));
  return { low, high: high === max ? high + step * 0.12 : high, ticks };
}

function flat(value: number, unit: string): ValueScale {
  if (value === 0) return { low: 0, high: 1, ticks: [tickAt(0, unit)] };
  const around = Math.abs(value) * 0.5;
  return { low: value > 0 ? 0 : value - around, high: value + around, ticks: [tickAt(0, unit), tickAt(value, unit)] };
}

function tickAt(at: number, unit: string): Tick {
  return { at, label: valueText(at, unit) };
}

function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
}

function durationStep(rough: number): number {
  return STEPS_S.find((step) => step >= rough) ?? roundStep(rough);
}

/** A value as people read it: `1.2k`, `3.4M`, a duration where the unit is `s`. */
export function valueText(value: number, unit: string): string {
  if (unit === "s") return formatDuration(value * SECOND);
  const size = Math.abs(value);
  for (const [least, sign] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e4, "k"],
  ] as const)
    if (size >= least) return `${Number((value / (sign === "k" ? 1e3 : least)).toPrecision(4))}${sign}`;
  return short(value);
}

function short(value: number): string {
  return String(Number(value.toPrecision(Math.abs(value) >= 1_000 ? 4 : 3)));
}
