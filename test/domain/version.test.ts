import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareVersions, compareVersionTexts, parseVersion, seriesOf, type Version } from "../../src/domain/version.ts";

const numbers = fc.array(fc.integer({ min: 0, max: 999_999_999 }), { minLength: 1, maxLength: 5 });
const tag = fc.constantFrom(null, "ee", "rc1", "rc2", "rc10", "beta", "SNAPSHOT-713-g14280a6", "2bf46b341", "01", "1");
const version = fc.tuple(numbers, tag).map(([parts, name]): Version => {
  const parsed = parseVersion(`${parts.join(".")}${name === null ? "" : `-${name}`}`);
  if (parsed === null) throw new Error("the generator makes versions only");
  return parsed;
});

describe("a version", () => {
  it.each([
    ["1.11.3", [1, 11, 3], null],
    ["1.5.1.2", [1, 5, 1, 2], null],
    ["1.10", [1, 10], null],
    ["17", [17], null],
    ["17.06.2-ee", [17, 6, 2], "ee"],
    ["1.6.322-2bf46b341", [1, 6, 322], "2bf46b341"],
    ["1.5.0-SNAPSHOT-713-g14280a6", [1, 5, 0], "SNAPSHOT-713-g14280a6"],
  ])("reads %s", (text, expectedNumbers, expectedTag) => {
    expect(parseVersion(text)).toEqual({ text, numbers: expectedNumbers, tag: expectedTag });
  });

  it.each([
    "",
    "v1.11.3",
    "1.",
    ".1",
    "1..2",
    "1.11.3-",
    "1.11.3 ",
    "1,11",
    "one",
    "-1",
    "1.1234567890",
    "1.11.3-a b",
    `1.${"1.".repeat(60)}1`,
  ])("does not read %j", (text) => {
    expect(parseVersion(text)).toBeNull();
  });

  it("belongs to the minor series of its first two numbers", () => {
    const series = (text: string): string => seriesOf(parseVersion(text)!);
    expect([series("1.10.8"), series("1.10"), series("17.06.2-ee"), series("2")]).toEqual(["1.10", "1.10", "17.6", "2.0"]);
  });

  it.each([
    ["1.9.10", "1.10.0"],
    ["1.9.9", "1.9.10"],
    ["1.5.1", "1.5.1.2"],
    ["1.11.0-rc1", "1.11.0"],
    ["1.11.0-rc2", "1.11.0-rc10"],
    ["1.11.0-SNAPSHOT-1", "1.11.0"],
    ["17.06.2", "17.06.2-ee"],
    ["1.13.10", "2.0.0"],
  ])("%s is older than %s", (older, newer) => {
    expect(compareVersionTexts(older, newer)).toBeLessThan(0);
    expect(compareVersionTexts(newer, older)).toBeGreaterThan(0);
  });

  it("is equal to itself written with zeros that mean nothing", () => {
    expect(compareVersionTexts("1.10", "1.10.0")).toBe(0);
    expect(compareVersionTexts("17.06", "17.6.0")).toBe(0);
  });

  it("cannot be compared with what is no version", () => {
    expect(compareVersionTexts("1.10", "latest")).toBeNull();
    expect(compareVersionTexts("", "1.10")).toBeNull();
  });

  it("is ordered: equal to itself, the other way round with the sides swapped, and transitive", () => {
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(compareVersions(a, a)).toBe(0);
        expect(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a))).toBe(0);
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 2_000 },
    );
  });

  it("differs from every version with a larger number in one place and the same before it", () => {
    fc.assert(
      fc.property(numbers, fc.nat(4), (parts, place) => {
        const at = place % parts.length;
        const larger = parts.map((part, index) => (index === at ? Math.min(part, 999_999_998) + 1 : part));
        const smaller = parts.map((part, index) => (index === at ? Math.min(part, 999_999_998) : part));
        expect(compareVersionTexts(smaller.join("."), larger.join("."))).toBeLessThan(0);
      }),
    );
  });

  it("never breaks on any text", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const parsed = parseVersion(text);
        expect(parsed === null || parsed.text === text).toBe(true);
      }),
    );
  });
});
