import { createHash } from "node:crypto";

/** Hex digits that depend on the seed and the words only: ids, digests and boot ids of the model. At most 64 digits. */
export function hexOf(seed: number, words: string, digits: number): string {
  return createHash("sha256").update(`${seed} ${words}`).digest("hex").slice(0, digits);
}

/** A UUID (version 4 layout) that depends on the seed and the words only. */
export function uuidOf(seed: number, words: string): string {
  const hex = hexOf(seed, words, 32);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** A number in [low, high) that depends on the seed and the words only, so that the order of events changes nothing. */
export function between(seed: number, words: string, low: number, high: number): number {
  return low + (parseInt(hexOf(seed, words, 8), 16) / 0x1_0000_0000) * (high - low);
}
