import { expect, it } from "vitest";
import type { ClusterLock } from "../../src/engine/ports.ts";
import { toyRun, toyRunbook } from "../toy/toy.ts";

const watch = { check: "calm", intervalMs: 30_000, haltAfterMs: 120_000, phases: ["workers"] };

/** A cluster lock that says it is held while `held` is true. */
function lockOf(of: { held: boolean }): ClusterLock {
  return {
    take: async () => (of.held ? { kind: "held", holder: "ben" } : { kind: "taken", nodes: ["b1"], holder: "ada" }),
    check: async () => ({ kind: "ours" }),
    release: async () => [],
  };
}

it("a watch that tripped before the engine died is told by the first resume that may do anything, also after one that was locked out", async () => {
  const of = { held: false };
  const trial = (): ReturnType<typeof toyRun> => {
    const toy = toyRun({ runbook: toyRunbook([watch]), lock: lockOf(of) });
    toy.world.badUntil.set("calm", Number.POSITIVE_INFINITY);
    return toy;
  };
  const whole = trial();
  expect((await whole.run()).exit).toBe("gate-halted");
  const tripped = whole.events.findIndex((event) => event.type === "watch.tripped") + 1;
  const toy = trial();
  await expect(toy.run(tripped)).rejects.toThrow();
  expect(toy.events.at(-1)?.type).toBe("watch.tripped");
  of.held = true;
  expect((await toy.run()).exit).toBe("locked");
  of.held = false;
  // It is well again meanwhile: somebody has to hear of it all the same.
  toy.world.badUntil.clear();
  const told = await toy.run();
  expect([told.exit, told.halt?.problem.code]).toEqual(["gate-halted", "watch.calm"]);
  expect((await toy.run()).exit).toBe("ok");
});
