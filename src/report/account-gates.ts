import type { RunEvent } from "../domain/events.ts";
import type { Problem } from "../domain/errors.ts";
import { allSteps, type Plan } from "../domain/plan.ts";

/** A gate that was decided, with the values it asserted. */
export interface GateAccount {
  readonly at: string;
  readonly step: string;
  readonly check: string;
  readonly passed: boolean;
  /** Recorded only: it could not halt the run. */
  readonly advisory: boolean;
  /** Why it was refused; null when it passed. */
  readonly because: "failed" | "inconclusive" | "fatal" | null;
  readonly asserted: { readonly subjects: number; readonly passed: number } | null;
  readonly observed: string;
  readonly streak: number | null;
  readonly spanMs: number | null;
  readonly problem: Problem | null;
}

export interface ReadingCount {
  readonly check: string;
  readonly pass: number;
  readonly fail: number;
  readonly inconclusive: number;
}

/** Gates in the order they were decided. */
export function gatesOf(events: readonly RunEvent[], plan: Plan): readonly GateAccount[] {
  const advisories = new Map(
    allSteps(plan).map((step) => [step.address, new Set(step.gates.filter((gate) => gate.advisory).map((gate) => gate.check))]),
  );
  return events.flatMap((event): readonly GateAccount[] => {
    if (event.type === "gate.passed") {
      const { time: at, step, check, asserted, observed, streak, spanMs } = event;
      const advisory = advisories.get(step)?.has(check) === true;
      return [{ at, step, check, passed: true, advisory, because: null, asserted, observed, streak, spanMs, problem: null }];
    }
    if (event.type === "gate.refused") {
      const { step, check, because, problem } = event;
      return [
        {
          at: event.time,
          step,
          check,
          passed: false,
          advisory: advisories.get(step)?.has(check) === true,
          because,
          asserted: null,
          observed: problem.observed ?? problem.text,
          streak: null,
          spanMs: null,
          problem,
        },
      ];
    }
    return [];
  });
}

/** How often each check was measured, and what it said. */
export function readingsOf(events: readonly RunEvent[]): readonly ReadingCount[] {
  const counts = new Map<string, { pass: number; fail: number; inconclusive: number }>();
  for (const event of events) {
    if (event.type !== "check.measured") continue;
    const count = counts.get(event.check) ?? { pass: 0, fail: 0, inconclusive: 0 };
    count[event.verdict] += 1;
    counts.set(event.check, count);
  }
  return [...counts].map(([check, count]) => ({ check, ...count })).sort((a, b) => (a.check < b.check ? -1 : 1));
}
