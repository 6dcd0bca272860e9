import { describe, expect, it } from "vitest";
import { PawlError } from "../../src/domain/errors.ts";
import { fold } from "../../src/domain/run-state.ts";
import type { StepKind } from "../../src/engine/ports.ts";
import { phase, step, toyRun, toyRunbook } from "../toy/toy.ts";

describe("an event the journal does not take", () => {
  it("ends the run without a word that stands on it: the record can be taken up again", async () => {
    const kind: StepKind = {
      name: "toy/talkative",
      effect: "write",
      shows: () => [],
      doIt: async () => ({ kind: "done", output: "x".repeat(5_000) }),
    };
    const runbook = { ...toyRunbook(), phases: [phase("once", { steps: [step("talk", "toy/talkative")] })] };
    const tooLong = new PawlError("internal", "event-too-long", "it does not fit a line");
    const toy = toyRun({
      runbook,
      kinds: () => [kind],
      journal: (own) =>
        Object.create(own, {
          append: {
            value: (...args: Parameters<typeof own.append>) =>
              JSON.stringify(args[0]).length > 4_096 ? Promise.reject(tooLong) : own.append(...args),
          },
        }) as typeof own,
    });
    await expect(toy.run()).rejects.toThrow("it does not fit a line");
    expect(toy.events.flatMap((event) => (event.type === "step.moved" ? [event.to] : []))).toEqual(["prepared", "starting"]);
    expect(toy.events.at(-1)).toMatchObject({ type: "run.halted", exit: 70 });
    expect(() => fold(toy.events)).not.toThrow();
  });
});

describe("a bug in a step kind", () => {
  it("starts nothing else, waits for what runs, gives the lock back, writes it down, and is thrown on", async () => {
    const released: string[] = [];
    const lock = {
      take: async () => ({ kind: "taken", nodes: ["b1"], holder: "me" }) as const,
      check: async () => ({ kind: "ours" }) as const,
      release: async () => (released.push("b1"), ["b1"]),
    };
    const log: string[] = [];
    const kind: StepKind = {
      name: "toy/odd",
      effect: "write",
      shows: () => [],
      doIt: async (ctx) => {
        log.push(ctx.step.node ?? "");
        if (ctx.step.node === "w2") throw new TypeError("a bug");
        await ctx.clock.sleep(60_000);
        return { kind: "done" };
      },
    };
    const runbook = {
      ...toyRunbook(),
      phases: [
        phase("bosses", { role: "boss", order: "leader-last", steps: [step("touch", "toy/odd")] }),
        phase("workers", {
          role: "worker",
          strategy: "parallel",
          maxInFlight: 3,
          steps: [step("odd", "toy/odd"), step("again", "toy/odd")],
        }),
      ],
    };
    const toy = toyRun({ runbook, lock, kinds: () => [kind] });
    await expect(toy.run()).rejects.toThrow("a bug");
    const length = toy.events.length;
    await toy.clock.sleep(600_000);
    expect(toy.events).toHaveLength(length);
    expect(released).toEqual(["b1"]);
    expect(log.filter((name) => name.startsWith("w")).sort()).toEqual(["w1", "w2", "w3"]);
    expect(toy.events.at(-1)).toMatchObject({ type: "run.halted", exit: 70 });
    expect(toy.status("workers/w2/odd")).toBe("starting");
    expect(toy.status("workers/w1/odd")).toBe("complete");
  });

  it("in a watch ends the run instead of being lost", async () => {
    const watch = { check: "calm", intervalMs: 30_000, haltAfterMs: 120_000, phases: ["bosses", "workers"] };
    let asked = 0;
    const toy = toyRun({
      runbook: toyRunbook([watch]),
      checks: (own) => ({
        ...own,
        measure: async (requests, signal) => {
          if (requests.some((one) => one.check === "calm") && (asked += 1) === 3) throw new TypeError("a bug");
          return own.measure(requests, signal);
        },
      }),
    });
    await expect(toy.run()).rejects.toThrow("a bug");
    expect(toy.events.at(-1)).toMatchObject({ type: "run.halted", exit: 70 });
  });
});

describe("a journal that cannot be written any more", () => {
  it("ends the run with its own error, gives the lock back, and starts nothing", async () => {
    for (let good = 1; good < 40; good += 3) {
      const released: string[] = [];
      const lock = {
        take: async () => ({ kind: "taken", nodes: ["b1"], holder: "me" }) as const,
        check: async () => ({ kind: "ours" }) as const,
        release: async () => (released.push("b1"), ["b1"]),
      };
      let left = good;
      const full = new PawlError("step-failed", "journal-write-failed", "the disk is full");
      const toy = toyRun({
        lock,
        journal: (own) => ({
          ...own,
          append: async (body, actor) => ((left -= 1) < 0 ? Promise.reject(full) : own.append(body, actor)),
        }),
      });
      await expect(toy.run(), `after ${good} events`).rejects.toBe(full);
      expect(released).toEqual(["b1"]);
      const began = toy.world.began.length;
      await toy.clock.sleep(600_000);
      expect(toy.world.began).toHaveLength(began);
      for (const node of toy.world.began)
        expect(
          toy.events.some((event) => event.type === "step.moved" && event.step.includes(`/${node}/`) && event.to === "starting"),
        ).toBe(true);
    }
  });
});

describe("a disk that is full", () => {
  it("ends the run with the same code in the journal and for the caller", async () => {
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", syscall: "write" });
    const kind: StepKind = { name: "toy/odd", effect: "write", shows: () => [], doIt: () => Promise.reject(full) };
    const runbook = { ...toyRunbook(), phases: [phase("once", { steps: [step("odd", "toy/odd")] })] };
    const toy = toyRun({ runbook, kinds: () => [kind] });
    await expect(toy.run()).rejects.toMatchObject({ exit: "step-failed", code: "system.ENOSPC" });
    expect(toy.events.at(-1)).toMatchObject({ type: "run.halted", exit: 6, problem: { code: "system.ENOSPC" } });
    expect(toy.status("once/odd")).toBe("starting");
  });
});
