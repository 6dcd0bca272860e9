import {
  closePair,
  decodeString,
  isSecretNumber,
  keyOf,
  markFor,
  maskValue,
  openFrame,
  type Frame,
  type Marks,
} from "./mask-frame.ts";

const OUTSIDE = /[\s{}[\],:0-9eE+.\-truefalsn]/;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const YIELD_EVERY = 1 << 15;

/**
 * JSON text with its secrets replaced, everything else byte for byte as it was (numbers, spacing, order, doubled keys).
 * Yields now and then so that a caller can give the event loop a turn. Returns null where the text is not JSON.
 */
export function* maskJson(text: string, marks: Marks, maskString: (text: string) => string): Generator<undefined, string | null> {
  const out: string[] = [];
  // A pair's value is a piece of `out` of its own.
  const stack: Frame<number>[] = [];
  let copied = 0;
  let at = 0;
  let nextYield = YIELD_EVERY;
  /** Puts a token into a piece of its own, replaced or as it is; returns the piece's index. */
  const put = (from: number, to: number, token: string): number => {
    const piece = out.push(text.slice(copied, from), token) - 1;
    copied = to;
    return piece;
  };

  while (at < text.length) {
    if (at > nextYield) {
      nextYield = at + YIELD_EVERY;
      yield undefined;
    }
    const character = text[at] ?? "";
    const frame = stack.at(-1);
    if (character === '"') {
      const end = endOfString(text, at);
      const raw = text.slice(at + 1, end === null ? text.length : end - 1);
      const value = decodeString(raw);
      if (end === null || value === null) {
        // Cut off in the middle of a string: what is left of it is masked whole when its name says so, else as text.
        const mark = frame === undefined ? null : markFor(frame, marks);
        out.push(text.slice(copied, at + 1), mark?.(raw) ?? maskString(raw));
        return end === null ? out.join("") : null;
      }
      const colon = frame !== undefined && !frame.list ? colonAfter(text, end) : -1;
      if (colon >= 0 && frame !== undefined) {
        frame.key = keyOf(value);
        const masked = maskString(value);
        if (masked !== value) put(at, end, JSON.stringify(masked));
        at = colon + 1;
        continue;
      }
      const masked = maskValue(frame, value, marks, maskString);
      const isPairValue = frame !== undefined && !frame.list && frame.key.holdsPair;
      if (masked !== value || isPairValue) {
        const place = put(at, end, masked === value ? text.slice(at, end) : JSON.stringify(masked));
        if (isPairValue && masked === value) frame.pairValue = { place, value };
      }
      if (frame !== undefined) {
        if (!frame.list && frame.key.namesPair) frame.pairName = value;
        closePair(frame, marks.secret, (place, secret) => (out[place] = JSON.stringify(secret)));
      }
      at = end;
      continue;
    }
    if ((character >= "0" && character <= "9") || character === "-") {
      NUMBER.lastIndex = at;
      const number = NUMBER.exec(text)?.[0] ?? "";
      if (number === "") return null;
      const masked = isSecretNumber(frame) ? marks.secret(number) : maskString(number);
      if (masked !== number) put(at, at + number.length, JSON.stringify(masked));
      at += number.length;
      continue;
    }
    if (character === "{" || character === "[") stack.push(openFrame(frame, character === "["));
    else if (character === "}" || character === "]") stack.pop();
    else if (!OUTSIDE.test(character)) return null;
    at += 1;
  }
  out.push(text.slice(copied));
  return out.join("");
}

/** Index behind the closing quote, or null. */
function endOfString(text: string, start: number): number | null {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === "\\") slashes += 1;
    if (slashes % 2 === 0) return at + 1;
  }
  return null;
}

function colonAfter(text: string, from: number): number {
  let at = from;
  while (text[at] === " " || text[at] === "\n" || text[at] === "\t" || text[at] === "\r") at += 1;
  return text[at] === ":" ? at : -1;
}
