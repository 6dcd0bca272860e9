import type { Json } from "../../src/domain/json.ts";

/** The same numbers at every run (mulberry32). */
export function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

const TOKENS = [
  "{",
  "}",
  "[",
  "]",
  '"',
  "'",
  ":",
  ": ",
  ",",
  "- ",
  "\n",
  "  ",
  "\t",
  "&a ",
  "*a",
  "!!binary ",
  "!!set ",
  "|\n",
  ">\n",
  "---\n",
  "...\n",
  "%YAML 1.1\n---\n",
  "<<: ",
  "? ",
  "#",
  "~",
  "null",
  "true",
  "1.10",
  "0x1F",
  ".nan",
  "-.inf",
  "1e999",
  "99999999999999999999",
  "constructor",
  "__proto__: 1\n",
  "toString",
  "\0",
  "\ufeff",
  "\u2028",
  "\u001b[2J",
  "\ud800",
  "{{ inputs.x }}",
  "\\u0000",
  "\\ud800",
  "é",
  "🙂",
  "a".repeat(300),
  "[".repeat(70),
  "NaN",
  "Infinity",
  "-0",
  "<html>",
  "imok",
  "=== \n",
  "file ",
  "end\n",
  "exit 1",
] as const;

/** One to five changes: cut, doubled, replaced, inserted, cut off, a byte turned. */
export function mutate(bytes: Buffer, roll: (below: number) => number): Buffer {
  let now = bytes;
  for (let edit = roll(5); edit >= 0; edit -= 1) {
    const from = roll(now.length + 1);
    const to = Math.min(now.length, from + roll(roll(4) === 0 ? 400 : 12));
    const token = Buffer.from(TOKENS[roll(TOKENS.length)] ?? "");
    const parts = [
      () => [now.subarray(0, from), now.subarray(to)],
      () => [now.subarray(0, to), now.subarray(from, to), now.subarray(to)],
      () => [now.subarray(0, from), token, now.subarray(to)],
      () => [now.subarray(0, from), token, now.subarray(from)],
      () => [now.subarray(0, from)],
      () => [now.subarray(0, from), Buffer.from([roll(256)]), now.subarray(Math.min(now.length, from + 1))],
    ][roll(roll(8) === 0 ? 6 : 4)];
    now = Buffer.concat(parts?.() ?? []);
  }
  return now;
}

const ODD: readonly Json[] = [
  null,
  "",
  0,
  -1,
  1e21,
  0.1,
  true,
  [],
  {},
  [[]],
  [null],
  "x".repeat(500),
  "\u0000",
  "NaN",
  { __proto__x: 1 },
  [[[[[[]]]]]],
  "1.11.3",
  { constructor: null },
];

/** A value somewhere in a document replaced, dropped or doubled. */
export function bend(value: Json, roll: (below: number) => number, depth = 0): Json {
  if (depth > 12 || value === null || typeof value !== "object" || roll(6) === 0) return ODD[roll(ODD.length)] ?? null;
  if (Array.isArray(value)) {
    const items = value as readonly Json[];
    if (items.length === 0) return ODD[roll(ODD.length)] ?? null;
    const at = roll(items.length);
    return items.flatMap((item, index) =>
      index !== at ? [item] : roll(8) === 0 ? [] : roll(8) === 0 ? [item, item] : [bend(item, roll, depth + 1)],
    );
  }
  const keys = Object.keys(value);
  if (keys.length === 0) return ODD[roll(ODD.length)] ?? null;
  const key = keys[roll(keys.length)] ?? "";
  const { [key]: bent = null, ...rest } = value as Readonly<Record<string, Json>>;
  return roll(8) === 0 ? rest : { ...rest, [roll(12) === 0 ? "constructor" : key]: bend(bent, roll, depth + 1) };
}
