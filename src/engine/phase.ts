import { judgeFailure, type SetAside } from "../domain/budget.ts";
import type { ExitName, Problem } from "../domain/errors.ts";
import { allSteps, stopPlaces, type Phase, type Step, type Unit } from "../domain/plan.ts";
import { stepRecord } from "../domain/run-state.ts";
import { isSettled, isStuck } from "../domain/status.ts";
import { candidates, leaderLast, limitOf, unitState, type UnitState } from "../domain/strategy.ts";
import { failureQuestion, type Desk } from "./decide.ts";
import { createTally } from "./tally.ts";
import { isBarred, move, performStep, type StepEnd } from "./step.ts";
import type { Session } from "./session.ts";
import type { Watches } from "./watches.ts";

export const EXITS: Readonly<Record<Exclude<StepEnd & { kind: "failed" }, never>["as"], ExitName>> = {
  "gate-refused": "gate-halted",
  "step-failed": "step-failed",
  "outcome-unknown": "outcome-unknown",
  refused: "refused",
};

/** Nodes set aside so far and why, whoever did it. */
export function setAsides(session: Session): readonly SetAside[] {
  return allSteps(session.parts.plan).flatMap((step) => {
    const record = session.state.steps[step.address];
    return record?.status === "set-aside" && step.node !== null
      ? [{ node: step.node, cause: record.problem?.code ?? "by-hand" }]
      : [];
  });
}

function mayBeSetAside(session: Session, phase: Phase): boolean {
  return session.parts.platform.contract.some((group) => group.role === phase.role && group.budget === "rollout");
}

/** The problem with the command that goes on once its cause is gone; a problem that names one already keeps its own. A node that was set aside is retried while its run goes on. */
function withCommand(session: Session, step: Step, problem: Problem, verb: "retry" | "resume"): Problem {
  if (/(?:^|: )pawl [a-z]/m.test(problem.next ?? "")) return problem;
  const command = session.spell(verb, verb === "retry" ? step.address : "");
  return { ...problem, next: problem.next === undefined ? command : `${problem.next}\n${command}` };
}

/** Sets a troubled node aside where policy allows it; otherwise says why not. */
async function byPolicy(session: Session, phase: Phase, step: Step, problem: Problem): Promise<string> {
  if (!isStuck(session.status(step.address))) return "it is settled";
  if (step.node === null) return "the step belongs to no node";
  if (problem.node !== step.node) return `the trouble is not that of ${step.node}`;
  const { platform, plan } = session.parts;
  const failure = { node: step.node, cause: problem.code };
  const verdict = judgeFailure({
    phaseBudget: phase.budget,
    budget: plan.budget,
    before: setAsides(session),
    failure,
    costly: platform.isCostly(problem),
  });
  if (verdict.kind === "halt") return verdict.because;
  await move(session, step, "set-aside", {
    problem: withCommand(session, step, problem, "retry"),
    note: `set aside by policy; ${verdict.left} more may follow`,
    actor: "policy",
  });
  return "set-aside";
}

/** How a step that is found failed had failed: needed when a halted run is taken up again. */
export function foundFailed(session: Session, step: Step): Extract<StepEnd, { kind: "failed" }> {
  const record = stepRecord(session.state, step.address);
  const problem = record.problem ?? { code: "unexplained", text: `${step.address} is ${record.status}` };
  const as = record.status === "unknown" ? "outcome-unknown" : problem.code.startsWith("gate.") ? "gate-refused" : "step-failed";
  return { kind: "failed", problem, as };
}

/** What to do after a failure: policy may set the node aside; otherwise a person decides; otherwise the run halts. */
async function afterFailure(
  session: Session,
  desk: Desk,
  phase: Phase,
  step: Step,
  end: Extract<StepEnd, { kind: "failed" }>,
): Promise<"again" | "done"> {
  const halt = (problem: Problem): "done" => {
    session.halting({ exit: EXITS[end.as], step: step.address, problem });
    return "done";
  };
  if (end.as === "refused") return halt(withCommand(session, step, end.problem, "resume"));
  const verdict = await session.exclusively(() => byPolicy(session, phase, step, end.problem));
  if (!isStuck(session.status(step.address))) return "again";
  // A resume looks at an unknown outcome by itself; what has failed runs again only when a person says so.
  const told = withCommand(session, step, end.problem, end.as === "outcome-unknown" ? "resume" : "retry");
  const problem = phase.budget === "rollout" ? { ...told, text: `${told.text} (${verdict})` } : told;
  const answer = await desk.ask(failureQuestion(step, problem, end.as, mayBeSetAside(session, phase)));
  if (!isStuck(session.status(step.address))) return "again";
  if (answer.kind === "nobody") return halt(problem);
  switch (answer.choice) {
    case "retry":
      await move(session, step, "pending", { note: "retried", actor: answer.actor });
      return "again";
    case "measure-again":
      await move(session, step, "started", { note: "gates measured again", actor: answer.actor });
      return "again";
    case "set-aside":
      await move(session, step, "set-aside", { problem: end.problem, note: answer.reason ?? "", actor: answer.actor });
      return "done";
    case "force-complete":
      await move(session, step, "complete", { note: `forced: ${answer.reason ?? ""}`, actor: answer.actor });
      return "again";
    case "approve":
    case "stop":
      return halt(problem);
  }
}

/** One step to its end, with retries. True when the unit may go on to its next step. */
async function driveStep(session: Session, desk: Desk, phase: Phase, step: Step): Promise<boolean> {
  for (;;) {
    const status = session.status(step.address);
    if (status === "set-aside") return false;
    if (isSettled(status)) return true;
    if (status === "pending" && session.closed) return false;
    if (status === "pending" && isBarred(session, step)) {
      await session.changed();
      continue;
    }
    const end = isStuck(status) ? foundFailed(session, step) : await performStep(session, desk, step);
    switch (end.kind) {
      case "complete":
        stopAfter(session);
        return true;
      case "barred":
        continue;
      case "stopped":
        session.halting({
          exit: "interrupted",
          step: step.address,
          problem: { code: "stopped", text: `stopped at ${step.address}` },
        });
        return false;
      case "waiting":
        session.halting({ exit: "waiting", step: step.address, problem: end.problem });
        return false;
      case "failed":
        if ((await afterFailure(session, desk, phase, step, end)) === "done") return false;
    }
  }
}

/** `--stop-after`: a planned end without trouble, as soon as all that it names is done; also where it was done before. */
export function stopAfter(session: Session): void {
  const wanted = session.parts.limits.stopAfter;
  if (wanted === null) return;
  const { phases, steps } = stopPlaces(session.parts.plan, wanted);
  if (
    phases.length + steps.length === 0 ||
    !phases.every((phase) => isDone(session, phase)) ||
    !steps.every((step) => isSettled(session.status(step.address)))
  )
    return;
  session.halting({
    exit: "stopped-as-asked",
    step: null,
    problem: { code: "stop-after", text: `stopped after ${wanted}, as asked` },
  });
}

async function driveUnit(session: Session, desk: Desk, phase: Phase, unit: Unit): Promise<void> {
  for (const step of unit.steps) {
    if (!(await driveStep(session, desk, phase, step))) return;
  }
}

/** The phase's units in the order of now: as planned, or as re-ordered when leadership moved. */
function ordered(session: Session, phase: Phase): readonly Unit[] {
  const order = session.state.order[phase.name];
  return order === undefined
    ? phase.units
    : phase.units.toSorted((a, b) => order.indexOf(a.node ?? "") - order.indexOf(b.node ?? ""));
}

/** Reads leadership again and re-orders what has not begun. False when a person did not agree. */
async function reorder(session: Session, desk: Desk, phase: Phase): Promise<boolean> {
  if (!phase.leaderLast || phase.role === null) return true;
  const units = ordered(session, phase);
  const waiting = units.filter((unit) => unitState(unit, (address) => session.status(address)) === "waiting");
  if (waiting.length < 2) return true;
  const last = await session.parts.platform.readLast(session.parts.reader, session.parts.inventory, phase.role);
  if (last === null) return true;
  const wanted = leaderLast(waiting, last);
  if (wanted.every((unit, index) => unit === waiting[index])) return true;
  const names = wanted.map((unit) => unit.node ?? "");
  const because = `leadership moved: ${last.at(-1) ?? "nobody"} leads now and goes last`;
  const choices = [
    { choice: "approve", does: "go on in the new order", needsReason: false },
    { choice: "stop", does: "halt here", needsReason: false },
  ] as const;
  const answer = await desk.ask({
    kind: "order-changed",
    step: null,
    title: `${because}. New order: ${names.join(", ")}`,
    announced: true,
    problem: null,
    choices,
  });
  if (answer.kind !== "answered" || answer.choice !== "approve") {
    session.halting({
      exit: "waiting",
      step: null,
      problem: { code: "order-changed", text: because, next: `Look at the new order, then: ${session.spell("resume")}` },
    });
    return false;
  }
  const done = units.filter((unit) => !waiting.includes(unit)).map((unit) => unit.node ?? "");
  await session.append({ type: "order.changed", phase: phase.name, order: [...done, ...names], because });
  return true;
}

function tooLate(session: Session, phase: Phase, unit: Unit): boolean {
  const { limits, clock } = session.parts;
  if (limits.untilMs === null || unit.node === null) return false;
  const expected = limits.expectedMs(phase.name, unit.node) ?? 0;
  if (clock.now() + expected <= limits.untilMs) return false;
  session.halting({
    exit: "waiting",
    step: null,
    problem: {
      code: "until",
      text: `${unit.node} would not be finished by the time given with --until`,
      next: `Go on in the next window: ${session.spell("resume")}`,
    },
  });
  return true;
}

function areDone(session: Session, units: readonly Unit[]): boolean {
  return units.every((unit) => unitState(unit, (address) => session.status(address)) === "done");
}

/** Nothing is left to do in the phase: every node is done or set aside, and what follows the nodes is settled. */
export function isDone(session: Session, phase: Phase): boolean {
  return areDone(session, phase.units) && phase.after.every((step) => isSettled(session.status(step.address)));
}

/** Waits while the run is paused; true when it may go on. */
async function whilePaused(session: Session): Promise<boolean> {
  while (session.state.interrupted !== null && session.halt === null) await session.changed();
  return session.halt === null;
}

/** Takes the phase's units to their ends, as many at once as the strategy allows. Returns early where the run halts. */
async function driveUnits(
  session: Session,
  desk: Desk,
  watches: Watches,
  phase: Phase,
  running: Map<Unit, Promise<void>>,
): Promise<void> {
  const tally = createTally(session, phase.units);
  const stateOf = (unit: Unit): UnitState => {
    const state = tally.stateOf(unit);
    return state === "waiting" && running.has(unit) ? "running" : state;
  };
  const isOpen = (): boolean => !session.closed;
  while (session.halt === null && !tally.areDone()) {
    // With as many in hand as may be, nothing starts whatever the others do: they are not looked through for every event.
    if (running.size < limitOf(phase.strategy) && isOpen()) {
      await watches.round();
      const open = tally.begun().filter((unit) => !running.has(unit));
      const begun = open.length < 2 ? open : ordered(session, phase).filter((unit) => open.includes(unit));
      if (begun.length === 0 && running.size === 0 && !(await reorder(session, desk, phase))) return;
      const fresh =
        begun.length > 0
          ? begun.slice(0, limitOf(phase.strategy) - running.size)
          : tally.isStuck()
            ? []
            : candidates(phase.strategy, ordered(session, phase), stateOf);
      for (const unit of fresh) {
        if (!isOpen() || (tally.stateOf(unit) === "waiting" && tooLate(session, phase, unit))) break;
        running.set(
          unit,
          driveUnit(session, desk, phase, unit)
            .catch((error: unknown) => session.fail(error))
            .then(() => void running.delete(unit)),
        );
      }
    }
    if (running.size > 0) await Promise.race([...running.values(), session.changed()]);
    else await whilePaused(session);
  }
}

async function driveAfter(session: Session, desk: Desk, phase: Phase): Promise<void> {
  for (const step of phase.after) {
    do {
      if (!(await whilePaused(session))) return;
    } while (!(await driveStep(session, desk, phase, step)));
  }
  stopAfter(session);
}

/**
 * Runs one phase to its end: units by the strategy, then the steps that follow them. Where the run halts it returns with the
 * halt in the session, and only when nothing of the phase is in hand any more. Never throws.
 */
export async function drivePhase(session: Session, desk: Desk, watches: Watches, phase: Phase): Promise<void> {
  const running = new Map<Unit, Promise<void>>();
  watches.enter(phase);
  try {
    await driveUnits(session, desk, watches, phase, running);
    await Promise.all(running.values());
    if (session.halt === null) await driveAfter(session, desk, phase);
  } catch (error) {
    session.fail(error);
    await Promise.all(running.values());
  }
}
