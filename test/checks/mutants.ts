/**
 * Mutants of a jq filter: small wrong changes of the kind a tired hand makes. A tokenizer is enough of jq's grammar: a mutant
 * that does not compile is thrown away by whoever runs it.
 */
interface Token {
  readonly kind: "space" | "field" | "string" | "number" | "variable" | "word" | "operator" | "bracket";
  readonly text: string;
}

export interface Mutant {
  /** What was changed, so that a survivor can be found: `== to != at "… and (.b == 1)"`. */
  readonly change: string;
  readonly filter: string;
}

const TOKEN =
  /(?<space>\s+|#[^\n]*)|(?<field>\.(?:[A-Za-z_]\w*|"(?:[^"\\]|\\.)*"))|(?<string>"(?:[^"\\]|\\.)*")|(?<number>\d+(?:\.\d+)?)|(?<variable>\$\w+)|(?<word>[A-Za-z_]\w*)|(?<operator>\/\/|==|!=|<=|>=|\.\.|[<>=+\-*/%|,:;?.])|(?<bracket>[()[\]{}])/gy;

/** The tokens of a filter; joined they are the filter again. Throws where it meets what it does not know. */
function tokensOf(filter: string): readonly Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < filter.length) {
    const at = TOKEN.lastIndex;
    const groups = TOKEN.exec(filter)?.groups;
    if (groups === undefined) throw new Error(`no token of jq at ${JSON.stringify(filter.slice(at, at + 20))}`);
    const [kind, text] = Object.entries(groups as Readonly<Record<string, string | undefined>>).find(
      ([, one]) => one !== undefined,
    ) as [Token["kind"], string];
    tokens.push({ kind, text });
  }
  return tokens;
}

/** Another operator in place of one: inverted, weakened, or the other of a pair. */
const SWAPS: Readonly<Record<string, readonly string[]>> = {
  "==": ["!="],
  "!=": ["=="],
  "<": ["<=", ">="],
  "<=": ["<", ">"],
  ">": [">=", "<="],
  ">=": [">", "<"],
  and: ["or"],
  or: ["and"],
  all: ["any"],
  any: ["all"],
  true: ["false"],
  false: ["true"],
  "+": ["-"],
  "-": ["+"],
  "*": ["+"],
};

/** Functions that a mutant leaves out: what they are applied to goes on as it is. */
const STEPS = new Set(["not", "sort", "unique", "length", "numbers", "strings", "booleans", "arrays", "objects"]);
/** Of these, the ones that can give nothing or false. */
const GUARDS = new Set(["not", "numbers", "strings", "booleans", "arrays", "objects"]);
const CALLS = new Set(["select", "sub", "ltrimstr", "IN", "map", "has"]);

const OPENS: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };
/** Ends an operand of `and` and `or` on its right, and begins one on its left. */
const BOUNDS = new Set(["and", "or", "|", ",", ";", "then", "else", "elif", "end", "if", "as", ":"]);

/** All mutants of a filter that yields one boolean, each different from it and from the others. */
export function mutantsOf(filter: string): readonly Mutant[] {
  const tokens = tokensOf(filter);
  const mutants: Mutant[] = [...wholes(filter)];
  const change = (what: string, from: number, to: number, text: string): void => {
    const filterNow = [...tokens.slice(0, from), { text }, ...tokens.slice(to)].map((one) => one.text).join("");
    mutants.push({ change: `${what} at ${around(tokens, from, to)}`, filter: filterNow });
  };
  tokens.forEach((token, index) => {
    for (const mutated of swapsOf(token)) change(`${token.text} to ${mutated}`, index, index + 1, mutated);
    if (token.kind === "field") {
      change(`${token.text} dropped`, index, index + 1, standsAlone(tokens, index) ? "." : "");
      change(`${token.text} renamed`, index, index + 1, renamed(token.text));
      if (standsAlone(tokens, index) && isJudged(tokens, index))
        change(`${token.text} // true`, index, index + 1, `(${token.text} // true)`);
    }
    if (token.kind === "word" && STEPS.has(token.text) && !isCall(tokens, index)) {
      change(`${token.text} dropped`, index, index + 1, ".");
      if (GUARDS.has(token.text)) change(`${token.text} // true`, index, index + 1, `(${token.text} // true)`);
    }
    if (token.kind === "word" && CALLS.has(token.text) && isCall(tokens, index))
      change(`${token.text}(…) dropped`, index, closing(tokens, next(tokens, index)) + 1, ".");
    if (token.text === "and" || token.text === "or") {
      const neutral = token.text === "and" ? "true" : "false";
      change(`right of ${token.text} ${neutral}`, index + 1, rightEnd(tokens, index + 1), ` ${neutral} `);
      change(`left of ${token.text} ${neutral}`, leftStart(tokens, index), index, ` ${neutral} `);
    }
    if (token.text === "if" || token.text === "elif") {
      const then = matchingThen(tokens, index);
      for (const value of ["true", "false"]) change(`${token.text} ${value}`, index + 1, then, ` ${value} `);
    }
  });
  const seen = new Set([filter.trim()]);
  return mutants.filter((one) => {
    const known = seen.has(one.filter.trim());
    seen.add(one.filter.trim());
    return !known;
  });
}

function wholes(filter: string): readonly Mutant[] {
  const whole = (change: string, text: string): Mutant => ({ change: `the whole filter ${change}`, filter: text });
  return [
    whole("true", "true"),
    whole("false", "false"),
    whole("empty", "empty"),
    whole("null", "null"),
    whole("// true", `(${filter}\n) // true`),
    whole("or true", `(${filter}\n) or true`),
    whole("negated", `(${filter}\n) | not`),
    whole("caught as true", `try (${filter}\n) catch true`),
    whole("all of its outputs", `[${filter}\n] | all`),
    whole("any of its outputs", `[${filter}\n] | any`),
    whole("true where it gives nothing", `[${filter}\n][0] != false`),
  ];
}

function swapsOf(token: Token): readonly string[] {
  if (token.kind === "number")
    return [String(Number(token.text) + 1), ...(Number(token.text) > 0 ? [String(Number(token.text) - 1)] : [])];
  if (token.kind === "string") return [`${token.text.slice(0, -1)}~"`];
  return token.kind === "word" || token.kind === "operator" ? (SWAPS[token.text] ?? []) : [];
}

function renamed(field: string): string {
  return field.endsWith('"') ? `${field.slice(0, -1)}~"` : `${field}_`;
}

/** Whether a field begins a path: without it `.` must stand there, after another part of a path nothing. */
function standsAlone(tokens: readonly Token[], index: number): boolean {
  const before = tokens[index - 1];
  return before === undefined || !(before.kind === "field" || before.kind === "variable" || /^[)\]?]$/.test(before.text));
}

/** Whether a field's own value decides: it is a condition itself, or is compared with `true`. Elsewhere `// true` changes nothing. */
function isJudged(tokens: readonly Token[], index: number): boolean {
  const after = next(tokens, index);
  const text = tokens[after]?.text;
  if (text === "==" || text === "!=") return tokens[next(tokens, after)]?.text === "true";
  return after === -1 || text === "and" || text === "or" || text === "then";
}

function isCall(tokens: readonly Token[], index: number): boolean {
  return tokens[index + 1]?.text === "(";
}

function next(tokens: readonly Token[], index: number): number {
  return tokens.findIndex((token, place) => place > index && token.kind !== "space");
}

/** Where the bracket at `index` closes. */
function closing(tokens: readonly Token[], index: number): number {
  let depth = 0;
  for (let place = index; place < tokens.length; place += 1) {
    if (tokens[place]?.text !== undefined && (tokens[place]?.text ?? "") in OPENS) depth += 1;
    if (Object.values(OPENS).includes(tokens[place]?.text ?? "")) depth -= 1;
    if (depth === 0) return place;
  }
  return tokens.length - 1;
}

/** Depth of brackets and of `if … end` changes with a token. */
function depthOf(token: Token | undefined): number {
  if (token === undefined || token.kind === "space") return 0;
  if (token.text in OPENS || token.text === "if") return 1;
  return Object.values(OPENS).includes(token.text) || token.text === "end" ? -1 : 0;
}

function rightEnd(tokens: readonly Token[], from: number): number {
  let depth = 0;
  for (let place = from; place < tokens.length; place += 1) {
    const token = tokens[place];
    if (depth === 0 && token !== undefined && token.text !== "if" && (BOUNDS.has(token.text) || depthOf(token) < 0)) return place;
    depth += depthOf(token);
  }
  return tokens.length;
}

function leftStart(tokens: readonly Token[], from: number): number {
  let depth = 0;
  for (let place = from - 1; place >= 0; place -= 1) {
    const token = tokens[place];
    if (depth === 0 && token !== undefined && token.text !== "end" && (BOUNDS.has(token.text) || depthOf(token) > 0))
      return place + 1;
    depth -= depthOf(token);
  }
  return 0;
}

function matchingThen(tokens: readonly Token[], index: number): number {
  let depth = 0;
  for (let place = index + 1; place < tokens.length; place += 1) {
    if (depth === 0 && tokens[place]?.text === "then") return place;
    depth += depthOf(tokens[place]);
  }
  return tokens.length;
}

/** A few tokens around a change, on one line. */
function around(tokens: readonly Token[], from: number, to: number): string {
  const text = tokens
    .slice(Math.max(0, from - 6), to + 6)
    .map((token) => token.text)
    .join("");
  return `\`${text.replace(/\s+/g, " ").trim().slice(0, 90)}\``;
}
