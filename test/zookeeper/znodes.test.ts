import fc from "fast-check";
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { openSpool, type Znode } from "../../src/zookeeper/tree.ts";
import { createZnodes } from "../../src/zookeeper/znodes.ts";

const SETTINGS = { seed: 11, numRuns: 60 } as const;
const int = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const stat = fc.record({
  czxid: long,
  mzxid: long,
  ctime: long,
  mtime: long,
  version: int,
  cversion: int,
  aversion: int,
  ephemeralOwner: long,
  dataLength: int,
  numChildren: int,
  pzxid: long,
});
const digest = fc.string({ maxLength: 8 }).map((text) => createHash("sha256").update(text).digest("hex"));
const kept = fc.record({ kind: fc.constant("kept" as const), offset: fc.nat(2 ** 40), length: fc.nat() });
const znode: fc.Arbitrary<Znode> = fc.oneof(
  fc.record({ stat, acl: fc.string({ maxLength: 9 }), sha256: digest, data: kept }),
  fc.record({ stat, acl: fc.string({ maxLength: 9 }), sha256: fc.constant(null), data: fc.constant({ kind: "null" as const }) }),
);
const path = fc.constantFrom("/", "/a", "/b", "/a/b", "/c");
const change = fc.oneof(fc.tuple(fc.constant("set" as const), path, znode), fc.tuple(fc.constant("delete" as const), path));

describe("the znodes of a tree being read", () => {
  it("are what a Map of them would be, after any changes", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        const [ours, plain] = [createZnodes(), new Map<string, Znode>()];
        for (const one of changes) {
          if (one[0] === "set") {
            ours.set(one[1], one[2]);
            plain.set(one[1], one[2]);
          } else expect(ours.delete(one[1])).toBe(plain.delete(one[1]));
        }
        expect([...ours]).toEqual([...plain]);
        expect([...ours.keys()]).toEqual([...plain.keys()]);
        expect([...ours.values()]).toEqual([...plain.values()]);
        expect(ours.size).toBe(plain.size);
        for (const name of ["/", "/a", "/none"])
          expect([ours.get(name), ours.has(name)]).toEqual([plain.get(name), plain.has(name)]);
      }),
      SETTINGS,
    );
  });
});

describe("the data of a tree being read", () => {
  it("comes back whatever the order, at any place of the file, while more is still kept", async () => {
    const sizes = fc.array(fc.oneof(fc.nat(2_000), fc.constantFrom(262_143, 262_144, 262_145, 1_100_000)), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.infiniteStream(fc.nat()), async (lengths, random) => {
        const spool = await openSpool();
        try {
          const values: { readonly bytes: Buffer; readonly offset: number }[] = [];
          for (const [index, length] of lengths.entries()) {
            const bytes = Buffer.alloc(length, `${String(index)}/${String(length)}.`);
            values.push({ bytes, offset: await spool.keep(bytes) });
            const { value: picked } = random.next();
            const one = values[(picked ?? 0) % values.length];
            if (one !== undefined) expect((await spool.read(one.offset, one.bytes.length)).equals(one.bytes)).toBe(true);
          }
          for (const one of values.toReversed())
            expect((await spool.read(one.offset, one.bytes.length)).equals(one.bytes)).toBe(true);
        } finally {
          await spool.close();
        }
      }),
      { seed: 11, numRuns: 25 },
    );
  });
});
