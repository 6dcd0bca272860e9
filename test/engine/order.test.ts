import { describe, expect, it } from "vitest";
import type { Question } from "../../src/domain/events.ts";
import { toyRun, yes, type ToyOptions } from "../toy/toy.ts";

/** Leadership moves to b3 while b2 is upgraded; every question about an order is written down and approved. */
function movedLeader(asked: string[], more: Partial<ToyOptions> = {}) {
  const toy = toyRun({
    operator: {
      ask: async (question: Question, seq, signal) => {
        if (question.kind === "order-changed") asked.push(question.title);
        return yes.ask(question, seq, signal);
      },
    },
    ...more,
    platform: (world) => ({ readLast: async () => [world.versions.get("b2") === "2" ? "b3" : "b1"] }),
  });
  return toy;
}

describe("a new order", () => {
  it("is asked about once: a process that dies after the approval does not ask again", async () => {
    const whole = movedLeader([]);
    expect((await whole.run()).exit).toBe("ok");
    expect(whole.world.began.slice(0, 3)).toEqual(["b2", "b1", "b3"]);
    const approved = whole.events.findIndex((event) => event.type === "operator.decided" && event.target === "order-changed") + 1;
    for (const k of [approved, approved + 1, approved + 2]) {
      const asked: string[] = [];
      const toy = movedLeader(asked);
      await expect(toy.run(k)).rejects.toThrow("died");
      expect((await toy.run()).exit).toBe("ok");
      expect(asked, `after event ${k}`).toHaveLength(1);
      expect(toy.world.began.slice(0, 3)).toEqual(["b2", "b1", "b3"]);
    }
  });

  it("that a person approved on the halted run is taken, and another one is asked about again", async () => {
    const asked: string[] = [];
    const toy = toyRun({
      bosses: 4,
      operator: {
        ask: async (question, seq, signal) => {
          if (question.kind !== "order-changed") return yes.ask(question, seq, signal);
          asked.push(question.title);
          return { kind: "nobody" };
        },
      },
      platform: (world) => ({
        readLast: async () => [world.versions.get("b4") === "2" ? "b1" : world.versions.get("b2") === "2" ? "b3" : "b1"],
      }),
    });
    expect((await toy.run()).exit).toBe("waiting");
    const { seq } = toy.events.findLast((event) => event.type === "decision.asked") ?? { seq: 0 };
    const before = toy.events.at(-1);
    // What `pawl approve` appends to a run without a live engine.
    toy.events.push({
      type: "operator.decided",
      answers: seq,
      choice: "approve",
      target: "order-changed",
      reason: null,
      v: 1,
      seq: toy.events.length + 1,
      time: before?.time ?? "",
      actor: "anna",
      prev: "",
    });
    // The order that was approved is in force; when leadership moves back, that is another question.
    expect((await toy.run()).exit).toBe("waiting");
    expect(toy.world.began).toEqual(["b2", "b4"]);
    expect(asked.map((title) => title.replace(/.*New order: /, ""))).toEqual(["b4, b1, b3", "b3, b1"]);
  });
});
