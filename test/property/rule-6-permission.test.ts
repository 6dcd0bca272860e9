import { describe, expect, it } from "vitest";
import { overWorlds } from "./story.ts";

describe("rule 6: permission before stop", () => {
  it("no node is touched unless the cluster said yes right before, in the same life, and said no to nothing since", async () => {
    await overWorlds(150, 8, (story) => {
      for (const [index, moment] of story.moments.entries()) {
        if (moment.what !== "effect") continue;
        const asked = story.moments
          .slice(0, index)
          .findLast((one) => one.what === "permission" && one.step.endsWith(`/${moment.node}/upgrade`));
        if (asked?.what !== "permission") throw new Error(`nobody was asked about ${moment.node}`);
        expect(asked.answer, moment.node).toBe("yes");
        // A step whose intent was on record is looked at and taken up; every other one is asked about by the process that begins it.
        const intent = story.events
          .slice(0, moment.events)
          .findLast((one) => one.type === "step.moved" && one.step === asked.step && one.to === "starting");
        const opened = story.events.slice(0, moment.events).findLast((one) => one.type === "run.opened");
        if ((intent?.seq ?? 0) > (opened?.seq ?? 0)) expect(asked.life, moment.node).toBe(moment.life);
        expect(moment.atMs - asked.atMs, `${moment.node} was asked about long ago`).toBeLessThanOrEqual(1_000);
      }
    });
  }, 120_000);
});
