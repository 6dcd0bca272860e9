import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EXIT } from "../../src/domain/errors.ts";
import { allSteps } from "../../src/domain/plan.ts";
import { fold } from "../../src/domain/run-state.ts";
import type { OperatorAnswer } from "../../src/engine/ports.ts";
import { toyRun, toyRunbook, yes } from "../toy/toy.ts";
import { verbsAt } from "./verb.ts";

const trouble = fc.constantFrom("fails", "never-well", "unknown", "costs-tasks");
const verb = verbsAt(
  "b1",
  "b2",
  "w1",
  "w2",
  "w3",
  "w5",
  "bosses/b2/upgrade",
  "workers-1/w1/upgrade",
  "workers-2/w2/upgrade",
  "workers-2/w3/upgrade",
);

describe("any verbs at any time", () => {
  it("never break the engine, its journal, its limits or its order", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 1500 }), verb), { maxLength: 12 }),
        fc.array(fc.tuple(fc.constantFrom("b", "w", "w"), fc.integer({ min: 1, max: 6 }), trouble), {
          minLength: 1,
          maxLength: 3,
        }),
        fc.array(
          fc.tuple(
            fc.integer({ min: 0, max: 300 }),
            fc.constantFrom("retry", "measure-again", "set-aside", "stop", "force-complete"),
          ),
          { minLength: 12, maxLength: 12 },
        ),
        async (said, troubles, answers) => {
          let next = 0;
          const watch = { check: "calm", intervalMs: 30_000, haltAfterMs: 120_000, phases: ["bosses", "workers"] };
          const toy = toyRun({
            runbook: toyRunbook([watch]),
            operator: {
              ask: async (question, seq, signal): Promise<OperatorAnswer> => {
                if (question.announced) return yes.ask(question, seq, signal);
                const [waitS, wish] = answers[next++] ?? [0, "stop"];
                await toy.clock.sleep(waitS * 1_000, signal);
                if (signal.aborted) return { kind: "nobody" };
                const choice = question.choices.find((one) => one.choice === wish)?.choice ?? "stop";
                return { kind: "answered", choice, actor: "anna", reason: "because" };
              },
            },
          });
          for (const [kind, index, what] of troubles) toy.world.troubles.set(`${kind}${index}`, what);
          // Targets a person would name: what is stuck, in flight or set aside just now.
          const meant = (target: string | null): string | null => {
            const steps = Object.entries(fold(toy.events).steps);
            const stuck = steps.find(([, record]) => record.status === "error" || record.status === "unknown")?.[0] ?? target;
            if (target === "STUCK") return stuck;
            if (target === "STUCK NODE") return stuck?.split("/")[1] ?? null;
            if (target === "FLYING") return [...toy.world.flying].at(-1) ?? null;
            if (target === "ASIDE") return steps.find(([, record]) => record.status === "set-aside")?.[0] ?? null;
            return target;
          };
          const engine = toy.engine();
          const over = new AbortController();
          const done = engine.done.finally(() => over.abort());
          const begun = toy.clock.now();
          const verbs = said
            .toSorted((a, b) => a[0] - b[0])
            .map(async ([atS, one]) => {
              await toy.clock.sleep(atS * 1_000);
              if (!over.signal.aborted) await toy.tell({ ...one, target: meant(one.target) });
            });
          // A pause that nobody ends is ended here, or the run would wait for ever.
          const guard = (async () => {
            for (;;) {
              await toy.clock.sleep(3_600_000);
              if (over.signal.aborted) return;
              await toy.tell({ verb: "resume", target: null, reason: null });
            }
          })();
          const result = await done;
          await Promise.all([...verbs, guard]);
          expect(toy.clock.now() - begun).toBeGreaterThan(0);
          expect(EXIT[result.exit]).not.toBe(70);
          const state = fold(toy.events);
          expect(["halted", "completed"]).toContain(state.phase);
          expect(state.asked === null || state.exit === 8).toBe(true);
          expect(toy.world.mostFlying["boss"] ?? 0).toBeLessThanOrEqual(1);
          expect(toy.world.mostFlying["worker"] ?? 0).toBeLessThanOrEqual(3);
          const firstWorker = toy.world.began.findIndex((name) => name.startsWith("w"));
          if (firstWorker >= 0)
            for (const boss of ["b1", "b2", "b3"]) expect(state.steps[`bosses/${boss}/upgrade`]?.status).toBe("complete");
          if (state.phase === "completed")
            for (const step of allSteps(toy.plan()))
              expect(["complete", "set-aside", "skipped"]).toContain(state.steps[step.address]?.status);
          if (result.exit === "ok") expect(Object.values(state.steps).some((one) => one.status === "set-aside")).toBe(false);
          // Whatever is left can be taken up again.
          if (state.phase === "halted") expect(EXIT[(await toy.run()).exit]).not.toBe(70);
        },
      ),
      { numRuns: 150 },
    );
  }, 60_000);
});
