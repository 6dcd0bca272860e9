import { canonical } from "../domain/json.ts";
import type { Json } from "../domain/json.ts";
import type { SubjectVerdict } from "./judge.ts";

/** Subjects named in a sentence; the evidence has them all. */
const NAMED = 5;

/** Longest value and longest sentence, in characters: an event must fit a line of 4 KiB. */
const VALUE_CHARS = 160;
const SENTENCE_CHARS = 900;

/** One sentence with the values that decided: failed subjects first, then those without a verdict, then the others. */
export function observedText(verdicts: readonly SubjectVerdict[]): string {
  if (verdicts.length === 0) return "there was nobody to ask: no node of the inventory is a subject of this check";
  const decided =
    ["fail", "inconclusive", "pass"]
      .map((kind) => verdicts.filter((one) => one.verdict === kind))
      .find((some) => some.length > 0) ?? [];
  const named = decided.slice(0, NAMED).map(subjectText);
  const more = decided.length > NAMED ? [`and ${decided.length - NAMED} more`] : [];
  const passed = verdicts.filter((one) => one.verdict === "pass").length;
  const count = passed === verdicts.length || verdicts.length === 1 ? [] : [`${passed} of ${verdicts.length} passed`];
  return cut([...named, ...more, ...count].join("; "), SENTENCE_CHARS);
}

function subjectText({ subject, value, detail, why }: SubjectVerdict): string {
  const shown = value === null ? "" : valueText(value);
  if (why === "no-answer") return `${subject}: no answer (${cut(detail ?? "", VALUE_CHARS)})`;
  if (detail !== null) return `${subject}: ${cut(detail, VALUE_CHARS)}${shown === "" ? "" : ` (${shown})`}`;
  return `${subject}: ${shown === "" ? "nothing to show" : shown}`;
}

/** A value as people read it: flat objects as `key value` pairs, everything else as JSON, cut to a bearable length. */
function valueText(value: Json): string {
  if (typeof value === "string") return cut(value, VALUE_CHARS);
  if (value !== null && typeof value === "object" && !Array.isArray(value)) {
    const told = Object.entries(value).filter(([, part]: [string, Json]) => part !== null && part !== "");
    const pairs = told.map(([key, part]: [string, Json]) => `${key} ${typeof part === "string" ? part : canonical(part)}`);
    return cut(pairs.join(", "), VALUE_CHARS);
  }
  return cut(canonical(value), VALUE_CHARS);
}

function cut(text: string, chars: number): string {
  return text.length > chars ? `${text.slice(0, chars - 1)}…` : text;
}
