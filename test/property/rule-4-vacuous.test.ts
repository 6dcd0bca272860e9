import { describe, expect, it } from "vitest";
import { overWorlds } from "./story.ts";

describe("rule 4: no vacuous pass", () => {
  it("a step with gates is complete only by readings that passed often and long enough, or by a person who gave a reason", async () => {
    await overWorlds(120, 7, (story) => {
      for (const [index, event] of story.events.entries()) {
        if (event.type !== "step.moved" || event.to !== "complete") continue;
        const gates = (story.stepOf(event.step)?.gates ?? []).filter((gate) => !gate.advisory);
        if (event.note?.startsWith("forced: ") === true) {
          expect(event.note.length).toBeGreaterThan("forced: ".length);
          continue;
        }
        const since = story.events.slice(0, index).findLastIndex((one) => one.type === "step.moved" && one.step === event.step);
        for (const gate of gates) {
          const passed = story.events
            .slice(since, index)
            .find((one) => one.type === "gate.passed" && one.step === event.step && one.check === gate.check);
          if (passed?.type !== "gate.passed") throw new Error(`${event.step} is complete without ${gate.check}`);
          const node = story.stepOf(event.step)?.node ?? null;
          const readings = story.moments.flatMap((one) =>
            one.what === "reading" &&
            one.check === gate.check &&
            one.node === node &&
            one.events < passed.seq &&
            one.events >= since
              ? [one]
              : [],
          );
          const tail = readings.slice(-gate.consecutivePasses);
          expect(tail.length).toBe(gate.consecutivePasses);
          expect(tail.every((one) => one.answer.verdict === "pass")).toBe(true);
          expect((tail.at(-1)?.atMs ?? 0) - (tail[0]?.atMs ?? 0)).toBeGreaterThanOrEqual(gate.spanMs);
          expect(passed.asserted.subjects).toBeGreaterThan(0);
        }
      }
    });
  }, 120_000);
});
