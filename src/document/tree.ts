import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Alias,
  type LineCounter,
  type Node,
  type Scalar,
  type YAMLMap,
} from "yaml";
import type { Json } from "../domain/json.ts";
import { quoted, type Complaint, type Path } from "./complaint.ts";

/** Line and column, both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** One YAML document as plain data, with what is needed to point into it. */
export interface Parsed {
  readonly file: string;
  readonly value: Json;
  /** What is no plain data; what is left of the document is still worth judging. */
  readonly faults: readonly Complaint[];
  /** A limit cut the document short: nothing but the faults means anything. */
  readonly cut: boolean;
  /** Place of a value; of the nearest thing around it where the path leads nowhere. */
  readonly where: (path: Path) => Position;
  /** Place of a key of a mapping. */
  readonly whereKey: (path: Path) => Position;
  /** The text of an unquoted scalar as it stands in the file (`1.10`), null for anything else. */
  readonly writtenAs: (path: Path) => string | null;
  readonly has: (path: Path) => boolean;
}

export const TREE_LIMITS = { depth: 60, values: 100_000, aliases: 1_000, faults: 1_000 } as const;

interface Place {
  readonly offset: number;
  readonly keyOffset: number;
  readonly written: string | null;
}

/** What is known while one document is being walked. */
interface Walk {
  readonly file: string;
  readonly lines: LineCounter;
  readonly places: Map<string, Place>;
  readonly faults: Complaint[];
  readonly anchors: Map<string, Node>;
  values: number;
  aliases: number;
  cut: boolean;
}

interface Spot {
  readonly path: Path;
  readonly keyOffset: number;
  /** Targets of the aliases this spot is inside of. */
  readonly inside: readonly Node[];
}

/** Walks the tree of a document once. Aliases are followed, counted, and never in circles; each value's place is kept. */
export function readTree(file: string, contents: unknown, lines: LineCounter): Parsed {
  const walk: Walk = { file, lines, places: new Map(), faults: [], anchors: new Map(), values: 0, aliases: 0, cut: false };
  const value = visit(walk, contents, { path: [], keyOffset: 0, inside: [] });
  const { places, faults } = walk;
  const placeOf = (path: Path): Place => {
    for (let length = path.length; length >= 0; length -= 1) {
      const place = places.get(JSON.stringify(path.slice(0, length)));
      if (place !== undefined) return place;
    }
    return { offset: 0, keyOffset: 0, written: null };
  };
  return {
    file,
    value,
    faults,
    cut: walk.cut,
    where: (path) => positionAt(lines, placeOf(path).offset),
    whereKey: (path) => positionAt(lines, placeOf(path).keyOffset),
    writtenAs: (path) => places.get(JSON.stringify(path))?.written ?? null,
    has: (path) => places.has(JSON.stringify(path)),
  };
}

/** Line and column of an offset in the text. */
export function positionAt(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function complain(walk: Walk, offset: number, message: string, hint?: string): null {
  if (walk.faults.length < TREE_LIMITS.faults)
    walk.faults.push({ file: walk.file, ...positionAt(walk.lines, offset), message, ...(hint === undefined ? {} : { hint }) });
  return null;
}

function cutShort(walk: Walk, offset: number, message: string): null {
  walk.cut = true;
  return complain(walk, offset, message);
}

function visit(walk: Walk, node: unknown, spot: Spot): Json {
  const offset = offsetOf(node) ?? spot.keyOffset;
  walk.values += 1;
  if (walk.values === TREE_LIMITS.values + 1)
    return cutShort(walk, offset, `more than ${TREE_LIMITS.values} values (aliases counted every time they are used)`);
  if (walk.values > TREE_LIMITS.values) return null;
  if (spot.path.length > TREE_LIMITS.depth) return cutShort(walk, offset, `nested deeper than ${TREE_LIMITS.depth} levels`);
  const written = isScalar(node) && node.type === "PLAIN" && typeof node.source === "string" ? node.source : null;
  walk.places.set(JSON.stringify(spot.path), { offset, keyOffset: spot.keyOffset, written });
  if (isAlias(node)) return visitAlias(walk, node, offset, spot);
  if (isNode(node) && node.anchor !== undefined && spot.inside.length === 0) walk.anchors.set(node.anchor, node);
  if (isScalar(node)) return scalarValue(walk, node, offset);
  if (isSeq(node))
    return node.items.map((item, index) =>
      visit(walk, item, { path: [...spot.path, index], keyOffset: offset, inside: spot.inside }),
    );
  return isMap(node) ? visitMap(walk, node, offset, spot) : null;
}

function visitAlias(walk: Walk, alias: Alias, offset: number, spot: Spot): Json {
  walk.aliases += 1;
  if (walk.aliases === TREE_LIMITS.aliases + 1) return cutShort(walk, offset, `more than ${TREE_LIMITS.aliases} aliases`);
  if (walk.aliases > TREE_LIMITS.aliases) return null;
  const target = walk.anchors.get(alias.source);
  if (target === undefined) return complain(walk, offset, `the alias *${alias.source} names nothing`);
  if (spot.inside.includes(target)) return complain(walk, offset, `the alias *${alias.source} contains itself`);
  return visit(walk, target, { path: spot.path, keyOffset: offset, inside: [...spot.inside, target] });
}

function scalarValue(walk: Walk, node: Scalar, offset: number): Json {
  const { value } = node;
  if (value === null || value === undefined) return null;
  if (typeof value === "boolean") return value;
  if (typeof value === "string") {
    const wrong = unusable(value);
    return wrong === null ? value : complain(walk, offset, `the text ${quoted(node.source ?? value)} ${wrong}`);
  }
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value))
    return complain(
      walk,
      offset,
      `the number ${quoted(node.source ?? "")} is too large to be kept exactly`,
      "quote it if text is meant",
    );
  if (typeof value === "number" && Number.isFinite(value)) return value;
  const shown = quoted(node.source ?? "this");
  return complain(walk, offset, `${shown} is neither text nor a finite number`, "quote it if text is meant");
}

/** Why a text could not reach a node, a file name or a journal as it is; null where it can. */
function unusable(text: string): string | null {
  if (text.includes("\0")) return "holds a NUL character: no argument, path or file can";
  return /\p{Surrogate}/u.test(text) ? "holds half a character (a lone surrogate)" : null;
}

function visitMap(walk: Walk, map: YAMLMap, offset: number, spot: Spot): Json {
  const record: Record<string, Json> = {};
  for (const { key, value } of map.items) {
    const at = offsetOf(key) ?? offset;
    const name = isScalar(key) ? key.value : key;
    if (typeof name !== "string") complainKey(walk, key, at);
    else if (Object.hasOwn(record, name)) complain(walk, at, "this key is written twice in the same mapping");
    else if (unusable(name) !== null) complain(walk, at, `the key ${quoted(name)} ${unusable(name) ?? ""}`);
    else if (name === "<<")
      complain(
        walk,
        at,
        "`<<` merges nothing here: YAML 1.2 has no merge keys",
        "write the keys out, or use an alias for a whole value",
      );
    else if (name === "__proto__") complain(walk, at, "`__proto__` cannot be used as a key");
    else record[name] = visit(walk, value, { path: [...spot.path, name], keyOffset: at, inside: spot.inside });
  }
  return record;
}

function complainKey(walk: Walk, key: unknown, at: number): void {
  const source = isScalar(key) ? (key.source ?? "") : null;
  if (source === null) complain(walk, at, "the key of this entry is not text");
  else complain(walk, at, `the key ${quoted(source)} is not text`, `quote it: "${source}"`);
}

function offsetOf(node: unknown): number | null {
  const range = (node as { readonly range?: readonly number[] | null } | null | undefined)?.range;
  return range?.[0] ?? null;
}
