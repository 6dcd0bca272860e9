import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CHECKS, readOf, type Read } from "./reads.ts";

const READERS = join(import.meta.dirname, "../../../src/platform/dcos");

/** Field names in a jq filter: `.name`, `."name/x"`, `has("name")`, and names in `{ name, … }`. */
function namesInFilter(filter: string): readonly string[] {
  return [
    ...[...filter.matchAll(/\.\s*"([^"\\]+)"/g)].map((found) => found[1] ?? ""),
    ...[...filter.matchAll(/(?<![\w$])\.([A-Za-z_]\w*)/g)].map((found) => found[1] ?? ""),
    ...[...filter.matchAll(/[\])?"\w]\.([A-Za-z_]\w*)/g)].map((found) => found[1] ?? ""),
    ...[...filter.matchAll(/has\("([^"]+)"\)/g)].map((found) => found[1] ?? ""),
    ...[...filter.matchAll(/[{,]\s*([A-Za-z_]\w*)\s*(?=[,}])/g)].map((found) => found[1] ?? ""),
  ];
}

/** Field names the readers of the platform take out of an answer: `value["name"]`. */
function namesInReaders(): readonly string[] {
  return readdirSync(READERS, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => [...readFileSync(join(READERS, file), "utf8").matchAll(/\[\s*"([^"]+)"\s*\]/g)])
    .map((found) => found[1] ?? "");
}

const FROM_READERS = new Set(namesInReaders());

/** Names that some shipped check takes out of this read, or a reader of the platform out of any. */
export function namesRead(read: Read): ReadonlySet<string> {
  const filters = CHECKS.filter((check) => Object.values(check.readings).some((spec) => readOf(spec) === read)).flatMap(
    ({ pass, show, fatal }) => [pass, show, fatal ?? ""],
  );
  return new Set([...filters.flatMap(namesInFilter), ...FROM_READERS]);
}
