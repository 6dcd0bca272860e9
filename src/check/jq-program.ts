import type { Json } from "../domain/json.ts";
import type { JqItem, JqResult } from "./jq.ts";
import type { JqAnswer } from "./jq-worker.ts";

/** Names a filter may use as `$name`. */
export const VARIABLES = ["subject", "all", "facts", "context", "now"] as const;
type Variable = (typeof VARIABLES)[number];

/** Outputs kept per item: one is wanted, so two are already too many; the limit also ends a filter that never stops giving. */
const OUTPUTS_KEPT = 3;

/**
 * One program and one document for many items. Values are pooled by identity (facts, all readings and inputs are shared by
 * many items) and left out where the filter does not name them. The program grows with the number of different filters,
 * not of items; compiling it is most of what a call costs, so it says nothing twice. Variables are bound with `as`, because a
 * function parameter `$all` would also hide jq's own `all`.
 */
export function buildProgram(items: readonly JqItem[]): { readonly program: string; readonly document: string } {
  const pool: Json[] = [];
  const places = new Map<Json, number>();
  const place = (value: Json): number => {
    const known = places.get(value);
    if (known !== undefined) return known;
    pool.push(value);
    places.set(value, pool.length - 1);
    return pool.length - 1;
  };
  // Per filter: what each of its items refers to (index of the item, input, then the variables the filter names).
  const calls = new Map<string, { readonly names: readonly Variable[]; readonly references: number[][] }>();
  items.forEach((item, index) => {
    const call = calls.get(item.filter) ?? {
      names: VARIABLES.filter((name) => item.filter.includes(`$${name}`)),
      references: [],
    };
    calls.set(item.filter, call);
    call.references.push([index, place(item.input), ...call.names.map((name) => place(item.vars[name] ?? null))]);
  });
  const uses = [...calls].map(([filter, { names }], index) => {
    const bindings = names.map((name, at) => `$p[.[${at + 2}]] as $${name} | `).join("");
    return `(.c[${index}][] | pawl__attempt(${bindings}$p[.[1]] | (${filter}\n)))`;
  });
  const program = `${ATTEMPT}\n.p as $p | [\n${uses.join(",\n")}\n]`;
  return { program, document: JSON.stringify({ p: pool, c: [...calls.values()].map(({ references }) => references) }) };
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
