import { createJq } from "../check/jq.ts";
import { sortComplaints, type Path } from "../document/complaint.ts";
import type { AnyDocument } from "../document/documents.ts";
import type { SafetyFinding } from "../document/lint.ts";

/** A filter of a document, where it stands, and what it belongs to. */
interface Placed {
  readonly document: AnyDocument;
  readonly path: Path;
  readonly of: string;
  readonly filter: string;
}

/** The filters of a document: of its monitors, or its own where it is a check. */
function filtersOf(document: AnyDocument): readonly Placed[] {
  const placed = (path: Path, of: string, filter: string | undefined): readonly Placed[] =>
    filter === undefined ? [] : [{ document, path, of, filter }];
  switch (document.kind) {
    case "Runbook":
      return (document.document.monitors ?? []).flatMap((monitor, index) => [
        ...placed(["monitors", index, "keep"], `monitor ${monitor.name}`, monitor.keep),
        ...placed(["monitors", index, "notice"], `monitor ${monitor.name}`, monitor.notice),
      ]);
    case "Check": {
      const { name, pass, show, fatal } = document.document;
      return [
        ...placed(["pass"], `check ${name}`, pass),
        ...placed(["show"], `check ${name}`, show),
        ...placed(["fatal"], `check ${name}`, fatal),
      ];
    }
    case "Inventory":
    case "VersionPolicy":
    case "Catalogue":
    case "ComponentMatrix":
      return [];
  }
}

/**
 * Filters that jq does not take: a monitor with one would leave an empty file, and nobody would know before the run. They are compiled
 * and never run.
 */
export async function brokenFilters(documents: readonly AnyDocument[]): Promise<readonly SafetyFinding[]> {
  const all = documents.flatMap(filtersOf);
  if (all.length === 0) return [];
  const jq = createJq();
  try {
    const items = all.map(({ filter }) => ({ filter: `if false then (${filter}\n) else null end`, input: null, vars: {} }));
    const results = await jq.evaluate(items);
    const findings = all.flatMap(({ document, path, of }, index): readonly SafetyFinding[] => {
      const result = results[index];
      if (result?.kind !== "error") return [];
      const message = `${of}: ${String(path.at(-1))} is no filter that jq takes: ${result.error.replace(/^jq: error: /, "")}`;
      const hint = "try it with jq on a recorded answer";
      return [{ file: document.file, ...document.where(path), rule: "broken-filter", message, hint }];
    });
    return sortComplaints(findings);
  } finally {
    await jq.close();
  }
}
