import diff from "microdiff";
import type { SnapshotDifference } from "../domain/difference.ts";
import type { Json, JsonRecord } from "../domain/json.ts";

/** Fields that name an element of a list, the first one that all elements have and that is different in each. */
const IDENTITIES = ["id", "name", "hostname", "appId", "key"] as const;

/**
 * What differs between the summaries of two snapshots, in a stable order. Lists of things with an identity are compared by
 * it, other lists of plain values as sets, so that another order is no difference; anything else position by position.
 */
export function compareSnapshots(before: Json, after: Json): readonly SnapshotDifference[] {
  const differences = diff({ root: indexed(before) }, { root: indexed(after) });
  return differences
    .map((one): SnapshotDifference => {
      const path = one.path.slice(1).map((part) => (typeof part === "string" ? part.slice(1) : String(part)));
      if (one.type === "CREATE") return { path, kind: "added", before: null, after: plain(one.value as Json) };
      if (one.type === "REMOVE") return { path, kind: "removed", before: plain(one.oldValue as Json), after: null };
      return { path, kind: "changed", before: plain(one.oldValue as Json), after: plain(one.value as Json) };
    })
    .sort((a, b) => compareText(a.path.join("\n"), b.path.join("\n")));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function isRecord(value: Json | undefined): value is JsonRecord {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** Marks an object that stands for a set of plain values, so that it can be shown as the list it was. */
const SET = "\u0000(list)";

function indexed(value: Json): Json {
  if (Array.isArray(value)) {
    const list = value as readonly Json[];
    const identity = list.length === 0 ? undefined : IDENTITIES.find((name) => names(list, name));
    if (identity !== undefined) return Object.fromEntries(list.map((item) => [guarded(nameOf(item, identity)), indexed(item)]));
    if (list.every((item) => item === null || typeof item !== "object")) return asSet(list);
    return list.map(indexed);
  }
  if (isRecord(value)) return Object.fromEntries(Object.entries(value).map(([key, field]) => [guarded(key), indexed(field)]));
  return value;
}

/** microdiff mistakes keys for what objects inherit: it would overlook an app named `toString`. */
function guarded(key: string): string {
  return `:${key}`;
}

function names(list: readonly Json[], field: string): boolean {
  const found = list.map((item) => nameOf(item, field));
  return !found.includes("") && new Set(found).size === list.length;
}

/** The element's name, or empty where it has none. */
function nameOf(item: Json, field: string): string {
  const name = isRecord(item) ? item[field] : undefined;
  return typeof name === "string" || typeof name === "number" ? String(name) : "";
}

/** `["a", "b", "a"]` counts each value: twice the same is not once. */
function asSet(list: readonly Json[]): Json {
  const counts = new Map<string, number>();
  for (const item of list) {
    const key = typeof item === "string" ? item : JSON.stringify(item);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return Object.fromEntries([
    [SET, true],
    ...[...counts].map(([key, count]) => [guarded(count === 1 ? key : `${key} (${count} times)`), true] as const),
  ]);
}

/** Shows sets as lists again. */
function plain(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(plain);
  if (!isRecord(value)) return value;
  if (value[SET] === true)
    return Object.keys(value)
      .filter((key) => key !== SET)
      .map((key) => key.slice(1));
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key.slice(1), plain(field)]));
}

/** One line a difference: `~ apps › /web › instances: 2 → 3`. */
export function differenceText(one: SnapshotDifference): string {
  const path = one.path.join(" › ");
  switch (one.kind) {
    case "added":
      return one.after === true ? `+ ${path}` : `+ ${path}: ${shown(one.after)}`;
    case "removed":
      return one.before === true ? `- ${path}` : `- ${path}: ${shown(one.before)}`;
    case "changed":
      return `~ ${path}: ${shown(one.before)} → ${shown(one.after)}`;
  }
}

function shown(value: Json): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
