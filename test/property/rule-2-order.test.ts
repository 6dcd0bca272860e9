import { describe, expect, it } from "vitest";
import { isSettled } from "../../src/domain/status.ts";
import { overWorlds, stepwise } from "./story.ts";

describe("rule 2: order is a contract", () => {
  it("bosses one at a time, the leader of the moment last, no worker before the last boss is complete and settled", async () => {
    await overWorlds(120, 3, (story) => {
      expect(story.mostFlying["boss"] ?? 0).toBeLessThanOrEqual(1);
      const bossSteps = story.plan.phases
        .filter((one) => one.role === "boss")
        .flatMap((one) => [...one.units.flatMap((unit) => unit.steps), ...one.after]);
      for (const { before, event } of stepwise(story.events)) {
        if (event.type !== "step.moved" || event.to !== "starting") continue;
        const status = (address: string): string => before.steps[address]?.status ?? "pending";
        const step = story.stepOf(event.step);
        if (step?.kind !== "toy/upgrade") continue;
        if (step.node?.startsWith("w") === true) {
          expect(bossSteps.filter((one) => status(one.address) !== "complete").map((one) => one.address)).toEqual([]);
          continue;
        }
        const waiting = bossSteps.filter((one) => one.node !== null && !isSettled(status(one.address) as "pending"));
        // One that has begun before goes on first, wherever leadership is by now.
        if ((before.steps[event.step]?.attempts ?? 0) > 0 || waiting.length < 2) continue;
        const at = story.moments.findLast(
          (one) => one.what === "permission" && one.step === event.step && one.events <= event.seq,
        );
        expect(at, "permission was asked").toBeDefined();
        const done = story.plan.facts.nodes;
        const upgraded = Object.keys(done).filter((name) => name.startsWith("b")).length - waiting.length;
        const { leaders, bosses } = story.world;
        const leader = `b${(((leaders[Math.min(upgraded, leaders.length - 1)] ?? 1) - 1) % bosses) + 1}`;
        expect(step.node, `the leader is not touched while ${waiting.length} are left`).not.toBe(leader);
      }
    });
  }, 120_000);

  it("never more in hand than the wave and the phase allow, and never two racks", async () => {
    await overWorlds(120, 4, (story) => {
      expect(story.mostFlying["worker"] ?? 0).toBeLessThanOrEqual(story.world.maxInFlight);
      const rackOf = (name: string): string | null =>
        name.startsWith("w") ? (story.world.racks[Number(name.slice(1)) - 1] ?? null) : null;
      for (const nodes of story.flying)
        expect(new Set(nodes.map(rackOf).filter((rack) => rack !== null)).size, nodes.join(", ")).toBeLessThanOrEqual(1);
    });
  }, 120_000);
});
