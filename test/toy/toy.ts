import { createHash } from "node:crypto";
import type { GatePolicy, Loaded, Check, PhaseSpec, Runbook, StepSpec, WatchSpec } from "../../src/domain/documents.ts";
import type { RunEvent } from "../../src/domain/events.ts";
import type { Inventory, InventoryNode } from "../../src/domain/inventory.ts";
import type { Facts, Plan } from "../../src/domain/plan.ts";
import { EMPTY_RUN, fold } from "../../src/domain/run-state.ts";
import { check, confirm } from "../../src/action/confirm.ts";
import { soak } from "../../src/action/soak.ts";
import type {
  Checks,
  ClusterLock,
  ControlRequest,
  Journal,
  LocalRunner,
  Monitoring,
  Operator,
  Platform,
  Remote,
  StepKind,
} from "../../src/engine/ports.ts";
import { startEngine, type Engine, type RunResult } from "../../src/engine/run.ts";
import type { Limits } from "../../src/engine/session.ts";
import { compile } from "../../src/plan/compile.ts";
import { createFakeClock } from "../../src/sim/clock.ts";
import type { SimClock } from "../../src/sim/ports.ts";
import { createLife, mortalChecks, mortalClock, mortalKind, mortalLock, mortalMonitoring } from "../crash/life.ts";
import { memoryArtifacts, memoryJournal, silent } from "./memory.ts";
import { toyChecks, toyFacts, toyInventory, toyKinds, toyPlatform, toyWorld, type ToyWorld } from "./platform.ts";

const START = Date.parse("2026-01-01T00:00:00Z");
const GATE: GatePolicy = { consecutivePasses: 2, spanMs: 10_000, intervalMs: 10_000, deadlineMs: 60_000 };
export const step = (name: string, uses: string, more: Partial<StepSpec> = {}): StepSpec => ({
  name,
  uses,
  title: name,
  with: {},
  gates: [],
  optional: false,
  ...more,
});
export const phase = (name: string, more: Partial<PhaseSpec>): PhaseSpec => ({
  name,
  title: name,
  source: "toy",
  strategy: "serial",
  order: "listed",
  waves: [],
  maxInFlight: 5,
  skipComplete: true,
  steps: [],
  after: [],
  ...more,
});

export function toyRunbook(watches: readonly WatchSpec[] = []): Runbook {
  const upgrade = step("upgrade", "toy/upgrade", { gates: [{ check: "well", policy: {}, advisory: false }] });
  const pause = [step("soak", "soak", { with: { for: "5m" } }), step("confirm", "confirm", { with: { message: "go on?" } })];
  return {
    name: "toy-upgrade",
    version: "1",
    title: "toy",
    platform: "toy",
    source: "test",
    inputs: {},
    preflight: [],
    byHand: [],
    questions: [],
    watches,
    finally: [],
    phases: [
      phase("look", { steps: [step("look", "toy/look", { optional: true })] }),
      phase("bosses", { role: "boss", order: "leader-last", steps: [upgrade], after: pause }),
      phase("workers", { role: "worker", strategy: "canary", waves: [1, 3, 5], steps: [upgrade], after: pause }),
    ],
  };
}

/** A check of the toy platform. */
export function toyCheck(name: string): Check {
  return {
    name,
    title: name,
    why: "",
    source: "",
    platform: "toy",
    severity: "mandatory",
    scope: { kind: "step-node" },
    readings: {},
    pass: "true",
    show: ".",
    gate: GATE,
    remedy: "look",
    refuses: [],
  };
}

const checkDoc = (name: string): Loaded<Check> => ({ file: "toy", sha256: name, document: toyCheck(name) });

export interface ToyOptions {
  readonly bosses?: number;
  readonly workers?: number;
  readonly runbook?: Runbook;
  readonly operator?: Operator;
  readonly lock?: ClusterLock;
  readonly stopAfter?: string;
  readonly limits?: Partial<Limits>;
  /** Further step kinds, and other answers of the platform or of the checks, over the toy's own. */
  readonly kinds?: (world: ToyWorld, clock: SimClock) => readonly StepKind[];
  readonly platform?: (world: ToyWorld, clock: SimClock) => Partial<Pick<Platform, "permission" | "readLast" | "isCostly">>;
  readonly checks?: (own: Checks, world: ToyWorld, clock: SimClock) => Checks;
  readonly journal?: (own: Journal) => Journal;
  /** Who reads the runbook's monitors; without it nobody does. */
  readonly monitoring?: (world: ToyWorld, clock: SimClock) => Monitoring;
  readonly leave?: () => void;
  readonly only?: readonly string[];
  /** Hooks of the inventory, and who runs them. */
  readonly hooks?: Inventory["hooks"];
  readonly local?: LocalRunner;
  /** Over the nodes of the toy inventory, by name: rack, critical. */
  readonly nodes?: Readonly<Record<string, Partial<InventoryNode>>>;
  /** Over what the plan's facts say of the cluster. */
  readonly baseline?: Facts["baseline"];
}

/** `--yes`: everything announced is approved, nothing else. */
export const yes: Operator = {
  ask: async (question) =>
    question.announced ? { kind: "answered", choice: "approve", actor: "policy", reason: null } : { kind: "nobody" },
};

function withBaseline(facts: Facts, more: Facts["baseline"] = {}): Facts {
  return { ...facts, baseline: { ...facts.baseline, ...more } };
}

const nowhere = (): never => {
  throw new Error("the toy has no network");
};
const REMOTE: Remote = { run: nowhere, stream: nowhere, http: nowhere, tcp: nowhere, close: async () => undefined };
const LOCAL: LocalRunner = { run: nowhere };

/** A toy cluster with a run on it. `run()` may be called again: it resumes from the journal so far, like a new process. */
export function toyRun(options: ToyOptions = {}) {
  const clock = createFakeClock(START);
  const bare = toyInventory(options.bosses ?? 3, options.workers ?? 6);
  const inventory: Inventory = {
    ...bare,
    hooks: options.hooks ?? {},
    nodes: bare.nodes.map((node) => ({ ...node, ...options.nodes?.[node.name] })),
  };
  const world = toyWorld(inventory);
  const events: RunEvent[] = [];
  const checks = toyChecks(world, clock);
  const artifacts = memoryArtifacts();
  const controls: ((request: ControlRequest) => void)[] = [];
  const kinds: ReadonlyMap<string, StepKind> = new Map(
    [soak, confirm, check, ...toyKinds(world, clock), ...(options.kinds?.(world, clock) ?? [])].map((kind) => [kind.name, kind]),
  );
  const platform = { ...toyPlatform(world), ...options.platform?.(world, clock) };
  const monitoring = options.monitoring?.(world, clock);
  let made: Plan | null = null;
  const plan = (): Plan =>
    (made ??= compile({
      runbook: { document: options.runbook ?? toyRunbook(), file: "toy", sha256: "r" },
      checks: new Map(["well", "calm"].map((name) => [name, checkDoc(name)])),
      inventory: { document: inventory, file: "toy", sha256: "i" },
      policySha256: "-",
      facts: withBaseline(toyFacts(world, inventory), options.baseline),
      inputs: {},
      platform,
      kinds,
      only: options.only ?? [],
      checksFolder: "toy",
      journey: null,
      hash: (text) => createHash("sha256").update(text).digest("hex"),
    }));
  const engine = (diesAfter?: number, died?: (error: Error) => void): Engine => {
    const resumed = events.length > 0;
    // Whatever dies does nothing more; what it began on the machines goes on there.
    const life = createLife();
    const journal = memoryJournal(clock, events, diesAfter, (error) => {
      void life.die();
      died?.(error);
    });
    const lock = options.lock ?? null;
    return startEngine(
      {
        run: "toy-run",
        plan: plan(),
        inventory,
        platform,
        kinds: new Map([...kinds].map(([name, kind]) => [name, mortalKind(life, kind)])),
        journal: options.journal?.(journal) ?? journal,
        state: fold(events, EMPTY_RUN),
        artifacts,
        remote: REMOTE,
        reader: REMOTE,
        local: options.local ?? LOCAL,
        checks: mortalChecks(life, options.checks?.(checks, world, clock) ?? checks),
        clock: mortalClock(life, clock),
        ...(monitoring === undefined ? {} : { monitoring: mortalMonitoring(life, monitoring) }),
        operator: options.operator ?? yes,
        lock: lock === null ? null : mortalLock(life, lock),
        viewer: silent,
        control: { listen: async (handler) => void controls.push(handler), close: async () => undefined },
        limits: { stopAfter: options.stopAfter ?? null, untilMs: null, expectedMs: () => null, ...options.limits },
        process: { pid: 1, host: "h", boot: "b" },
        ...(options.leave === undefined ? {} : { leave: options.leave }),
      },
      resumed,
    );
  };
  return {
    clock,
    inventory,
    world,
    events,
    checks,
    plan,
    engine,
    artifacts,
    run: (diesAfter?: number): Promise<RunResult> =>
      new Promise((resolve, reject) => void engine(diesAfter, reject).done.then(resolve, reject)),
    /** A verb from another terminal. */
    tell: (verb: ControlRequest["verb"], actor = "anna", answers: number | null = null): Promise<{ ok: boolean; text: string }> =>
      new Promise((resolve) => controls.at(-1)?.({ verb, actor, answers, reply: resolve })),
    status: (address: string) => fold(events).steps[address]?.status ?? "pending",
  };
}
