import { readJson, type Json, type JsonRecord } from "./json.ts";

/** The value as a record; an empty one for anything else. */
export function record(value: Json | undefined): JsonRecord {
  return value !== null && value !== undefined && typeof value === "object" && !Array.isArray(value) ? (value as JsonRecord) : {};
}

/** The value as a list; an empty one for anything else. */
export function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

/** The value as text, or null. */
export function text(value: Json | undefined): string | null {
  return typeof value === "string" ? value : null;
}

/** The value as a number, or null. */
export function number(value: Json | undefined): number | null {
  return typeof value === "number" ? value : null;
}

/** JSON of a text; undefined where it is not JSON (so that `null` keeps its meaning). */
export function parseJson(body: string): Json | undefined {
  const read = readJson(body);
  return read.ok ? read.value : undefined;
}
