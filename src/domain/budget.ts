import type { NodeName } from "./inventory.ts";

/** The larger of one node or 1 % of the rollout (design rule 8). */
export function budgetOf(nodes: number): number {
  return nodes === 0 ? 0 : Math.max(1, Math.floor(nodes / 100));
}

export interface SetAside {
  readonly node: NodeName;
  /** Code of the problem: two equal codes are the same cause. */
  readonly cause: string;
}

export type FailureDecision =
  { readonly kind: "set-aside"; readonly left: number } | { readonly kind: "halt"; readonly because: string };

/**
 * Whether policy may set a troubled node aside. Never in a phase without budget (managers, the canary wave), never for a
 * second node with the same cause, never beyond the budget, never when the failure cost a task or an app's minimum.
 * Source: workbook, "Recovering from Failures During an Upgrade".
 */
export function judgeFailure(input: {
  readonly phaseBudget: "none" | "rollout";
  readonly budget: number;
  readonly before: readonly SetAside[];
  readonly failure: SetAside;
  readonly costly: boolean;
}): FailureDecision {
  if (input.phaseBudget === "none") return { kind: "halt", because: "this phase has no failure budget" };
  if (input.costly) return { kind: "halt", because: "the failure cost tasks or an app its minimum" };
  if (input.before.some((one) => one.cause === input.failure.cause))
    return {
      kind: "halt",
      because: `a second node failed with the same cause (${input.failure.cause}): it must be investigated`,
    };
  const left = input.budget - input.before.length - 1;
  if (left < 0) return { kind: "halt", because: `the failure budget of ${input.budget} is used up` };
  return { kind: "set-aside", left };
}
