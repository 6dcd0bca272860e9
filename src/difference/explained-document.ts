import type { DifferenceClass, ExplainedDifference } from "../domain/difference.ts";
import type { Json, JsonRecord } from "../domain/json.ts";
import { differenceText } from "./snapshot-difference.ts";

const CLASSES: readonly DifferenceClass[] = ["unexplained", "expected", "consequential", "tolerated"];

/** How many differences there are of each class. */
export function countClasses(differences: readonly ExplainedDifference[]): Readonly<Record<DifferenceClass, number>> {
  const count = (wanted: DifferenceClass): number => differences.filter((one) => one.class === wanted).length;
  return {
    expected: count("expected"),
    consequential: count("consequential"),
    tolerated: count("tolerated"),
    unexplained: count("unexplained"),
  };
}

/** Rules that explained something, in the order of the differences they explained first, with an example each. */
function ruleRows(differences: readonly ExplainedDifference[]): readonly JsonRecord[] {
  const rows = new Map<string, { readonly first: ExplainedDifference; count: number }>();
  for (const one of differences) {
    if (one.rule === null) continue;
    const row = rows.get(one.rule);
    if (row === undefined) rows.set(one.rule, { first: one, count: 1 });
    else row.count += 1;
  }
  return [...rows].map(([rule, { first, count }]) => ({
    rule,
    class: first.class,
    differences: count,
    reason: first.reason,
    example: differenceText(first),
    source: first.source,
  }));
}

/**
 * Explained differences as a document that a report can print without knowing what they are about: `counts`, `unexplained` and
 * `rules` are rows for people, `differences` is all of them.
 */
export function explainedDocument(title: string, differences: readonly ExplainedDifference[], more: JsonRecord = {}): JsonRecord {
  const counts = countClasses(differences);
  return {
    title,
    counts: CLASSES.map((name) => ({ class: name, differences: counts[name] })),
    unexplained: differences
      .filter((one) => one.class === "unexplained")
      .map((one) => ({ what: one.path.join(" › "), kind: one.kind, before: one.before, after: one.after })),
    rules: ruleRows(differences),
    ...more,
    differences: differences.map((one): Json => ({
      what: one.path.join(" › "),
      kind: one.kind,
      before: one.before,
      after: one.after,
      class: one.class,
      rule: one.rule,
    })),
  };
}
