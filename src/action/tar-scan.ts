import { createHash, type Hash } from "node:crypto";

interface ScannedFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface TarReport {
  /** Regular files, in the order of the archive. */
  readonly files: readonly ScannedFile[];
  readonly bytes: number;
  /** The archive ends as it must: two zero blocks after the last entry, nothing but zeros behind. */
  readonly ended: boolean;
  /** What is wrong with the archive's form; null where nothing is. */
  readonly damage: string | null;
}

/** Looks at an archive while it streams by: memory stays at one header, whatever the size. */
export interface TarScan {
  write(chunk: Buffer): void;
  finish(): TarReport;
}

const BLOCK = 512;
/** Longest name or extended header that is believed. */
const LONGEST_NAME_BYTES = 64 * 1024;

interface Entry {
  readonly name: string;
  readonly type: string;
  readonly size: number;
}

function field(header: Buffer, from: number, length: number): string {
  const end = header.indexOf(0, from);
  return header.toString("utf8", from, end === -1 || end > from + length ? from + length : end);
}

/** A number in octal text, or base 256 where the highest bit is set (files of 8 GiB and more). */
function sizeOf(header: Buffer): number {
  if ((header[124] ?? 0) < 0x80) return Number.parseInt(field(header, 124, 12).trim() || "0", 8);
  return header.subarray(125, 136).reduce((sum, byte) => sum * 256 + byte, 0);
}

/** The sum over the header with its own field counted as blanks. */
function sumFits(header: Buffer): boolean {
  const wanted = Number.parseInt(field(header, 148, 8).trim(), 8);
  const found = header.reduce((sum, byte, index) => sum + (index >= 148 && index < 156 ? 32 : byte), 0);
  return wanted === found;
}

function entryOf(header: Buffer): Entry {
  const ustar = header.toString("latin1", 257, 262) === "ustar";
  const prefix = ustar && header[263] === 0x30 ? field(header, 345, 155) : "";
  const name = field(header, 0, 100);
  return { name: prefix === "" ? name : `${prefix}/${name}`, type: header.toString("latin1", 156, 157), size: sizeOf(header) };
}

/** `path=` of an extended header: records are `<length> key=value\n`. */
function pathOfExtended(text: string): string | null {
  return /(?:^|\n)\d+ path=([^\n]*)\n/.exec(text)?.[1] ?? null;
}

/**
 * Scans a POSIX or GNU archive as it passes: entries with size and SHA-256, header sums, and the end. Needed because archive
 * readers accept an empty file, all zeros, and an archive cut between two blocks (dependencies.md, tar inspection).
 */
export function createTarScan(): TarScan {
  const files: ScannedFile[] = [];
  let bytes = 0;
  let held = Buffer.alloc(0);
  let damage: string | null = null;
  let zeroBlocks = 0;
  let entry: Entry | null = null;
  let left = 0;
  let padding = 0;
  let hash: Hash | null = null;
  let longName: string | null = null;
  let meta: Buffer[] = [];

  const endEntry = (): void => {
    if (entry === null) return;
    const text = Buffer.concat(meta).toString("utf8");
    if (entry.type === "L") longName = text.replace(/\0.*$/s, "");
    else if (entry.type === "x") longName = pathOfExtended(text) ?? longName;
    else if (hash !== null) files.push({ name: entry.name, bytes: entry.size, sha256: hash.digest("hex") });
    entry = null;
    hash = null;
    meta = [];
  };

  const header = (block: Buffer): void => {
    if (block.every((byte) => byte === 0)) {
      zeroBlocks += 1;
      return;
    }
    if (zeroBlocks > 0) damage ??= "data follows the end of the archive";
    if (!sumFits(block)) {
      damage ??= `a damaged header after ${files.at(-1)?.name ?? "the beginning"}`;
      return;
    }
    const read = entryOf(block);
    const special = read.type === "L" || read.type === "x" || read.type === "g" || read.type === "K";
    if (!Number.isSafeInteger(read.size) || (special && read.size > LONGEST_NAME_BYTES)) {
      damage ??= `an impossible size for ${read.name}`;
      return;
    }
    entry = special || longName === null ? read : { ...read, name: longName };
    if (!special) longName = null;
    left = read.size;
    padding = (BLOCK - (read.size % BLOCK)) % BLOCK;
    hash = read.type === "0" || read.type === "\0" || read.type === "7" ? createHash("sha256") : null;
    if (left === 0) endEntry();
  };

  const take = (chunk: Buffer): Buffer => {
    if (left > 0) {
      const part = chunk.subarray(0, left);
      if (entry?.type === "L" || entry?.type === "x") meta.push(Buffer.from(part));
      hash?.update(part);
      left -= part.length;
      if (left === 0) endEntry();
      return chunk.subarray(part.length);
    }
    const skipped = Math.min(padding, chunk.length);
    padding -= skipped;
    return chunk.subarray(skipped);
  };

  return {
    write(chunk) {
      bytes += chunk.length;
      let rest = chunk;
      while (rest.length > 0 && damage === null) {
        if (left > 0 || padding > 0) {
          rest = take(rest);
          continue;
        }
        const missing = BLOCK - held.length;
        held = Buffer.concat([held, rest.subarray(0, missing)]);
        rest = rest.subarray(missing);
        if (held.length < BLOCK) break;
        const block = held;
        held = Buffer.alloc(0);
        header(block);
      }
    },
    finish() {
      const cut = left > 0 || padding > 0 || held.length > 0;
      if (cut)
        damage ??= entry === null ? "the archive is cut off between entries" : `the archive is cut off inside ${entry.name}`;
      return { files, bytes, ended: damage === null && zeroBlocks >= 2, damage };
    },
  };
}
