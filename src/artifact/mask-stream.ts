import { isUtf8 } from "node:buffer";
import {
  closePair,
  decodeString,
  isSecretNumber,
  keyOf,
  markFor,
  maskValue,
  openFrame,
  type Frame,
  type Key,
  type Marks,
} from "./mask-frame.ts";
import { CLASS, type Telltale } from "./telltale.ts";

/** Bytes `from` to `to` of a stream are to read `text`. */
export interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** How strings and numbers of a document are masked. */
export interface StringMask {
  readonly marks: Marks;
  /** A text that no name gave away. */
  mask(text: string): string;
  /**
   * Looks for words of which every text that `mask` changes holds one, and every secret name or flag; texts without are not shown to
   * `mask`. Asked with each piece: secrets turn up.
   */
  telltale(): Telltale;
}

/** Looks through a JSON document as it comes and says what is to be replaced in it. */
export interface MaskScan {
  /**
   * Takes the next bytes; `final` says that no more will come. Yields now and then. Gives false, for good, where the document is not
   * JSON in UTF-8.
   */
  take(chunk: Buffer, final: boolean): Generator<undefined, boolean>;
  /** What to replace, in order; complete after the last bytes were taken. */
  edits(): readonly Edit[];
}

interface Span {
  readonly from: number;
  readonly to: number;
}

const YIELD_EVERY = 1 << 16;

const NAMES_MASK = 4095;
const LONGEST_NAME = 64;

const [NOTHING, SKIPPED, STRING, NUMBER, OPENS, CLOSES, HIGH] = [0, 1, 2, 3, 4, 5, 6] as const;
/** What a byte outside of strings is the beginning of. */
const KIND = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  if (byte >= 0x80) return HIGH;
  if (character === '"') return STRING;
  if (/[-0-9]/.test(character)) return NUMBER;
  if (/[{[]/.test(character)) return OPENS;
  if (/[}\]]/.test(character)) return CLOSES;
  return /[\s,:eE+.truefalsn]/.test(character) ? SKIPPED : NOTHING;
});
const IN_NUMBER = Uint8Array.from({ length: 256 }, (_, byte) => (/[-+.0-9eE]/.test(String.fromCharCode(byte)) ? 1 : 0));
const A_NUMBER = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/;
const [TAB, LINE_FEED, RETURN, SPACE, QUOTE, COLON, OPEN_LIST, BACKSLASH, OPEN_OBJECT] = [9, 10, 13, 32, 34, 58, 91, 92, 123];

/**
 * A scan that masks exactly as `maskJson` masks the whole text (a test compares them), without holding the document: only a
 * token that is not whole yet is kept. What cannot hold a secret is never made a string.
 */
export function createMaskScan({ marks, mask, telltale: latestTelltale }: StringMask): MaskScan {
  const stack: Frame<Span>[] = [];
  const edits: Edit[] = [];
  let late = false;
  let telltale = latestTelltale();
  /** Bytes not looked at yet, those before `at` done; `base` is where they begin in the stream. */
  let window: Buffer = Buffer.alloc(0);
  let text = "";
  let base = 0;
  let at = 0;
  let failed = false;
  const waiting: Buffer[] = [];
  /** Names of members seen last, by a hash of their bytes. */
  const names: ({ readonly bytes: Uint8Array; readonly key: Key } | undefined)[] = Array.from({ length: NAMES_MASK + 1 });
  let waitingBytes = 0;

  const edit = (from: number, to: number, masked: string): void => {
    edits.push({ from: base + from, to: base + to, text: masked });
  };
  const replaceLate = ({ from, to }: Span, masked: string): void => {
    late = true;
    edits.push({ from, to, text: JSON.stringify(masked) });
  };
  const read = (from: number, to: number, high: boolean): string =>
    high ? window.toString("utf8", from, to) : text.slice(from, to);

  /** From the opening quote to behind the closing one. Returns where to go on, -1 where more is needed, -2 where it is no JSON. */
  const string = (final: boolean): number => {
    const bytes = window;
    const length = bytes.length;
    const end = seeString(bytes, at + 1, telltale);
    const { told, bits, escapes, hash } = seen;
    if (end >= length && !final) return -1;
    const high = bits >= 0x80;
    if (high && !isUtf8(bytes.subarray(at, Math.min(end, length)))) return -2;
    const frame = stack.at(-1);
    if (end >= length) {
      const raw = read(at + 1, length, high);
      const byName = frame === undefined ? null : markFor(frame, marks);
      const masked = byName?.(raw) ?? mask(raw);
      if (masked !== raw) edit(at + 1, length, masked);
      return length;
    }
    const behind = end + 1;
    const colon = frame !== undefined && !frame.list ? colonAfter(behind, final) : -2;
    if (colon === -1) return -1;
    if (colon >= 0 && frame !== undefined) {
      const plain = told === 0 && !escapes && isPlain(bytes[at + 1] ?? 0);
      const known = plain ? names[hash & NAMES_MASK] : undefined;
      if (known !== undefined && spells(known.bytes, bytes, at + 1, end)) {
        frame.key = known.key;
        return colon + 1;
      }
      const name = escapes ? decodeString(read(at + 1, end, high)) : read(at + 1, end, high);
      if (name === null) return -2;
      frame.key = keyOf(name);
      if (plain) {
        if (end - at <= LONGEST_NAME)
          names[hash & NAMES_MASK] = { bytes: Buffer.from(bytes.subarray(at + 1, end)), key: frame.key };
        return colon + 1;
      }
      const masked = mask(name);
      if (masked !== name) edit(at, behind, JSON.stringify(masked));
      return colon + 1;
    }
    const asked = told !== 0 || escapes || !isPlain(bytes[at + 1] ?? 0);
    const holdsPair = frame !== undefined && !frame.list && frame.key.holdsPair;
    if (!asked && !holdsPair && (frame === undefined || (frame.mode !== "env-list" && markFor(frame, marks) === null))) {
      // Nothing that could be a secret, a secret's name or a flag.
      if (frame === undefined) return behind;
      if (frame.list) frame.afterFlag = false;
      else if (frame.key.namesPair) frame.pairName = "";
      return behind;
    }
    const value = escapes ? decodeString(read(at + 1, end, high)) : read(at + 1, end, high);
    if (value === null) return -2;
    const masked = maskValue(frame, value, marks, asked ? mask : asItIs);
    if (masked !== value) edit(at, behind, JSON.stringify(masked));
    else if (holdsPair) frame.pairValue = { place: { from: base + at, to: base + behind }, value };
    if (frame !== undefined) {
      if (!frame.list && frame.key.namesPair) frame.pairName = value;
      closePair(frame, marks.secret, replaceLate);
    }
    return behind;
  };

  /** Where the colon is, -1 where more is needed to tell, -2 where there is none. */
  const colonAfter = (from: number, final: boolean): number => {
    let next = from;
    for (let byte = window[next]; byte === SPACE || byte === LINE_FEED || byte === TAB || byte === RETURN; byte = window[next])
      next += 1;
    if (next >= window.length) return final ? -2 : -1;
    return window[next] === COLON ? next : -2;
  };

  const number = (final: boolean): number => {
    let end = at;
    let last = 0;
    let told = 0;
    for (; end < window.length && IN_NUMBER[window[end] ?? 0] === 1; end += 1) {
      last = ((last << 6) | (CLASS[window[end] ?? 0] ?? 0)) & 0x3ffff;
      told |= telltale[last] ?? 0;
    }
    if (end >= window.length && !final) return -1;
    const found = A_NUMBER.exec(text.slice(at, end))?.[0] ?? "";
    if (found === "") return -2;
    const byName = isSecretNumber(stack.at(-1));
    const masked = byName ? marks.secret(found) : told !== 0 ? mask(found) : found;
    if (masked !== found) edit(at, at + found.length, JSON.stringify(masked));
    return at + found.length;
  };

  /** Space of other scripts; a byte order mark is one. */
  const spaces = (final: boolean): number => {
    let end = at + 1;
    while (end < window.length && (window[end] ?? 0) >= 0x80) end += 1;
    if (end >= window.length && !final) return -1;
    return /^\s+$/.test(window.toString("utf8", at, end)) ? end : -2;
  };

  /** Goes on until the end of the window, an unfinished token or `until`. False: not JSON. */
  const advance = (until: number, final: boolean): boolean | "more" => {
    while (at < until) {
      let next = at + 1;
      switch (KIND[window[at] ?? 0]) {
        case SKIPPED:
          break;
        case STRING:
          next = string(final);
          break;
        case NUMBER:
          next = number(final);
          break;
        case OPENS:
          stack.push(openFrame(stack.at(-1), window[at] === OPEN_LIST));
          break;
        case CLOSES:
          stack.pop();
          break;
        case HIGH:
          next = spaces(final);
          break;
        default:
          return false;
      }
      if (next < 0) return next === -1 ? "more" : false;
      at = next;
    }
    return true;
  };

  return {
    *take(chunk, final) {
      if (failed) return false;
      telltale = latestTelltale();
      waiting.push(chunk);
      waitingBytes += chunk.length;
      const rest = window.length - at;
      // A token of many chunks is looked at again only when it has doubled: the work stays linear.
      if (!final && waitingBytes < rest) return true;
      window = Buffer.concat([window.subarray(at), ...waiting.splice(0)]);
      waitingBytes = 0;
      base += at;
      at = 0;
      text = window.toString("latin1");
      for (;;) {
        const went = advance(Math.min(window.length, at + YIELD_EVERY), final);
        if (went === false) {
          failed = true;
          window = Buffer.alloc(0);
          text = "";
          return false;
        }
        if (went === "more" || at >= window.length) return true;
        yield undefined;
      }
    },
    edits: () => (late ? edits.sort((a, b) => a.from - b.from) : edits),
  };
}

/** What the last `seeString` saw: one object for all of them, because there are millions. */
const seen = { told: 0, bits: 0, hash: 0, escapes: false };

/** Index of the quote that closes a string, or an index behind the last byte. */
function seeString(bytes: Uint8Array, from: number, telltale: Telltale): number {
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
  seen.told = told;
  seen.bits = bits;
  // The end and the length tell the few names of a document apart.
  seen.hash = (Math.imul(last, 0x9e37_79b1) >>> 20) ^ (at - from);
  seen.escapes = escapes;
  return at;
}

function spells(name: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (name.length !== to - from) return false;
  for (let at = 0; at < name.length; at += 1) if (name[at] !== bytes[from + at]) return false;
  return true;
}

/** Whether a string that begins so is neither JSON itself nor begins with space. */
function isPlain(first: number): boolean {
  return first > SPACE && first < 0x80 && first !== OPEN_OBJECT && first !== OPEN_LIST;
}

const asItIs = (text: string): string => text;
