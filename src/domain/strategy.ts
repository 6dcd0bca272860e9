import type { NodeName } from "./inventory.ts";
import type { Strategy, Unit } from "./plan.ts";
import { isBusy, isSettled, isStuck, type StepStatus } from "./status.ts";

export type UnitState = "waiting" | "running" | "stuck" | "done";

/** The unit's state, derived from its steps. A node whose step was set aside is done: nothing more happens to it. */
export function unitState(unit: Unit, status: (address: string) => StepStatus): UnitState {
  const all = unit.steps.map((step) => status(step.address));
  if (all.some(isStuck)) return "stuck";
  if (all.includes("set-aside") || all.every(isSettled)) return "done";
  return all.some(isBusy) || all.some(isSettled) ? "running" : "waiting";
}

/** How many units may be in hand at once. */
export function limitOf(strategy: Strategy): number {
  return strategy.kind === "serial" ? 1 : strategy.maxInFlight;
}

/**
 * The units that may start now, in rollout order. Nothing new starts beside a stuck one, and nothing beside a node of another
 * rack, so that one rack and one wave are never short of nodes at the same time (design section 4).
 */
export function candidates(strategy: Strategy, order: readonly Unit[], stateOf: (unit: Unit) => UnitState): readonly Unit[] {
  const states = order.map((unit) => ({ unit, state: stateOf(unit) }));
  if (states.some(({ state }) => state === "stuck")) return [];
  const room = limitOf(strategy) - states.filter(({ state }) => state === "running").length;
  let rack = states.find(({ unit, state }) => state === "running" && unit.rack !== undefined)?.unit.rack;
  const chosen: Unit[] = [];
  for (const { unit, state } of states) {
    if (state !== "waiting" || chosen.length >= room) continue;
    if (rack !== undefined && unit.rack !== undefined && unit.rack !== rack) continue;
    rack ??= unit.rack;
    chosen.push(unit);
  }
  return chosen;
}

/** `last` moved to the end, in the order given there; the rest keeps its order. */
export function leaderLast<T extends { readonly node: NodeName | null }>(
  units: readonly T[],
  last: readonly NodeName[],
): readonly T[] {
  const rank = (unit: T): number => (unit.node === null ? -1 : last.indexOf(unit.node));
  return units.toSorted((a, b) => rank(a) - rank(b));
}

/**
 * Waves of the given sizes, the last size repeated until nobody is left; percentages are of all nodes, rounded up.
 * Non-critical nodes first, and never both kinds in one wave (design section 4).
 */
export function waves<T extends { readonly critical: boolean }>(
  nodes: readonly T[],
  sizes: readonly (number | `${number}%`)[],
): readonly (readonly T[])[] {
  const sizeOf = (index: number): number => {
    const size = sizes[index] ?? sizes.at(-1) ?? 1;
    return Math.max(1, typeof size === "number" ? size : Math.ceil((Number.parseFloat(size) / 100) * nodes.length));
  };
  const cut: T[][] = [];
  for (const critical of [false, true]) {
    const queue = nodes.filter((node) => node.critical === critical);
    while (queue.length > 0) cut.push(queue.splice(0, sizeOf(cut.length)));
  }
  return cut;
}
