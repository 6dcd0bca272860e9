import type { Json, JsonRecord } from "../domain/json.ts";
import type { Complaint, Path } from "./complaint.ts";
import { complaintAt, pathText } from "./issues.ts";
import type { Parsed } from "./tree.ts";

/** A complaint unless exactly one of these keys is there. */
export function exactlyOne(parsed: Parsed, path: Path, value: JsonRecord, keys: readonly string[]): readonly Complaint[] {
  const found = keys.filter((key) => key in value);
  if (found.length === 1) return [];
  const what = found.length === 0 ? `has none of ${keys.join(", ")}` : `has ${found.join(" and ")}`;
  return [complaintAt(parsed, path, `${pathText(path)} ${what}: it must have exactly one`)];
}

/** A complaint for every text that stands there a second time; it points at the first. */
export function repeated(
  parsed: Parsed,
  all: readonly { readonly path: Path; readonly value: Json | undefined }[],
  message: (value: string) => string,
): readonly Complaint[] {
  const first = new Map<string, Path>();
  const complaints: Complaint[] = [];
  for (const { path, value } of all) {
    if (typeof value !== "string") continue;
    const earlier = first.get(value);
    if (earlier === undefined) first.set(value, path);
    else complaints.push(complaintAt(parsed, path, message(value), `first on line ${parsed.where(earlier).line}`));
  }
  return complaints;
}

/** For a complaint that may have a hint. */
export function hinted(hint: string | undefined): { readonly hint?: string } {
  return hint === undefined ? {} : { hint };
}

/** A mapping. */
export function isRecord(value: Json | undefined): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The mapping, or an empty one for whatever has the wrong form. */
export function record(value: Json | undefined): JsonRecord {
  return isRecord(value) ? value : {};
}

/** The list, or an empty one for whatever has the wrong form. */
export function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}
