import type { GatePolicy } from "../domain/documents.ts";
import { formatDuration } from "../domain/duration.ts";
import type { Phase, Plan, Step } from "../domain/plan.ts";

/** A gate policy in words: `3 passes over 35s, every 10s, at most 10m`. */
export function policyWords(policy: GatePolicy): string {
  if (policy.consecutivePasses <= 1 && policy.spanMs === 0)
    return `1 pass, every ${formatDuration(policy.intervalMs)}, at most ${formatDuration(policy.deadlineMs)}`;
  const span = policy.spanMs > 0 ? ` over ${formatDuration(policy.spanMs)}` : "";
  return `${policy.consecutivePasses} passes${span}, every ${formatDuration(policy.intervalMs)}, at most ${formatDuration(policy.deadlineMs)}`;
}

/** How the nodes of a phase follow each other: `one at a time, leader last`, `5 at once`. Empty where there is only one. */
export function orderWords(phase: Phase): string {
  const units = phase.units.filter((unit) => unit.node !== null).length;
  if (units < 2) return "";
  const pace =
    phase.strategy.kind === "serial"
      ? "one at a time"
      : phase.strategy.maxInFlight >= units
        ? "all at once"
        : `${phase.strategy.maxInFlight} at once`;
  return phase.leaderLast ? `${pace}, leader last` : pace;
}

/** What a step does to the cluster, in one word; `stop` and `waits` are told apart from plain reading. */
export function effectWord(step: Pick<Step, "effect" | "kind">): "reads" | "writes" | "restarts" | "stop" | "waits" {
  if (step.kind === "confirm") return "stop";
  if (step.kind === "soak") return "waits";
  switch (step.effect) {
    case "read":
      return "reads";
    case "write":
      return "writes";
    case "restart":
      return "restarts";
  }
}

/** Versions the plan starts from (of the nodes it touches) and goes to, where its inputs name a target. */
export function versionsOf(plan: Plan): { readonly from: readonly string[]; readonly to: string | null } {
  const done = new Set(plan.found.map((one) => one.node));
  const from = new Set<string>();
  for (const [node, facts] of Object.entries(plan.facts.nodes))
    if (!done.has(node) && facts.version !== null) from.add(facts.version);
  return { from: [...from].sort(), to: plan.inputs.target ?? null };
}
