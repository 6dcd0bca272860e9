import { EXIT, type ExitName, type Problem } from "../domain/errors.ts";
import type { RunEventBody } from "../domain/events.ts";
import { allSteps, stepsOf, type Phase } from "../domain/plan.ts";
import type { RunState } from "../domain/run-state.ts";
import { isSettled, isStuck } from "../domain/status.ts";
import { Desk } from "./decide.ts";
import { runHook } from "./hooks.ts";
import { startMonitors, type Monitors } from "./monitors.ts";
import { drivePhase, EXITS, foundFailed, isDone, setAsides, stopAfter } from "./phase.ts";
import { reconcile } from "./resume.ts";
import { performStep } from "./step.ts";
import { Session, type EngineParts, type Halt } from "./session.ts";
import { handleVerb } from "./verbs.ts";
import { Watches } from "./watches.ts";

export interface RunResult {
  readonly exit: ExitName;
  readonly halt: Halt | null;
  readonly state: RunState;
}

/** What an adapter may have to tell the record of a run. */
export type Note = Extract<RunEventBody, { type: "host-key.accepted" }>;

/** A running engine: `done` resolves when the record is written; `stop` asks it to end at the next safe point. */
export interface Engine {
  readonly done: Promise<RunResult>;
  stop(actor: string): void;
  /** Journals what happened beside the steps; before the run is opened it is kept until then. False: nothing is added to a run that ends. */
  note(event: Note): boolean;
}

async function approveStart(session: Session, desk: Desk): Promise<void> {
  if (session.state.approved["start"] || allSteps(session.parts.plan).every((step) => step.effect === "read")) return;
  const choices = [
    { choice: "approve", does: "start", needsReason: false },
    { choice: "stop", does: "leave everything as it is", needsReason: false },
  ] as const;
  const { runbook, cluster } = session.parts.plan;
  const answer = await desk.ask({
    kind: "start",
    step: null,
    title: `Start ${runbook.name} on ${cluster.name}?`,
    announced: true,
    problem: null,
    choices,
  });
  if (answer.kind === "answered" && answer.choice === "approve") return;
  const problem: Problem = {
    code: "start-not-approved",
    text: "nobody approved the start; nothing was changed",
    next: `${session.spell("resume")} (in a terminal, or with --yes)`,
  };
  session.halting({ exit: answer.kind === "nobody" ? "waiting" : "interrupted", step: null, problem });
}

/** Whether the run may touch the cluster from here on: false where it halted before, or another one holds the lock. */
async function takeLock(session: Session): Promise<boolean> {
  const { lock } = session.parts;
  if (session.halt !== null) return false;
  if (lock === null) return true;
  const taken = await lock.take();
  switch (taken.kind) {
    case "taken":
      await session.append({ type: "lock.taken", holder: taken.holder, nodes: taken.nodes });
      return true;
    case "held":
      session.halting({
        exit: "locked",
        step: null,
        problem: {
          code: "lock.held",
          text: "another run holds this cluster",
          expected: "no lock on the managers",
          observed: taken.holder,
          next: taken.next ?? "Wait for it, or when its holder is gone for good: pawl unlock -i INVENTORY --reason TEXT",
        },
      });
      return false;
    case "no-majority":
      session.halting({
        exit: "refused",
        step: null,
        problem: {
          code: "lock.no-majority",
          text: "the cluster lock could not be taken on a majority of the managers",
          observed: taken.reason,
          next: `Mend access to the managers, then: ${session.spell("resume")}`,
        },
      });
      return false;
  }
}

/** A watch had tripped and the engine died before the halt was on record: it halts now, with all that belongs to a halt. */
function rememberTrip(session: Session): void {
  const { tripped } = session.state;
  if (tripped !== null) session.halting({ exit: "gate-halted", step: null, problem: tripped });
}

/**
 * Declared undo, each step once at an end of the run; one that failed is a failure of the run, and is found as such by a resume.
 * What is undone at a halt (`on-halt: true`) is due again: a run that goes on may make it anew.
 */
async function endSteps(session: Session, desk: Desk): Promise<void> {
  const halted = session.halt !== null;
  for (const step of session.parts.plan.finally) {
    const status = session.status(step.address);
    if (isSettled(status) || (halted && step.with["on-halt"] !== true)) continue;
    const end = isStuck(status) ? foundFailed(session, step) : await performStep(session, desk, step, halted);
    if (end.kind === "failed") session.halting({ exit: EXITS[end.as], step: step.address, problem: end.problem });
  }
}

/** Whatever happened before: the lock is given back. */
async function leave(session: Session): Promise<void> {
  const { lock } = session.parts;
  // Nobody else may come before what this run has done is on record.
  await session.written();
  try {
    if (session.halt !== null) await runHook(session, "on-halt", null);
  } finally {
    if (lock !== null) await session.append({ type: "lock.released", nodes: await lock.release() });
  }
}

async function close(session: Session): Promise<ExitName> {
  const { plan } = session.parts;
  await leave(session);
  await session.notes.close();
  if (session.halt !== null) {
    const exit = session.halt.exit === "stopped-as-asked" ? "ok" : session.halt.exit;
    await session.append({ type: "run.halted", exit: EXIT[exit], step: session.halt.step, problem: session.halt.problem });
    return exit;
  }
  const aside = [...new Set(setAsides(session).map((one) => one.node))];
  const open = plan.phases
    .flatMap((phase) => stepsOf(phase))
    .filter((step) => !isSettled(session.status(step.address)) && !aside.includes(step.node ?? ""));
  if (open.length > 0) throw new RangeError(`the run would end with open steps: ${open.map((step) => step.address).join(", ")}`);
  const exit = aside.length > 0 ? "set-aside" : "ok";
  await session.append({ type: "run.completed", exit: EXIT[exit], setAside: aside });
  return exit;
}

/** The phase with a failure nobody has decided on, which bars all others; else the first that is not done: a retry may open one that lies behind. */
function nextPhase(session: Session): Phase | undefined {
  const { phases } = session.parts.plan;
  if (session.halt !== null) return undefined;
  return (
    phases.find((phase) => stepsOf(phase).some((step) => isStuck(session.status(step.address)))) ??
    phases.find((phase) => !isDone(session, phase))
  );
}

/** Everything between the opening of a run and its end. Errors are kept in the session. */
async function work(session: Session, desk: Desk, resumed: boolean): Promise<void> {
  const { control, process } = session.parts;
  const watches = new Watches(session);
  const watching = watches.run().catch((error: unknown) => session.fail(error));
  let monitors: Monitors | null = null;
  try {
    await session.append({ type: "run.opened", ...process, resumed });
    session.notes.open();
    monitors = startMonitors(session, resumed);
    if (resumed && session.state.interrupted !== null) await session.append({ type: "plan.proceeded", because: "resumed" });
    if (resumed) await reconcile(session, desk);
    await approveStart(session, desk);
    // The lock first: what a process that died has left behind is undone even where nothing else is to be done any more.
    const mayTouch = await takeLock(session);
    stopAfter(session);
    rememberTrip(session);
    for (let phase = nextPhase(session); phase !== undefined; phase = nextPhase(session)) {
      monitors.enter(phase);
      await drivePhase(session, desk, watches, phase);
    }
    session.ended.abort();
    if (mayTouch) await endSteps(session, desk);
  } catch (error) {
    session.fail(error);
  } finally {
    session.ended.abort();
    session.wake();
    await watching;
    await monitors?.stop();
    await control?.close();
  }
}

async function drive(session: Session, desk: Desk, resumed: boolean): Promise<RunResult> {
  const { journal, control } = session.parts;
  // Before anything is written: where another engine listens for this run, it ends here.
  await control?.listen(
    (request) =>
      void handleVerb(session, desk, request).catch((error: unknown) => request.reply({ ok: false, text: String(error) })),
  );
  await work(session, desk, resumed);
  try {
    const exit = await close(session);
    session.parts.leave?.();
    await journal.seal();
    if (session.failure === null) return { exit, halt: session.halt, state: session.state };
  } catch (error) {
    session.fail(error);
  }
  throw session.failure?.error;
}

/** Starts or takes up a run. The plan is executed as it is: `resume` never recompiles. */
export function startEngine(parts: EngineParts, resumed: boolean): Engine {
  const session = new Session(parts);
  const desk = new Desk(session);
  return {
    done: drive(session, desk, resumed),
    note: (event) => session.notes.take(event),
    stop: (actor) => {
      session.halting({
        exit: "interrupted",
        step: null,
        problem: { code: "stopped", text: `stopped by ${actor} at a safe point`, next: session.spell("resume") },
      });
    },
  };
}
