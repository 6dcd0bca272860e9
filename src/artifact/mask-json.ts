import { isEnvironmentName, isHarmless, isSecretFlag, isSecretName, isSecretNumberName } from "./secret-words.ts";
import type { Mark } from "./mask-literals.ts";

/**
 * What a container's place says about the values inside.
 * `plain`; `secret`: every text and number; `env`: direct texts are environment values, lists hold `K=v` or name/value pairs;
 * `env-pair`: an object of such a list, of which only `value` is one.
 */
type Mode = "plain" | "secret" | "env" | "env-list" | "env-pair";

interface Frame {
  readonly mode: Mode;
  readonly list: boolean;
  key: string;
  /** The list's element before was a flag whose next word is a secret. */
  afterFlag: boolean;
  /** `name` or `key` of a name/value pair, and where its value went, in whichever order they came. */
  pairName: string | null;
  pairValue: { readonly piece: number; readonly value: string } | null;
}

/** Replaces a value: one that a secret name held, or an environment value under a name that promises nothing. */
export interface Marks {
  readonly secret: Mark;
  readonly environment: Mark;
}

const OUTSIDE = /[\s{}[\],:0-9eE+.\-truefalsn]/;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const YIELD_EVERY = 1 << 15;

/**
 * JSON text with its secrets replaced, everything else byte for byte as it was (numbers, spacing, order, doubled keys).
 * Yields now and then so that a caller can give the event loop a turn. Returns null where the text is not JSON.
 */
export function* maskJson(text: string, marks: Marks, maskString: (text: string) => string): Generator<undefined, string | null> {
  const out: string[] = [];
  const stack: Frame[] = [];
  let copied = 0;
  let at = 0;
  let nextYield = YIELD_EVERY;
  /** Puts a token into a piece of its own, replaced or as it is; returns the piece's index. */
  const put = (from: number, to: number, token: string): number => {
    const piece = out.push(text.slice(copied, from), token) - 1;
    copied = to;
    return piece;
  };
  const push = (list: boolean): void => {
    const above = stack.at(-1);
    stack.push({
      mode: above === undefined ? "plain" : modeInside(above, list),
      list,
      key: "",
      afterFlag: false,
      pairName: null,
      pairValue: null,
    });
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
      const value = decode(raw);
      if (end === null || value === null) {
        // Cut off in the middle of a string: what is left of it is masked whole when its name says so, else as text.
        const mark = frame === undefined ? null : markFor(frame, marks);
        out.push(text.slice(copied, at + 1), mark?.(raw) ?? maskString(raw));
        return end === null ? out.join("") : null;
      }
      const colon = frame !== undefined && !frame.list ? colonAfter(text, end) : -1;
      if (colon >= 0 && frame !== undefined) {
        frame.key = value;
        const masked = maskString(value);
        if (masked !== value) put(at, end, JSON.stringify(masked));
        at = colon + 1;
        continue;
      }
      const masked = maskValue(frame, value, marks, maskString);
      const isPairValue = frame !== undefined && !frame.list && /^value$/i.test(frame.key);
      if (masked !== value || isPairValue) {
        const piece = put(at, end, masked === value ? text.slice(at, end) : JSON.stringify(masked));
        if (isPairValue && masked === value) frame.pairValue = { piece, value };
      }
      if (frame !== undefined && !frame.list && /^(?:name|key)$/i.test(frame.key)) frame.pairName = value;
      if (frame !== undefined) closePair(frame, out, marks.secret);
      at = end;
      continue;
    }
    if ((character >= "0" && character <= "9") || character === "-") {
      NUMBER.lastIndex = at;
      const number = NUMBER.exec(text)?.[0] ?? "";
      if (number === "") return null;
      const secret = frame !== undefined && (frame.mode === "secret" || isSecretNumberName(frame.key));
      const masked = secret ? marks.secret(number) : maskString(number);
      if (masked !== number) put(at, at + number.length, JSON.stringify(masked));
      at += number.length;
      continue;
    }
    if (character === "{" || character === "[") push(character === "[");
    else if (character === "}" || character === "]") stack.pop();
    else if (!OUTSIDE.test(character)) return null;
    at += 1;
  }
  out.push(text.slice(copied));
  return out.join("");
}

function modeInside(above: Frame, list: boolean): Mode {
  if (above.mode === "secret" || (!above.list && isSecretName(above.key))) return "secret";
  if (!above.list && isEnvironmentName(above.key)) return list ? "env-list" : "env";
  if (above.mode === "env") return list ? "env-list" : "plain";
  if (above.mode === "env-list") return list ? "env-list" : "env-pair";
  return "plain";
}

/** How the value at this place is replaced because of its name alone; null where the name says nothing. */
function markFor(frame: Frame, marks: Marks): Mark | null {
  if (frame.mode === "secret") return marks.secret;
  if (frame.list) return frame.afterFlag ? marks.secret : null;
  if (isSecretName(frame.key)) return marks.secret;
  if (frame.mode === "env") return marks.environment;
  if (frame.mode !== "env-pair" || frame.key !== "value") return null;
  return frame.pairName !== null && isSecretName(frame.pairName) ? marks.secret : marks.environment;
}

function maskValue(frame: Frame | undefined, value: string, marks: Marks, maskString: (text: string) => string): string {
  if (frame === undefined) return maskString(value);
  const mark = markFor(frame, marks);
  if (mark !== null) {
    frame.afterFlag = false;
    return isHarmless(value) ? value : mark(value);
  }
  if (frame.list) frame.afterFlag = isSecretFlag(value);
  if (frame.mode === "env-list") {
    const [, name, content] = /^([^=]*)=([\s\S]*)$/.exec(value) ?? [];
    if (name !== undefined && content !== undefined)
      return isHarmless(content) ? value : `${name}=${isSecretName(name) ? marks.secret(content) : marks.environment(content)}`;
  }
  return maskString(value);
}

/** `{"name": "DB_PASSWORD", "value": "…"}`, in either order. */
function closePair(frame: Frame, out: string[], mark: Mark): void {
  if (frame.pairName === null || frame.pairValue === null || !isSecretName(frame.pairName)) return;
  if (!isHarmless(frame.pairValue.value)) out[frame.pairValue.piece] = JSON.stringify(mark(frame.pairValue.value));
  frame.pairValue = null;
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

function decode(raw: string): string | null {
  if (!raw.includes("\\")) return raw;
  try {
    return JSON.parse(`"${raw.replaceAll("\n", "\\n")}"`) as string;
  } catch {
    return null;
  }
}

function colonAfter(text: string, from: number): number {
  let at = from;
  while (text[at] === " " || text[at] === "\n" || text[at] === "\t" || text[at] === "\r") at += 1;
  return text[at] === ":" ? at : -1;
}
