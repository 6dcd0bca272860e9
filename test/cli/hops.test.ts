import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { nextHop } from "../../src/cli/hops.ts";
import { skewFindings, supportFinding } from "../../src/cli/skew.ts";
import { loadPolicy } from "../../src/document/load.ts";
import type { Loaded, VersionPolicy } from "../../src/domain/documents.ts";
import type { Facts } from "../../src/domain/plan.ts";
import { minorsBehind } from "../../src/domain/upgrade-path.ts";

const root = join(import.meta.dirname, "../..");
let workbook: Loaded<VersionPolicy>;
let published: Loaded<VersionPolicy>;

beforeAll(async () => {
  workbook = await loadPolicy(join(root, "runbooks/policies/dcos-workbook.yaml"));
  published = await loadPolicy(join(root, "runbooks/policies/dcos-published.yaml"));
});

/** Facts of a cluster, by the version of each node. */
function facts(versions: Readonly<Record<string, string | null>>): Facts {
  return {
    clusterId: "c",
    observedAt: "2026-11-20T15:00:00Z",
    last: {},
    counts: {},
    baseline: {},
    nodes: Object.fromEntries(
      Object.entries(versions).map(([name, version]) => [
        name,
        { version, role: null, reachable: version !== null, complete: false, details: {} },
      ]),
    ),
  };
}

const MASTERS = new Set(["m1", "m2", "m3"]);
const masters = (version: string): Readonly<Record<string, string>> => ({ m1: version, m2: version, m3: version });
const skew = (policy: Loaded<VersionPolicy>, versions: Readonly<Record<string, string | null>>, to: string | null) =>
  skewFindings(policy.document, facts(versions), MASTERS, to).map((one) => [one.id, one.severity, one.verdict, one.nodes]);

describe("the next hop", () => {
  it("starts where every node is, and says what comes after", () => {
    expect(nextHop(workbook, facts({ ...masters("1.9.4"), a1: "1.9.4" }), "1.11.3")).toMatchObject({
      from: "1.9.4",
      to: "1.9.9",
      later: ["1.10.8", "1.11.3"],
      finding: { verdict: "pass", observed: "1.9.4 → 1.9.9 → 1.10.8 → 1.11.3" },
    });
  });

  it("is the one that is half done: agents left behind are brought up before anything goes further", () => {
    const left = facts({ ...masters("1.10.8"), a1: "1.10.8", a2: "1.9.9" });
    expect(nextHop(workbook, left, "1.11.3")).toMatchObject({ from: "1.9.9", to: "1.10.8", later: ["1.11.3"] });
  });

  it("is refused beside agents that no hop brings up any more", () => {
    const stranded = facts({ ...masters("1.11.3"), a1: "1.11.3", a2: "1.9.9" });
    const { to, finding } = nextHop(workbook, stranded, "1.11.3");
    expect([to, finding.verdict, finding.refusal]).toEqual([null, "fail", true]);
    expect(finding.remedy).toMatch(/^No qualified hop leads from 1\.9\.9 to 1\.11\.3/);
  });

  it("is refused across three versions, downwards, and to what the policy does not know", () => {
    expect(nextHop(workbook, facts({ m1: "1.9.4", m2: "1.9.9", a1: "1.10.8" }), "1.10.8").finding).toMatchObject({
      verdict: "fail",
      observed: "1.9.4, 1.9.9, 1.10.8",
    });
    expect(nextHop(workbook, facts(masters("1.11.3")), "1.10.8").finding.observed).toMatch(/^no-downgrade: /);
    expect(nextHop(workbook, facts(masters("1.11.3")), "1.13.10").finding.observed).toMatch(/^known-releases: /);
    expect(nextHop(workbook, facts({ m1: null }), "1.10.8").finding.verdict).toBe("inconclusive");
  });

  it("by the published tables refuses 1.9.4 to 1.11.3 and names the nearest way", () => {
    const { to, finding } = nextHop(published, facts(masters("1.9.4")), "1.11.3");
    expect([to, finding.refusal]).toEqual([null, true]);
    expect(finding.observed).toMatch(/^listed-moves-only: the listed moves to 1\.11\.3 start at 1\.11\.0, 1\.11\.1, 1\.11\.2/);
    expect(finding.remedy).toContain("1.9.4 → 1.9.10 → 1.10.11 → 1.11.8");
  });
});

describe("agents and masters", () => {
  it("may be one minor apart while a hop runs", () => {
    expect(skew(workbook, { ...masters("1.10.8"), a1: "1.10.8" }, "1.11.3")).toEqual([
      ["one-minor-behind", "mandatory", "pass", []],
    ]);
  });

  it("cannot be told of an agent that told no version, or one the policy does not know: that is no pass", () => {
    for (const told of [null, "1.4.2"])
      expect(skew(workbook, { ...masters("1.9.9"), a1: "1.9.9", a2: told }, "1.10.8")).toEqual([
        ["one-minor-behind", "mandatory", "inconclusive", ["a2"]],
      ]);
  });

  it("are refused where an agent would be two behind: left by --only, set aside, or forgotten", () => {
    expect(skew(workbook, { ...masters("1.10.8"), a1: "1.10.8", a2: "1.9.9" }, "1.11.3")).toEqual([
      ["one-minor-behind", "mandatory", "fail", ["a2"]],
    ]);
    // Also where nothing is planned: the masters are ahead already.
    expect(skew(workbook, { ...masters("1.11.3"), a1: "1.9.9" }, null)).toEqual([
      ["one-minor-behind", "mandatory", "fail", ["a1"]],
    ]);
  });

  it("are two minors apart only in a hop the published tables list, and it is said", () => {
    expect(skew(published, { ...masters("1.10.9"), a1: "1.10.9" }, "1.12.3")).toEqual([
      ["one-minor-behind", "mandatory", "pass", []],
      ["two-minors-behind", "advisory", "fail", ["a1"]],
    ]);
    expect(skew(published, { ...masters("1.10.6"), a1: "1.10.6" }, "1.12.3")).toEqual([
      ["one-minor-behind", "mandatory", "fail", ["a1"]],
    ]);
  });

  it("are counted in minors that exist: 2.0 follows 1.13", () => {
    expect(minorsBehind(published.document, "1.13.5", "2.0.4")).toBe(1);
    expect(minorsBehind(published.document, "1.12.5", "2.0.4")).toBe(2);
    expect(minorsBehind(published.document, "2.0.4", "1.13.5")).toBe(0);
    expect(minorsBehind(published.document, "1.8.9", "1.10.8")).toBeNull();
  });
});

describe("the version that is asked for", () => {
  it("is in support up to two minors behind the newest; further back is said, and stops nobody", () => {
    const told = (policy: Loaded<VersionPolicy>, goal: string): readonly string[] => {
      const { severity, verdict } = supportFinding(policy.document, goal);
      return [severity, verdict];
    };
    expect(told(workbook, "1.11.3")).toEqual(["advisory", "pass"]);
    expect(told(workbook, "1.9.9")).toEqual(["advisory", "pass"]);
    expect(told(published, "2.0.0")).toEqual(["advisory", "pass"]);
    expect(told(published, "1.11.9")).toEqual(["advisory", "fail"]);
    expect(told(workbook, "3.0.0")).toEqual(["advisory", "inconclusive"]);
  });
});
