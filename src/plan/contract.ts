import { PawlError } from "../domain/errors.ts";
import type { Inventory } from "../domain/inventory.ts";
import type { OrderGroup } from "../domain/order.ts";
import { allSteps, type Phase, type Plan } from "../domain/plan.ts";

function changesNodes(phase: Phase): boolean {
  return phase.units.some((unit) => unit.node !== null && unit.steps.some((step) => step.effect !== "read"));
}

/**
 * Checks a plan against the platform's order contract (design rule 2): serial where it must be, leader last, no group before
 * those it comes after are complete or planned earlier. Throws PawlError `refused`; no flag allows it.
 */
export function obeyContract(plan: Plan, inventory: Inventory, contract: readonly OrderGroup[]): void {
  const open = (role: string, names: ReadonlySet<string>): readonly string[] =>
    inventory.nodes
      .filter((node) => node.role === role && !names.has(node.name) && !(plan.facts.nodes[node.name]?.complete ?? false))
      .map((node) => node.name);
  for (const step of allSteps(plan)) {
    if (step.effect === "restart" && step.node === null)
      throw new PawlError(
        "refused",
        "order.restart-without-node",
        `step ${step.address} takes a machine out of service without saying which node it is`,
        {
          expected: "a phase with `each`, so that permission is asked of the cluster for every node",
          observed: "a step that belongs to no node",
          next: "Correct the runbook.",
        },
      );
  }
  const planned = new Map<string, Set<string>>();
  for (const phase of plan.phases) {
    if (phase.role === null || !changesNodes(phase)) continue;
    const group = contract.find((one) => one.role === phase.role);
    if (group === undefined) continue;
    const refuse = (code: string, expected: string, observed: string): never => {
      throw new PawlError("refused", code, `phase ${phase.name} breaks the order contract of ${plan.platform}`, {
        expected,
        observed,
        next: "Correct the runbook, or run the missing nodes first.",
      });
    };
    if (group.serial && phase.strategy.kind !== "serial")
      refuse("order.not-serial", `${group.title} one at a time`, `strategy with ${phase.strategy.maxInFlight} in flight`);
    if (group.leaderLast && !phase.leaderLast)
      refuse("order.leader-not-last", `the leader of ${group.title} last`, "order: listed");
    for (const before of group.after) {
      const missing = open(before, planned.get(before) ?? new Set());
      if (missing.length > 0)
        refuse(
          "order.too-early",
          `every ${before} complete before any ${group.role}`,
          `${missing.join(", ")} not complete and not planned before`,
        );
    }
    const names = planned.get(phase.role) ?? new Set<string>();
    for (const unit of phase.units) if (unit.node !== null) names.add(unit.node);
    planned.set(phase.role, names);
    const leader = (plan.facts.last[phase.role] ?? []).at(-1);
    const skipped = open(phase.role, names);
    if (group.leaderLast && leader !== undefined && phase.units.some((unit) => unit.node === leader) && skipped.length > 0)
      refuse(
        "order.leader-not-last",
        `the leader of ${group.title} last`,
        `${leader} leads, and ${skipped.join(", ")} would still be to do`,
      );
  }
}
