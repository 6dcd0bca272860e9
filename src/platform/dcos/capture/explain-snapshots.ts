import { compareSnapshots } from "../../../difference/snapshot-difference.ts";
import { explainDifferences } from "../../../difference/explain.ts";
import type { ExplainedDifference, UpgradeBetween } from "../../../domain/difference.ts";
import type { Json, JsonRecord } from "../../../domain/json.ts";
import { list, record, text } from "../../../domain/json-fields.ts";
import { betweenOf, CONDITIONS } from "./difference-conditions.ts";
import { DIFFERENCE_RULES } from "./difference-rules.ts";

/** A snapshot's summary document on one level. Why a capture is missing says nothing about the cluster: only that it is. */
export function comparable(document: JsonRecord): JsonRecord {
  const { summary, missing, ...beside } = document;
  const names = list(missing).map((one) => text(record(one)["name"]) ?? text(one) ?? "");
  return { ...beside, ...record(summary), missing: names };
}

/** Sections that neither snapshot holds: nothing can be said about them. */
export function notCompared(before: JsonRecord, after: JsonRecord): readonly string[] {
  return Object.keys(before).filter((name) => before[name] === null && (after[name] ?? null) === null);
}

/**
 * Every difference between two summary documents with the rule that explains it. `upgrades`: what ran between them, oldest first;
 * without any, a new version on a node is as unexplained as every other change.
 */
export function explainSnapshots(
  before: JsonRecord,
  after: JsonRecord,
  upgrades: readonly UpgradeBetween[],
): readonly ExplainedDifference[] {
  const [earlier, later] = [comparable(before), comparable(after)];
  return explainDifferences(
    compareSnapshots(earlier as Json, later as Json),
    DIFFERENCE_RULES,
    CONDITIONS,
    betweenOf(earlier, later, upgrades),
  );
}
