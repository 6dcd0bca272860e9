import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { constraintsOf, judgeConstraint } from "../../../../src/platform/dcos/preflight/constraints.ts";
import { allows, brokenBy, pinnedBy, valueOf, type Spot } from "../../../../src/platform/dcos/preflight/placement.ts";

describe("a constraint by Marathon's rules", () => {
  it.each([
    [["hostname", "UNIQUE"], "1.11.3", []],
    [["hostname", "unique"], "1.11.3", []],
    [["hostname", "UNIQUE", ""], "1.9.9", ["warning: UNIQUE has an empty value"]],
    [["hostname", "UNIQUE", ""], "1.10.8", ["error: UNIQUE takes no value, not even an empty one"]],
    [["rack", "IS", "r1"], "1.10.8", ["error: IS is unknown before DC/OS 1.11"]],
    [["rack", "IS", "r1"], "1.11.3", []],
    [["rack", "IS", "r 1"], "1.11.3", ["error: IS needs a plain value"]],
    [["rack", "IS"], "1.11.3", ["error: IS needs a plain value"]],
    [["rack", "CLUSTER"], "1.11.3", ["warning: CLUSTER leaves the place to the first task"]],
    [["rack", "CLUSTER", "r1"], "1.11.3", []],
    [["rack", "GROUP_BY"], "1.11.3", ["warning: GROUP_BY names no number of groups"]],
    [["rack", "GROUP_BY", "3"], "1.11.3", []],
    [["rack", "GROUP_BY", ""], "1.11.3", ["error: GROUP_BY takes a whole number"]],
    [["rack", "MAX_PER", "0"], "1.11.3", ["error: MAX_PER needs a whole number"]],
    [["rack", "MAX_PER", "2"], "1.11.3", []],
    [["rack", "MAX_PER"], "1.11.3", ["error: MAX_PER needs a whole number"]],
    [["hostname", "LIKE", ""], "1.11.3", ["error: LIKE needs a pattern"]],
    [["hostname", "UNLIKE"], "1.11.3", ["error: UNLIKE needs a pattern"]],
    [["hostname", "LIKE", "*"], "1.11.3", ["error: LIKE has a pattern that is no regular expression"]],
    [["hostname", "LIKE", "(?i)WEB"], "1.11.3", ["unsure: LIKE has a pattern that only Java can judge"]],
    [["@zone", "GROUP_BY", "3"], "1.10.8", ["warning: @zone is an attribute's name before DC/OS 1.11"]],
    [["@zone", "GROUP_BY", "3"], "1.11.3", []],
    [["hostname"], "1.11.3", ["error: needs two or three parts"]],
    [["a", "LIKE", "b", "c"], "1.11.3", ["error: needs two or three parts"]],
    [["", "UNIQUE"], "1.11.3", ["error: names no field"]],
    [["hostname", "NEAR", "x"], "1.11.3", ["error: NEAR is no operator"]],
    [["hostname", ""], null, ["error: an empty operator is no operator"]],
  ] as const)("%j in %s: %j", (constraint, release, said) => {
    expect(judgeConstraint(constraint, release).map((one) => `${one.kind}: ${one.text}`)).toEqual(said);
  });

  it("is found in an app, and in a pod in its own form", () => {
    expect(constraintsOf({ constraints: [["rack", "MAX_PER", 2]] })).toEqual([["rack", "MAX_PER", "2"]]);
    const pod = {
      scheduling: {
        placement: {
          constraints: [
            { fieldName: "hostname", operator: "UNIQUE" },
            { fieldName: "rack", operator: "IS", value: "r1" },
          ],
        },
      },
    };
    expect(constraintsOf(pod)).toEqual([
      ["hostname", "UNIQUE"],
      ["rack", "IS", "r1"],
    ]);
    expect([constraintsOf({}), constraintsOf({ constraints: null }), constraintsOf({ constraints: "UNIQUE" })]).toEqual([
      [],
      [],
      null,
    ]);
  });
});

function spot(hostname: string, attributes: Spot["attributes"] = {}): Spot {
  return { hostname, attributes, region: null, zone: null };
}

const HOSTS = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"];
const RACKS = ["r1", "r1", "r2", "r3"];
const SPOTS = HOSTS.map((host, index) => spot(host, { rack: RACKS[index] ?? "" }));

/** Whether Marathon would place one more task on the agent, by the rules of dcos.md 13.1 and its own offer matching. */
function marathonTakes(
  [field = "", operator = "", wanted = ""]: readonly string[],
  placed: readonly Spot[],
  offer: Spot,
): boolean {
  const of = (one: Spot): string => (field === "hostname" ? one.hostname : String(one.attributes[field]));
  const same = placed.filter((one) => of(one) === of(offer)).length;
  const groups = new Map<string, number>();
  for (const one of placed) groups.set(of(one), (groups.get(of(one)) ?? 0) + 1);
  switch (operator) {
    case "UNIQUE":
      return same === 0;
    case "CLUSTER":
      return (wanted === "" || of(offer) === wanted) && placed.every((one) => of(one) === of(offer));
    case "GROUP_BY":
      return same === 0 || (groups.size >= Math.max(0, Number(wanted || "0")) && same === Math.min(...groups.values()));
    case "LIKE":
      return new RegExp(`^(?:${wanted})$`).test(of(offer));
    case "UNLIKE":
      return !new RegExp(`^(?:${wanted})$`).test(of(offer));
    case "MAX_PER":
      return same < Number(wanted);
    default:
      return of(offer) === wanted;
  }
}

const constraint = fc.oneof(
  fc.constantFrom(
    ["hostname", "UNIQUE"],
    ["rack", "UNIQUE"],
    ["hostname", "CLUSTER"],
    ["rack", "CLUSTER", "r1"],
    ["rack", "GROUP_BY"],
  ),
  fc.tuple(fc.constantFrom("hostname", "rack"), fc.constantFrom("GROUP_BY", "MAX_PER"), fc.constantFrom("1", "2", "3")),
  fc.tuple(
    fc.constant("hostname"),
    fc.constantFrom("LIKE", "UNLIKE"),
    fc.constantFrom("10\\.0\\.0\\.[12]", ".*\\.3", "10.*", "nowhere"),
  ),
  fc.tuple(fc.constant("rack"), fc.constantFrom("IS", "LIKE"), fc.constantFrom("r1", "r2", "r9")),
);

describe("tasks where they are", () => {
  it("are never called misplaced where Marathon itself would have put them there, one after the other", () => {
    let longest = 0;
    fc.assert(
      fc.property(constraint, fc.array(fc.nat(3), { maxLength: 20 }), (rule, offers) => {
        const placed: Spot[] = [];
        for (const index of offers) if (marathonTakes(rule, placed, SPOTS[index]!)) placed.push(SPOTS[index]!);
        longest = Math.max(longest, placed.length);
        expect(brokenBy(rule, placed)).toBeNull();
        for (const one of placed) expect(allows(rule, one)).toBe(true);
      }),
      { seed: 13, numRuns: 1_000 },
    );
    expect(longest).toBeGreaterThan(5);
  });

  it("are called misplaced exactly where no order of placing them would do, for rules that do not depend on the order", () => {
    const fixed = constraint.filter(([, operator]) => operator !== "GROUP_BY");
    let broken = 0;
    fc.assert(
      fc.property(fixed, fc.array(fc.nat(3), { minLength: 1, maxLength: 6 }), (rule, where) => {
        const placed = where.map((index) => SPOTS[index]!);
        const possible = placed.every((one, index) => marathonTakes(rule, placed.slice(0, index), one));
        if (!possible) broken += 1;
        expect(brokenBy(rule, placed) === null).toBe(possible);
      }),
      { seed: 13, numRuns: 1_000 },
    );
    expect(broken).toBeGreaterThan(100);
  });

  it("on an agent without the attribute are misplaced, unless it must be unlike something", () => {
    const bare = spot("10.0.0.9");
    expect(brokenBy(["rack", "UNIQUE"], [bare])).toContain("10.0.0.9");
    expect(brokenBy(["rack", "UNLIKE", "r1"], [bare])).toBeNull();
    expect(valueOf({ ...bare, zone: "z1" }, "@zone")).toBe("z1");
  });

  it("are not judged where only Marathon knows the text", () => {
    expect(brokenBy(["cores", "IS", "8"], [spot("h", { cores: null })])).toBeUndefined();
    expect(brokenBy(["hostname", "LIKE", "(?i)H"], [spot("h")])).toBeUndefined();
    expect(brokenBy(["disks", "IS", "2.0"], [spot("h", { disks: "2" })])).toBeUndefined();
    expect(brokenBy(["rack", "GROUP_BY", "3"], [SPOTS[0]!, SPOTS[1]!])).toBe("its tasks are in 1 of 3 groups");
  });
});

describe("an app that cannot move", () => {
  it.each([
    [[["hostname", "LIKE", "10\\.0\\.0\\.1"]], 1, "only 10.0.0.1 is allowed"],
    [[["hostname", "CLUSTER", "10.0.0.2"]], 2, "only 10.0.0.2 is allowed"],
    [[["hostname", "IS", "10.0.0.9"]], 1, "no active agent is allowed"],
    [
      [
        ["rack", "LIKE", "r[23]"],
        ["hostname", "UNLIKE", ".*\\.4"],
      ],
      1,
      "only 10.0.0.3 is allowed",
    ],
    [[["hostname", "UNIQUE"]], 4, "4 instances fill all 4 values of hostname: none is to spare"],
    [[["rack", "UNIQUE"]], 3, "3 instances fill all 3 values of rack: none is to spare"],
    [[["rack", "MAX_PER", "2"]], 6, "6 instances fill all 3 values of rack: none is to spare"],
    [[["hostname", "CLUSTER"]], 2, "its instances have to be where the first of them is"],
    [[["hostname", "UNIQUE"]], 3, null],
    [[["hostname", "LIKE", ".*[12]"]], 1, null],
    [[["rack", "GROUP_BY"]], 9, null],
    [[["hostname", "LIKE", "(?i)x"]], 1, undefined],
    [[["hostname", "LIKE", "10\\.0\\.0\\.1"]], 0, null],
    [[], 5, null],
  ] as const)("%j with %i instances: %s", (constraints, instances, why) => {
    expect(pinnedBy(constraints, instances, SPOTS)).toBe(why);
  });
});
