import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonical, type Json } from "../../src/domain/json.ts";
import { compareSnapshots, differenceText } from "../../src/difference/snapshot-difference.ts";

const lines = (before: Json, after: Json): string[] => compareSnapshots(before, after).map(differenceText);

describe("comparing snapshots", () => {
  it("names what was added, removed and changed", () => {
    expect(
      lines(
        { apps: { "/web": { instances: 2 }, "/old": { instances: 1 } } },
        { apps: { "/web": { instances: 3 }, "/new": { instances: 1 } } },
      ),
    ).toEqual(['+ apps › /new: {"instances":1}', '- apps › /old: {"instances":1}', "~ apps › /web › instances: 2 → 3"]);
  });

  it("compares lists by identity, whatever their order", () => {
    const before = {
      agents: [
        { id: "S0", cpus: 4 },
        { id: "S1", cpus: 4 },
      ],
    };
    expect(
      lines(before, {
        agents: [
          { id: "S1", cpus: 4 },
          { id: "S0", cpus: 4 },
        ],
      }),
    ).toEqual([]);
    expect(lines(before, { agents: [{ id: "S1", cpus: 8 }] })).toEqual([
      '- agents › S0: {"id":"S0","cpus":4}',
      "~ agents › S1 › cpus: 4 → 8",
    ]);
  });

  it("compares lists of plain values as sets that count", () => {
    expect(lines({ roles: ["a", "b", "a"] }, { roles: ["b", "a", "a"] })).toEqual([]);
    expect(lines({ roles: ["a", "b"] }, { roles: ["b", "c"] })).toEqual(["- roles › a", "+ roles › c"]);
    expect(lines({ roles: ["a", "a"] }, { roles: ["a"] })).toEqual(["+ roles › a", "- roles › a (2 times)"]);
  });

  it("does not take a missing part for an empty one", () => {
    expect(lines({ apps: null }, { apps: {} })).toEqual(["~ apps: null → {}"]);
    expect(lines({ leaders: ["m1"] }, { leaders: null })).toEqual(['~ leaders: ["m1"] → null']);
  });

  it("finds no difference between a document and itself, and the same ones in either direction", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        expect(compareSnapshots(a as Json, structuredClone(a) as Json)).toEqual([]);
        const there = compareSnapshots(a as Json, b as Json);
        const back = compareSnapshots(b as Json, a as Json);
        expect(back.map((one) => one.path)).toEqual(there.map((one) => one.path));
        expect(back.map((one) => one.before)).toEqual(there.map((one) => one.after));
      }),
      { numRuns: 500 },
    );
  });

  it("finds a difference exactly where there is one, at any depth", () => {
    const document = fc.object({
      maxDepth: 3,
      maxKeys: 3,
      key: fc.constantFrom("a", "b", "__proto__", "id", "name", "toString"),
      values: [fc.integer({ min: 0, max: 2 }), fc.constantFrom("", "x"), fc.boolean(), fc.constant(null)],
    }) as fc.Arbitrary<Json>;
    fc.assert(
      fc.property(document, document, (a, b) => {
        expect(compareSnapshots(a, b).length === 0).toBe(canonical(a) === canonical(b));
      }),
      { numRuns: 2000 },
    );
  });

  it("does not overlook a difference", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ minLength: 1, maxLength: 4 }), fc.oneof(fc.integer(), fc.string(), fc.boolean())),
        fc.dictionary(fc.string({ minLength: 1, maxLength: 4 }), fc.oneof(fc.integer(), fc.string(), fc.boolean())),
        (a, b) => {
          const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => !Object.is(a[key], b[key])).sort();
          expect(compareSnapshots(a, b).map((one) => one.path[0])).toEqual(keys);
        },
      ),
      { numRuns: 500 },
    );
  });
});
