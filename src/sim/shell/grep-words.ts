import type { Adjusted } from "./caller.ts";

/** Options with a value of their own. */
const VALUED = new Set(["m", "A", "B", "C", "d", "D"]);

interface GrepCall {
  readonly options: readonly string[];
  readonly letters: ReadonlySet<string>;
  readonly patterns: readonly string[];
  readonly files: readonly string[];
}

function parse(args: readonly string[]): GrepCall {
  const options: string[] = [];
  const letters = new Set<string>();
  const patterns: string[] = [];
  const rest: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] ?? "";
    if (word === "--") {
      rest.push(...args.slice(at + 1));
      break;
    }
    if (word.startsWith("--regexp=")) patterns.push(word.slice("--regexp=".length));
    else if (word.startsWith("--")) options.push(word);
    else if (!/^-./.test(word)) rest.push(word);
    else
      for (let letter = 1; letter < word.length; letter += 1) {
        const name = word[letter] ?? "";
        letters.add(name);
        const valued = name === "e" || VALUED.has(name);
        if (!valued) {
          if (name !== "s") options.push(`-${name}`);
          continue;
        }
        const value = word.slice(letter + 1) === "" ? (args[(at += 1)] ?? "") : word.slice(letter + 1);
        if (name === "e") patterns.push(value);
        else options.push(`-${name}`, value);
        break;
      }
  }
  const given = letters.has("e") || patterns.length > 0;
  const [first, ...files] = rest;
  if (given || letters.has("f") || first === undefined) return { options, letters, patterns, files: rest };
  return { options, letters, patterns: [first], files };
}

/** A basic regular expression as an extended one: what GNU grep has besides POSIX (`\+`, `\?`, `\|`) is there in this form only. */
function extended(basic: string): string {
  let text = "";
  for (let at = 0; at < basic.length; at += 1) {
    const here = basic[at] ?? "";
    const next = basic[at + 1] ?? "";
    if (here === "[") {
      const end = basic.indexOf("]", at + (/^\^?\]/.test(basic.slice(at + 1)) ? basic.slice(at + 1).indexOf("]") + 2 : 1));
      text += basic.slice(at, end === -1 ? undefined : end + 1);
      if (end === -1) break;
      at = end;
    } else if (here === "\\" && /[+?|(){}]/.test(next)) {
      text += next;
      at += 1;
    } else if (here === "\\") {
      text += here + next;
      at += 1;
    } else text += /[+?|(){}]/.test(here) ? `\\${here}` : here;
  }
  return text;
}

function matchesNothing(pattern: string): boolean {
  try {
    return new RegExp(pattern).test("");
  } catch {
    return false;
  }
}

/** The words of a grep as just-bash's own understands them; what it would do otherwise than grep does is complained about. */
export function grepWords(args: readonly string[]): Adjusted {
  const { options, letters, patterns, files } = parse(args);
  const all = patterns.flatMap((pattern) => pattern.split("\n"));
  const basic = !["E", "F", "P"].some((letter) => letters.has(letter));
  const hush = letters.has("s");
  if (all.length > 1 && (letters.has("F") || letters.has("P"))) return { complaint: "several patterns with -F or -P" };
  const gnu = basic && all.some((pattern) => /\\[+?|]/.test(pattern));
  const joined = basic && (gnu || all.length > 1) ? all.map(extended) : all;
  if (letters.has("o") && !letters.has("F") && joined.some((one) => matchesNothing(basic ? extended(one) : one)))
    return { complaint: "-o with a pattern that matches nothing at all" };
  if (!gnu && !hush && all.length < 2) return { args };
  const mode = basic && (gnu || all.length > 1) ? ["-E"] : [];
  return { args: [...options, ...mode, ...(all.length === 0 ? [] : ["-e", joined.join("|")]), ...files], hush };
}
