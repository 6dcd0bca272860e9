import { describe, expect, it } from "vitest";
import { limitsOf } from "../../src/cli/options.ts";
import { toyRun } from "../toy/toy.ts";

const history = { expectedMs: () => null };

describe("--stop-after", () => {
  const plan = toyRun().plan();
  it("takes a phase, a family of waves, a wave, and the address of a step", () => {
    for (const stopAfter of ["bosses", "workers", "workers-2", "bosses/b3/upgrade", "workers-1/soak"])
      expect(limitsOf({ stopAfter }, plan, 0, history).stopAfter).toBe(stopAfter);
  });

  it("is a usage error where the plan has no such place: nobody would stop there", () => {
    for (const stopAfter of ["boses", "upgrade", "workers-9", ""])
      expect(() => limitsOf({ stopAfter }, plan, 0, history)).toThrow(
        `--stop-after ${stopAfter}: this plan has no such phase or step`,
      );
  });

  it("says why a phase of the runbook is not part of the plan", () => {
    const omitted = {
      ...plan,
      phases: plan.phases.slice(2),
      omitted: [{ phase: "bosses", reason: "all 3 boss nodes are complete (found so)" }],
    };
    expect(() => limitsOf({ stopAfter: "bosses" }, omitted, 0, history)).toThrow(
      "no such phase or step (all 3 boss nodes are complete (found so))",
    );
  });
});
