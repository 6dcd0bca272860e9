import { describe, expect, it } from "vitest";
import { fold } from "../../src/domain/run-state.ts";
import type { OperatorAnswer, StepKind } from "../../src/engine/ports.ts";
import { step, toyRun, toyRunbook, yes } from "../toy/toy.ts";

/** A question nobody has answered yet; the test answers it, or not. */
function slowPerson() {
  const open: { title: string; step: string | null; answer: (answer: OperatorAnswer) => void }[] = [];
  return {
    open,
    operator: {
      ask: (question: Parameters<typeof yes.ask>[0], seq: number, signal: AbortSignal): Promise<OperatorAnswer> => {
        if (question.announced) return yes.ask(question, seq, signal);
        return new Promise((resolve) => {
          open.push({ title: question.title, step: question.step, answer: resolve });
          signal.addEventListener("abort", () => resolve({ kind: "nobody" }), { once: true });
        });
      },
    },
  };
}

const touch: (log: string[]) => StepKind = (log) => ({
  name: "toy/touch",
  effect: "write",
  shows: () => [],
  doIt: async (ctx) => (log.push(ctx.step.address), { kind: "done" }),
});

describe("two verbs at once", () => {
  it("of which the second is against the rules by then leave a journal that can be read", async () => {
    const toy = toyRun();
    const engine = toy.engine();
    await toy.clock.sleep(30_000);
    const answers = await Promise.all([
      toy.tell({ verb: "set-aside", target: "w6", reason: "broken" }),
      toy.tell({ verb: "set-aside", target: "w6", reason: "broken too" }),
    ]);
    expect(answers.filter((answer) => answer.ok)).toHaveLength(1);
    expect((await engine.done).exit).toBe("set-aside");
    expect(fold(toy.events).phase).toBe("completed");
  });
});

describe("verbs beside a question", () => {
  it("force-complete closes the question it answers, and a late answer changes nothing", async () => {
    const person = slowPerson();
    const toy = toyRun({ operator: person.operator });
    toy.world.troubles.set("w1", "fails");
    const engine = toy.engine();
    while (person.open.length === 0) await toy.clock.sleep(10_000);
    expect(await toy.tell({ verb: "force-complete", target: "workers-1/w1/upgrade", reason: "looked at it" })).toMatchObject({
      ok: true,
    });
    await toy.clock.sleep(60_000);
    person.open[0]?.answer({ kind: "answered", choice: "retry", actor: "anna", reason: null });
    expect((await engine.done).exit).toBe("ok");
    expect(fold(toy.events).steps["workers-1/w1/upgrade"]?.status).toBe("complete");
  });

  it("a node that was set aside while its question waited behind another is not asked about", async () => {
    const person = slowPerson();
    const toy = toyRun({ operator: person.operator, platform: () => ({ isCostly: () => true }) });
    toy.world.troubles.set("w2", "fails").set("w3", "fails");
    const engine = toy.engine();
    while (person.open.length === 0) await toy.clock.sleep(10_000);
    const second = person.open[0]?.step === "workers-2/w2/upgrade" ? "w3" : "w2";
    expect(await toy.tell({ verb: "set-aside", target: second, reason: "broken" })).toMatchObject({ ok: true });
    person.open[0]?.answer({ kind: "answered", choice: "set-aside", actor: "anna", reason: "broken too" });
    expect((await engine.done).exit).toBe("set-aside");
    expect(person.open).toHaveLength(1);
  });

  it("a node whose permission is being asked cannot be set aside under the engine's hands", async () => {
    const toy = toyRun({
      platform: (_, clock) => ({
        permission: async (ctx) => (ctx.step.node === "w2" && (await clock.sleep(120_000)), { kind: "yes" }),
      }),
    });
    const engine = toy.engine();
    while (!toy.world.began.includes("w3")) await toy.clock.sleep(1_000);
    expect(await toy.tell({ verb: "set-aside", target: "w2", reason: "broken" })).toMatchObject({ ok: false });
    expect((await engine.done).exit).toBe("ok");
    expect(() => fold(toy.events)).not.toThrow();
  });

  it("a retry behind a failure that nobody has decided on waits for the decision, also after a resume", async () => {
    const toy = toyRun({
      operator: {
        ask: async (question, seq, signal) =>
          question.step?.includes("w1") === true
            ? { kind: "answered", choice: "set-aside", actor: "anna", reason: "disk" }
            : yes.ask(question, seq, signal),
      },
    });
    toy.world.troubles.set("w1", "fails").set("w3", "costs-tasks");
    const engine = toy.engine();
    while (!toy.world.flying.has("w3")) await toy.clock.sleep(10_000);
    expect(await toy.tell({ verb: "retry", target: "workers-1/w1/upgrade", reason: null })).toMatchObject({ ok: true });
    expect((await engine.done).exit).toBe("step-failed");
    expect((await toy.run()).exit).toBe("step-failed");
    expect(toy.world.effects.get("w1")).toBe(1);
  });

  it("a confirmation that is refused while the run is paused stops the run", async () => {
    const person: ((answer: OperatorAnswer) => void)[] = [];
    const toy = toyRun({
      operator: {
        ask: (question, seq, signal) =>
          question.kind === "confirm" ? new Promise((resolve) => person.push(resolve)) : yes.ask(question, seq, signal),
      },
    });
    const engine = toy.engine();
    while (person.length === 0) await toy.clock.sleep(10_000);
    expect(await toy.tell({ verb: "pause", target: null, reason: "lunch" })).toMatchObject({ ok: true });
    person[0]?.({ kind: "answered", choice: "stop", actor: "anna", reason: null });
    expect((await engine.done).exit).toBe("interrupted");
  });

  it("a stale number is refused whatever the verb is", async () => {
    const toy = toyRun();
    const engine = toy.engine();
    await toy.clock.sleep(30_000);
    for (const verb of [
      { verb: "approve", target: "bosses/confirm" },
      { verb: "set-aside", target: "w3" },
      { verb: "pause", target: null },
    ] as const)
      expect(await toy.tell({ ...verb, reason: "x" }, "anna", 3), verb.verb).toMatchObject({ ok: false });
    expect((await engine.done).exit).toBe("ok");
  });

  it("a unit of two steps is never done while one of them is in hand", async () => {
    const log: string[] = [];
    const book = toyRunbook();
    const runbook = {
      ...book,
      phases: book.phases.map((one) =>
        one.name === "workers" ? { ...one, maxInFlight: 1, steps: [...one.steps, step("touch", "toy/touch")] } : one,
      ),
    };
    const toy = toyRun({ runbook, kinds: () => [touch(log)] });
    const engine = toy.engine();
    while (!toy.world.flying.has("w2")) await toy.clock.sleep(1_000);
    await toy.tell({ verb: "set-aside", target: "w2", reason: "broken" });
    await engine.done;
    expect(toy.world.mostFlying["worker"]).toBe(1);
  });

  it("a set-aside node of an earlier wave that is retried is done before the run ends", async () => {
    const toy = toyRun();
    toy.world.troubles.set("w3", "fails");
    const engine = toy.engine();
    while (toy.status("workers-2/soak") !== "complete") await toy.clock.sleep(10_000);
    toy.world.troubles.delete("w3");
    await toy.clock.sleep(10_000);
    expect(await toy.tell({ verb: "retry", target: "workers-2/w3/upgrade", reason: null })).toMatchObject({ ok: true });
    expect((await engine.done).exit).toBe("ok");
    expect(toy.world.versions.get("w3")).toBe("2");
  });
});
