import { describe, expect, it } from "vitest";
import { fold } from "../../src/domain/run-state.ts";
import { overWorlds } from "./story.ts";

describe("rule 3: intent, effect, evidence", () => {
  it("no effect without its intent on record, and none a second time unless a person asked for it", async () => {
    await overWorlds(120, 5, (story) => {
      const seen = new Map<string, number>();
      for (const moment of story.moments) {
        if (moment.what !== "effect") continue;
        const before = fold(story.events.slice(0, moment.events));
        const step = Object.entries(before.steps).find(([address]) => address.endsWith(`/${moment.node}/upgrade`));
        expect(step?.[1].status, `${moment.node} in life ${moment.life}`).toBe("starting");
        seen.set(moment.node, (seen.get(moment.node) ?? 0) + 1);
        const wanted = story.events
          .slice(0, moment.events)
          .filter(
            (event) =>
              event.type === "operator.decided" &&
              event.choice === "retry" &&
              (event.target?.includes(`/${moment.node}/`) ?? false),
          ).length;
        expect(seen.get(moment.node), `effects at ${moment.node}`).toBeLessThanOrEqual(1 + wanted);
      }
    });
  }, 120_000);

  it("what is complete stays complete, and is never done again", async () => {
    await overWorlds(80, 6, (story) => {
      const complete = new Set<string>();
      for (const event of story.events) {
        if (event.type !== "step.moved") continue;
        expect(complete.has(event.step), `${event.step} at ${event.seq}`).toBe(false);
        if (event.to === "complete") complete.add(event.step);
      }
    });
  }, 120_000);
});
