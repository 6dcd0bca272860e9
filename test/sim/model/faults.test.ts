import { describe, expect, it } from "vitest";
import { PawlError } from "../../../src/domain/errors.ts";
import { FAULT_NAMES, parseFault } from "../../../src/sim/faults.ts";

function complaint(text: string, nodes?: readonly string[]): string {
  try {
    parseFault(text, nodes);
  } catch (error) {
    if (error instanceof PawlError && error.exit === "usage") return `${error.message} | ${error.details.next ?? ""}`;
    throw error;
  }
  return "accepted";
}

describe("a fault in words", () => {
  it("is NAME@NODE, with `after` and the first hop unless it says otherwise", () => {
    expect(parseFault("script-fails@m2")).toEqual({ name: "script-fails", node: "m2", when: "after", hop: 1 });
    expect(parseFault("replog-not-recovered@m1:start")).toEqual({
      name: "replog-not-recovered",
      node: "m1",
      when: "start",
      hop: 1,
    });
    expect(parseFault("agent-never@a4:2")).toEqual({ name: "agent-never", node: "a4", when: "after", hop: 2 });
    expect(parseFault("disk-full@p1:during:3")).toEqual({ name: "disk-full", node: "p1", when: "during", hop: 3 });
    expect(parseFault("clock-skew@a1").when).toBe("start");
  });

  it("names what was meant when a name, a time or a node is misspelt", () => {
    expect(complaint("script-fail@m1")).toContain("did you mean `script-fails`?");
    expect(complaint("script-fails@m1:befor")).toContain("use one of: during, after");
    expect(complaint("hostkey-changed@m1:befor")).toContain("did you mean `before`?");
    expect(complaint("script-fails@m1:before")).toContain("cannot happen at `before`");
    expect(complaint("agent-never@a4:aftr")).toContain("did you mean `after`?");
    expect(complaint("agent-never@a9", ["a1", "a2"])).toContain("there is no node `a9`; did you mean `a1`?");
    expect(complaint("nonsense@m1")).toContain("known faults: replog-not-recovered");
  });

  it("is refused where it cannot happen", () => {
    expect(complaint("agent-never@m1")).toContain("m1 is a master");
    expect(complaint("two-leaders@a1")).toContain("a1 is an agent");
    expect(complaint("wrong-role@a1:after")).toContain("cannot happen at `after`");
    expect(complaint("script-fails")).toContain("not of the form");
    expect(complaint("script-fails@m1:after:2:3")).toContain("too much");
    expect(complaint("script-fails@m1:0")).toContain("counted from 1");
  });

  it("exists for every name of the list at the nodes it is meant for", () => {
    for (const name of FAULT_NAMES) {
      const places = ["m1", "a1", "p1"].filter((node) => complaint(`${name}@${node}`) === "accepted");
      expect(places.length, name).toBeGreaterThan(0);
    }
  });
});
