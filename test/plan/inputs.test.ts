import { describe, expect, it } from "vitest";
import type { InputSpec } from "../../src/domain/documents.ts";
import { resolveInputs } from "../../src/plan/inputs.ts";
import { toyRunbook } from "../toy/toy.ts";

const input = (more: Partial<InputSpec>): InputSpec => ({ type: "text", title: "it", required: false, ...more });
const runbook = {
  ...toyRunbook(),
  inputs: {
    target: input({ type: "version", title: "version to go to", required: true }),
    soak: input({ type: "duration", default: "30m", floorMs: 300_000 }),
    many: input({ type: "number", default: "5" }),
    sure: input({ type: "boolean" }),
  },
};

describe("the inputs of a run", () => {
  it("are texts, with the defaults filled in and the optional ones left out", () => {
    expect(resolveInputs(runbook, { target: "1.11.3" }, true)).toEqual({ target: "1.11.3", soak: "30m", many: "5" });
  });

  it("are refused with all that is wrong at once", () => {
    const wrong = { soak: "1m", many: "a few", sure: "maybe", tarqet: "1.11.3" };
    expect(() => resolveInputs(runbook, wrong, true)).toThrow(
      [
        "the inputs do not fit runbook toy-upgrade:",
        "tarqet: this runbook has no such input (it has target, soak, many, sure)",
        "target: missing; version to go to",
        "soak: 1m is shorter than 5m, the least that is accepted on a real cluster",
        'many: "a few" is not a number such as 5',
        'sure: "maybe" is not a boolean such as true',
      ].join("\n  "),
    );
  });

  it("have no floor on a lab, but must be durations there too", () => {
    expect(resolveInputs(runbook, { target: "1.11.3", soak: "1s" }, false)["soak"]).toBe("1s");
    expect(() => resolveInputs(runbook, { target: "1.11.3", soak: "30" }, false)).toThrow(
      'soak: "30" is not a duration such as 30m',
    );
  });

  it("know no name that every object has", () => {
    for (const name of ["constructor", "toString", "hasOwnProperty"])
      expect(() => resolveInputs(runbook, { target: "1.11.3", [name]: "x" }, true)).toThrow(
        `${name}: this runbook has no such input`,
      );
  });
});
