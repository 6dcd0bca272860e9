import { describe, expect, it } from "vitest";
import { phase, step, toyRun, toyRunbook } from "../toy/toy.ts";

describe("where racks are known", () => {
  it("nodes of two racks are never in hand at once, and the wave fills up from one rack at a time", async () => {
    const gates = [{ check: "well", policy: {}, advisory: false }];
    const runbook = {
      ...toyRunbook(),
      phases: [
        phase("bosses", { role: "boss", order: "leader-last", steps: [step("upgrade", "toy/upgrade", { gates })] }),
        phase("workers", {
          role: "worker",
          strategy: "parallel",
          maxInFlight: 3,
          steps: [step("upgrade", "toy/upgrade", { gates })],
        }),
      ],
    };
    const racks = { w1: "r1", w2: "r2", w3: "r1", w4: "r2", w5: "r1", w6: "r2" };
    const nodes = Object.fromEntries(Object.entries(racks).map(([name, rack]) => [name, { rack }]));
    const toy = toyRun({ bosses: 1, runbook, nodes });
    expect((await toy.run()).exit).toBe("ok");
    expect(toy.world.began).toEqual(["b1", "w1", "w3", "w5", "w2", "w4", "w6"]);
    expect(toy.world.mostFlying["worker"]).toBe(3);
  });
});
