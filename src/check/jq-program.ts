import type { Json, JsonRecord } from "../domain/json.ts";
import type { JqItem, JqResult } from "./jq.ts";
import type { JqAnswer } from "./jq-worker.ts";

/** Names a filter may use as `$name`. */
export const VARIABLES = ["subject", "all", "facts", "context", "now"] as const;
type Variable = (typeof VARIABLES)[number];

/** Outputs kept per item: one is wanted, so two are already too many; the limit also ends a filter that never stops giving. */
const OUTPUTS_KEPT = 3;

/** How deep a value is taken apart, so that what several have in common is sent once: readings of a subject, readings of all by name. */
const DEPTHS: Readonly<Record<Variable | "input", number>> = { input: 1, all: 2, subject: 0, facts: 0, context: 0, now: 0 };

/**
 * One program and one document for many items. Values are pooled by identity (facts, inputs and single readings are shared by
 * many items) and left out where the filter does not name them: jq takes its document byte by byte. The program grows with the
 * number of different filters, not of items; compiling it is most of what a call costs, so it says nothing twice. Variables
 * are bound with `as`, because a function parameter `$all` would also hide jq's own `all`.
 */
export function buildProgram(items: readonly JqItem[]): { readonly program: string; readonly document: string } {
  const pool = createPool();
  const narrow = narrowing(items);
  // Per filter: what each of its items refers to (index of the item, input, then the variables the filter names).
  const calls = new Map<string, { readonly names: readonly Variable[]; readonly references: number[][] }>();
  items.forEach((item, index) => {
    const call = calls.get(item.filter) ?? {
      names: VARIABLES.filter((name) => item.filter.includes(`$${name}`)),
      references: [],
    };
    calls.set(item.filter, call);
    const valueOf = (name: Variable): Json => (name === "facts" ? narrow(item.vars.facts ?? null) : (item.vars[name] ?? null));
    const variables = call.names.map((name) => pool.place(valueOf(name), DEPTHS[name]));
    call.references.push([index, pool.place(item.input, DEPTHS.input), ...variables]);
  });
  const uses = [...calls].map(([filter, { names }], index) => {
    const bindings = names.map((name, at) => `$p[.[${at + 2}]] as $${name} | `).join("");
    return `(.c[${index}][] | pawl__attempt(${bindings}$p[.[1]] | (${filter}\n)))`;
  });
  const program = `${ATTEMPT}\n${POOL} as $p | [\n${uses.join(",\n")}\n]`;
  const references = [...calls.values()].map((call) => call.references);
  return { program, document: JSON.stringify({ p: pool.entries, c: references }) };
}

/** A value as it is (in a list of one), or an object by the places of its values. */
type PoolEntry = readonly [Json] | Readonly<Record<string, number>>;

function createPool(): { readonly entries: readonly PoolEntry[]; place(value: Json, depth: number): number } {
  const entries: PoolEntry[] = [];
  const places = new Map<Json, number>();
  const place = (value: Json, depth: number): number => {
    const known = places.get(value);
    if (known !== undefined) return known;
    const entry: PoolEntry =
      depth > 0 && isRecord(value)
        ? Object.fromEntries(Object.entries(value).map(([name, part]) => [name, place(part, depth - 1)]))
        : [value];
    places.set(value, entries.push(entry) - 1);
    return entries.length - 1;
  };
  return { entries, place };
}

/** The pool put together again; each entry refers only to those before it. */
const POOL = 'reduce .p[] as $e ([]; . + [if ($e | type) == "array" then $e[0] else . as $d | $e | map_values($d[.]) end])';

/** The facts of a large cluster are long, and filters name few of them: only what follows `$facts` in one of them is sent. */
function narrowing(items: readonly JqItem[]): (facts: Json) => Json {
  const filters = new Set(items.map((item) => item.filter));
  const paths = [...filters].flatMap((filter) => [...filter.matchAll(NAMED)].map(([, path = ""]) => path.split(".").slice(1)));
  const narrowed = new Map<Json, Json>();
  return (facts) => {
    const known = narrowed.get(facts);
    if (known !== undefined) return known;
    const made = cut(facts, paths);
    narrowed.set(facts, made);
    return made;
  };
}

/** `$facts` with the names that follow it at once; without any it means all of them. */
const NAMED = /\$facts\b((?:\.[A-Za-z_]\w*)*)/g;

/** What lies on the paths. A path that ends takes all that is there. */
function cut(value: Json, paths: readonly (readonly string[])[]): Json {
  if (!isRecord(value) || paths.some((path) => path.length === 0)) return value;
  const names = new Set(paths.map(([name = ""]) => name).filter((name) => Object.hasOwn(value, name)));
  const below = (name: string): readonly (readonly string[])[] =>
    paths.filter((path) => path[0] === name).map((path) => path.slice(1));
  return Object.fromEntries([...names].map((name) => [name, cut(value[name] ?? null, below(name))]));
}

function isRecord(value: Json): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const CAUGHT = 'if type == "string" then . else tojson end';
const ATTEMPT = `def pawl__attempt(f): .[0] as $i | try {i: $i, o: [limit(${OUTPUTS_KEPT}; f)]} catch {i: $i, e: (${CAUGHT})};`;

/** The results in an answer to `buildProgram`, or null where the answer is not whole (an item halted jq, memory ran out). */
export function readOutputs(answer: JqAnswer, count: number): readonly JqResult[] | null {
  if (answer.exitCode !== 0) return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(answer.stdout);
  } catch {
    return null;
  }
  if (!Array.isArray(parsed) || parsed.length !== count) return null;
  const results: JqResult[] = [];
  let found = 0;
  for (const entry of parsed as readonly Json[]) {
    if (entry === null || typeof entry !== "object" || Array.isArray(entry)) return null;
    const { i, o, e } = entry as { readonly i?: Json; readonly o?: Json; readonly e?: Json };
    if (typeof i !== "number" || results[i] !== undefined) return null;
    if (Array.isArray(o)) results[i] = { kind: "outputs", outputs: o as readonly Json[] };
    else results[i] = { kind: "error", error: typeof e === "string" ? e : JSON.stringify(e ?? null) };
    found += 1;
  }
  return found === count ? results : null;
}
