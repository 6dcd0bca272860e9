import type { DifferenceClass, ExplainedDifference, SnapshotDifference } from "../domain/difference.ts";

/** A rule that explains differences: data, so that all of them can be read in one table. */
export interface DifferenceRule<Condition extends string = string> {
  readonly name: string;
  readonly class: Exclude<DifferenceClass, "unexplained">;
  /** Parts of the path with `/` between them; `*` stands for any one part, a last `**` for any number, none included. */
  readonly path: string;
  readonly kinds?: readonly SnapshotDifference["kind"][];
  /** All of them must hold, besides the path. */
  readonly when: readonly Condition[];
  /** Largest change of a number, as a share of the number before: 0.01 is 1 %. Without it any change. */
  readonly within?: number;
  readonly reason: string;
  readonly source: string;
}

/** What a condition's name stands for. */
export type Conditions<Condition extends string, Context> = Readonly<
  Record<Condition, (difference: SnapshotDifference, context: Context) => boolean>
>;

/**
 * Gives each difference the first rule of the table that fits it, or none: what no rule knows stays unexplained. Pure.
 * Differences keep their order.
 */
export function explainDifferences<Condition extends string, Context>(
  differences: readonly SnapshotDifference[],
  rules: readonly DifferenceRule<Condition>[],
  conditions: Conditions<Condition, Context>,
  context: Context,
): readonly ExplainedDifference[] {
  const parsed = rules.map((rule) => ({ rule, pattern: rule.path.split("/") }));
  return differences.map((difference): ExplainedDifference => {
    const found = parsed.find(
      ({ rule, pattern }) =>
        fitsPath(difference.path, pattern) &&
        (rule.kinds === undefined || rule.kinds.includes(difference.kind)) &&
        (rule.within === undefined || isWithin(difference, rule.within)) &&
        rule.when.every((name) => conditions[name](difference, context)),
    )?.rule;
    return found === undefined
      ? { ...difference, class: "unexplained", rule: null, reason: "no rule explains it", source: "" }
      : { ...difference, class: found.class, rule: found.name, reason: found.reason, source: found.source };
  });
}

function fitsPath(path: readonly string[], pattern: readonly string[]): boolean {
  const open = pattern.at(-1) === "**";
  const fixed = open ? pattern.slice(0, -1) : pattern;
  if (open ? path.length < fixed.length : path.length !== fixed.length) return false;
  return fixed.every((part, index) => part === "*" || part === path[index]);
}

/** A number that was there before and after, and moved by no more than the share of what it was. Zero may not move at all. */
function isWithin({ before, after }: SnapshotDifference, share: number): boolean {
  return typeof before === "number" && typeof after === "number" && Math.abs(after - before) <= Math.abs(before) * share;
}
