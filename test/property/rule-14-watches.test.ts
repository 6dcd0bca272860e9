import { describe, expect, it } from "vitest";
import { overWorlds, WATCH } from "./story.ts";

describe("rule 14: watches", () => {
  it("trip after exactly as long as they must, halt within a second of that reading but for effects in hand, and only then", async () => {
    await overWorlds(150, 11, (story) => {
      for (const [index, end] of story.ends.entries()) {
        const life = index + 1;
        const readings = story.moments.flatMap((one) =>
          one.what === "reading" && one.check === WATCH.check && one.node === null && one.life === life ? [one] : [],
        );
        let badSinceMs: number | null = null;
        const decisive = readings.find((one) => {
          if (one.answer.verdict === "pass") badSinceMs = null;
          else badSinceMs ??= one.atMs;
          return badSinceMs !== null && one.atMs - badSinceMs >= WATCH.haltAfterMs;
        });
        const opened = story.events.filter((event) => event.type === "run.opened");
        const [from, to] = [opened[index]?.seq ?? 0, opened[index + 1]?.seq ?? Number.POSITIVE_INFINITY];
        const own = story.events.filter((event) => event.seq >= from && event.seq < to);
        const tripped = own.filter((event) => event.type === "watch.tripped");
        if (decisive === undefined) {
          expect(tripped, `life ${life}`).toEqual([]);
          continue;
        }
        // Another halt, or a death, may have come first in the same moment.
        if (end === null || tripped.length === 0) {
          expect(end, `life ${life}`).not.toBe("ok");
          continue;
        }
        expect(tripped).toHaveLength(1);
        expect(end).toBe("gate-halted");
        const halted = own.find((event) => event.type === "run.halted");
        const tookMs = Date.parse(halted?.time ?? "") - decisive.atMs;
        // An effect in hand (a minute here) is let finish, and some lines are written; gates and soaks are not waited for.
        expect(tookMs).toBeLessThanOrEqual(65_000);
      }
    });
  }, 120_000);
});
