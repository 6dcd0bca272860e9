/**
 * A quick look over bytes: whether one of some words may stand in them, in any case. Three bytes in a row are looked up in
 * a table; it may say yes for nothing, never no for something.
 */
export type Telltale = Uint8Array;

const BITS = 6;
const MASK = (1 << (3 * BITS)) - 1;
const LETTERS = 26;
const DIGITS = 10;
const OTHERS = (1 << BITS) - 1 - LETTERS - DIGITS;

/** Class of each byte: letters without their case, digits, and the rest in what is left of six bits. Never 0. */
export const CLASS: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  const lower = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
  if (lower >= 0x61 && lower <= 0x7a) return 1 + lower - 0x61;
  if (lower >= 0x30 && lower <= 0x39) return 1 + LETTERS + lower - 0x30;
  return 1 + LETTERS + DIGITS + (lower % OTHERS);
});

/** The last three classes, one more byte taken in. Begins with 0. */
function roll(last: number, byte: number): number {
  return ((last << BITS) | (CLASS[byte] ?? 0)) & MASK;
}

/** A table for words of at least two bytes. Of each three bytes are looked for: its first ones. */
export function createTelltale(words: Iterable<string>): Telltale {
  const table = new Uint8Array(MASK + 1);
  for (const word of words) {
    const bytes = Buffer.from(word).subarray(0, 3);
    const last = bytes.reduce(roll, 0);
    if (bytes.length > 2) table[last] = 1;
    // Whatever stands before.
    else for (let before = 0; before < 1 << BITS; before += 1) table[(before << (2 * BITS)) | last] = 1;
  }
  return table;
}

/** Whether the bytes may hold one of the table's words. */
export function maySpell(table: Telltale, bytes: Uint8Array): boolean {
  let last = 0;
  for (const byte of bytes) {
    last = roll(last, byte);
    if (table[last] === 1) return true;
  }
  return false;
}
