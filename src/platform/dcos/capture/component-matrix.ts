import type { UpgradeBetween } from "../../../domain/difference.ts";
import type { Json, JsonRecord } from "../../../domain/json.ts";
import { record, text } from "../../../domain/json-fields.ts";
import { publishedComponents, type PublishedComponent } from "./component-table.ts";

/** Versions that the nodes of one kind said, each with how many said it: `1.5.2 (3)`. */
function told(values: readonly (Json | undefined)[]): { readonly versions: readonly string[]; readonly text: string } {
  const counts = new Map<string, number>();
  for (const value of values) {
    const version = text(value);
    if (version !== null) counts.set(version, (counts.get(version) ?? 0) + 1);
  }
  const versions = [...counts.keys()].sort();
  const shown = versions.length === 1 ? versions : versions.map((version) => `${version} (${counts.get(version) ?? 0})`);
  return { versions, text: shown.join(", ") };
}

/** What stands for a component in a summary, by the kind of node that was asked. */
function observed(summary: JsonRecord, component: string): readonly (readonly [string, readonly (Json | undefined)[]])[] {
  const components = record(summary["components"]);
  switch (component) {
    case "mesos":
      return [
        ["masters", Object.values(record(components["mesos"]))],
        ["agents", Object.values(record(summary["agents"])).map((agent) => record(agent)["version"])],
      ];
    case "zookeeper":
      return [["masters", Object.values(record(components["zookeeper"]))]];
    default:
      return [["masters", [components[component]]]];
  }
}

function judged(published: PublishedComponent, versions: readonly string[]): string {
  if (published.versions.length === 0) return "not listed";
  if (versions.length === 0) return "not captured";
  if (versions.length > 1) return "several versions";
  return versions.every((one) => published.versions.includes(one)) ? "as published" : "not as published";
}

/**
 * The components before and after beside what the target release is published with (workbook, Appendix I: DC/OS Version Matrix).
 * Advisory: which version is right is what the first upgraded master itself runs (dcos.md 14.4), and the gates hold nodes to that.
 */
export function componentMatrix(upgrade: UpgradeBetween, before: JsonRecord, after: JsonRecord): JsonRecord {
  const published = publishedComponents(upgrade.target);
  const rows = published.flatMap((one) => {
    const was = new Map(observed(before, one.component));
    return observed(after, one.component).map(([kind, values]) => {
      const now = told(values);
      return {
        component: one.title,
        on: kind,
        before: told(was.get(kind) ?? []).text,
        after: now.text,
        published: one.versions.join(" or "),
        verdict: judged(one, now.versions),
        confidence: one.confidence,
        workbook: one.workbook ?? "",
        source: one.source,
      };
    });
  });
  return {
    title: `Components of DC/OS ${upgrade.target}: what runs, and what was published`,
    advisory: true,
    note:
      rows.length === 0
        ? `the table does not list ${upgrade.target}`
        : "what a node must run is what the first upgraded master runs, not this table",
    rows,
  };
}
