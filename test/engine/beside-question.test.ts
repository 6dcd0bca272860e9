import { describe, expect, it } from "vitest";
import { fold } from "../../src/domain/run-state.ts";
import { toyRun } from "../toy/toy.ts";

describe("two verbs at once", () => {
  it("of which the second is against the rules by then leave a journal that can be read", async () => {
    const toy = toyRun();
    const engine = toy.engine();
    await toy.clock.sleep(30_000);
    const answers = await Promise.all([toy.tell({ verb: "set-aside", target: "w6", reason: "broken" }), toy.tell({ verb: "set-aside", target: "w6", reason: "broken too" })]);
    expect(answers.filter((answer) => answer.ok)).toHaveLength(1);
    expect((await engine.done).exit).toBe("set-aside");
    expect(fold(toy.events).phase).toBe("completed");
  });
});
