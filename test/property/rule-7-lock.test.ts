import { describe, expect, it } from "vitest";
import { overWorlds } from "./story.ts";

describe("rule 7: one run per cluster", () => {
  it("the lock is taken before the first effect, looked at before each, and nothing begins once it is another's", async () => {
    await overWorlds(150, 9, (story) => {
      for (const [index, moment] of story.moments.entries()) {
        if (moment.what !== "effect") continue;
        const before = story.moments.slice(0, index).filter((one) => one.life === moment.life);
        expect(
          before.some((one) => one.what === "lock-taken"),
          moment.node,
        ).toBe(true);
        const looked = before.findLast((one) => one.what === "lock-check");
        if (looked?.what !== "lock-check") throw new Error(`nobody looked at the lock before ${moment.node}`);
        expect(looked.ours, moment.node).toBe(true);
        const lostMs = story.world.lockLostS;
        if (lostMs !== null) expect(moment.atMs - (story.moments[0]?.atMs ?? 0)).toBeLessThanOrEqual(lostMs * 1_000 + 1_000);
      }
      for (const [index, end] of story.ends.entries()) {
        const own = story.moments.filter((one) => one.life === index + 1);
        const count = (what: string): number => own.filter((one) => one.what === what).length;
        // A life that came to an end gave back what it took; one that died could not.
        if (end !== null) expect(count("lock-released")).toBe(1);
      }
    });
  }, 120_000);
});
