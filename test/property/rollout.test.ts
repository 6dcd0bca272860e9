import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assess, type Measurement } from "../../src/domain/gate.ts";
import { waves } from "../../src/domain/strategy.ts";
import { toyRun } from "../toy/toy.ts";

const trouble = fc.constantFrom("fails", "never-well", "unknown", "costs-tasks");

describe("over generated clusters and troubles", () => {
  it("never two bosses in flight, no worker before the last boss is complete, leader last, nothing after a halt", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.tuple(fc.constantFrom("b", "w"), fc.integer({ min: 1, max: 12 }), trouble), { maxLength: 3 }),
        async (bosses, workers, leader, troubles) => {
          const toy = toyRun({ bosses, workers });
          toy.world.leader = `b${Math.min(leader, bosses)}`;
          for (const [kind, index, what] of troubles) toy.world.troubles.set(`${kind}${index}`, what);
          const result = await toy.run();
          const began = toy.world.began;
          expect(toy.world.mostFlying["boss"] ?? 0).toBeLessThanOrEqual(1);
          const firstWorker = began.findIndex((name) => name.startsWith("w"));
          if (firstWorker >= 0) {
            expect(began.slice(0, firstWorker)).toHaveLength(bosses);
            for (let i = 1; i <= bosses; i += 1) expect(toy.world.versions.get(`b${i}`)).toBe("2");
          }
          const bossOrder = began.filter((name) => name.startsWith("b"));
          if (bossOrder.length === bosses) expect(bossOrder.at(-1)).toBe(toy.world.leader);
          if (result.exit === "ok")
            expect(troubles.filter(([kind, index]) => toy.world.versions.has(`${kind}${index}`))).toEqual([]);
          for (const count of toy.world.effects.values()) expect(count).toBe(1);
          const halted = toy.events.findIndex((event) => event.type === "run.halted");
          if (halted >= 0) expect(toy.events.slice(halted).some((event) => event.type === "step.moved")).toBe(false);
          const aside = toy.events.filter((event) => event.type === "step.moved" && event.to === "set-aside");
          expect(aside.length).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 150 },
    );
  });

  it("a gate never passes unless its last readings are passes that cover number and span", () => {
    const reading = fc.record({ verdict: fc.constantFrom("pass", "fail", "inconclusive"), fatal: fc.boolean() }) as fc.Arbitrary<
      Omit<Measurement, "atMs">
    >;
    fc.assert(
      fc.property(
        fc.array(reading, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 0, max: 5 }),
        fc.integer({ min: 0, max: 60 }),
        (raw, consecutivePasses, spanS) => {
          const seen = raw.map((one, index) => ({ ...one, atMs: index * 10_000 }));
          const decision = assess({ consecutivePasses, spanMs: spanS * 1_000, intervalMs: 10_000, deadlineMs: 300_000 }, 0, seen);
          if (decision.kind !== "passed") return;
          const tail = seen.slice(-decision.streak);
          expect(tail.every((one) => one.verdict === "pass")).toBe(true);
          expect(tail.length).toBeGreaterThanOrEqual(Math.max(1, consecutivePasses));
          expect((tail.at(-1)?.atMs ?? 0) - (tail[0]?.atMs ?? 0)).toBeGreaterThanOrEqual(spanS * 1_000);
        },
      ),
    );
  });

  it("waves lose nobody, never mix critical and non-critical, and never exceed their size", () => {
    const size = fc.oneof(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 100 }).map((percent) => `${percent}%` as const),
    );
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 600 }), fc.array(size, { minLength: 1, maxLength: 4 }), (flags, sizes) => {
        const nodes = flags.map((critical, id) => ({ id, critical }));
        const cut = waves(nodes, sizes);
        expect(
          cut
            .flat()
            .map((node) => node.id)
            .sort((a, b) => a - b),
        ).toEqual(nodes.map((node) => node.id));
        for (const [index, wave] of cut.entries()) {
          expect(new Set(wave.map((node) => node.critical)).size).toBe(1);
          const wanted = sizes[index] ?? sizes.at(-1)!;
          const limit =
            typeof wanted === "number" ? wanted : Math.max(1, Math.ceil((Number.parseFloat(wanted) / 100) * nodes.length));
          expect(wave.length).toBeLessThanOrEqual(limit);
        }
      }),
    );
  });

  it("cuts 500 agents with [1, 5, 20] into 1, 5, then 20 until all are done", () => {
    const cut = waves(
      Array.from({ length: 500 }, () => ({ critical: false })),
      [1, 5, 20],
    );
    expect(cut.map((wave) => wave.length)).toEqual([1, 5, ...Array.from({ length: 24 }, () => 20), 14]);
  });
});
