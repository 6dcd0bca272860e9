import type { ByHand, Check } from "../domain/documents.ts";
import type { Finding } from "../domain/plan.ts";
import { crosses } from "../domain/version.ts";

/** A hop by its ends: what is installed, and what will be. */
export interface HopRange {
  readonly from: string;
  readonly to: string;
}

/** Whether something bound to a boundary is due before this hop. Where the hop is not known it is: nothing is left out on a guess. */
export function isDue(when: Check["when"], hop: HopRange | null): boolean {
  return when === undefined || hop === null || crosses(hop.from, hop.to, when.crosses);
}

/**
 * The requirements of a hop that nothing can be asked about: listed, never a pass, and no reason to stop. Source of the
 * requirements: the runbook's `by-hand`.
 */
export function byHandFindings(byHand: readonly ByHand[], hop: HopRange | null): readonly Finding[] {
  if (hop === null) return [];
  return byHand
    .filter((one) => isDue(one.when, hop))
    .map((one) => ({
      id: one.name,
      severity: "advisory",
      verdict: "inconclusive",
      title: one.title,
      expected: one.source,
      observed: "not evaluated: pawl cannot read this",
      nodes: [],
      remedy: one.remedy,
      refusal: false,
      byHand: true,
    }));
}
