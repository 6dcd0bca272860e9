import { describe, expect, it } from "vitest";
import { isStuck } from "../../src/domain/status.ts";
import { overWorlds, stepwise } from "./story.ts";

describe("rule 1: halt means halt", () => {
  it("after a refusal, a failure, a tripped watch, in a pause and after the halt itself, no step with an effect begins", async () => {
    await overWorlds(120, 1, (story) => {
      const inPhases = new Set(
        story.plan.phases.flatMap((one) => [...one.units.flatMap((unit) => unit.steps), ...one.after]).map((one) => one.address),
      );
      let refused: string | null = null;
      let tripped = false;
      for (const { before, event } of stepwise(story.events)) {
        if (event.type === "run.opened") [refused, tripped] = [null, false];
        if (event.type === "gate.refused") refused = event.step;
        if (event.type === "watch.tripped") tripped = true;
        if (event.type !== "step.moved") continue;
        if (refused === event.step) refused = null;
        if (event.to !== "starting" || story.stepOf(event.step)?.effect === "read" || !inPhases.has(event.step)) continue;
        // An unknown step whose effect still runs is joined, not begun.
        if (before.steps[event.step]?.status === "unknown") continue;
        expect(before.phase, `${event.step} at ${event.seq}`).toBe("open");
        expect(before.interrupted, `${event.step} at ${event.seq}`).toBeNull();
        expect([refused, tripped], `${event.step} at ${event.seq}`).toEqual([null, false]);
        const stuck = Object.entries(before.steps).filter(([address, one]) => inPhases.has(address) && isStuck(one.status));
        expect(stuck, `${event.step} at ${event.seq}`).toEqual([]);
      }
    });
  }, 120_000);

  it("declared undo runs once at every end: in a halt that asks for it, where it is due again, and at the last one", async () => {
    await overWorlds(80, 2, (story) => {
      const starts = story.events.filter(
        (event) => event.type === "step.moved" && event.step === "finally/undo" && event.to === "started",
      );
      const lives = story.events.filter((event) => event.type === "run.opened");
      expect(starts.length).toBeLessThanOrEqual(lives.length);
      // Under somebody else's lock nothing is touched any more, not even to undo.
      if (story.world.lockLostS === null && story.ends.some((end) => end !== null)) expect(starts.length).toBeGreaterThan(0);
    });
  }, 120_000);
});
