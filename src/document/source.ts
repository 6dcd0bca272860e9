import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, type Document, type Node, type YAMLError } from "yaml";
import type { Json } from "../domain/json.ts";
import { quoted, type Complaint, type Path } from "./complaint.ts";

/** A file's name and text; the name is only used to point at. */
export interface Source {
  readonly file: string;
  readonly text: string;
}

/** One YAML document as plain data, with what is needed to point into it. */
export interface Parsed {
  readonly file: string;
  readonly value: Json;
  /** Place of a value; of the nearest thing around it where the path leads nowhere. */
  readonly where: (path: Path) => { readonly line: number; readonly column: number };
  /** Place of a key of a mapping. */
  readonly whereKey: (path: Path) => { readonly line: number; readonly column: number };
  /** The text of an unquoted scalar as it stands in the file (`1.10`), null for anything else. */
  readonly writtenAs: (path: Path) => string | null;
  readonly has: (path: Path) => boolean;
}

const LIMITS = {
  bytes: 2 * 1024 * 1024,
  depth: 60,
  values: 200_000,
  documents: 1_000,
  aliases: 1_000,
  openBrackets: 500,
} as const;

interface Place {
  readonly offset: number;
  readonly keyOffset: number;
  readonly written: string | null;
}

/**
 * Splits a file into its YAML documents. Everything YAML itself complains about (syntax, duplicate keys, unknown tags) and
 * everything that is no plain data (aliases to themselves, keys that are not text, infinities) becomes a complaint; a
 * document with complaints is not in the result. Never throws.
 */
export function parseSource(source: Source): {
  readonly documents: readonly Parsed[];
  readonly complaints: readonly Complaint[];
} {
  const { file, text } = source;
  const tooMuch = sizeComplaint(text);
  if (tooMuch !== null) return { documents: [], complaints: [{ file, line: 1, column: 1, message: tooMuch }] };
  const lines = new LineCounter();
  const parsed = parseYaml(text, lines);
  if (typeof parsed === "string") return { documents: [], complaints: [{ file, line: 1, column: 1, message: parsed }] };
  const documents: Parsed[] = [];
  const complaints: Complaint[] = [];
  for (const document of parsed) {
    const faults = [...document.errors, ...document.warnings].map((error) => yamlComplaint(file, lines, error));
    if (faults.length === 0 && isEmpty(document.contents)) continue;
    const read = faults.length === 0 ? readTree(file, document, lines) : { faults: [], parsed: null };
    complaints.push(...faults, ...read.faults);
    if (read.parsed !== null && faults.length + read.faults.length === 0) documents.push(read.parsed);
  }
  if (documents.length === 0 && complaints.length === 0)
    complaints.push({ file, line: 1, column: 1, message: "the file contains no document" });
  return { documents, complaints };
}

/** What is left of a document that has only comments: `---` at the end of a file begins one. */
function isEmpty(contents: unknown): boolean {
  return contents === null || (isScalar(contents) && contents.value === null && (contents.source ?? "") === "");
}

function sizeComplaint(text: string): string | null {
  if (Buffer.byteLength(text) > LIMITS.bytes)
    return `the file is larger than ${LIMITS.bytes / 1024 / 1024} MiB: no document of pawl is`;
  if (text.includes("\0")) return "the file contains NUL bytes: it is not text";
  if ((text.match(/^---/gm)?.length ?? 0) > LIMITS.documents) return `the file holds more than ${LIMITS.documents} documents`;
  return nestsTooDeep(text) ? `the document is nested deeper than ${LIMITS.depth} levels` : null;
}

/** A cheap look before parsing: the parser recurses, and a line of a million brackets must not reach it. */
function nestsTooDeep(text: string): boolean {
  let open = 0;
  for (const char of text) {
    if (char === "[" || char === "{") open += 1;
    else if (char === "]" || char === "}") open = Math.max(0, open - 1);
    if (open > LIMITS.openBrackets) return true;
  }
  return /^ {600}/m.test(text) || /(?:[-?:][ \t]+){100}/.test(text);
}

function parseYaml(text: string, lines: LineCounter): readonly Document.Parsed[] | string {
  try {
    const all = parseAllDocuments(text, {
      lineCounter: lines,
      prettyErrors: false,
      stringKeys: false,
      uniqueKeys: true,
      logLevel: "error",
    });
    return Array.isArray(all) ? all : [];
  } catch (error) {
    return `the YAML cannot be read: ${error instanceof Error ? error.message : "unknown fault"}`;
  }
}

function yamlComplaint(file: string, lines: LineCounter, error: YAMLError): Complaint {
  const { line, col } = lines.linePos(error.pos[0]);
  const message = error.code === "DUPLICATE_KEY" ? "this key is written twice in the same mapping" : `YAML: ${error.message}`;
  return { file, line: Math.max(1, line), column: Math.max(1, col), message };
}

function readTree(
  file: string,
  document: Document.Parsed,
  lines: LineCounter,
): { readonly parsed: Parsed | null; readonly faults: readonly Complaint[] } {
  const places = new Map<string, Place>();
  const faults: Complaint[] = [];
  let count = 0;
  let aliases = 0;
  const position = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const complain = (offset: number, message: string, hint?: string): null => {
    faults.push({ file, ...position(offset), message, ...(hint === undefined ? {} : { hint }) });
    return null;
  };

  const visit = (node: unknown, path: Path, keyOffset: number, inAliases: readonly Node[]): Json => {
    const offset = offsetOf(node) ?? keyOffset;
    count += 1;
    if (count > LIMITS.values)
      return count === LIMITS.values + 1
        ? complain(offset, `more than ${LIMITS.values} values (aliases counted every time they are used)`)
        : null;
    if (path.length > LIMITS.depth) return complain(offset, `nested deeper than ${LIMITS.depth} levels`);
    const written = isScalar(node) && node.type === "PLAIN" && typeof node.source === "string" ? node.source : null;
    places.set(JSON.stringify(path), { offset, keyOffset, written });
    if (isAlias(node)) {
      aliases += 1;
      if (aliases > LIMITS.aliases)
        return aliases === LIMITS.aliases + 1 ? complain(offset, `more than ${LIMITS.aliases} aliases`) : null;
      const target = node.resolve(document);
      if (target === undefined) return complain(offset, `the alias *${node.source} names nothing`);
      if (inAliases.includes(target)) return complain(offset, `the alias *${node.source} contains itself`);
      return visit(target, path, offset, [...inAliases, target]);
    }
    if (isScalar(node)) {
      const { value } = node;
      if (value === null || value === undefined) return null;
      if (typeof value === "string" || typeof value === "boolean") return value;
      if (typeof value === "number" && Number.isFinite(value)) return value;
      return complain(
        offset,
        `${quoted(node.source ?? "this")} is neither text nor a finite number`,
        "quote it if text is meant",
      );
    }
    if (isSeq(node)) return node.items.map((item, index) => visit(item, [...path, index], offset, inAliases));
    if (!isMap(node)) return null;
    const record: Record<string, Json> = {};
    for (const { key, value } of node.items) {
      const at = offsetOf(key) ?? offset;
      const name = isScalar(key) ? key.value : key;
      if (typeof name !== "string")
        complain(at, `the key ${keyText(key)} is not text`, isScalar(key) ? `quote it: "${key.source ?? ""}"` : undefined);
      else if (name === "__proto__") complain(at, "`__proto__` cannot be used as a key");
      else record[name] = visit(value, [...path, name], at, inAliases);
    }
    return record;
  };

  const value = visit(document.contents, [], 0, []);
  const placeOf = (path: Path): Place => {
    for (let length = path.length; length >= 0; length -= 1) {
      const place = places.get(JSON.stringify(path.slice(0, length)));
      if (place !== undefined) return place;
    }
    return { offset: 0, keyOffset: 0, written: null };
  };
  return {
    faults,
    parsed: {
      file,
      value,
      where: (path) => position(placeOf(path).offset),
      whereKey: (path) => position(placeOf(path).keyOffset),
      writtenAs: (path) => places.get(JSON.stringify(path))?.written ?? null,
      has: (path) => places.has(JSON.stringify(path)),
    },
  };
}

function offsetOf(node: unknown): number | null {
  const range = (node as { readonly range?: readonly number[] | null } | null | undefined)?.range;
  return range?.[0] ?? null;
}

function keyText(key: unknown): string {
  return isScalar(key) ? quoted(key.source ?? String(key.value)) : "of this entry";
}
