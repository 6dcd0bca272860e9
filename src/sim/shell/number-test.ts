const COMPARISONS: Readonly<Record<string, (left: bigint, right: bigint) => boolean>> = {
  "-eq": (left, right) => left === right,
  "-ne": (left, right) => left !== right,
  "-lt": (left, right) => left < right,
  "-le": (left, right) => left <= right,
  "-gt": (left, right) => left > right,
  "-ge": (left, right) => left >= right,
};

/** Whether a word of `[ … ]` compares numbers. */
export function isComparison(word: string): boolean {
  return Object.hasOwn(COMPARISONS, word);
}

/** What a test answers: 0 true, 1 false, 2 with what it complains about. */
export interface Tested {
  readonly code: 0 | 1 | 2;
  readonly complaint: string;
}

function refused(name: string, text: string): Tested {
  return { code: 2, complaint: `sh: ${name}: ${text}\n` };
}

/**
 * `[ A -ge B ]` and `[ ! A -ge B ]` by their words after expansion. just-bash takes an empty word for 0 and complains about
 * nothing; a real shell ends with 2 and says which word is no whole number.
 */
export function testNumbers(name: string, words: readonly string[]): Tested {
  const negated = words.length === 4 && words[0] === "!";
  const [left, operator = "", right] = negated ? words.slice(1) : words;
  const compare = COMPARISONS[operator];
  if (left === undefined || right === undefined) return refused(name, `${left ?? ""}: unary operator expected`);
  if (compare === undefined || words.length > (negated ? 4 : 3)) return refused(name, "too many arguments");
  const bad = [left, right].find((word) => !/^\s*[-+]?\d+\s*$/.test(word));
  if (bad !== undefined) return refused(name, `${bad}: integer expression expected`);
  const number = (word: string): bigint => BigInt(word.trim().replace(/^\+/, ""));
  return { code: compare(number(left), number(right)) === negated ? 1 : 0, complaint: "" };
}
