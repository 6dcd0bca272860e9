import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import type { Json } from "../../../domain/json.ts";
import { list, record, text } from "../../../domain/json-fields.ts";

/** One component of a release: what was published, and what the workbook's own matrix says where that differs. */
export interface PublishedComponent {
  readonly component: string;
  readonly title: string;
  /** Any of them is what the release ships. */
  readonly versions: readonly string[];
  /** `published`: read in the release; `inferred`: concluded from what it builds. */
  readonly confidence: string;
  readonly source: string;
  readonly workbook: string | null;
}

const FILE = "runbooks/policies/dcos-components.yaml";

/** The package's own folder, from src/ and from dist/ alike. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
}

let table: Json | undefined;

/** Components of a release of DC/OS (dcos.md 14.4); empty where the table does not list it. */
export function publishedComponents(version: string): readonly PublishedComponent[] {
  table ??= parse(readFileSync(join(packageRoot(), FILE), "utf8")) as Json;
  const release = list(record(table)["releases"])
    .map(record)
    .find((one) => one["version"] === version);
  if (release === undefined) return [];
  return Object.entries(record(record(table)["components"])).map(([component, about]) => ({
    component,
    title: text(record(about)["title"]) ?? component,
    versions: list(record(release["ships"])[component]).flatMap((one) => text(one) ?? []),
    confidence: text(record(about)["confidence"]) ?? "",
    source: text(record(about)["source"]) ?? "",
    workbook: text(record(release["workbook"])[component]),
  }));
}
