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
import * as json from "./json-bytes.ts";
import type { Telltale } from "./telltale.ts";

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
const NAMES = 4096;
const LONGEST_NAME = 64;
const A_NUMBER = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/;

/**
 * A member's name where it stands in a document. Most objects of a list have the same names in the same order: each name
 * knows which came after it and which was the first inside its value, so that the next one need only be compared.
 */
interface Name {
  readonly bytes: Uint8Array;
  readonly key: Key;
  next: Name | null;
  inside: Name | null;
}

/** Stands before the first name of an object. */
const opening = (): Name => ({ bytes: new Uint8Array(), key: keyOf(""), next: null, inside: null });

/** Where the scan does not go on: it needs more bytes, or it is no JSON in UTF-8. */
const [MORE, NO_JSON] = [-1, -2];

/**
 * A scan that masks exactly as `maskJson` masks the whole text (a test compares them), without holding the document: only a
 * token that is not whole yet is kept. What cannot hold a secret is never made a string.
 */
export function createMaskScan({ marks, mask, telltale: latestTelltale }: StringMask): MaskScan {
  const edits: Edit[] = [];
  let late = false;
  let telltale = latestTelltale();
  /** Bytes not looked at yet, those before `at` done; `base` is where they begin in the stream. */
  let window: Buffer = Buffer.alloc(0);
  let base = 0;
  let at = 0;
  let failed = false;
  const waiting: Buffer[] = [];
  let waitingBytes = 0;
  /** The innermost open object or list and those around it, each with the name seen last in it. */
  let frame: Frame<Span> | undefined;
  let here = opening();
  const around: { readonly frame: Frame<Span> | undefined; here: Name }[] = [];
  /** Names that no mask changes, by a hash of their bytes. */
  const names = new Map<number, Name>();

  const edit = (from: number, to: number, masked: string): void => {
    edits.push({ from: base + from, to: base + to, text: masked });
  };
  const replaceLate = ({ from, to }: Span, masked: string): void => {
    late = true;
    edits.push({ from, to, text: JSON.stringify(masked) });
  };
  const read = (from: number, to: number, high: boolean): string => window.toString(high ? "utf8" : "latin1", from, to);

  /** From the opening quote to behind the closing one. Returns where to go on. */
  const string = (final: boolean): number => {
    const bytes = window;
    const from = at + 1;
    const container = frame;
    const isObject = container !== undefined && !container.list;
    const guess = here.next;
    if (isObject && guess !== null && json.spells(guess.bytes, bytes, from)) {
      const end = from + guess.bytes.length;
      if (bytes[end] === json.QUOTE && bytes[end + 1] === json.COLON) {
        container.key = guess.key;
        here = guess;
        return end + 2;
      }
    }
    const end = json.seeString(bytes, from, telltale);
    const { told, high, escapes } = json.seen;
    if (end >= bytes.length && !final) return MORE;
    if (high && !isUtf8(bytes.subarray(from, Math.min(end, bytes.length)))) return NO_JSON;
    if (end >= bytes.length) {
      const raw = read(from, bytes.length, high);
      const masked = (container === undefined ? null : markFor(container, marks))?.(raw) ?? mask(raw);
      if (masked !== raw) edit(from, bytes.length, masked);
      return bytes.length;
    }
    const behind = end + 1;
    if (isObject) {
      const colon = json.behindSpace(bytes, behind);
      if (colon >= bytes.length && !final) return MORE;
      if (bytes[colon] === json.COLON) {
        const name = nameAt(from, end);
        if (name === null) return NO_JSON;
        container.key = name;
        return colon + 1;
      }
    }
    const asked = told || escapes;
    const holdsPair = isObject && container.key.holdsPair;
    if (
      !asked &&
      !holdsPair &&
      (container === undefined || (container.mode !== "env-list" && markFor(container, marks) === null))
    ) {
      // Nothing that could be a secret, a secret's name or a flag.
      if (container === undefined) return behind;
      if (container.list) container.afterFlag = false;
      else if (container.key.namesPair) container.pairName = "";
      return behind;
    }
    const raw = read(from, end, high);
    const value = escapes ? decodeString(raw) : raw;
    if (value === null) return NO_JSON;
    const masked = maskValue(container, value, marks, asked ? mask : asItIs);
    if (masked !== value) edit(at, behind, JSON.stringify(masked));
    else if (holdsPair) container.pairValue = { place: { from: base + at, to: base + behind }, value };
    if (container !== undefined) {
      if (!container.list && container.key.namesPair) container.pairName = value;
      closePair(container, marks.secret, replaceLate);
    }
    return behind;
  };

  /** What the name says that `seeString` has just looked through. Null: it is none. */
  const nameAt = (from: number, end: number): Key | null => {
    const { told, high, escapes, hash } = json.seen;
    const known = escapes ? undefined : names.get(hash);
    if (known !== undefined && known.bytes.length === end - from && json.spells(known.bytes, window, from)) {
      here = here.next = { ...known, next: null, inside: null };
      return known.key;
    }
    const raw = read(from, end, high);
    const name = escapes ? decodeString(raw) : raw;
    if (name === null) return null;
    const key = keyOf(name);
    const masked = told || escapes ? mask(name) : name;
    if (masked !== name) edit(from - 1, end + 1, JSON.stringify(masked));
    else if (!escapes && end - from <= LONGEST_NAME) {
      here = here.next = { bytes: Uint8Array.from(window.subarray(from, end)), key, next: null, inside: null };
      if (names.size >= NAMES) names.clear();
      names.set(hash, here);
    }
    return key;
  };

  const number = (final: boolean): number => {
    const end = json.seeNumber(window, at, telltale);
    if (end >= window.length && !final) return MORE;
    const byName = isSecretNumber(frame);
    if (!byName && !json.seen.told && !json.seen.odd) return end;
    const found = A_NUMBER.exec(window.toString("latin1", at, end))?.[0] ?? "";
    if (found === "") return NO_JSON;
    const masked = byName ? marks.secret(found) : mask(found);
    if (masked !== found) edit(at, at + found.length, JSON.stringify(masked));
    return at + found.length;
  };

  /** Space of other scripts; a byte order mark is one. */
  const spaces = (final: boolean): number => {
    let end = at + 1;
    while (end < window.length && (window[end] ?? 0) >= 0x80) end += 1;
    if (end >= window.length && !final) return MORE;
    return /^\s+$/.test(window.toString("utf8", at, end)) ? end : NO_JSON;
  };

  const open = (list: boolean): void => {
    around.push({ frame, here });
    frame = openFrame(frame, list);
    here = here.inside ??= opening();
  };
  const close = (): void => {
    const outer = around.pop();
    frame = outer?.frame;
    here = outer?.here ?? here;
  };

  /** Goes on to `until` or to a token that is not whole yet; MORE or NO_JSON where it cannot go on. */
  const advance = (until: number, final: boolean): number => {
    while (at < until) {
      let next = at + 1;
      const kind = json.KIND[window[at] ?? 0];
      if (kind === json.STRING) next = string(final);
      else if (kind === json.NUMBER) next = number(final);
      else if (kind === json.OPENS) open(window[at] === json.OPEN_LIST);
      else if (kind === json.CLOSES) close();
      else if (kind === json.HIGH) next = spaces(final);
      else if (kind === json.NOTHING) return NO_JSON;
      if (next < 0) return next;
      at = next;
    }
    return at;
  };

  return {
    *take(chunk, final) {
      if (failed) return false;
      const latest = latestTelltale();
      if (latest !== telltale) {
        telltale = latest;
        // Names that nothing changed before may be changed now.
        names.clear();
        here = opening();
        for (const outer of around) outer.here = opening();
      }
      waiting.push(chunk);
      waitingBytes += chunk.length;
      // A token of many chunks is looked at again only when it has doubled: the work stays linear.
      if (!final && waitingBytes < window.length - at) return true;
      window = Buffer.concat([window.subarray(at), ...waiting.splice(0)]);
      waitingBytes = 0;
      base += at;
      at = 0;
      for (;;) {
        const went = advance(Math.min(window.length, at + YIELD_EVERY), final);
        failed = went === NO_JSON;
        if (failed) window = Buffer.alloc(0);
        if (failed || went === MORE || at >= window.length) return !failed;
        yield undefined;
      }
    },
    edits: () => (late ? edits.sort((a, b) => a.from - b.from) : edits),
  };
}

const asItIs = (text: string): string => text;
