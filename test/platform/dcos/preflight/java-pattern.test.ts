import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { judgePattern, matchesPattern } from "../../../../src/platform/dcos/preflight/java-pattern.ts";

interface Recorded {
  readonly values: readonly string[];
  /** A pattern; one digit per value, 1 where it matches; null: Java refuses it. */
  readonly patterns: readonly (readonly [string, string | null])[];
}

const recorded = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../../fixture/java-patterns/java-patterns.json"), "utf8"),
) as Recorded;

describe("a pattern of LIKE, which Java reads", () => {
  it("is never called good or bad where Java said otherwise, and matches what Java matched (recorded)", () => {
    const counts = { same: 0, bad: 0, unsure: 0 };
    for (const [pattern, matches] of recorded.patterns) {
      const kind = judgePattern(pattern);
      counts[kind] += 1;
      if (kind === "bad") expect(matches, pattern).toBeNull();
      const ours = recorded.values.map((value) => matchesPattern(pattern, value));
      if (kind === "same") expect(ours.map((one) => (one === true ? "1" : "0")).join(""), pattern).toBe(matches);
      else
        expect(
          ours.every((one) => one === null),
          pattern,
        ).toBe(true);
    }
    expect(Math.min(counts.same, counts.bad, counts.unsure)).toBeGreaterThan(150);
  });

  it.each([
    ["10\\.0\\.0\\.(11|12)", "same"],
    ["ip-10-0-.*", "same"],
    ["[a-c]\\d{1,3}", "same"],
    ["*", "bad"],
    ["(a", "bad"],
    ["[a-", "bad"],
    ["a{3,1}", "bad"],
    ["b\\", "bad"],
    ["(?i)web", "unsure"],
    ["\\p{Alnum}+", "unsure"],
    ["a++", "unsure"],
    ["[a-z&&[^b]]", "unsure"],
    ["\\Qa.b\\E", "unsure"],
  ])("%s: %s", (pattern, kind) => {
    expect(judgePattern(pattern)).toBe(kind);
  });

  it("that could be tried for ever is not tried", () => {
    for (const pattern of ["(a+)+b", "(a|a)*b", ".*.*.*.*.*x", "a".repeat(501)])
      expect(matchesPattern(pattern, "a".repeat(100)), pattern).toBeNull();
    expect(matchesPattern("a*", "a".repeat(5_000))).toBeNull();
  });

  it("that tries every way of many choices is not tried: an app's constraint must not stop a preflight", () => {
    for (const pattern of ["(a?){40}b", "a?".repeat(28) + "b", "(a|a)".repeat(27) + "b", "(a|a){30}b", "((a|a)?){30}b"])
      expect(matchesPattern(pattern, "a".repeat(100)), pattern).toBeNull();
    const hosts = Array.from({ length: 30 }, (_, index) => `10\\.0\\.0\\.${index}`).join("|");
    expect([matchesPattern(hosts, "10.0.0.29"), matchesPattern("(a|b)?-?[a-z]{3}", "a-xyz")]).toEqual([true, true]);
  });
});
