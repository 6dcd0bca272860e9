import { describe, expect, it } from "vitest";
import type { LocalRunner, Outcome, StepKind } from "../../src/engine/ports.ts";
import { phase, step, toyRun, toyRunbook, yes } from "../toy/toy.ts";

/** Commands of this machine as they are asked for; each ends with the given code. */
function commands(code = 0): { readonly ran: string[]; readonly local: LocalRunner } {
  const ran: string[] = [];
  const run = async (argv: readonly string[], options: Parameters<LocalRunner["run"]>[1]): Promise<Outcome> => {
    ran.push([...argv, options.env?.["PAWL_NODE"] ?? ""].join(" ").trim());
    return { kind: "exited", code, stdout: "", stderr: "" };
  };
  return { ran, local: { run } };
}
const page = { onHalt: { argv: ["./page"], timeoutMs: 1_000 } };

describe("the on-halt hook", () => {
  it("runs once for a halt, however often the run is taken up to halt at the same point", async () => {
    const { ran, local } = commands();
    const toy = toyRun({ hooks: page, local });
    toy.world.troubles.set("b2", "fails");
    for (let times = 0; times < 3; times += 1) expect((await toy.run()).exit).toBe("step-failed");
    expect(ran).toEqual(["./page"]);
  });

  it("runs again for another halt", async () => {
    const { ran, local } = commands();
    let present = false;
    const toy = toyRun({
      hooks: page,
      local,
      operator: { ask: async (question, seq, signal) => (present ? yes.ask(question, seq, signal) : { kind: "nobody" }) },
    });
    toy.world.troubles.set("b2", "fails");
    expect((await toy.run()).exit).toBe("waiting");
    present = true;
    expect((await toy.run()).exit).toBe("step-failed");
    expect(ran).toEqual(["./page", "./page"]);
    expect(toy.events.flatMap((event) => (event.type === "hook.ended" ? [event.halt] : []))).toEqual([
      "waiting at the run: start-not-approved",
      "step-failed at bosses/b2/upgrade: toy.failed",
    ]);
  });

  it("is neither lost nor repeated where the process dies around it", async () => {
    const whole = commands();
    const first = toyRun({ hooks: page, local: whole.local });
    first.world.troubles.set("b2", "never-well");
    await first.run();
    for (let k = 1; k < first.events.length; k += 1) {
      const { ran, local } = commands();
      const toy = toyRun({ hooks: page, local });
      toy.world.troubles.set("b2", "never-well");
      await expect(toy.run(k)).rejects.toThrow("died");
      expect((await toy.run()).exit, `after event ${k}`).toBe("gate-halted");
      // A process that dies between the hook and the line that says so cannot know: it tells twice rather than never.
      const unsure = first.events[k]?.type === "hook.ended" || first.events[k]?.type === "artifact.recorded";
      expect(ran.length, `after event ${k}`).toBeLessThanOrEqual(unsure ? 2 : 1);
      expect(ran.length, `after event ${k}`).toBeGreaterThanOrEqual(1);
    }
  });

  it("that fails is in the record as an event with its trouble, and the halt keeps its own code", async () => {
    const { local } = commands(3);
    const toy = toyRun({ hooks: page, local });
    toy.world.troubles.set("b2", "fails");
    expect((await toy.run()).exit).toBe("step-failed");
    expect(toy.events.find((event) => event.type === "hook.ended")).toMatchObject({
      hook: "on-halt",
      problem: { code: "hook.on-halt", observed: "exit code 3", expected: "./page ends with 0" },
    });
  });
});

describe("the hooks around a node", () => {
  it("begin only when what they belong to is on record: a process that dies in one leaves the node named", async () => {
    const seen: string[] = [];
    const run = async (_argv: readonly string[], options: Parameters<LocalRunner["run"]>[1]): Promise<Outcome> => {
      const { PAWL_WHEN: when = "", PAWL_NODE: node = "" } = options.env ?? {};
      seen.push(`${when} ${node}: ${toy.events.findLast((event) => event.type === "step.moved")?.to ?? "nothing"}`);
      return { kind: "exited", code: 0, stdout: "", stderr: "" };
    };
    const argv = ["./balancer"];
    const toy = toyRun({
      bosses: 1,
      workers: 0,
      runbook: {
        ...toyRunbook(),
        phases: [
          phase("bosses", {
            role: "boss",
            order: "leader-last",
            steps: [step("upgrade", "toy/upgrade", { gates: [{ check: "well", policy: {}, advisory: false }] })],
          }),
        ],
      },
      hooks: { beforeNode: { argv, timeoutMs: 1_000 }, afterNode: { argv, timeoutMs: 1_000 } },
      local: { run },
    });
    expect((await toy.run()).exit).toBe("ok");
    expect(seen).toEqual(["before-node b1: prepared", "after-node b1: started"]);
  });
});

describe("a halt that a watch decided", () => {
  const watch = { check: "calm", intervalMs: 30_000, haltAfterMs: 120_000, phases: ["bosses", "workers"] };
  const undo: (ran: string[]) => StepKind = (ran) => ({
    name: "toy/undo",
    effect: "write",
    shows: () => [],
    doIt: async (ctx) => (ran.push(ctx.step.address), { kind: "done" }),
    probe: async () => (ran.length > 0 ? { kind: "done", note: "undone" } : { kind: "not-begun" }),
  });

  it("is a halt also for the engine that takes over from one that died in between, with the hook and the undo that belong to it", async () => {
    const runbook = { ...toyRunbook([watch]), finally: [step("undo", "toy/undo", { with: { "on-halt": true } })] };
    const troubled = (ran: string[], local: LocalRunner) => {
      const toy = toyRun({ runbook, hooks: page, local, kinds: () => [undo(ran)] });
      toy.world.badUntil.set("calm", Number.POSITIVE_INFINITY);
      return toy;
    };
    const whole = troubled([], commands().local);
    expect((await whole.run()).exit).toBe("gate-halted");
    const tripped = whole.events.findIndex((event) => event.type === "watch.tripped");
    for (let k = tripped + 1; k < whole.events.length; k += 1) {
      const hook = commands();
      const undone: string[] = [];
      const toy = troubled(undone, hook.local);
      await expect(toy.run(k)).rejects.toThrow("died");
      const began = [...toy.world.began];
      const result = await toy.run();
      expect(result.exit, `after event ${k}`).toBe("gate-halted");
      expect(result.halt?.problem.code).toBe("watch.calm");
      expect(toy.world.began).toEqual(began);
      // Once in each life that came to it: what a halt undid is due again at the next end.
      expect(undone.length, `after event ${k}`).toBeGreaterThanOrEqual(1);
      expect(undone.length, `after event ${k}`).toBeLessThanOrEqual(2);
      expect(hook.ran.length).toBeGreaterThanOrEqual(1);
    }
  });
});
