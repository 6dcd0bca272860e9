import { PawlError, type Problem } from "../domain/errors.ts";
import type { RunEventBody } from "../domain/events.ts";
import type { Step } from "../domain/plan.ts";
import { stepRecord } from "../domain/run-state.ts";
import type { StepStatus } from "../domain/status.ts";
import type { Json } from "../domain/json.ts";
import type { Desk } from "./decide.ts";
import { holdGates } from "./gates.ts";
import { runHook } from "./hooks.ts";
import type { Effect, Permission, StepContext, StepKind } from "./ports.ts";
import type { Session } from "./session.ts";

/** How one attempt at a step ended. `failed` covers refused gates (`gate`), failed effects and unknown outcomes. */
export type StepEnd =
  | { readonly kind: "complete" }
  /** Nothing had begun, and nothing may begin now: the step is pending as before. */
  | { readonly kind: "barred" }
  | { readonly kind: "stopped" }
  | { readonly kind: "waiting"; readonly problem: Problem }
  | {
      readonly kind: "failed";
      readonly problem: Problem;
      readonly as: "gate-refused" | "step-failed" | "outcome-unknown" | "refused";
    };

/** A line of the journal holds 4 KiB of everything. */
const LONGEST_NOTICE = 1_000;

interface MoveDetails {
  readonly problem?: Problem;
  readonly note?: string;
  readonly output?: Json;
  readonly actor?: string;
}

function moved(step: Step, to: StepStatus, more: MoveDetails): RunEventBody {
  const { problem = null, note = null, output = null } = more;
  return { type: "step.moved", step: step.address, to, problem, note, output };
}

/** Moves a step; resolves when that is on disk. */
export async function move(session: Session, step: Step, to: StepStatus, more: MoveDetails = {}): Promise<void> {
  await session.append(moved(step, to, more), more.actor);
}

/**
 * Moves a step past a state on its way to the next one, for which the caller waits. Not before anything begins outside of pawl, and
 * not with an output: what does not fit a line of the journal is refused there, and the next move would stand on nothing.
 */
function movePast(session: Session, step: Step, state: StepStatus, more: MoveDetails = {}): void {
  session.post(moved(step, state, more), more.actor);
}

export function contextOf(session: Session, desk: Desk, step: Step): StepContext {
  const { parts } = session;
  const started = stepRecord(session.state, step.address).startedAt;
  return {
    run: parts.run,
    spell: (verb, rest) => session.spell(verb, rest),
    plan: parts.plan,
    step,
    inventory: parts.inventory,
    node: parts.inventory.nodes.find((node) => node.name === step.node) ?? null,
    remote: step.effect === "read" ? parts.reader : parts.remote,
    local: parts.local,
    checks: parts.checks,
    artifacts: parts.artifacts,
    clock: parts.clock,
    startedMs: started === null ? parts.clock.now() : Date.parse(started),
    record: (address) => stepRecord(session.state, address),
    recorded: (artifact) => session.recorded(artifact),
    hasRecorded: (name) => session.state.artifacts.some((one) => one.name === name),
    reattached: async (note) => {
      await session.append({ type: "step.reattached", step: step.address, note });
    },
    notice: async (subject, text) => {
      await session.append({
        type: "notice.given",
        monitor: step.address,
        subject,
        text: text.slice(0, LONGEST_NOTICE),
        unsaid: 0,
      });
    },
    say: (line) => session.show({ type: "output", step: step.address, line }),
    sleeping: (untilMs, totalMs) => session.show({ type: "sleeping", step: step.address, untilMs, totalMs }),
    ask: async (title) => {
      const choices = [
        { choice: "approve", does: "go on", needsReason: false },
        { choice: "stop", does: "halt here; everything stays as it is", needsReason: false },
      ] as const;
      const answer = await desk.ask({ kind: "confirm", step: step.address, title, announced: true, problem: null, choices });
      if (answer.kind === "nobody") return session.halt === null ? "nobody" : "stopped";
      return answer.choice === "approve" ? "approved" : "stopped";
    },
    stopping: session.stopping.signal,
  };
}

/** Lock still ours, cluster still fit to lose this node, the kind's own entry question: all asked right before the effect. */
async function permission(session: Session, ctx: StepContext, step: Step): Promise<Permission> {
  const { lock, platform, kinds } = session.parts;
  let granted: Permission = { kind: "yes" };
  if (step.effect !== "read") {
    const held = await lock?.check();
    if (held?.kind === "lost") {
      const problem: Problem = {
        code: "lock.lost",
        text: "the cluster lock is not ours any more",
        expected: "our lock on a majority of the managers",
        observed: held.reason,
        next: `Find out who took or broke it, and why; when nobody else is at work on the cluster: ${session.spell("resume")}`,
      };
      return { kind: "no", exit: "gate-halted", problem };
    }
    if (step.node !== null) {
      const cluster = await platform.permission(ctx);
      if (cluster.kind === "no") return cluster;
      granted = cluster;
    }
  }
  const own = (await kinds.get(step.kind)?.mayI?.(ctx)) ?? granted;
  return own.kind === "yes" && own.note === undefined ? granted : own;
}

/** Design rule 1: no effect begins after a halt, in a pause, or beside a failure that nobody has decided on. Declared undo at the end is exempt. */
export function isBarred(session: Session, step: Step): boolean {
  if (step.effect === "read" || session.parts.plan.finally.includes(step)) return false;
  return session.closed || session.troubled;
}

async function enter(session: Session, ctx: StepContext, step: Step): Promise<StepEnd | null> {
  const allowed = await permission(session, ctx, step);
  if (allowed.kind === "no") {
    await move(session, step, "error", { problem: allowed.problem });
    const as = allowed.exit === "refused" ? "refused" : allowed.exit === "gate-halted" ? "gate-refused" : "step-failed";
    return { kind: "failed", problem: allowed.problem, as };
  }
  if (isBarred(session, step)) return { kind: "barred" };
  const granted = allowed.note === undefined ? {} : { note: allowed.note };
  const { beforeNode } = session.parts.inventory.hooks;
  if (step.effect === "restart" && step.node !== null && beforeNode !== undefined) {
    await move(session, step, "prepared", granted);
    const problem = isBarred(session, step) ? null : await runHook(session, "before-node", step.node);
    if (problem !== null) {
      await move(session, step, "error", { problem });
      return { kind: "failed", problem, as: "step-failed" };
    }
  } else movePast(session, step, "prepared", granted);
  if (isBarred(session, step)) {
    await move(session, step, "pending", { note: "nothing had begun" });
    return { kind: "barred" };
  }
  await move(session, step, "starting");
  return null;
}

async function settle(session: Session, step: Step, effect: Effect): Promise<StepEnd | null> {
  switch (effect.kind) {
    case "done": {
      const { note, output } = effect;
      const more = { ...(note === undefined ? {} : { note }), ...(output === undefined ? {} : { output }) };
      // A gate's readings count from the moment the effect is on record.
      if (step.gates.length > 0 || output !== undefined) await move(session, step, "started", more);
      else movePast(session, step, "started", more);
      return null;
    }
    case "failed":
      await move(session, step, "error", { problem: effect.problem });
      return { kind: "failed", problem: effect.problem, as: "step-failed" };
    case "unknown":
      await move(session, step, "unknown", { problem: effect.problem });
      return { kind: "failed", problem: effect.problem, as: "outcome-unknown" };
    case "stopped":
      await move(session, step, "pending", { note: "cut short; will be done again" });
      return { kind: "stopped" };
    case "waiting":
      await move(session, step, "pending", { note: "waits for a person" });
      return { kind: "waiting", problem: effect.problem };
  }
}

/** An error pawl expects is a failed step; anything else is a bug and ends the engine. */
async function attempt(kind: StepKind, ctx: StepContext): Promise<Effect> {
  try {
    return await kind.doIt(ctx);
  } catch (error) {
    if (!(error instanceof PawlError)) throw error;
    const { cause, ...details } = error.details;
    return { kind: "failed", problem: { code: error.code, text: error.message, ...details } };
  }
}

/** What keeping evidence costs or how it fails changes nothing about the step. */
async function keepEvidence(session: Session, desk: Desk, step: Step): Promise<void> {
  const kind = session.parts.kinds.get(step.kind);
  if (kind?.keep === undefined) return;
  const ctx = contextOf(session, desk, step);
  try {
    await kind.keep(ctx);
  } catch (error) {
    if (!(error instanceof PawlError)) throw error;
    ctx.say(`no evidence was kept: ${error.message}`);
  }
}

/**
 * Takes a step from where it is to complete, or to where it stops: permission → intent on disk → effect → gates.
 * A step found `starting` is taken up again (its kind re-attaches); one found `started` only has its gates measured.
 * `dueAgain`: undo at a halt is pending again when it has succeeded, because the run may go on and make what is to be undone.
 */
export async function performStep(session: Session, desk: Desk, step: Step, dueAgain = false): Promise<StepEnd> {
  session.inHand.add(step.address);
  session.wake();
  try {
    if (session.status(step.address) === "pending") {
      const refused = await enter(session, contextOf(session, desk, step), step);
      if (refused !== null) return refused;
    }
    if (session.status(step.address) === "starting") {
      const kind = session.parts.kinds.get(step.kind);
      if (kind === undefined) throw new RangeError(`no step kind ${step.kind}`);
      const end = await settle(session, step, await attempt(kind, contextOf(session, desk, step)));
      if (end !== null) {
        if (end.kind === "failed" && end.as === "step-failed") await keepEvidence(session, desk, step);
        return end;
      }
    }
    const started = stepRecord(session.state, step.address).startedAt;
    const problem = await holdGates(session, step, started === null ? session.parts.clock.now() : Date.parse(started));
    // The run is halting: the effect has happened, its gates are measured by whoever takes the run up.
    if (problem === "open") return { kind: "stopped" };
    if (problem !== null) {
      await move(session, step, "error", { problem });
      await keepEvidence(session, desk, step);
      return { kind: "failed", problem, as: "gate-refused" };
    }
    if (step.effect === "restart" && step.node !== null) {
      const hook = await runHook(session, "after-node", step.node);
      if (hook !== null) {
        await move(session, step, "error", { problem: hook });
        return { kind: "failed", problem: hook, as: "step-failed" };
      }
    }
    // Before the step's last word: nobody comes back to a complete step. A failure is told first, because a halt must not wait.
    await keepEvidence(session, desk, step);
    if (dueAgain) await move(session, step, "pending", { note: "done at this halt; due again when the run ends" });
    // Whatever begins next waits for the disk first, where this stands before it; the end of a run waits for it too.
    else movePast(session, step, "complete");
    return { kind: "complete" };
  } finally {
    session.inHand.delete(step.address);
    session.wake();
  }
}
