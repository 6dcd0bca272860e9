import { canonical, type Json, type JsonRecord } from "../../../domain/json.ts";
import { record, text } from "../../../domain/json-fields.ts";

/** Zeroes, and a false, that mean something; elsewhere the API leaves a zero out of its answers, or fills one in. */
const TELLING: readonly string[] = ["Parallelism", "Replicas", "Init"];

/**
 * What is left of a spec without what the API adds to it or leaves out of it on the way: nulls, empty texts, lists and records, and
 * zeroes that say as much as nothing. Two specs with one essence are the same to the managers.
 */
export function essenceOf(value: Json): Json {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((one: Json) => essenceOf(one));
  const kept = Object.entries(value as JsonRecord).flatMap(([key, one]) => {
    // `Global: {}` is empty and says everything.
    if (key === "Mode") return [[key, one] as const];
    const left = essenceOf(one);
    return isNothing(left) && !((left === 0 || left === false) && TELLING.includes(key)) ? [] : [[key, left] as const];
  });
  return Object.fromEntries(kept);
}

function isNothing(value: Json): boolean {
  if (value === null || value === "" || value === 0 || value === false) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** The image a spec runs; empty where it names none. */
export function imageOf(spec: JsonRecord): string {
  return text(record(record(spec["TaskTemplate"])["ContainerSpec"])["Image"]) ?? "";
}

/** The task template as a task keeps it: two tasks made from one template have equal texts. The managers leave `Runtime` out of it. */
export function templatePrint(template: Json | undefined): string {
  const { Runtime: _runtime, ...rest } = record(template);
  return canonical(essenceOf(rest));
}
