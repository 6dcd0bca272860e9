/**
 * What can be said about a pattern of LIKE or UNLIKE, which Marathon reads as a Java regular expression, without a Java to ask.
 * `same`: valid there, and our own dialect means the same by it. `bad`: neither dialect takes it. `unsure`: only Java can tell, or
 * trying it here could take for ever.
 */
export type PatternKind = "same" | "bad" | "unsure";

type Trouble = "bad" | "unsure";

/** A pattern as it is read, and how much of what makes trying it slow it has. */
interface Reading {
  readonly text: string;
  at: number;
  trouble: Trouble | null;
  /** Repetitions of unknown length so far. */
  endless: number;
  /** Other choices so far, as bits: what may be left out, and which of several alternatives it is. */
  choices: number;
}

/** Letters behind a back slash that both dialects read alike. */
const CLASSES = "dDwWsS";
/** Characters that stand for themselves in both, outside a class. `{` never: Java takes it for a repetition. */
const PLAIN = /[^\\^$.|?*+()[\]{}]/;
const PUNCTUATION = /[^A-Za-z0-9\s]/;
const LONGEST = 500;
/** Each repetition without a bound multiplies the ways to try a text of up to `LONGEST_VALUE` characters. */
const MOST_ENDLESS = 4;
/** Each choice doubles them; a repetition of unknown length counts as so many choices. */
const MOST_CHOICES = 26;
const CHOICES_OF_ENDLESS = 6;
const LONGEST_VALUE = 120;

function next(from: Reading): string {
  return from.trouble === null ? (from.text[from.at] ?? "") : "";
}

function take(from: Reading): string {
  const letter = next(from);
  from.at += 1;
  return letter;
}

function stop(from: Reading, trouble: Trouble): null {
  from.trouble ??= trouble;
  return null;
}

/** Behind a back slash: a class (null), or a character that is no letter or digit. Other letters, and numbers, differ. */
function readEscape(from: Reading): string | null {
  const letter = take(from);
  if (letter === "") return stop(from, "bad");
  if (CLASSES.includes(letter)) return null;
  return PUNCTUATION.test(letter) ? letter : stop(from, "unsure");
}

/** `[…]`: single characters, ranges and classes. Java nests classes and intersects them, which ours does not. */
function readClass(from: Reading): void {
  if (next(from) === "^") take(from);
  if (next(from) === "]") stop(from, "unsure");
  let before: string | null = null;
  while (from.trouble === null) {
    const letter = take(from);
    if (letter === "") stop(from, "bad");
    if (letter === "]") return;
    if (letter === "[" || letter === "&" || letter === "^") stop(from, "unsure");
    if (letter === "-" && before !== null && next(from) !== "]") {
      const last = take(from);
      const end = last === "\\" ? readEscape(from) : last;
      if (end === "") stop(from, "bad");
      else if (end === null || end === "[") stop(from, "unsure");
      else if (end < before) stop(from, "bad");
      before = null;
    } else before = letter === "\\" ? readEscape(from) : letter;
  }
}

/** `*`, `+`, `?`, `{n}`, `{n,}`, `{n,m}`, each with a `?` behind it. A second one is an error, or Java's own possessive form. */
function readQuantifier(from: Reading, repeatsChoices: boolean): void {
  const sign = next(from);
  let endless = sign === "*" || sign === "+";
  let repeated = endless;
  if (sign === "{") {
    const found = /^\{(\d{1,3})(?:(,)(\d{1,3})?)?\}/.exec(from.text.slice(from.at));
    if (found === null) {
      stop(from, "unsure");
      return;
    }
    if (found[3] !== undefined && Number(found[3]) < Number(found[1])) stop(from, "bad");
    endless = found[2] !== undefined;
    repeated = endless || Number(found[1]) > 1;
    from.at += found[0].length;
  } else if (endless || sign === "?") take(from);
  else return;
  if (sign === "?") from.choices += 1;
  if (endless) from.endless += 1;
  if (next(from) === "?") take(from);
  if (next(from) === "+" || next(from) === "{") stop(from, "unsure");
  if (next(from) === "*" || next(from) === "?") stop(from, "bad");
  // Choices that are repeated can be made in more ways than anybody can wait for. Said last: what is bad stays bad.
  if (repeated && repeatsChoices) stop(from, "unsure");
}

/** One thing that may be repeated; whether it holds choices of its own. */
function readAtom(from: Reading): boolean {
  const letter = take(from);
  switch (letter) {
    case "\\":
      readEscape(from);
      return false;
    case "[":
      readClass(from);
      return false;
    case "(": {
      if (next(from) === "?") {
        take(from);
        if (take(from) !== ":") stop(from, "unsure");
      }
      const before = from.endless + from.choices;
      readAlternatives(from);
      if (take(from) !== ")") stop(from, "bad");
      return from.endless + from.choices > before;
    }
    case "*":
    case "+":
    case "?":
      stop(from, "bad");
      return false;
    case "^":
    case "$":
      // Both take anchors; what a repetition of one means, they do not agree on.
      if (/[*+?{]/.test(next(from))) stop(from, "unsure");
      return false;
    case ".":
      return false;
    default:
      if (!PLAIN.test(letter)) stop(from, "unsure");
      return false;
  }
}

function readAlternatives(from: Reading): void {
  let alternatives = 1;
  for (let letter = next(from); letter !== "" && letter !== ")"; letter = next(from)) {
    if (letter === "|") {
      take(from);
      alternatives += 1;
    } else readQuantifier(from, readAtom(from));
  }
  from.choices += Math.log2(alternatives);
}

/** Reads a pattern by what Java's and our own dialect have in common; anything beyond that is not decided here. */
export function judgePattern(pattern: string): PatternKind {
  if (pattern.length > LONGEST) return "unsure";
  const from: Reading = { text: pattern, at: 0, trouble: null, endless: 0, choices: 0 };
  readAlternatives(from);
  if (from.trouble !== null) return from.trouble;
  if (from.at < pattern.length) return "bad";
  const choices = from.choices + from.endless * CHOICES_OF_ENDLESS;
  return from.endless > MOST_ENDLESS || choices > MOST_CHOICES ? "unsure" : "same";
}

/** Whether the whole value matches, as LIKE wants it; null where only Java could tell. */
export function matchesPattern(pattern: string, value: string): boolean | null {
  if (value.length > LONGEST_VALUE || judgePattern(pattern) !== "same") return null;
  return new RegExp(`^(?:${pattern})$`).test(value);
}
