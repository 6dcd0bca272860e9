import { describe, expect, it } from "vitest";
import type { CheckAnswer, Checks } from "../../src/engine/ports.ts";
import { phase, step, toyRun, toyRunbook } from "../toy/toy.ts";

const BOTH = [
  { check: "well", policy: {}, advisory: false },
  { check: "calm", policy: { deadlineMs: 600_000 }, advisory: false },
];
const oneBoss = {
  ...toyRunbook(),
  phases: [phase("bosses", { role: "boss", order: "leader-last", steps: [step("upgrade", "toy/upgrade", { gates: BOTH })] })],
};

/** Answers of `calm` take five minutes each, as of a node that hangs; others are there at once. */
function slowCalm(own: Checks, sleep: (ms: number) => Promise<void>): Checks {
  return {
    ...own,
    measure: async (requests, signal, early) => {
      const answers = await own.measure(requests, signal);
      for (const [index, answer] of answers.entries()) if (answer.check !== "calm") early?.(index, answer);
      if (answers.some((one) => one.check === "calm")) await sleep(300_000);
      return answers;
    },
  };
}

describe("gates that are due together", () => {
  it("do not wait for each other: a check that hangs does not eat the deadline of one that does not", async () => {
    const toy = toyRun({ bosses: 1, runbook: oneBoss, checks: (own, _, clock) => slowCalm(own, (ms) => clock.sleep(ms)) });
    // Well only two minutes after the upgrade: within its own deadline only if it is measured every ten seconds.
    const began = toy.clock.now();
    expect((await toy.run()).exit).toBe("ok");
    const passed = toy.events.find((event) => event.type === "gate.passed" && event.check === "well");
    expect(Date.parse(passed?.time ?? "") - began).toBeLessThan(120_000);
  });

  it("share their readings: they are asked for in one round as long as they are due together", async () => {
    const rounds: string[][] = [];
    const toy = toyRun({
      bosses: 1,
      runbook: oneBoss,
      checks: (own) => ({
        ...own,
        measure: (requests, signal, early) => {
          rounds.push(requests.map((one) => one.check));
          return own.measure(requests, signal, early);
        },
      }),
    });
    expect((await toy.run()).exit).toBe("ok");
    expect(rounds).toEqual([
      ["well", "calm"],
      ["well", "calm"],
    ]);
  });
});

describe("once a watch has tripped", () => {
  const watch = { check: "calm", intervalMs: 30_000, haltAfterMs: 60_000, phases: ["bosses"] };
  const patient = {
    ...toyRunbook([watch]),
    phases: [
      phase("bosses", {
        role: "boss",
        order: "leader-last",
        steps: [
          step("upgrade", "toy/upgrade", { gates: [{ check: "well", policy: { deadlineMs: 3_600_000 }, advisory: false }] }),
        ],
      }),
    ],
  };

  it("the run is halted at that reading: gates in hand are left open, and a resume measures them again", async () => {
    const toy = toyRun({ bosses: 1, runbook: patient });
    toy.world.troubles.set("b1", "never-well");
    toy.world.badUntil.set("calm", toy.clock.now() + 180_000);
    expect((await toy.run()).exit).toBe("gate-halted");
    const at = (type: string): number => Date.parse(toy.events.find((event) => event.type === type)?.time ?? "");
    expect(at("run.halted") - at("watch.tripped")).toBeLessThanOrEqual(1_000);
    expect(toy.status("bosses/b1/upgrade")).toBe("started");
    toy.world.troubles.delete("b1");
    await toy.clock.sleep(200_000);
    expect((await toy.run()).exit).toBe("ok");
    expect(toy.world.effects.get("b1")).toBe(1);
  });

  it("its problem names the node that is bad", async () => {
    const blame = (answer: CheckAnswer): CheckAnswer =>
      answer.verdict === "pass"
        ? answer
        : {
            ...answer,
            subjects: [
              { subject: "b3", verdict: "fail", why: null, value: 0 },
              { subject: "b1", verdict: "pass", why: null, value: 1 },
            ],
          };
    const toy = toyRun({
      runbook: patient,
      checks: (own) => ({ ...own, measure: async (requests, signal) => (await own.measure(requests, signal)).map(blame) }),
    });
    toy.world.badUntil.set("calm", Number.POSITIVE_INFINITY);
    const result = await toy.run();
    expect(result.halt?.problem).toMatchObject({ code: "watch.calm", node: "b3" });
  });
});
