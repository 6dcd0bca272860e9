import { describe, expect, it } from "vitest";
import type { StepKind } from "../../src/engine/ports.ts";
import { phase, step, toyRun, toyRunbook, yes } from "../toy/toy.ts";

const touch: (log: string[]) => StepKind = (log) => ({
  name: "toy/touch",
  effect: "write",
  shows: () => [],
  doIt: async (ctx) => (log.push(ctx.step.address), { kind: "done" }),
});

describe("a refused permission", () => {
  it("is no gate of the step: measuring again cannot make a step complete that never began", async () => {
    const log: string[] = [];
    let asked = 0;
    const runbook = {
      ...toyRunbook(),
      phases: [phase("bosses", { role: "boss", order: "leader-last", steps: [step("touch", "toy/touch")] })],
    };
    const toy = toyRun({
      bosses: 1,
      runbook,
      kinds: () => [touch(log)],
      platform: () => ({
        permission: async () =>
          (asked += 1) === 1
            ? { kind: "no", exit: "gate-halted", problem: { code: "not-now", text: "not now" } }
            : { kind: "yes" },
      }),
      operator: {
        ask: async (question, seq, signal) => {
          if (question.announced) return yes.ask(question, seq, signal);
          const choice = question.choices.some((one) => one.choice === "measure-again") ? "measure-again" : "retry";
          return { kind: "answered", choice, actor: "anna", reason: null };
        },
      },
    });
    expect((await toy.run()).exit).toBe("ok");
    expect(log).toEqual(["bosses/b1/touch"]);
  });

  it("that is not about the node itself never sets the node aside", async () => {
    let checks = 0;
    const lock = {
      take: async () => ({ kind: "taken", nodes: ["b1"], holder: "me" }) as const,
      check: async () => ((checks += 1) > 4 ? ({ kind: "lost", reason: "somebody else" } as const) : ({ kind: "ours" } as const)),
      release: async () => ["b1"],
    };
    const toy = toyRun({ lock });
    const result = await toy.run();
    expect(result.halt?.problem.code).toBe("lock.lost");
    expect(result.exit).toBe("gate-halted");
    expect(toy.events.some((event) => event.type === "step.moved" && event.to === "set-aside")).toBe(false);
  });

  it("by policy stays refused when the run is resumed, and is never set aside", async () => {
    const toy = toyRun({
      platform: () => ({
        permission: async (ctx) =>
          ctx.step.node === "w3"
            ? { kind: "no", exit: "refused", problem: { code: "version-moved", text: "w3 is at another version", node: "w3" } }
            : { kind: "yes" },
      }),
    });
    expect((await toy.run()).exit).toBe("refused");
    expect((await toy.run()).exit).toBe("refused");
    expect(toy.status("workers-2/w3/upgrade")).not.toBe("set-aside");
  });

  it("ends a resume with the code it ended with before", async () => {
    const toy = toyRun({
      platform: () => ({
        permission: async (ctx) =>
          ctx.step.node === "b3"
            ? { kind: "no", exit: "gate-halted", problem: { code: "not-now", text: "not now" } }
            : { kind: "yes" },
      }),
    });
    expect((await toy.run()).exit).toBe("gate-halted");
    expect((await toy.run()).exit).toBe("gate-halted");
  });
});
