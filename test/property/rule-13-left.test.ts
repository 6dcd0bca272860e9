import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toyRun } from "../toy/toy.ts";
import { overWorlds } from "./story.ts";

describe("rule 13: a plan contains what is left", () => {
  it("every node that is not complete and was asked for exactly once, no other; the complete ones are named, an empty selector says why", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 0, max: 12 }),
        fc.array(fc.boolean(), { minLength: 17, maxLength: 17 }),
        fc.oneof(fc.constant([]), fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 })),
        (bosses, workers, done, wanted) => {
          const only = [...new Set(wanted.filter((number) => number <= workers).map((number) => `w${number}`))];
          // Finishing single workers is only for clusters whose bosses are done.
          const isDone = (name: string): boolean =>
            (only.length > 0 && name.startsWith("b")) ||
            done[Number(name.slice(1)) - 1 + (name.startsWith("w") ? 5 : 0)] === true;
          const toy = toyRun({ bosses, workers, only });
          for (const { name } of toy.inventory.nodes) if (isDone(name)) toy.world.versions.set(name, "2");
          const plan = toy.plan();
          const planned = plan.phases.flatMap((phase) => (phase.role === null ? [] : phase.units.map((unit) => unit.node)));
          const asked = toy.inventory.nodes.map((node) => node.name).filter((name) => only.length === 0 || only.includes(name));
          expect(planned.toSorted()).toEqual(asked.filter((name) => !isDone(name)).toSorted());
          expect(plan.found.map((one) => one.node).toSorted()).toEqual(asked.filter(isDone).toSorted());
          for (const role of ["boss", "worker"]) {
            const left = asked.filter((name) => name.startsWith(role.slice(0, 1)) && !isDone(name));
            expect(plan.omitted.some((one) => one.phase === (role === "boss" ? "bosses" : "workers"))).toBe(left.length === 0);
          }
        },
      ),
      { numRuns: 200, seed: 12 },
    );
  });

  it("a resume executes the plan as it is: nothing is done that it does not contain, and it never changes", async () => {
    await overWorlds(80, 13, (story) => {
      const before = createHash("sha256").update(JSON.stringify(story.plan)).digest("hex");
      for (const event of story.events)
        if (event.type === "step.moved") expect(story.stepOf(event.step), event.step).toBeDefined();
      const planned = new Set(story.plan.phases.flatMap((phase) => phase.units.map((unit) => unit.node)));
      for (const moment of story.moments) if (moment.what === "effect") expect(planned.has(moment.node), moment.node).toBe(true);
      expect(createHash("sha256").update(JSON.stringify(story.plan)).digest("hex")).toBe(before);
    });
  }, 120_000);
});
