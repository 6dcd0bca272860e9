import type { Stat } from "./records.ts";
import type { Znode } from "./tree.ts";

/** Znodes by path. A Map of them is one too. */
export interface Znodes extends Iterable<[string, Znode]> {
  readonly size: number;
  get(path: string): Znode | undefined;
  has(path: string): boolean;
  set(path: string, znode: Znode): unknown;
  delete(path: string): boolean;
  keys(): Iterable<string>;
  values(): Iterable<Znode>;
}

/** One znode: its stat, the number of its ACL, the place of its data, the digest of it. */
const RECORD_BYTES = 128;
const PER_SLAB = 8192;
const AT = { stat: 0, acl: 68, flags: 72, offset: 76, length: 84, sha256: 88 } as const;
const HAS_DATA = 1;
const HAS_DIGEST = 2;

function writeStat(to: Buffer, at: number, stat: Stat): void {
  to.writeBigInt64BE(stat.czxid, at);
  to.writeBigInt64BE(stat.mzxid, at + 8);
  to.writeBigInt64BE(stat.ctime, at + 16);
  to.writeBigInt64BE(stat.mtime, at + 24);
  to.writeInt32BE(stat.version, at + 32);
  to.writeInt32BE(stat.cversion, at + 36);
  to.writeInt32BE(stat.aversion, at + 40);
  to.writeBigInt64BE(stat.ephemeralOwner, at + 44);
  to.writeInt32BE(stat.dataLength, at + 52);
  to.writeInt32BE(stat.numChildren, at + 56);
  to.writeBigInt64BE(stat.pzxid, at + 60);
}

function readStat(from: Buffer, at: number): Stat {
  return {
    czxid: from.readBigInt64BE(at),
    mzxid: from.readBigInt64BE(at + 8),
    ctime: from.readBigInt64BE(at + 16),
    mtime: from.readBigInt64BE(at + 24),
    version: from.readInt32BE(at + 32),
    cversion: from.readInt32BE(at + 36),
    aversion: from.readInt32BE(at + 40),
    ephemeralOwner: from.readBigInt64BE(at + 44),
    dataLength: from.readInt32BE(at + 52),
    numChildren: from.readInt32BE(at + 56),
    pzxid: from.readBigInt64BE(at + 60),
  };
}

/**
 * Znodes in the order in which they were set, in 128 bytes each besides the path, outside of the garbage collector's heap: as objects
 * they take five times that, and a hundred thousand of them more than everything else of a dump. Each `get` makes the object anew.
 */
export function createZnodes(): Znodes {
  const places = new Map<string, number>();
  const slabs: Buffer[] = [];
  const free: number[] = [];
  const acls: string[] = [];
  const aclNumbers = new Map<string, number>();
  let used = 0;

  const slabOf = (place: number): Buffer => {
    const slab = slabs[Math.floor(place / PER_SLAB)];
    if (slab === undefined) throw new RangeError(`no record ${String(place)}`);
    return slab;
  };
  const numberOf = (acl: string): number => {
    const known = aclNumbers.get(acl) ?? acls.push(acl) - 1;
    aclNumbers.set(acl, known);
    return known;
  };
  const newPlace = (): number => {
    const place = free.pop() ?? used++;
    if (place >= slabs.length * PER_SLAB) slabs.push(Buffer.allocUnsafeSlow(RECORD_BYTES * PER_SLAB));
    return place;
  };
  const read = (place: number): Znode => {
    const slab = slabOf(place);
    const at = (place % PER_SLAB) * RECORD_BYTES;
    const flags = slab.readUInt8(at + AT.flags);
    return {
      stat: readStat(slab, at + AT.stat),
      acl: acls[slab.readUInt32BE(at + AT.acl)] ?? "",
      sha256: (flags & HAS_DIGEST) === 0 ? null : slab.toString("hex", at + AT.sha256, at + AT.sha256 + 32),
      data:
        (flags & HAS_DATA) === 0
          ? { kind: "null" }
          : { kind: "kept", offset: slab.readDoubleBE(at + AT.offset), length: slab.readUInt32BE(at + AT.length) },
    };
  };
  const write = (place: number, { stat, acl, sha256, data }: Znode): void => {
    const slab = slabOf(place);
    const at = (place % PER_SLAB) * RECORD_BYTES;
    writeStat(slab, at + AT.stat, stat);
    slab.writeUInt32BE(numberOf(acl), at + AT.acl);
    slab.writeUInt8((data.kind === "kept" ? HAS_DATA : 0) | (sha256 === null ? 0 : HAS_DIGEST), at + AT.flags);
    slab.writeDoubleBE(data.kind === "kept" ? data.offset : 0, at + AT.offset);
    slab.writeUInt32BE(data.kind === "kept" ? data.length : 0, at + AT.length);
    if (sha256 !== null && slab.write(sha256, at + AT.sha256, "hex") !== 32) throw new RangeError(`no SHA-256: ${sha256}`);
  };

  return {
    get size() {
      return places.size;
    },
    get(path) {
      const place = places.get(path);
      return place === undefined ? undefined : read(place);
    },
    has: (path) => places.has(path),
    set(path, znode) {
      const place = places.get(path) ?? newPlace();
      write(place, znode);
      places.set(path, place);
    },
    delete(path) {
      const place = places.get(path);
      if (place !== undefined) free.push(place);
      return places.delete(path);
    },
    keys: () => places.keys(),
    *values() {
      for (const place of places.values()) yield read(place);
    },
    *[Symbol.iterator]() {
      for (const [path, place] of places) yield [path, read(place)];
    },
  };
}
