import { CLASS, type Telltale } from "./telltale.ts";

export const [QUOTE, COLON, OPEN_LIST] = [0x22, 0x3a, 0x5b];
const [TAB, LINE_FEED, RETURN, SPACE, DASH, DOT, ZERO, NINE, BACKSLASH] = [0x09, 0x0a, 0x0d, 0x20, 0x2d, 0x2e, 0x30, 0x39, 0x5c];

/** What a byte outside of strings is the beginning of. `high`: of a character beyond ASCII, which may be space. */
export const [NOTHING, STRING, NUMBER, OPENS, CLOSES, HIGH] = [0, 2, 3, 4, 5, 6];
const SKIPPED = 1;

/** By byte. */
export const KIND: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  if (byte >= 0x80) return HIGH;
  if (character === '"') return STRING;
  if (/[-0-9]/.test(character)) return NUMBER;
  if (/[{[]/.test(character)) return OPENS;
  if (/[}\]]/.test(character)) return CLOSES;
  return /[\s,:eE+.truefalsn]/.test(character) ? SKIPPED : NOTHING;
});

const IN_NUMBER = Uint8Array.from({ length: 256 }, (_, byte) => (/[-+.0-9eE]/.test(String.fromCharCode(byte)) ? 1 : 0));

/** What the last string or number held: one object for all of them, because there are millions. */
export const seen = {
  /** The telltale found something. */
  told: false,
  /** Bytes beyond ASCII. */
  high: false,
  escapes: false,
  /** Of a string: its end and its length, which tell the few names of a document apart. 12 bits and more. */
  hash: 0,
  /** Of a number: it is not just digits with dots. */
  odd: false,
};

/** Looks through a string from behind its opening quote. Index of the closing one, or an index behind the last byte. */
export function seeString(bytes: Uint8Array, from: number, telltale: Telltale): number {
  const length = bytes.length;
  let last = 0;
  let told = 0;
  let bits = 0;
  let escapes = false;
  let at = from;
  for (; at < length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) break;
    bits |= byte;
    if (byte === BACKSLASH) {
      escapes = true;
      at += 1;
      bits |= bytes[at] ?? 0;
      continue;
    }
    last = ((last << 6) | (CLASS[byte] ?? 0)) & 0x3ffff;
    told |= telltale[last] ?? 0;
  }
  seen.told = told !== 0;
  seen.high = bits >= 0x80;
  seen.escapes = escapes;
  seen.hash = (Math.imul(last, 0x9e37_79b1) >>> 20) ^ (at - from);
  return at;
}

/** Looks through what may be a number. Index behind it. */
export function seeNumber(bytes: Uint8Array, from: number, telltale: Telltale): number {
  let last = 0;
  let told = 0;
  let digits = 0;
  let others = 0;
  let at = from;
  for (; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (IN_NUMBER[byte] === 0) break;
    if (byte >= ZERO && byte <= NINE) digits += 1;
    else if (byte !== DOT && (byte !== DASH || at > from)) others += 1;
    last = ((last << 6) | (CLASS[byte] ?? 0)) & 0x3ffff;
    told |= telltale[last] ?? 0;
  }
  seen.told = told !== 0;
  seen.odd = others > 0 || digits === 0;
  return at;
}

/** Index of the first byte from here on that is not one of JSON's spaces. */
export function behindSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  for (let byte = bytes[at]; byte === SPACE || byte === LINE_FEED || byte === TAB || byte === RETURN; byte = bytes[at]) at += 1;
  return at;
}

/** Whether a name stands there. */
export function spells(name: Uint8Array, bytes: Uint8Array, from: number): boolean {
  for (let at = 0; at < name.length; at += 1) if (name[at] !== bytes[from + at]) return false;
  return true;
}
