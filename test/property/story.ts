import fc from "fast-check";
import type { RunEvent, Verb } from "../../src/domain/events.ts";
import type { ExitName } from "../../src/domain/errors.ts";
import type { Plan, Step } from "../../src/domain/plan.ts";
import { createFold, fold, type RunState } from "../../src/domain/run-state.ts";
import type { CheckAnswer, Checks, ClusterLock, OperatorAnswer, Permission, StepKind } from "../../src/engine/ports.ts";
import { phase, step, toyRun, toyRunbook, yes } from "../toy/toy.ts";
import { verbsAt } from "./verb.ts";

/** A cluster, a plan, faults, and what people and machines do meanwhile. Times are seconds of the run. */
export interface World {
  readonly bosses: number;
  readonly workers: number;
  /** Number of the boss that leads at first, and after each boss that was upgraded. */
  readonly leaders: readonly number[];
  /** Number of the boss that goes last but one where it does not lead. */
  readonly second: number;
  readonly racks: readonly ("r1" | "r2" | null)[];
  readonly critical: readonly boolean[];
  readonly waves: readonly (number | `${number}%`)[];
  readonly maxInFlight: number;
  readonly only: readonly number[];
  readonly stopAfter: string | null;
  readonly troubles: readonly (readonly ["b" | "w", number, "fails" | "never-well" | "unknown" | "costs-tasks"])[];
  /** Nodes whose permission is refused, and how often. */
  readonly denied: readonly (readonly [string, number])[];
  /** Windows in which the watch's check is bad: begin and length. */
  readonly bad: readonly (readonly [number, number])[];
  /** When somebody breaks the cluster lock. */
  readonly lockLostS: number | null;
  readonly verbs: readonly (readonly [number, Verb, "none" | "open" | "stale"])[];
  /** How long a person thinks, and what the answer to a failure is. */
  readonly answers: readonly (readonly [number, "retry" | "measure-again" | "set-aside" | "stop" | "force-complete"])[];
  /** How long the disk takes for a line: meanwhile others act. */
  readonly diskMs: number;
  /** The process dies after so many further events; then it is taken up again. */
  readonly deaths: readonly number[];
}

const trouble = fc.constantFrom("fails" as const, "never-well" as const, "unknown" as const, "costs-tasks" as const);
const verb = verbsAt("b1", "b2", "w1", "w2", "w3", "w5");
const size = fc.oneof(
  fc.integer({ min: 1, max: 6 }),
  fc.integer({ min: 1, max: 60 }).map((percent) => `${percent}%` as const),
);

/** Worlds in which much goes wrong. */
const worlds: fc.Arbitrary<World> = fc.record({
  bosses: fc.integer({ min: 1, max: 5 }),
  workers: fc.integer({ min: 1, max: 10 }),
  leaders: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
  second: fc.integer({ min: 1, max: 5 }),
  racks: fc.array(fc.constantFrom("r1", "r2", null), { minLength: 10, maxLength: 10 }),
  critical: fc.array(fc.boolean(), { minLength: 10, maxLength: 10 }),
  waves: fc.array(size, { minLength: 1, maxLength: 3 }),
  maxInFlight: fc.integer({ min: 1, max: 4 }),
  only: fc.oneof(
    { weight: 4, arbitrary: fc.constant([]) },
    fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 1, maxLength: 4 }),
  ),
  stopAfter: fc.constantFrom(null, null, null, "bosses", "workers-1", "workers"),
  troubles: fc.array(
    fc.tuple(fc.constantFrom("b" as const, "w" as const, "w" as const), fc.integer({ min: 1, max: 10 }), trouble),
    { maxLength: 3 },
  ),
  denied: fc.array(fc.tuple(fc.constantFrom("b1", "b2", "w1", "w2", "w4"), fc.integer({ min: 1, max: 3 })), { maxLength: 2 }),
  bad: fc.array(fc.tuple(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 10, max: 400 })), { maxLength: 2 }),
  lockLostS: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, fc.integer({ min: 1, max: 2_000 })),
  verbs: fc.array(
    fc.tuple(
      fc.integer({ min: 1, max: 2_000 }),
      verb,
      fc.constantFrom("none" as const, "none" as const, "open" as const, "stale" as const),
    ),
    { maxLength: 8 },
  ),
  answers: fc.array(
    fc.tuple(fc.integer({ min: 0, max: 300 }), fc.constantFrom("retry", "measure-again", "set-aside", "stop", "force-complete")),
    { minLength: 12, maxLength: 12 },
  ),
  diskMs: fc.constantFrom(0, 0, 200),
  deaths: fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 4 }),
});

/** One thing outside the journal that happened, and how long the journal was by then. */
export type Moment =
  | { readonly what: "effect"; readonly node: string; readonly life: number; readonly atMs: number; readonly events: number }
  | {
      readonly what: "permission";
      readonly step: string;
      readonly answer: Permission["kind"];
      readonly life: number;
      readonly atMs: number;
      readonly events: number;
    }
  | { readonly what: "lock-check"; readonly ours: boolean; readonly life: number; readonly atMs: number; readonly events: number }
  | { readonly what: "lock-taken" | "lock-released"; readonly life: number; readonly atMs: number; readonly events: number }
  | {
      readonly what: "reading";
      readonly check: string;
      readonly node: string | null;
      readonly answer: CheckAnswer;
      readonly life: number;
      readonly atMs: number;
      readonly events: number;
    };

export interface Story {
  readonly world: World;
  readonly plan: Plan;
  readonly events: readonly RunEvent[];
  readonly moments: readonly Moment[];
  /** How each life ended; null where the process died. */
  readonly ends: readonly (ExitName | null)[];
  readonly state: RunState;
  readonly mostFlying: Readonly<Record<string, number>>;
  /** Nodes in flight at each effect's begin, the new one included. */
  readonly flying: readonly (readonly string[])[];
  /** The leading boss, and the one that goes last but one, when the engine last asked before each effect. */
  readonly versions: ReadonlyMap<string, string>;
  stepOf(address: string): Step | undefined;
}

export const WATCH = { check: "calm", intervalMs: 30_000, haltAfterMs: 120_000, phases: ["bosses", "workers"] };

/** Plays a world to its end: every life until it halts, completes or dies; a dead run is taken up again. */
async function play(world: World): Promise<Story> {
  const moments: Moment[] = [];
  const ends: (ExitName | null)[] = [];
  const flying: string[][] = [];
  let life = 0;
  let nextAnswer = 0;
  const book = toyRunbook([WATCH]);
  const runbook = {
    ...book,
    phases: book.phases.map((one) =>
      one.name === "workers" ? phase("workers", { ...one, waves: world.waves, maxInFlight: world.maxInFlight }) : one,
    ),
    finally: [step("undo", "toy/undo", { with: { "on-halt": true } })],
  };
  const undo: StepKind = {
    name: "toy/undo",
    effect: "write",
    shows: () => [],
    doIt: async () => ({ kind: "done" }),
    probe: async () => ({ kind: "not-begun" }),
  };
  const denials = new Map(world.denied.map(([node, times]) => [node, times]));
  const nodes = Object.fromEntries(
    Array.from({ length: world.workers }, (_, index) => {
      const rack = world.racks[index] ?? null;
      return [`w${index + 1}`, { critical: world.critical[index] === true, ...(rack === null ? {} : { rack }) }];
    }),
  );
  const here = (): { readonly life: number; readonly atMs: number; readonly events: number } => ({
    life,
    atMs: toy.clock.now(),
    events: toy.events.length,
  });
  const lock: ClusterLock = {
    take: async () => (moments.push({ what: "lock-taken", ...here() }), { kind: "taken", nodes: ["b1"], holder: "me" }),
    check: async () => {
      const ours = world.lockLostS === null || toy.clock.now() - begunMs < world.lockLostS * 1_000;
      moments.push({ what: "lock-check", ours, ...here() });
      return ours ? { kind: "ours" } : { kind: "lost", reason: "somebody broke it" };
    },
    release: async () => (moments.push({ what: "lock-released", ...here() }), ["b1"]),
  };
  const upgraded = (): number =>
    [...toy.world.versions].filter(([name, version]) => name.startsWith("b") && version === "2").length;
  const boss = (number: number): string => `b${((number - 1) % world.bosses) + 1}`;
  const leader = (): string => boss(world.leaders[Math.min(upgraded(), world.leaders.length - 1)] ?? 1);
  const only = world.only.filter((number) => number <= world.workers).map((number) => `w${number}`);
  const toy = toyRun({
    bosses: world.bosses,
    workers: world.workers,
    runbook,
    nodes,
    lock,
    ...(world.stopAfter === null ? {} : { stopAfter: world.stopAfter }),
    journal: (own) => ({
      ...own,
      append: async (body, actor) => {
        const event = await own.append(body, actor);
        if (world.diskMs > 0) await toy.clock.sleep(world.diskMs);
        return event;
      },
    }),
    only: only.length === 0 ? [] : [...Array.from({ length: world.bosses }, (_, index) => `b${index + 1}`), ...only],
    kinds: () => [undo],
    platform: () => ({
      readLast: async () => [...new Set([boss(world.second), leader()])].toSorted((a) => (a === leader() ? 1 : -1)),
      permission: async (ctx) => {
        const left = denials.get(ctx.step.node ?? "") ?? 0;
        denials.set(ctx.step.node ?? "", Math.max(0, left - 1));
        moments.push({ what: "permission", step: ctx.step.address, answer: left > 0 ? "no" : "yes", ...here() });
        if (left === 0) return { kind: "yes" };
        return { kind: "no", exit: "gate-halted", problem: { code: "toy.not-now", text: "not now", node: ctx.step.node ?? "" } };
      },
    }),
    checks: (own): Checks => ({
      ...own,
      measure: async (requests, signal) => {
        const answers = (await own.measure(requests, signal)).map((answer): CheckAnswer => {
          const nowS = (toy.clock.now() - begunMs) / 1_000;
          const bad = answer.check === "calm" && world.bad.some(([from, length]) => nowS >= from && nowS < from + length);
          return bad ? { ...answer, verdict: "fail", observed: "unwell" } : answer;
        });
        for (const [index, answer] of answers.entries())
          moments.push({ what: "reading", check: answer.check, node: requests[index]?.node ?? null, answer, ...here() });
        return answers;
      },
    }),
    operator: {
      ask: async (question, seq, signal): Promise<OperatorAnswer> => {
        if (question.announced) return yes.ask(question, seq, signal);
        const [waitS, wish] = world.answers[nextAnswer++] ?? [0, "stop"];
        await toy.clock.sleep(waitS * 1_000, signal);
        if (signal.aborted) return { kind: "nobody" };
        const choice = question.choices.find((one) => one.choice === wish)?.choice ?? "stop";
        return { kind: "answered", choice, actor: "anna", reason: "because" };
      },
    },
  });
  const begunMs = toy.clock.now();
  for (const [kind, index, what] of world.troubles) toy.world.troubles.set(`${kind}${index}`, what);
  toy.world.onBegin = (node) => {
    moments.push({ what: "effect", node, ...here() });
    flying.push([...toy.world.flying, node]);
  };

  const meant = (wanted: string | null): string | null => {
    const steps = Object.entries(fold(toy.events).steps);
    const stuck = steps.find(([, record]) => record.status === "error" || record.status === "unknown")?.[0] ?? wanted;
    if (wanted === "STUCK") return stuck;
    if (wanted === "STUCK NODE") return stuck?.split("/")[1] ?? null;
    if (wanted === "FLYING") return [...toy.world.flying].at(-1) ?? null;
    if (wanted === "ASIDE") return steps.find(([, record]) => record.status === "set-aside")?.[0] ?? null;
    return wanted;
  };
  const over = new AbortController();
  const isOver = (): boolean => over.signal.aborted;
  let open = false;
  const isOpen = (): boolean => open && !over.signal.aborted;
  const said = world.verbs.map(async ([atS, one, answers]) => {
    await toy.clock.sleep(atS * 1_000, over.signal);
    if (!isOpen()) return;
    const asked = fold(toy.events).asked?.seq ?? null;
    const seq = answers === "none" ? null : answers === "open" ? asked : Math.max(1, (asked ?? toy.events.length) - 1);
    void toy.tell({ ...one, target: meant(one.target) }, "anna", seq);
  });
  // A pause that nobody ends is ended here, or the run would wait for ever.
  const guard = (async () => {
    while (!isOver()) {
      await toy.clock.sleep(3_600_000, over.signal);
      if (isOpen()) void toy.tell({ verb: "resume", target: null, reason: null });
    }
  })();
  for (const death of [...world.deaths, null]) {
    life += 1;
    open = true;
    const diesAfter = death === null ? undefined : toy.events.length + death;
    const end = await new Promise<ExitName | null>((resolve, reject) => {
      toy.engine(diesAfter, () => resolve(null)).done.then((result) => resolve(result.exit), reject);
    });
    open = false;
    ends.push(end);
    const phaseNow = fold(toy.events).phase;
    if (phaseNow === "completed") break;
  }
  over.abort();
  await Promise.all([...said, guard]);
  const plan = toy.plan();
  const all = new Map(
    [...plan.phases.flatMap((one) => [...one.units.flatMap((unit) => unit.steps), ...one.after]), ...plan.finally].map((one) => [
      one.address,
      one,
    ]),
  );
  return {
    world,
    plan,
    events: toy.events,
    moments,
    ends,
    state: fold(toy.events),
    mostFlying: toy.world.mostFlying,
    flying,
    versions: toy.world.versions,
    stepOf: (address) => all.get(address),
  };
}

/** Runs a property over worlds, always the same ones. */
export async function overWorlds(numRuns: number, seed: number, holds: (story: Story) => void | Promise<void>): Promise<void> {
  await fc.assert(
    fc.asyncProperty(worlds, async (world) => holds(await play(world))),
    { numRuns, seed },
  );
}

/** The state right before each event, with the event. The state is the same object all the time. */
export function* stepwise(events: readonly RunEvent[]): Generator<{ readonly before: RunState; readonly event: RunEvent }> {
  const folded = createFold();
  for (const event of events) {
    yield { before: folded.state, event };
    folded.add(event);
  }
}
