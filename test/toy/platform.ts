import type { Inventory, InventoryNode } from "../../src/domain/inventory.ts";
import type { Facts } from "../../src/domain/plan.ts";
import type { CheckAnswer, Checks, Clock, Platform, StepKind } from "../../src/engine/ports.ts";

/** A product of no importance: bosses vote, workers work. It exists to show that the engine knows no product. */
export interface ToyWorld {
  readonly versions: Map<string, string>;
  /** How often each node's effect really happened. */
  readonly effects: Map<string, number>;
  /** Effects in flight now, and the most at once by role. */
  readonly flying: Set<string>;
  mostFlying: Record<string, number>;
  leader: string;
  /** Node → what goes wrong there. */
  readonly troubles: Map<string, "fails" | "never-well" | "unknown" | "costs-tasks">;
  /** Order in which effects began. */
  readonly began: string[];
  /** Told when a node's effect really begins. */
  onBegin: (node: string) => void;
  /** False answers for a check, by name, until the given clock time. */
  readonly badUntil: Map<string, number>;
}

export function toyInventory(bosses: number, workers: number): Inventory {
  const node = (name: string, role: string, index: number): InventoryNode => ({
    name,
    role,
    address: `10.0.0.${index}`,
    critical: false,
    ssh: {},
  });
  const nodes = [
    ...Array.from({ length: bosses }, (_, i) => node(`b${i + 1}`, "boss", i + 1)),
    ...Array.from({ length: workers }, (_, i) => node(`w${i + 1}`, "worker", i + 100)),
  ];
  return {
    name: "toy",
    platform: "toy",
    folder: "/",
    ssh: {},
    ports: {},
    nodes,
    scripts: {},
    hooks: {},
    siteSteps: [],
    settings: {},
  };
}

export function toyWorld(inventory: Inventory): ToyWorld {
  return {
    versions: new Map(inventory.nodes.map((n) => [n.name, "1"])),
    effects: new Map(),
    flying: new Set(),
    mostFlying: {},
    leader: "b1",
    troubles: new Map(),
    began: [],
    onBegin: () => undefined,
    badUntil: new Map(),
  };
}

export function toyFacts(world: ToyWorld, inventory: Inventory): Facts {
  const nodes = Object.fromEntries(
    inventory.nodes.map((n) => [
      n.name,
      {
        version: world.versions.get(n.name) ?? null,
        role: n.role,
        reachable: true,
        complete: world.versions.get(n.name) === "2",
        details: {},
      },
    ]),
  );
  return {
    clusterId: "toy-1",
    observedAt: "2026-01-01T00:00:00Z",
    nodes,
    last: { boss: [world.leader] },
    counts: {},
    baseline: {},
  };
}

export function toyKinds(world: ToyWorld, clock: Clock): readonly StepKind[] {
  const role = (name: string): string => (name.startsWith("b") ? "boss" : "worker");
  const upgrade: StepKind = {
    name: "toy/upgrade",
    effect: "restart",
    shows: () => ["upgrade"],
    async doIt(ctx) {
      const name = ctx.step.node ?? "";
      const trouble = world.troubles.get(name);
      if (world.versions.get(name) === "2" && !world.flying.has(name)) return { kind: "done", note: "found so" };
      if (!world.flying.has(name)) {
        world.effects.set(name, (world.effects.get(name) ?? 0) + 1);
        world.began.push(name);
        world.onBegin(name);
      }
      world.flying.add(name);
      const now = [...world.flying].filter((one) => role(one) === role(name)).length;
      world.mostFlying[role(name)] = Math.max(world.mostFlying[role(name)] ?? 0, now);
      await clock.sleep(60_000);
      world.flying.delete(name);
      if (trouble === "fails") return { kind: "failed", problem: { code: "toy.failed", text: `${name} failed`, node: name } };
      if (trouble === "unknown") return { kind: "unknown", problem: { code: "toy.lost", text: `${name} was lost`, node: name } };
      if (trouble === "costs-tasks")
        return { kind: "failed", problem: { code: "toy.tasks", text: `${name} lost tasks`, node: name } };
      world.versions.set(name, "2");
      return { kind: "done" };
    },
    async probe(ctx) {
      const name = ctx.step.node ?? "";
      if (world.versions.get(name) === "2") return { kind: "done", note: "version 2 found" };
      if (world.flying.has(name)) return { kind: "running", note: "still at it" };
      return (world.effects.get(name) ?? 0) > 0 && world.troubles.get(name) === "unknown"
        ? { kind: "cannot-tell", problem: { code: "toy.lost", text: "?" } }
        : { kind: "not-begun" };
    },
  };
  return [upgrade, { name: "toy/look", effect: "read", shows: () => [], doIt: async () => ({ kind: "done" }) }];
}

export function toyPlatform(
  world: ToyWorld,
): Pick<Platform, "name" | "contract" | "readLast" | "permission" | "isCostly" | "lockPath"> {
  return {
    name: "toy",
    lockPath: "/lock",
    contract: [
      { role: "boss", title: "bosses", serial: true, leaderLast: true, manager: true, after: [], budget: "none" },
      { role: "worker", title: "workers", serial: false, leaderLast: false, manager: false, after: ["boss"], budget: "rollout" },
    ],
    readLast: async () => [world.leader],
    permission: async () => ({ kind: "yes" }),
    isCostly: (problem) => problem.code === "toy.tasks",
  };
}

/** Checks that read the toy world: `well` asks the step's node for version 2, `calm` asks `badUntil`. */
export function toyChecks(world: ToyWorld, clock: Clock): Checks & { measured: string[] } {
  const measured: string[] = [];
  return {
    measured,
    measure: async (requests) =>
      requests.map((request): CheckAnswer => {
        measured.push(request.check);
        const well =
          request.check !== "well" ||
          (world.versions.get(request.node ?? "") === "2" && world.troubles.get(request.node ?? "") !== "never-well");
        const pass = well && clock.now() >= (world.badUntil.get(request.check) ?? 0);
        return {
          check: request.check,
          verdict: pass ? "pass" : "fail",
          why: null,
          fatal: false,
          asserted: { subjects: 1, passed: pass ? 1 : 0 },
          observed: pass ? "well" : "unwell",
          evidence: `{"${request.check}":${pass}}`,
          subjects: [],
        };
      }),
    describe: (check) => ({ title: check, remedy: "look", expects: "well" }),
  };
}
