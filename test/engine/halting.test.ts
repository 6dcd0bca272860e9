import { describe, expect, it } from "vitest";
import type { OperatorAnswer, StepKind } from "../../src/engine/ports.ts";
import { step, toyRun, toyRunbook, yes, type ToyOptions } from "../toy/toy.ts";

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

describe("after a halt", () => {
  it("a node that was being asked for permission is not touched any more", async () => {
    // w2 asks for two minutes whether it may; w3 fails with a costly trouble meanwhile.
    const toy = toyRun({
      platform: (_, clock) => ({
        permission: async (ctx) => {
          if (ctx.step.node === "w2") await clock.sleep(120_000);
          return { kind: "yes" };
        },
      }),
    });
    toy.world.troubles.set("w3", "costs-tasks");
    const result = await toy.run();
    expect(result.exit).toBe("step-failed");
    expect(toy.world.began).not.toContain("w2");
    expect(toy.status("workers-2/w2/upgrade")).toBe("pending");
  });

  it("nothing with an effect starts while a question about a failure is open, and the rest goes on when it is answered", async () => {
    const person = slowPerson();
    const log: string[] = [];
    const book = toyRunbook();
    const runbook = {
      ...book,
      phases: book.phases.map((one) =>
        one.name === "workers" ? { ...one, steps: [...one.steps, step("touch", "toy/touch")] } : one,
      ),
    };
    const toy = toyRun({ operator: person.operator, runbook, kinds: () => [touch(log)] });
    toy.world.troubles.set("w3", "costs-tasks");
    const engine = toy.engine();
    while (person.open.length === 0) await toy.clock.sleep(10_000);
    const before = [...log];
    await toy.clock.sleep(600_000);
    expect(log).toEqual(before);
    person.open[0]?.answer({ kind: "answered", choice: "set-aside", actor: "anna", reason: "disk" });
    expect((await engine.done).exit).toBe("set-aside");
    expect(log).toContain("workers-2/w2/touch");
  });
});

describe("while a refusal is on its way to the disk", () => {
  /** w2 gets its permission exactly while the line of the given type is being written, which takes five seconds. */
  const meanwhile = (type: "gate.refused" | "watch.tripped", more: ToyOptions) => {
    let writing = false;
    return toyRun({
      ...more,
      journal: (own) => ({
        ...own,
        append: async (body, actor) => {
          if (body.type !== type) return own.append(body, actor);
          writing = true;
          const event = await own.append(body, actor);
          await toy.clock.sleep(5_000);
          return event;
        },
      }),
      platform: (_, clock) => ({
        permission: async (ctx) => {
          while (ctx.step.node === "w2" && !writing) await clock.sleep(500);
          return { kind: "yes" };
        },
      }),
    });
  };
  const toy: { clock: { sleep(ms: number): Promise<void> } } = { clock: { sleep: async () => undefined } };

  it("of a gate or a watch, nothing begins beside it", async () => {
    const watch = { check: "calm", intervalMs: 30_000, haltAfterMs: 120_000, phases: ["workers"] };
    for (const type of ["gate.refused", "watch.tripped"] as const) {
      const run = meanwhile(type, type === "watch.tripped" ? { runbook: toyRunbook([watch]) } : {});
      toy.clock = run.clock;
      if (type === "watch.tripped") run.world.badUntil.set("calm", Number.POSITIVE_INFINITY);
      else run.world.troubles.set("w3", "never-well");
      const result = await run.run();
      if (type === "watch.tripped") expect(result.exit).toBe("gate-halted");
      const at = run.events.findIndex((event) => event.type === type);
      const error = run.events.findIndex((event, index) => index > at && event.type === "step.moved" && event.to === "set-aside");
      const until = error < 0 ? run.events.length : error;
      const began = run.events.slice(at, until).filter((event) => event.type === "step.moved" && event.to === "starting");
      expect(began, type).toEqual([]);
    }
  });
});

describe("what a wave is followed by", () => {
  it("is never set aside: the question does not offer it", async () => {
    const offered: string[] = [];
    const book = toyRunbook();
    const runbook = {
      ...book,
      phases: book.phases.map((one) =>
        one.name === "workers"
          ? { ...one, after: [step("steady", "check", { gates: [{ check: "calm", policy: {}, advisory: false }] })] }
          : one,
      ),
    };
    const toy = toyRun({
      runbook,
      operator: {
        ask: async (question, seq, signal) => {
          if (question.announced) return yes.ask(question, seq, signal);
          offered.push(...question.choices.map((one) => one.choice));
          return { kind: "answered", choice: "stop", actor: "anna", reason: null };
        },
      },
    });
    toy.world.badUntil.set("calm", Number.POSITIVE_INFINITY);
    expect((await toy.run()).exit).toBe("gate-halted");
    expect(offered).not.toContain("set-aside");
  });
});

describe("steps at the end", () => {
  const book = toyRunbook();
  const runbook = { ...book, finally: [step("undo", "toy/undo")] };
  const always = { ...book, finally: [step("undo", "toy/undo", { with: { "on-halt": true } })] };
  it("are never complete because a resume found them failed, and a failed one is not a success", async () => {
    let tries = 0;
    const undo: StepKind = {
      name: "toy/undo",
      effect: "write",
      shows: () => [],
      doIt: async () => ((tries += 1), { kind: "failed", problem: { code: "undo", text: "no" } }),
    };
    const toy = toyRun({ runbook, kinds: () => [undo] });
    expect((await toy.run()).exit).toBe("step-failed");
    expect((await toy.run()).exit).toBe("step-failed");
    expect(tries).toBe(1);
    expect(toy.status("finally/undo")).toBe("error");
  });

  it("touch nothing where nobody approved the start", async () => {
    const { undo, undone } = undoing();
    const nobody = { ask: async (): Promise<OperatorAnswer> => ({ kind: "nobody" }) };
    const toy = toyRun({ runbook: always, kinds: () => [undo], operator: nobody });
    expect((await toy.run()).exit).toBe("waiting");
    expect([undone.length, toy.status("finally/undo")]).toEqual([0, "pending"]);
  });

  it("that a halt asks for undo what there is, and again what the run makes when it goes on", async () => {
    const { undo, undone } = undoing();
    const limits: { stopAfter: string | null } = { stopAfter: "bosses" };
    const toy = toyRun({ runbook: always, kinds: () => [undo], limits });
    expect((await toy.run()).halt?.problem.code).toBe("stop-after");
    expect([undone.length, toy.status("finally/undo")]).toEqual([1, "pending"]);
    limits.stopAfter = null;
    expect((await toy.run()).exit).toBe("ok");
    expect([undone.length, toy.status("finally/undo")]).toEqual([2, "complete"]);
  });

  it("also where the process died before its undo, and a resume finds done all that it is asked for", async () => {
    const { undo, undone } = undoing();
    const made = (): ReturnType<typeof toyRun> =>
      toyRun({ runbook: always, kinds: () => [undo], limits: { stopAfter: "bosses" } });
    const whole = made();
    await whole.run();
    const lastOfBosses = whole.events.findLastIndex((one) => one.type === "step.moved" && one.step.startsWith("bosses/"));
    const toy = made();
    await expect(toy.run(lastOfBosses + 1)).rejects.toThrow("the process died here");
    undone.length = 0;
    expect((await toy.run()).halt?.problem.code).toBe("stop-after");
    expect(undone).toEqual(["undone"]);
  });
});

/** A step that undoes something and counts how often. */
function undoing(): { readonly undo: StepKind; readonly undone: string[] } {
  const undone: string[] = [];
  const doIt: StepKind["doIt"] = async () => (undone.push("undone"), { kind: "done" });
  return { undone, undo: { name: "toy/undo", effect: "write", shows: () => [], doIt } };
}

describe("--until", () => {
  it("starts no node that is not expected to end in time, but follows one that has begun", async () => {
    const start = Date.parse("2026-01-01T00:00:00Z");
    const first = toyRun({ limits: { untilMs: start + 5 * 60_000, expectedMs: () => 4 * 60_000 } });
    expect((await first.run()).exit).toBe("waiting");
    expect(first.world.began).toEqual(["b2"]);

    // Dies while b2 is in hand; taken up after the time: b2 is looked at and finished, nothing else starts.
    const second = toyRun({ limits: { untilMs: start + 30_000, expectedMs: () => 1 } });
    await expect(second.run(9)).rejects.toThrow("died");
    expect(second.status("bosses/b2/upgrade")).toBe("starting");
    await second.clock.sleep(600_000);
    expect((await second.run()).exit).toBe("waiting");
    expect(second.status("bosses/b2/upgrade")).toBe("complete");
    expect(second.world.began).toEqual(["b2"]);
  });
});
