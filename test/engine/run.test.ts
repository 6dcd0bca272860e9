import { describe, expect, it } from "vitest";
import { trace } from "../toy/memory.ts";
import { toyRun, toyRunbook, yes } from "../toy/toy.ts";

describe("a run", () => {
  it("takes bosses one at a time with the leader last, then workers in waves, and completes", async () => {
    const toy = toyRun();
    const result = await toy.run();
    expect(result.exit).toBe("ok");
    expect(toy.world.began.slice(0, 3)).toEqual(["b2", "b3", "b1"]);
    expect(toy.world.mostFlying).toEqual({ boss: 1, worker: 3 });
    expect([...toy.world.effects.values()].every((count) => count === 1)).toBe(true);
    expect(toy.events.at(-1)?.type).toBe("run.completed");
  });

  it("halts at a gate that refuses and touches nothing after it", async () => {
    const toy = toyRun();
    toy.world.troubles.set("b3", "never-well");
    const result = await toy.run();
    expect(result.exit).toBe("gate-halted");
    expect(result.halt?.step).toBe("bosses/b3/upgrade");
    expect(toy.world.began).toEqual(["b2", "b3"]);
    expect(trace(toy.events).some((line) => line.startsWith("workers"))).toBe(false);
  });

  it("halts on a failing boss with step-failed and on a lost one with outcome-unknown", async () => {
    for (const [trouble, exit] of [
      ["fails", "step-failed"],
      ["unknown", "outcome-unknown"],
    ] as const) {
      const toy = toyRun();
      toy.world.troubles.set("b2", trouble);
      expect((await toy.run()).exit).toBe(exit);
      expect(toy.world.began).toEqual(["b2"]);
    }
  });

  it("halts on a troubled canary", async () => {
    const toy = toyRun();
    toy.world.troubles.set("w1", "fails");
    expect((await toy.run()).exit).toBe("step-failed");
    expect(toy.world.began.at(-1)).toBe("w1");
  });

  it("sets the first troubled worker after the canary aside and says so at the end", async () => {
    const toy = toyRun();
    toy.world.troubles.set("w3", "fails");
    const result = await toy.run();
    expect(result.exit).toBe("set-aside");
    expect(toy.status("workers-2/w3/upgrade")).toBe("set-aside");
    expect(toy.status("workers-3/w6/upgrade")).toBe("complete");
    const moved = toy.events.find((event) => event.type === "step.moved" && event.to === "set-aside");
    expect(moved?.actor).toBe("policy");
  });

  it("halts when a second worker fails with the same cause, or when the failure cost tasks", async () => {
    const same = toyRun();
    same.world.troubles.set("w3", "fails").set("w6", "fails");
    expect((await same.run()).exit).toBe("step-failed");
    const costly = toyRun();
    costly.world.troubles.set("w3", "costs-tasks");
    const result = await costly.run();
    expect(result.exit).toBe("step-failed");
    expect(result.halt?.problem.text).toContain("cost tasks");
  });

  it("re-orders what is left when leadership moves, and journals it", async () => {
    const watched = toyRun();
    // The leader changes while the first boss is in hand.
    const engine = watched.engine();
    const moving = watched.clock.sleep(30_000).then(() => {
      watched.world.leader = "b3";
    });
    await Promise.all([engine.done, moving]);
    expect(watched.world.began.slice(0, 3)).toEqual(["b2", "b1", "b3"]);
    const changed = watched.events.find((event) => event.type === "order.changed");
    expect(changed).toMatchObject({ phase: "bosses", order: ["b2", "b1", "b3"] });
  });

  it("waits with exit `waiting` before the first effect when nobody approves", async () => {
    const toy = toyRun({ operator: { ask: async () => ({ kind: "nobody" }) } });
    expect((await toy.run()).exit).toBe("waiting");
    expect(toy.world.began).toEqual([]);
  });

  it("refuses a step whose lock was lost, before its effect", async () => {
    let checks = 0;
    const lock = {
      take: async () => ({ kind: "taken", nodes: ["b1"], holder: "me" }) as const,
      check: async () => ((checks += 1) > 1 ? ({ kind: "lost", reason: "somebody else" } as const) : ({ kind: "ours" } as const)),
      release: async () => ["b1"],
    };
    const toy = toyRun({ lock });
    const result = await toy.run();
    expect(result.exit).toBe("gate-halted");
    expect(result.halt?.problem.code).toBe("lock.lost");
    expect(toy.world.began).toEqual(["b2"]);
    expect(toy.events.some((event) => event.type === "lock.released")).toBe(true);
  });

  it("ends after the asked phase, and a resume goes on from there", async () => {
    const toy = toyRun({ stopAfter: "bosses" });
    expect((await toy.run()).exit).toBe("ok");
    expect(toy.world.began).toEqual(["b2", "b3", "b1"]);
    expect(toy.events.at(-1)).toMatchObject({ type: "run.halted", exit: 0 });
  });
});

describe("watches", () => {
  it("interrupt the run when they have been bad for too long; what runs is let finish, nothing new starts", async () => {
    const watch = { check: "calm", intervalMs: 30_000, haltAfterMs: 120_000, phases: ["bosses", "workers"] };
    const toy = toyRun({ runbook: toyRunbook([watch]) });
    const engine = toy.engine();
    const trouble = toy.clock.sleep(90_000).then(() => toy.world.badUntil.set("calm", Number.POSITIVE_INFINITY));
    const [result] = await Promise.all([engine.done, trouble]);
    expect(result.exit).toBe("gate-halted");
    expect(toy.events.some((event) => event.type === "watch.tripped")).toBe(true);
    expect(toy.world.began.length).toBeLessThan(9);
    expect(toy.world.flying.size).toBe(0);
  });

  it("forgive a short trouble", async () => {
    const watch = { check: "calm", intervalMs: 30_000, haltAfterMs: 120_000, phases: ["bosses", "workers"] };
    const toy = toyRun({ runbook: toyRunbook([watch]) });
    const engine = toy.engine();
    const trouble = toy.clock.sleep(90_000).then(() => toy.world.badUntil.set("calm", toy.clock.now() + 60_000));
    const [result] = await Promise.all([engine.done, trouble]);
    expect(result.exit).toBe("ok");
  });
});

describe("an operator", () => {
  it("retries a refused gate, and sets a canary aside with a reason", async () => {
    const asked: string[] = [];
    const toy = toyRun({
      operator: {
        ask: async (question, seq, signal) => {
          asked.push(question.title);
          if (question.announced) return yes.ask(question, seq, signal);
          if (question.step === "bosses/b2/upgrade") {
            toy.world.troubles.delete("b2");
            return { kind: "answered", choice: "measure-again", actor: "anna", reason: null };
          }
          return { kind: "answered", choice: "set-aside", actor: "anna", reason: "disk is broken" };
        },
      },
    });
    toy.world.troubles.set("b2", "never-well").set("w1", "fails");
    const result = await toy.run();
    expect(result.exit).toBe("set-aside");
    expect(toy.world.effects.get("b2")).toBe(1);
    const aside = toy.events.find((event) => event.type === "step.moved" && event.to === "set-aside");
    expect(aside).toMatchObject({ actor: "anna", note: "disk is broken" });
    expect(asked.filter((title) => title.includes("refused")).length).toBe(1);
  });

  it("pauses from another terminal: nothing new starts until resume", async () => {
    const toy = toyRun();
    const engine = toy.engine();
    await toy.clock.sleep(30_000);
    expect(await toy.tell({ verb: "pause", target: null, reason: "lunch" })).toMatchObject({ ok: true });
    await toy.clock.sleep(600_000);
    expect(toy.world.began).toEqual(["b2"]);
    expect(await toy.tell({ verb: "resume", target: null, reason: null })).toMatchObject({ ok: true });
    expect((await engine.done).exit).toBe("ok");
  });

  it("may not set a boss aside, force what is fine, or act without a reason", async () => {
    const toy = toyRun();
    const engine = toy.engine();
    await toy.clock.sleep(30_000);
    expect(await toy.tell({ verb: "set-aside", target: "b3", reason: "no" })).toMatchObject({ ok: false });
    expect(await toy.tell({ verb: "set-aside", target: "w3", reason: "" })).toMatchObject({ ok: false });
    expect(await toy.tell({ verb: "force-complete", target: "bosses/b3/upgrade", reason: "x" })).toMatchObject({ ok: false });
    expect(await toy.tell({ verb: "set-aside", target: "w3", reason: "broken disk" })).toMatchObject({ ok: true });
    expect((await engine.done).exit).toBe("set-aside");
    expect(toy.world.effects.has("w3")).toBe(false);
  });
});
