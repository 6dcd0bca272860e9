import * as z from "zod";
import type { Json } from "../domain/json.ts";
import { quoted, type Complaint, type Path } from "./complaint.ts";
import { WORDS } from "./fields.ts";
import type { Parsed } from "./tree.ts";
import { suggest } from "./suggest.ts";

type Issue = z.core.$ZodIssue;

/** Nobody reads more complaints about one document than these. */
const MOST_EXPLAINED = 1_000;

/** Every issue zod has with a document, as complaints a person can act on: place, what is expected, what stands there, what to write. */
export function complaintsOf(parsed: Parsed, schema: z.ZodType, issues: readonly Issue[]): readonly Complaint[] {
  return issues.slice(0, MOST_EXPLAINED).flatMap((issue) => explain(parsed, schema, issue, []));
}

/** A complaint at a path of the document. */
export function complaintAt(parsed: Parsed, path: Path, message: string, hint?: string): Complaint {
  return { file: parsed.file, ...parsed.where(path), message, ...(hint === undefined ? {} : { hint }) };
}

/** A path as it is written in jq and in people's heads: `nodes[2].ssh.port`. */
export function pathText(path: Path): string {
  const text = path
    .map((part) => (typeof part === "number" ? `[${part}]` : /^[A-Za-z0-9_-]+$/.test(part) ? `.${part}` : `.${quoted(part)}`))
    .join("");
  return text.startsWith(".") ? text.slice(1) : text || "the document";
}

function explain(parsed: Parsed, schema: z.ZodType, issue: Issue, before: Path): readonly Complaint[] {
  const path: Path = [...before, ...issue.path.map((part) => (typeof part === "symbol" ? String(part) : part))];
  const parent = path.slice(0, -1);
  const key = path.at(-1);
  switch (issue.code) {
    case "unrecognized_keys": {
      const known = keysAt(schemaAt(schema, path));
      return issue.keys.map((unknown) => ({
        file: parsed.file,
        ...parsed.whereKey([...path, unknown]),
        message: `unknown key ${quoted(unknown)}${path.length === 0 ? "" : ` in ${pathText(path)}`}`,
        ...hinted(suggest(unknown, known)),
      }));
    }
    case "invalid_key": {
      const written = String(key);
      const record = unwrap(schemaAt(schema, parent));
      const what = record instanceof z.ZodRecord ? wordsOf(record.keyType as z.ZodType) : "another name";
      return [
        {
          file: parsed.file,
          ...parsed.whereKey(path),
          message: `the key ${quoted(written)} in ${pathText(parent)} must be ${what}`,
        },
      ];
    }
    case "invalid_union":
      return explainUnion(parsed, schema, issue, path);
    case "invalid_value":
    case "invalid_type":
    case "invalid_format":
    case "too_big":
    case "too_small":
    case "not_multiple_of":
    case "invalid_element":
    case "custom":
      break;
  }
  if (!parsed.has(path))
    return [complaintAt(parsed, parent, `${pathText(path)} is missing`, `it must be ${wordsOf(schemaAt(schema, path))}`)];
  const value = valueAt(parsed.value, path);
  if (issue.code === "too_small" && Array.isArray(value))
    return [complaintAt(parsed, path, `${pathText(path)} is empty: it needs at least one entry`)];
  if (issue.code === "invalid_value") {
    const accepted = issue.values.map(String);
    const hint = typeof value === "string" ? suggest(value, accepted) : undefined;
    return [
      complaintAt(
        parsed,
        path,
        `${pathText(path)} must be ${accepted.length === 1 ? (accepted[0] ?? "") : `one of ${accepted.join(", ")}`}, not ${shown(value)}`,
        hint,
      ),
    ];
  }
  return [
    complaintAt(
      parsed,
      path,
      `${pathText(path)} must be ${wordsOf(schemaAt(schema, path))}, not ${shown(value, parsed.writtenAs(path))}`,
      hintFor(parsed, schemaAt(schema, path), value, path),
    ),
  ];
}

/** The branch of a union that the author meant: the one whose outer form fits; otherwise all are named. */
function explainUnion(
  parsed: Parsed,
  schema: z.ZodType,
  issue: Extract<Issue, { code: "invalid_union" }>,
  path: Path,
): readonly Complaint[] {
  const meant = issue.errors.filter((errors) => !errors.some((one) => one.path.length === 0 && one.code === "invalid_type"));
  const [only] = meant;
  if (meant.length === 1 && only !== undefined) return only.flatMap((one) => explain(parsed, schema, one, path));
  if (!parsed.has(path))
    return [
      complaintAt(parsed, path.slice(0, -1), `${pathText(path)} is missing`, `it must be ${wordsOf(schemaAt(schema, path))}`),
    ];
  const value = valueAt(parsed.value, path);
  return [
    complaintAt(
      parsed,
      path,
      `${pathText(path)} must be ${wordsOf(schemaAt(schema, path))}, not ${shown(value, parsed.writtenAs(path))}`,
    ),
  ];
}

/** Why an unquoted scalar became something else, and how to write it. */
function hintFor(parsed: Parsed, schema: z.ZodType | null, value: Json | undefined, path: Path): string | undefined {
  const written = parsed.writtenAs(path);
  if (written === null || (typeof value !== "number" && typeof value !== "boolean")) return undefined;
  const what = wordsOf(schema);
  if (what.startsWith("a duration")) return typeof value === "number" ? `add the unit: ${written}s or ${written}m` : undefined;
  const wantsText = unwrap(schema) instanceof z.ZodString;
  if (!wantsText) return undefined;
  const lost = String(value) === written ? "" : `; without quotes YAML reads it as ${String(value)}`;
  return `quote it: "${written}"${lost}`;
}

function hinted(hint: string | undefined): { readonly hint?: string } {
  return hint === undefined ? {} : { hint };
}

function shown(value: Json | undefined, written: string | null = null): string {
  if (value === undefined || value === null) return "empty";
  if (typeof value === "string") return quoted(value);
  if (typeof value === "number") return `the number ${written ?? value}`;
  if (typeof value === "boolean") return written ?? String(value);
  return Array.isArray(value) ? "a list" : "a mapping";
}

function valueAt(value: Json, path: Path): Json | undefined {
  let at: Json | undefined = value;
  for (const part of path) {
    if (at === null || typeof at !== "object") return undefined;
    at = (at as Readonly<Record<string, Json>>)[part];
  }
  return at;
}

/** What a field is, in words; from its registered words, else from its form. */
function wordsOf(schema: z.ZodType | null): string {
  const bare = unwrap(schema);
  if (bare === null) return "something else";
  const words = WORDS.get(bare)?.what;
  if (words !== undefined) return words;
  if (bare instanceof z.ZodUnion) return bare.options.map((one) => wordsOf(one as z.ZodType)).join(", or ");
  if (bare instanceof z.ZodEnum) return `one of ${bare.options.join(", ")}`;
  if (bare instanceof z.ZodLiteral) return [...bare.values].map(String).join(" or ");
  if (bare instanceof z.ZodArray) return "a list";
  if (bare instanceof z.ZodObject) return `a mapping with ${Object.keys(bare.shape).join(", ")}`;
  if (bare instanceof z.ZodRecord) return "a mapping";
  return "something else";
}

/** The schema that a path of the document is judged by, null where there is none. */
function schemaAt(schema: z.ZodType, path: Path): z.ZodType | null {
  let candidates: readonly z.ZodType[] = branches(schema);
  for (const part of path) {
    candidates = candidates.flatMap((one) => branches(childOf(one, part)));
  }
  const [first] = candidates;
  return candidates.length > 1 ? z.union(candidates as [z.ZodType, z.ZodType]) : (first ?? null);
}

function childOf(schema: z.ZodType, part: string | number): z.ZodType | null {
  if (schema instanceof z.ZodObject) {
    const shape = schema.shape as Readonly<Record<string, z.ZodType>>;
    return Object.hasOwn(shape, part) ? (shape[part] ?? null) : null;
  }
  if (schema instanceof z.ZodArray) return typeof part === "number" ? (schema.element as z.ZodType) : null;
  if (schema instanceof z.ZodRecord) return schema.valueType as z.ZodType;
  return null;
}

function branches(schema: z.ZodType | null): readonly z.ZodType[] {
  const bare = unwrap(schema);
  if (bare === null) return [];
  return bare instanceof z.ZodUnion && WORDS.get(bare) === undefined
    ? bare.options.flatMap((one) => branches(one as z.ZodType))
    : [bare];
}

function unwrap(schema: z.ZodType | null): z.ZodType | null {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault ? unwrap(schema.unwrap() as z.ZodType) : schema;
}

function keysAt(schema: z.ZodType | null): readonly string[] {
  if (schema instanceof z.ZodObject) return Object.keys(schema.shape);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((one) => keysAt(one as z.ZodType));
  return [];
}
