import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Check, Loaded, PhaseSpec, Runbook } from "../../src/domain/documents.ts";
import { PawlError } from "../../src/domain/errors.ts";
import { leadsOn, type Plan } from "../../src/domain/plan.ts";
import { compile, type CompileInput } from "../../src/plan/compile.ts";
import { check, confirm } from "../../src/action/confirm.ts";
import { soak } from "../../src/action/soak.ts";
import { createFakeClock } from "../../src/sim/clock.ts";
import { toyFacts, toyInventory, toyKinds, toyPlatform, toyWorld } from "../toy/platform.ts";
import { phase, step, toyCheck, toyRunbook } from "../toy/toy.ts";

const well = toyCheck("well");

interface Wanted {
  readonly bosses?: number;
  readonly workers?: number;
  readonly critical?: readonly string[];
  readonly done?: readonly string[];
  readonly leader?: string;
  readonly runbook?: Partial<Runbook>;
  readonly only?: readonly string[];
  readonly counts?: Readonly<Record<string, number | null>>;
  readonly sha256?: Partial<Record<"runbook" | "check" | "inventory" | "policy", string>>;
}

function plan(wanted: Wanted = {}): Plan {
  const plain = toyInventory(wanted.bosses ?? 3, wanted.workers ?? 9);
  const inventory = {
    ...plain,
    nodes: plain.nodes.map((node) => ({ ...node, critical: wanted.critical?.includes(node.name) ?? false })),
  };
  const world = toyWorld(inventory);
  world.leader = wanted.leader ?? "b1";
  for (const name of wanted.done ?? []) world.versions.set(name, "2");
  const odd = { name: "toy/write", effect: "write" as const, shows: () => [], doIt: async () => ({ kind: "done" as const }) };
  const kinds = [soak, confirm, check, odd, ...toyKinds(world, createFakeClock(0))];
  const {
    runbook,
    check: checkSha,
    inventory: inventorySha,
    policy,
  } = { runbook: "r", check: "c", inventory: "i", policy: "p", ...wanted.sha256 };
  const checks = new Map<string, Loaded<Check>>([
    ["well", { document: well, file: "well", sha256: checkSha }],
    ["other", { document: { ...well, name: "other" }, file: "other", sha256: "o" }],
  ]);
  const input: CompileInput = {
    runbook: { document: { ...toyRunbook(), ...wanted.runbook }, file: "toy.yaml", sha256: runbook },
    inventory: { document: inventory, file: "inventory.yaml", sha256: inventorySha },
    checks,
    policySha256: policy,
    facts: { ...toyFacts(world, inventory), counts: wanted.counts ?? {} },
    inputs: {},
    platform: toyPlatform(world),
    kinds: new Map(kinds.map((kind) => [kind.name, kind])),
    only: wanted.only ?? [],
    checksFolder: "checks",
    journey: null,
    hash: (text) => createHash("sha256").update(text).digest("hex"),
  };
  return compile(input);
}

const nodes = (made: Plan, name: string): readonly (string | null)[] =>
  made.phases.find((one) => one.name === name)?.units.map((unit) => unit.node) ?? [];
const upgrade = step("upgrade", "toy/upgrade", { gates: [{ check: "well", policy: {}, advisory: false }] });
const bosses = (more: Partial<PhaseSpec> = {}): PhaseSpec =>
  phase("bosses", { role: "boss", order: "leader-last", steps: [upgrade], ...more });
const workers = (more: Partial<PhaseSpec> = {}): PhaseSpec =>
  phase("workers", { role: "worker", strategy: "canary", waves: [1, 3, 5], steps: [upgrade], ...more });

/** The error a plan is refused with: exit, code, and what a person reads. */
function refusal(wanted: Wanted): {
  exit: string;
  code: string;
  text: string;
  expected: string | undefined;
  observed: string | undefined;
} {
  try {
    plan(wanted);
  } catch (error) {
    if (error instanceof PawlError)
      return {
        exit: error.exit,
        code: error.code,
        text: error.message,
        expected: error.details.expected,
        observed: error.details.observed,
      };
    throw error;
  }
  throw new Error("the plan was not refused");
}

describe("waves", () => {
  it("are phases of their own, each with its gates, soak and confirmation", () => {
    const made = plan();
    expect(made.phases.map((one) => one.name)).toEqual(["look", "bosses", "workers-1", "workers-2", "workers-3"]);
    expect(made.phases.slice(2).map((one) => one.units.length)).toEqual([1, 3, 5]);
    expect(made.phases.slice(2).map((one) => one.wave)).toEqual([1, 2, 3].map((index) => ({ of: "workers", index, count: 3 })));
    expect(made.phases[3]?.after.map((one) => one.address)).toEqual(["workers-2/soak", "workers-2/confirm"]);
    expect(made.phases[3]?.units[0]?.steps[0]?.gates).toEqual([{ check: "well", ...well.gate, advisory: false }]);
    expect(made.phases.map((one) => one.title).slice(2)).toEqual([
      "workers, canary 1 of 3",
      "workers, wave 2 of 3",
      "workers, wave 3 of 3",
    ]);
  });

  it("never have more in flight than the phase allows or the wave holds", () => {
    const made = plan({ runbook: { phases: [bosses(), workers({ maxInFlight: 2 })] } });
    expect(made.phases.slice(1).map((one) => one.strategy)).toEqual([
      { kind: "parallel", maxInFlight: 1 },
      { kind: "parallel", maxInFlight: 2 },
      { kind: "parallel", maxInFlight: 2 },
    ]);
  });

  it("take the non-critical nodes first and never mix them with critical ones", () => {
    const made = plan({ critical: ["w1", "w2"] });
    expect(made.phases.slice(2).map((one) => one.units.map((unit) => unit.node))).toEqual([
      ["w3"],
      ["w4", "w5", "w6"],
      ["w7", "w8", "w9"],
      ["w1", "w2"],
    ]);
  });

  it("of percentages are counted over the nodes that are left", () => {
    const made = plan({
      workers: 12,
      done: ["b1", "b2", "b3", "w1", "w2"],
      runbook: { phases: [bosses(), workers({ waves: [1, "50%"] })] },
    });
    expect(made.phases.map((one) => one.units.length)).toEqual([1, 5, 4]);
  });

  it("have another ending after the canary where the runbook says so", () => {
    const made = plan({
      runbook: {
        phases: [
          bosses(),
          workers({ after: [step("confirm", "confirm")], afterCanary: [step("soak", "soak", { with: { for: "1h" } })] }),
        ],
      },
    });
    expect(made.phases.slice(1).map((one) => one.after.map((after) => after.name))).toEqual([["soak"], ["confirm"], ["confirm"]]);
  });
});

describe("the failure budget", () => {
  it("begins after the canary, once over all phases of the rollout", () => {
    const made = plan({ runbook: { phases: [bosses(), workers(), workers({ name: "late-workers", skipComplete: false })] } });
    expect(made.phases.map((one) => [one.name, one.budget])).toEqual([
      ["bosses", "none"],
      ["workers-1", "none"],
      ["workers-2", "rollout"],
      ["workers-3", "rollout"],
      ["late-workers-1", "rollout"],
      ["late-workers-2", "rollout"],
      ["late-workers-3", "rollout"],
    ]);
    expect(made.phases[4]?.title).toBe("workers, wave 1 of 3");
  });

  it("begins after the first nodes that are taken out of service: a phase that only writes is no canary", () => {
    const write = workers({ name: "prepare", strategy: "parallel", steps: [step("write", "toy/write")] });
    const made = plan({ runbook: { phases: [bosses(), write, workers()] } });
    expect(made.phases.slice(1).map((one) => [one.name, one.budget])).toEqual([
      ["prepare", "none"],
      ["workers-1", "none"],
      ["workers-2", "rollout"],
      ["workers-3", "rollout"],
    ]);
    expect(made.phases[2]?.title).toBe("workers, canary 1 of 3");
  });

  it("is the larger of one node and one in a hundred, counted over the nodes that are changed", () => {
    expect([plan({ workers: 9 }), plan({ workers: 250 })].map((made) => [made.rolloutNodes, made.budget])).toEqual([
      [9, 1],
      [250, 2],
    ]);
    const left = plan({ workers: 250, done: ["b1", "b2", "b3", ...Array.from({ length: 100 }, (_, at) => `w${at + 1}`)] });
    expect([left.rolloutNodes, left.budget]).toEqual([150, 1]);
  });
});

describe("a plan contains what is left", () => {
  it("with the leader last, and without the nodes that are complete, which it names", () => {
    const made = plan({ leader: "b2", done: ["b1", "w1"] });
    expect(nodes(made, "bosses")).toEqual(["b3", "b2"]);
    expect(nodes(made, "workers-1")).toEqual(["w2"]);
    expect(made.found).toEqual([
      { node: "b1", version: "2" },
      { node: "w1", version: "2" },
    ]);
  });

  it("and says of a phase without nodes why, with both counts", () => {
    expect(plan({ done: ["b1", "b2", "b3"] }).omitted).toEqual([
      { phase: "bosses", reason: "all 3 boss nodes are complete (found so)" },
    ]);
    expect(plan({ workers: 0, counts: { worker: 4 } }).omitted).toEqual([
      { phase: "workers", reason: "no worker node to do (inventory: 0, the cluster has 4)" },
    ]);
    expect(plan({ workers: 0 }).omitted).toEqual([
      { phase: "workers", reason: "no worker node to do (inventory: 0, the cluster did not say how many it has)" },
    ]);
  });

  it("has no lock and no undo where nothing of it has an effect", () => {
    const reading = { phases: [phase("look", { steps: [step("look", "toy/look")] })], finally: [step("undo", "toy/write")] };
    expect(plan({ runbook: reading })).toMatchObject({ lock: null, finally: [] });
    const changing = plan({ runbook: { finally: reading.finally } });
    expect(changing.lock).toEqual({ nodes: ["b1", "b2", "b3"], path: "/lock" });
    expect(changing.finally.map((one) => one.address)).toEqual(["finally/undo"]);
  });
});

describe("--only", () => {
  it("is kept in the plan: a run that was asked for some nodes leads to no next hop, however it is taken up again", () => {
    const journey = { goal: "3", policy: "p", hop: 1, hops: 2 };
    const some = plan({ only: ["b2"], leader: "b1" });
    expect(some.only).toEqual(["b2"]);
    expect(leadsOn({ ...some, journey })).toBe(false);
    expect(plan({})).not.toHaveProperty("only");
    expect(leadsOn({ ...plan({}), journey })).toBe(true);
    expect(leadsOn({ ...plan({}), journey: { ...journey, hop: 2 } })).toBe(false);
    expect(leadsOn(plan({}))).toBe(false);
  });

  it("changes these nodes and no other, while reading phases stay whole", () => {
    const reading = phase("read-workers", { role: "worker", steps: [step("look", "toy/look")], skipComplete: false });
    const made = plan({
      done: ["b1", "b2", "b3", "w1"],
      only: ["w7", "w3"],
      runbook: { phases: [reading, bosses(), workers()] },
    });
    expect(nodes(made, "read-workers")).toHaveLength(9);
    expect(
      made.phases.filter((one) => one.name.startsWith("workers")).flatMap((one) => one.units.map((unit) => unit.node)),
    ).toEqual(["w3", "w7"]);
  });

  it("of a name the inventory does not have is a usage error", () => {
    expect(refusal({ only: ["w77", "b1", "x"] })).toMatchObject({
      exit: "usage",
      code: "plan.unknown-node",
      text: "the inventory has no node named w77, x",
    });
  });

  it("cannot bring agents before the last of those before them", () => {
    expect(refusal({ only: ["w1"], done: ["b1"] })).toMatchObject({
      exit: "refused",
      code: "order.too-early",
      observed: "b2, b3 not complete and not planned before",
    });
  });

  it("cannot take the leader before the others", () => {
    expect(refusal({ only: ["b1"], leader: "b1", done: ["b3"] })).toEqual({
      exit: "refused",
      code: "order.leader-not-last",
      text: "phase bosses breaks the order contract of toy",
      expected: "the leader of bosses last",
      observed: "b1 leads, and b2 would still be to do",
    });
    expect(nodes(plan({ only: ["b2"], leader: "b1" }), "bosses")).toEqual(["b2"]);
    expect(nodes(plan({ only: ["b1"], leader: "b1", done: ["b2", "b3"] }), "bosses")).toEqual(["b1"]);
  });
});

describe("the order contract refuses", () => {
  it("a group that must be serial and is not", () => {
    expect(refusal({ runbook: { phases: [bosses({ strategy: "parallel", maxInFlight: 2 })] } })).toEqual({
      exit: "refused",
      code: "order.not-serial",
      text: "phase bosses breaks the order contract of toy",
      expected: "bosses one at a time",
      observed: "strategy with 2 in flight",
    });
  });

  it("a group whose leader is not last", () => {
    expect(refusal({ runbook: { phases: [bosses({ order: "listed" })] } })).toEqual({
      exit: "refused",
      code: "order.leader-not-last",
      text: "phase bosses breaks the order contract of toy",
      expected: "the leader of bosses last",
      observed: "order: listed",
    });
  });

  it("a group that comes too early", () => {
    expect(refusal({ runbook: { phases: [workers(), bosses()] } })).toEqual({
      exit: "refused",
      code: "order.too-early",
      text: "phase workers-1 breaks the order contract of toy",
      expected: "every boss complete before any worker",
      observed: "b1, b2, b3 not complete and not planned before",
    });
    expect(plan({ done: ["b1", "b2", "b3"], runbook: { phases: [workers()] } }).phases).toHaveLength(3);
  });

  it("a step that takes a machine out of service and belongs to no node: nobody would be asked for permission", () => {
    expect(refusal({ runbook: { phases: [phase("sneaky", { steps: [upgrade] })] } })).toMatchObject({
      exit: "refused",
      code: "order.restart-without-node",
      observed: "a step that belongs to no node",
    });
    expect(refusal({ runbook: { phases: [bosses({ after: [upgrade] })] } })).toMatchObject({
      code: "order.restart-without-node",
    });
  });
});

describe("a plan is refused as a document", () => {
  it("where a step would be green without having asserted anything", () => {
    const advisory = { check: "well", policy: {}, advisory: true };
    for (const bad of [step("empty", "check"), step("empty", "check", { gates: [advisory] })])
      expect(refusal({ runbook: { phases: [phase("look", { steps: [bad] })] } })).toMatchObject({
        exit: "invalid-document",
        code: "plan.vacuous",
        text: "look/empty: no gate decides whether this step held",
      });
    expect(
      refusal({ runbook: { phases: [bosses({ steps: [step("upgrade", "toy/upgrade", { gates: [advisory] })] })] } }),
    ).toMatchObject({ code: "plan.vacuous" });
  });

  it("where two steps would share one address, and so one status", () => {
    const late = phase("workers-1", { steps: [step("soak", "soak", { with: { for: "5m" } })] });
    expect(refusal({ runbook: { phases: [...toyRunbook().phases, late] } })).toMatchObject({
      exit: "invalid-document",
      code: "plan.address-twice",
      text: "two steps of this plan have the address workers-1/soak",
    });
  });

  it("where a soak does not say how long it takes", () => {
    for (const length of ["soon", "30", undefined])
      expect(
        refusal({
          runbook: {
            phases: [phase("wait", { steps: [step("soak", "soak", { with: length === undefined ? {} : { for: length } })] })],
          },
        }),
      ).toMatchObject({ exit: "invalid-document", code: "soak.no-length" });
  });

  it("where a check, a kind or a name does not exist", () => {
    const gated = (name: string) => ({
      phases: [phase("look", { steps: [step("look", "toy/look", { gates: [{ check: name, policy: {}, advisory: false }] })] })],
    });
    expect(refusal({ runbook: gated("nowhere") })).toMatchObject({
      exit: "invalid-document",
      code: "plan.unknown-check",
      text: "look/look: there is no check named nowhere",
    });
    expect(refusal({ runbook: { phases: [phase("look", { steps: [step("look", "toy/nothing")] })] } })).toMatchObject({
      code: "plan.unknown-kind",
      text: "look/look: there is no step kind named toy/nothing",
    });
    expect(
      refusal({ runbook: { watches: [{ check: "nowhere", intervalMs: 1, haltAfterMs: 1, phases: ["look"] }] } }),
    ).toMatchObject({ code: "plan.unknown-check", text: "watches: there is no check named nowhere" });
    expect(
      refusal({
        runbook: { phases: [phase("look", { steps: [step("look", "toy/look", { with: { text: "{{ inputs.gone }}" } })] })] },
      }),
    ).toMatchObject({ code: "template.unknown-name" });
  });
});

describe("fingerprints", () => {
  it("change each with its own document, and with no other", () => {
    const base = plan().fingerprints;
    for (const one of ["runbook", "inventory", "policy"] as const)
      expect(plan({ sha256: { [one]: "x" } }).fingerprints).toEqual({ ...base, [one]: "x" });
    const changed = plan({ sha256: { check: "x" } }).fingerprints;
    expect(changed).toEqual({ ...base, checks: changed.checks });
    expect(changed.checks).not.toBe(base.checks);
  });

  it("cover every check the runbook uses, wherever it stands, and no other", () => {
    const gate = [{ check: "other", policy: {}, advisory: false }];
    const places: readonly Partial<Runbook>[] = [
      { preflight: ["other"] },
      { watches: [{ check: "other", intervalMs: 1, haltAfterMs: 1, phases: ["look"] }] },
      { finally: [step("undo", "toy/write", { gates: gate })] },
      { phases: [bosses(), workers({ afterCanary: [step("steady", "check", { gates: gate })] })] },
    ];
    const base = plan().fingerprints.checks;
    for (const place of places) expect(plan({ runbook: place }).fingerprints.checks, Object.keys(place).join()).not.toBe(base);
  });
});
