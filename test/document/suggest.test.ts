import { describe, expect, it } from "vitest";
import { nearestWord, suggest } from "../../src/document/suggest.ts";

const KEYS = ["name", "address", "role", "max-in-flight", "halt-after"];

describe("did you mean", () => {
  it.each([
    ["adress", "address"],
    ["nmae", "name"],
    ["maxInFlight", "max-in-flight"],
    ["halt_after", "halt-after"],
    ["ROLE", "role"],
    ["addresss", "address"],
  ])("%s is %s", (written, meant) => {
    expect(nearestWord(written, KEYS)).toBe(meant);
  });

  it("does not guess where nothing is near", () => {
    expect(nearestWord("colour", KEYS)).toBeNull();
    expect(nearestWord("x", [])).toBeNull();
  });

  it("lists what is accepted where it does not guess, and says nothing where the list is long or empty", () => {
    expect(suggest("colour", KEYS)).toBe("accepted: name, address, role, max-in-flight, halt-after");
    expect(suggest("nam", KEYS)).toBe("did you mean `name`?");
    expect(suggest("x", [])).toBeUndefined();
    expect(
      suggest(
        "zzzzzzzz",
        Array.from({ length: 31 }, (_, index) => `name-${index}`),
      ),
    ).toBeUndefined();
  });

  it("takes no time for a word of any length", () => {
    expect(nearestWord("x".repeat(1_000_000), KEYS)).toBeNull();
  });
});
