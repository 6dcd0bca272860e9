import type { Json } from "./json.ts";
import type { NodeName } from "./inventory.ts";

/** One thing that differs between two snapshots. */
export interface SnapshotDifference {
  /** Names of nested things, the outermost first: `apps`, `/web`, `instances`. */
  readonly path: readonly string[];
  readonly kind: "added" | "removed" | "changed";
  readonly before: Json;
  readonly after: Json;
}

/**
 * Why a difference is there. `expected`: it is what the upgrade was for. `consequential`: it follows from something on record (a
 * restart, a node that was set aside). `tolerated`: a rule with a name and a reason lets it be. `unexplained`: no rule knows it.
 */
export type DifferenceClass = "expected" | "consequential" | "tolerated" | "unexplained";

/** A difference with the rule that explains it; the rule is null exactly where nothing does. */
export interface ExplainedDifference extends SnapshotDifference {
  readonly class: DifferenceClass;
  readonly rule: string | null;
  readonly reason: string;
  readonly source: string;
}

/** An upgrade that ran between two snapshots, as its journal tells it. */
export interface UpgradeBetween {
  readonly run: string;
  readonly target: string;
  /** Nodes it brought to the target: their steps are complete. */
  readonly upgraded: readonly NodeName[];
  /** Nodes it left behind, by name, for a person to mend. */
  readonly setAside: readonly NodeName[];
  /** Problems that steps with effect had at a node, by their codes, whatever became of them. */
  readonly troubles: readonly { readonly node: NodeName; readonly code: string }[];
  /** Outputs of other steps with effect that are complete, by kind: what else pawl itself has changed. */
  readonly changed: readonly { readonly kind: string; readonly output: Json }[];
}
