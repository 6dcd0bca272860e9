/** Plain JSON data: what documents, facts, events and readings are made of. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonRecord = { readonly [key: string]: Json };

/** JSON with sorted keys and no white space: the form that is hashed, so that equal data has equal fingerprints. */
export function canonical(value: Json): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item: Json) => canonical(item)).join(",")}]`;
  const record = value as JsonRecord;
  const keys = Object.keys(record).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(record[key] ?? null)}`).join(",")}}`;
}

/** Deeper than any answer of a product; what walks a value recursively must not run out of stack. */
const DEEPEST = 500;

/** A text as JSON, or why it is not taken for any, in words. */
export type JsonText = { readonly ok: true; readonly value: Json } | { readonly ok: false; readonly why: string };

/** Reads JSON from outside: never throws, and takes no value that is nested more than 500 deep. A byte order mark is passed over. */
export function readJson(text: string): JsonText {
  const body = text.startsWith("\uFEFF") ? text.slice(1) : text;
  if (body.trim() === "") return { ok: false, why: "an empty answer" };
  if (isTooDeep(body)) return { ok: false, why: `nested more than ${DEEPEST} levels deep` };
  try {
    return { ok: true, value: JSON.parse(body) as Json };
  } catch {
    const line = body.trimStart().slice(0, 400).split("\n")[0]?.trimEnd() ?? "";
    return { ok: false, why: `not JSON: ${line.length > 120 ? `${line.slice(0, 119)}…` : line}` };
  }
}

/** Counts brackets outside of strings; ends at the first that is too deep. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case 0x22: // A string: to its closing quote.
        at = closingQuote(text, at);
        break;
      case 0x5b:
      case 0x7b:
        depth += 1;
        if (depth > DEEPEST) return true;
        break;
      case 0x5d:
      case 0x7d:
        depth -= 1;
        break;
    }
  }
  return false;
}

function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === 0x5c) slashes += 1;
    if (slashes % 2 === 0) return at;
  }
  return text.length;
}
