import { describe, expect, it } from "vitest";
import { fold } from "../../src/domain/run-state.ts";
import { toyRun } from "../toy/toy.ts";

describe("a crash after any event of a run", () => {
  it("is survived: a resume finishes, no effect happens twice, no completed step runs again", async () => {
    const whole = toyRun({ bosses: 3, workers: 3 });
    expect((await whole.run()).exit).toBe("ok");
    for (let k = 1; k < whole.events.length; k += 1) {
      const toy = toyRun({ bosses: 3, workers: 3 });
      await expect(toy.run(k), `journal dies after event ${k}`).rejects.toThrow("the process died here");
      const before = fold(toy.events);
      const result = await toy.run();
      expect(result.exit, `resume after event ${k}`).toBe("ok");
      for (const [node, count] of toy.world.effects) expect(count, `${node} after a crash at event ${k}`).toBe(1);
      for (const [address, record] of Object.entries(before.steps)) {
        if (record.status === "complete") expect(result.state.steps[address]?.attempts).toBe(record.attempts);
      }
      expect(toy.world.mostFlying["boss"]).toBe(1);
    }
  });

  it("keeps a halted run halted: a resume without a decision ends with the same code and touches nothing", async () => {
    const toy = toyRun();
    toy.world.troubles.set("b2", "fails");
    expect((await toy.run()).exit).toBe("step-failed");
    expect((await toy.run()).exit).toBe("step-failed");
    expect(toy.world.effects.get("b2")).toBe(1);
    expect(toy.world.began).toEqual(["b2"]);
  });

  it("leaves a step that cannot tell unknown, and ends with outcome-unknown again", async () => {
    const toy = toyRun();
    toy.world.troubles.set("b2", "unknown");
    expect((await toy.run()).exit).toBe("outcome-unknown");
    expect((await toy.run()).exit).toBe("outcome-unknown");
    expect(toy.status("bosses/b2/upgrade")).toBe("unknown");
  });
});
