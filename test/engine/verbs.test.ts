import { describe, expect, it } from "vitest";
import type { Problem } from "../../src/domain/errors.ts";
import type { Question, RunEvent, RunEventBody, Verb } from "../../src/domain/events.ts";
import { EMPTY_RUN, fold, type RunState } from "../../src/domain/run-state.ts";
import type { StepStatus } from "../../src/domain/status.ts";
import { judgeVerb, type VerbAnswer } from "../../src/engine/verbs.ts";
import { toyPlatform, toyWorld, toyInventory } from "../toy/platform.ts";
import { step, toyRun, toyRunbook } from "../toy/toy.ts";

const book = toyRunbook();
const write = { name: "toy/write", effect: "write" as const, shows: () => [], doIt: async () => ({ kind: "done" as const }) };
const two = {
  ...book,
  phases: [
    {
      ...(book.phases[0] ?? never()),
      steps: [step("look", "toy/look", { optional: true }), step("must", "toy/look"), step("write", "toy/write")],
    },
    ...book.phases
      .slice(1)
      .map((one) => (one.name === "workers" ? { ...one, steps: [...one.steps, step("write", "toy/write")] } : one)),
  ],
};
const plan = toyRun({ runbook: two, kinds: () => [write] }).plan();
const { contract } = toyPlatform(toyWorld(toyInventory(3, 6)));

function never(): never {
  throw new RangeError("the toy has phases");
}

/** The way to each status, as the engine goes it. */
const WAY: Readonly<Record<StepStatus, readonly StepStatus[]>> = {
  pending: [],
  prepared: ["prepared"],
  starting: ["prepared", "starting"],
  started: ["prepared", "starting", "started"],
  complete: ["prepared", "starting", "started", "complete"],
  error: ["prepared", "starting", "error"],
  unknown: ["prepared", "starting", "unknown"],
  "set-aside": ["set-aside"],
  skipped: ["skipped"],
};
const PROBLEM: Problem = { code: "gate.well", text: "unwell" };

function state(...bodies: readonly RunEventBody[]): RunState {
  return fold(
    bodies.map((body, index): RunEvent => ({
      ...body,
      v: 1,
      seq: index + 1,
      time: "2026-01-01T00:00:00.000Z",
      actor: "test",
      prev: "",
    })),
    EMPTY_RUN,
  );
}
const at = (address: string, status: StepStatus): readonly RunEventBody[] =>
  WAY[status].map((to) => ({
    type: "step.moved",
    step: address,
    to,
    problem: to === "error" || to === "unknown" ? PROBLEM : null,
    note: null,
    output: null,
  }));
const asks = (question: Partial<Question>): RunEventBody => ({
  type: "decision.asked",
  question: { kind: "confirm", step: null, title: "Go on?", announced: true, problem: null, choices: [], ...question },
});
const say = (
  from: RunState,
  verb: Verb["verb"],
  target: string | null = null,
  reason: string | null = "because",
  answers: number | null = null,
  probed = false,
): VerbAnswer => judgeVerb(plan, from, contract, { verb, target, reason }, answers, probed);
const events = (answer: VerbAnswer): readonly RunEventBody[] => (answer.ok ? answer.events : []);
/** Steps an answer moves, as `address status`. */
const moves = (answer: VerbAnswer): readonly string[] =>
  events(answer).flatMap((event) => (event.type === "step.moved" ? [`${event.step} ${event.to}`] : []));

const BOSS = "bosses/b2/upgrade";
const WORKER = "workers-2/w2/upgrade";
const STATUSES = Object.keys(WAY) as StepStatus[];

describe("every verb", () => {
  it("that does something is journaled with what it was about and why, before what it does", () => {
    const answer = say(state(...at(BOSS, "error")), "retry", BOSS, "disk replaced");
    expect(events(answer)).toEqual([
      { type: "operator.decided", answers: null, choice: "retry", target: BOSS, reason: "disk replaced" },
      { type: "step.moved", step: BOSS, to: "pending", problem: null, note: "disk replaced", output: null },
    ]);
  });

  it("is refused on a run that is complete", () => {
    const over = state({ type: "run.completed", exit: 0, setAside: [] });
    for (const verb of ["pause", "resume", "approve", "stop", "retry", "set-aside", "force-complete", "skip"] as const)
      expect(say(over, verb, WORKER)).toEqual({ ok: false, text: "this run is complete" });
  });

  it("is refused where it answers a question that is not open any more", () => {
    const settled = state(
      asks({}),
      { type: "operator.decided", answers: 1, choice: "approve", target: "bosses/confirm", reason: null },
      asks({ step: "workers-1/confirm" }),
    );
    for (const verb of ["pause", "approve", "stop", "set-aside"] as const)
      expect(say(settled, verb, verb === "set-aside" ? "w3" : null, "because", 1)).toEqual({
        ok: false,
        text: "stale: question 1 is not open (3 is)",
      });
    expect(say(settled, "approve", null, null, 3).ok).toBe(true);
    expect(say(EMPTY_RUN, "approve", "bosses/confirm", null, 7)).toEqual({ ok: false, text: "stale: question 7 is not open" });
  });

  it("of the three that overrule something needs a reason", () => {
    for (const reason of [null, "", "  "]) {
      expect(say(EMPTY_RUN, "set-aside", "w3", reason)).toEqual({ ok: false, text: "set-aside needs --reason" });
      expect(say(state(...at(WORKER, "error")), "force-complete", WORKER, reason)).toEqual({
        ok: false,
        text: "force-complete needs --reason",
      });
      expect(say(EMPTY_RUN, "skip", "look/look", reason)).toEqual({ ok: false, text: "skip needs --reason" });
    }
  });
});

describe("pause, resume, stop", () => {
  const paused = state({ type: "plan.interrupted", because: "lunch" });
  it("pause once, go on once", () => {
    expect(events(say(EMPTY_RUN, "pause", null, "lunch")).at(-1)).toEqual({ type: "plan.interrupted", because: "lunch" });
    expect(say(paused, "pause")).toEqual({ ok: false, text: "the run is paused already" });
    expect(events(say(paused, "resume")).at(-1)).toEqual({ type: "plan.proceeded", because: "because" });
    expect(say(EMPTY_RUN, "resume")).toEqual({ ok: false, text: "the run is not paused" });
  });

  it("reset nothing", () => {
    expect(moves(say(state(...at(BOSS, "starting")), "stop"))).toEqual([]);
  });
});

describe("approve", () => {
  it("answers the open planned stop, by name or without", () => {
    const open = state(asks({ step: "bosses/confirm" }));
    for (const target of [null, "bosses/confirm", "confirm"])
      expect(events(say(open, "approve", target, null))).toEqual([
        { type: "operator.decided", answers: 1, choice: "approve", target: "bosses/confirm", reason: null },
      ]);
    expect(events(say(state(asks({ kind: "start" })), "approve", "start", null))).toEqual([
      { type: "operator.decided", answers: 1, choice: "approve", target: "start", reason: null },
    ]);
  });

  it("may be given beforehand to a stop that is still to come, and to nothing else", () => {
    const answer = say(EMPTY_RUN, "approve", "workers-1/confirm", null);
    expect(answer).toMatchObject({ ok: true, text: "approved beforehand: workers-1/confirm" });
    expect(fold([{ ...(events(answer)[0] ?? never()), v: 1, seq: 1, time: "", actor: "anna", prev: "" }]).approved).toEqual({
      "workers-1/confirm": true,
    });
    for (const target of [WORKER, "workers-1", "nonsense"])
      expect(say(EMPTY_RUN, "approve", target, null)).toEqual({
        ok: false,
        text: `${target} is not a stop of this plan that waits for an approval`,
      });
    expect(say(EMPTY_RUN, "approve", null, null)).toEqual({ ok: false, text: "nothing waits for an approval" });
    expect(say(state(...at("workers-1/confirm", "complete")), "approve", "workers-1/confirm", null).ok).toBe(false);
  });

  it("decides no failure", () => {
    const failed = state(
      ...at(WORKER, "error"),
      asks({ kind: "gate-refused", step: WORKER, title: "A gate refused", announced: false, problem: PROBLEM }),
    );
    expect(say(failed, "approve", null, null)).toEqual({
      ok: false,
      text: "this is not a planned stop: A gate refused. Use retry, set-aside or stop.",
    });
  });
});

describe("retry", () => {
  it("restarts a failed or set-aside step, and never one in any other status", () => {
    for (const status of STATUSES) {
      const answer = say(state(...at(WORKER, status)), "retry", WORKER, null);
      expect(answer.ok, status).toBe(status === "error" || status === "set-aside");
      if (answer.ok) expect(moves(answer)).toEqual([`${WORKER} pending`]);
    }
    expect(say(state(...at(WORKER, "complete")), "retry", WORKER)).toEqual({
      ok: false,
      text: `${WORKER} is complete: only failed or set-aside steps are retried`,
    });
    expect(say(EMPTY_RUN, "retry", "workers-2")).toEqual({ ok: false, text: "the plan has no step workers-2" });
  });

  it("takes the whole node back that was set aside", () => {
    const aside = state(
      ...at(WORKER, "set-aside"),
      ...at("workers-2/w2/write", "set-aside"),
      ...at("workers-2/w3/upgrade", "set-aside"),
    );
    expect(moves(say(aside, "retry", WORKER))).toEqual([`${WORKER} pending`, "workers-2/w2/write pending"]);
  });

  it("of an unknown outcome needs somebody who has looked, and is never one of a restart", () => {
    const unknown = state(...at("look/write", "unknown"));
    expect(say(unknown, "retry", "look/write", null)).toEqual({
      ok: false,
      text: "the outcome of look/write is unknown: pawl resume looks at the node first; whoever has looked gives --reason",
    });
    expect(moves(say(unknown, "retry", "look/write", "it is not there"))).toEqual(["look/write pending"]);
    expect(say(state(...at(WORKER, "unknown")), "retry", WORKER, "looked")).toEqual({
      ok: false,
      text: `the outcome of ${WORKER} is unknown: pawl resume looks at the node first`,
    });
  });
});

describe("set-aside", () => {
  it("takes all that is open of a worker out, and remembers why it had failed", () => {
    const answer = say(state(...at(WORKER, "error")), "set-aside", "w2", "disk");
    expect(moves(answer)).toEqual([`${WORKER} set-aside`, "workers-2/w2/write set-aside"]);
    expect(events(answer)[1]).toMatchObject({ problem: PROBLEM, note: "disk" });
    expect(moves(say(state(...at(WORKER, "complete")), "set-aside", "w2"))).toEqual(["workers-2/w2/write set-aside"]);
  });

  it("is refused for a boss, a stranger, a step, and a worker that is done", () => {
    expect(say(EMPTY_RUN, "set-aside", "b2")).toEqual({
      ok: false,
      text: "b2 cannot be set aside: its group has no failure budget",
    });
    for (const target of ["w77", WORKER])
      expect(say(EMPTY_RUN, "set-aside", target)).toEqual({ ok: false, text: `the plan changes no node named ${target}` });
    expect(say(EMPTY_RUN, "set-aside", null).ok).toBe(false);
    expect(say(state(...at(WORKER, "complete"), ...at("workers-2/w2/write", "complete")), "set-aside", "w2")).toEqual({
      ok: false,
      text: "nothing of w2 is waiting or failed",
    });
  });
});

describe("skip", () => {
  it("leaves out an optional step without effect that is waiting or failed, and no other", () => {
    for (const status of STATUSES)
      expect(say(state(...at("look/look", status)), "skip", "look/look").ok, status).toBe(
        status === "pending" || status === "error",
      );
    expect(moves(say(EMPTY_RUN, "skip", "look/look"))).toEqual(["look/look skipped"]);
    for (const target of ["look/must", "look/write", WORKER])
      expect(say(EMPTY_RUN, "skip", target)).toEqual({
        ok: false,
        text: `${target} cannot be skipped: only optional steps without effect can`,
      });
    expect(say(EMPTY_RUN, "skip", "look")).toEqual({ ok: false, text: "the plan has no step look" });
  });
});

describe("force-complete", () => {
  it("takes one failed or unknown step, never a phase or a plan", () => {
    for (const status of STATUSES)
      expect(say(state(...at(WORKER, status)), "force-complete", WORKER).ok, status).toBe(
        status === "error" || status === "unknown",
      );
    expect(moves(say(state(...at(WORKER, "error")), "force-complete", WORKER))).toEqual([`${WORKER} complete`]);
    expect(say(EMPTY_RUN, "force-complete", "bosses")).toEqual({
      ok: false,
      text: "the plan has no step bosses (a phase or a plan cannot be forced)",
    });
  });

  it("takes a boss's restart only where its probe says that it has happened", () => {
    const failed = state(...at(BOSS, "error"));
    expect(say(failed, "force-complete", BOSS)).toEqual({
      ok: false,
      text: `${BOSS} cannot be forced: its probe does not say that the effect has happened`,
    });
    expect(moves(say(failed, "force-complete", BOSS, "because", null, true))).toEqual([`${BOSS} complete`]);
  });
});
