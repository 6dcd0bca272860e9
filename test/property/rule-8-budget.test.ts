import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { budgetOf, judgeFailure, type SetAside } from "../../src/domain/budget.ts";
import { fold } from "../../src/domain/run-state.ts";
import { overWorlds } from "./story.ts";

describe("rule 8: the failure budget", () => {
  it("policy sets aside at most the budget, never a boss, never in the canary wave, no second node of one cause, nothing costly", async () => {
    await overWorlds(250, 10, (story) => {
      const causes: string[] = [];
      for (const [index, event] of story.events.entries()) {
        if (event.type !== "step.moved" || event.to !== "set-aside" || event.actor !== "policy") continue;
        const step = story.stepOf(event.step);
        const phase = story.plan.phases.find((one) => one.name === step?.phase);
        expect(phase?.role).toBe("worker");
        expect(phase?.name).not.toBe("workers-1");
        expect(event.problem?.code).not.toBe("toy.tasks");
        const before = fold(story.events.slice(0, index));
        const aside = Object.values(before.steps).filter((one) => one.status === "set-aside");
        expect(aside.map((one) => one.problem?.code)).not.toContain(event.problem?.code);
        expect(
          new Set(
            Object.entries(before.steps)
              .filter(([, one]) => one.status === "set-aside")
              .map(([address]) => address.split("/")[1]),
          ).size,
        ).toBeLessThan(story.plan.budget);
        causes.push(event.problem?.code ?? "");
      }
      for (const event of story.events)
        if (event.type === "step.moved" && event.to === "set-aside")
          expect(event.step.split("/")[1]?.startsWith("w"), event.step).toBe(true);
    });
  }, 120_000);

  it("over rollouts of any size: never more than one node or one in a hundred, each for a cause of its own", () => {
    const failure = fc.record({ cause: fc.constantFrom("a", "b", "c", "d", "e"), costly: fc.boolean() });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), fc.array(failure, { maxLength: 20 }), (nodes, failures) => {
        const aside: SetAside[] = [];
        for (const [index, { cause, costly }] of failures.entries()) {
          const one = { node: `w${index}`, cause };
          const judged = judgeFailure({ phaseBudget: "rollout", budget: budgetOf(nodes), before: aside, failure: one, costly });
          if (judged.kind === "halt") continue;
          expect(costly).toBe(false);
          aside.push(one);
        }
        expect(aside.length).toBeLessThanOrEqual(Math.max(1, nodes / 100));
        expect(new Set(aside.map((one) => one.cause)).size).toBe(aside.length);
      }),
      { numRuns: 500, seed: 14 },
    );
  });
});
