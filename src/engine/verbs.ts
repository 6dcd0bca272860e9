import type { RunEventBody, Verb } from "../domain/events.ts";
import type { OrderGroup } from "../domain/order.ts";
import { allSteps, isStop, type Plan, type Step } from "../domain/plan.ts";
import { stepRecord, type RunState } from "../domain/run-state.ts";
import { isStuck } from "../domain/status.ts";
import type { ControlRequest } from "./ports.ts";
import type { Desk } from "./decide.ts";
import type { Session } from "./session.ts";

export type VerbAnswer =
  | { readonly ok: true; readonly text: string; readonly events: readonly RunEventBody[] }
  | { readonly ok: false; readonly text: string };

const no = (text: string): VerbAnswer => ({ ok: false, text });

function moved(step: Step, to: "pending" | "set-aside" | "complete" | "skipped", state: RunState, note: string): RunEventBody {
  return {
    type: "step.moved",
    step: step.address,
    to,
    problem: to === "set-aside" ? stepRecord(state, step.address).problem : null,
    note,
    output: null,
  };
}

function groupOf(plan: Plan, contract: readonly OrderGroup[], step: Step): OrderGroup | undefined {
  const phase = plan.phases.find((one) => one.name === step.phase);
  return contract.find((group) => group.role === phase?.role);
}

function setAside(plan: Plan, state: RunState, contract: readonly OrderGroup[], verb: Verb): VerbAnswer {
  const steps = allSteps(plan).filter((step) => step.node === verb.target && step.effect !== "read");
  if (verb.target === null || steps.length === 0) return no(`the plan changes no node named ${verb.target ?? ""}`);
  if (steps.some((step) => groupOf(plan, contract, step)?.budget !== "rollout"))
    return no(`${verb.target} cannot be set aside: its group has no failure budget`);
  const open = steps.filter(
    (step) => stepRecord(state, step.address).status === "pending" || isStuck(stepRecord(state, step.address).status),
  );
  if (open.length === 0) return no(`nothing of ${verb.target} is waiting or failed`);
  return {
    ok: true,
    text: `${verb.target} is set aside`,
    events: open.map((step) => moved(step, "set-aside", state, verb.reason ?? "")),
  };
}

/** A failed step, a node that was set aside (all its steps), or an unknown effect that somebody has looked at where no probe can. */
function retry(
  plan: Plan,
  state: RunState,
  step: Step,
  verb: Verb,
  withDecision: (answer: VerbAnswer) => VerbAnswer,
): VerbAnswer {
  const { status } = stepRecord(state, step.address);
  const lookedAt = status === "unknown" && step.effect !== "restart" && (verb.reason ?? "").trim() !== "";
  const again =
    status === "set-aside"
      ? allSteps(plan).filter((one) => one.node === step.node && stepRecord(state, one.address).status === "set-aside")
      : [step];
  if (status === "error" || status === "set-aside" || lookedAt)
    return withDecision({
      ok: true,
      text: `${step.address} will run again`,
      events: again.map((one) => moved(one, "pending", state, verb.reason ?? "retried")),
    });
  if (status !== "unknown") return no(`${step.address} is ${status}: only failed or set-aside steps are retried`);
  return no(
    `the outcome of ${step.address} is unknown: pawl resume looks at the node first${step.effect === "restart" ? "" : "; whoever has looked gives --reason"}`,
  );
}

/**
 * What a verb does to a run, as events, or why it does nothing (design section 5). Pure: the live engine and the commands that
 * work on a halted run both ask here. `probedDone`: the step's own probe says that its effect has happened.
 */
export function judgeVerb(
  plan: Plan,
  state: RunState,
  contract: readonly OrderGroup[],
  verb: Verb,
  answers: number | null,
  probedDone: boolean,
): VerbAnswer {
  const decided: RunEventBody = {
    type: "operator.decided",
    answers: null,
    choice: verb.verb,
    target: verb.target,
    reason: verb.reason,
  };
  const withDecision = (answer: VerbAnswer): VerbAnswer =>
    answer.ok ? { ...answer, events: [decided, ...answer.events] } : answer;
  if (state.phase === "completed") return no("this run is complete");
  if (answers !== null && answers !== state.asked?.seq)
    return no(`stale: question ${answers} is not open${state.asked === null ? "" : ` (${state.asked.seq} is)`}`);
  if (["set-aside", "force-complete", "skip"].includes(verb.verb) && (verb.reason ?? "").trim() === "")
    return no(`${verb.verb} needs --reason`);
  const step = allSteps(plan).find((one) => one.address === verb.target);
  const status = step === undefined ? null : stepRecord(state, step.address).status;
  switch (verb.verb) {
    case "pause":
      return state.interrupted === null
        ? withDecision({
            ok: true,
            text: "paused: nothing new starts",
            events: [{ type: "plan.interrupted", because: verb.reason ?? "pawl pause" }],
          })
        : no("the run is paused already");
    case "resume":
      return state.interrupted === null
        ? no("the run is not paused")
        : withDecision({
            ok: true,
            text: "goes on",
            events: [{ type: "plan.proceeded", because: verb.reason ?? "pawl resume" }],
          });
    case "stop":
      return withDecision({ ok: true, text: "stopping: what runs is let finish, then the engine ends", events: [] });
    case "approve": {
      const asked = state.asked;
      if (
        asked !== null &&
        (verb.target === null || verb.target === asked.question.step || verb.target === asked.question.kind)
      ) {
        if (!asked.question.announced)
          return no(`this is not a planned stop: ${asked.question.title}. Use retry, set-aside or stop.`);
        const target = asked.question.step ?? asked.question.kind;
        return {
          ok: true,
          text: `approved: ${asked.question.title}`,
          events: [{ type: "operator.decided", answers: asked.seq, choice: "approve", target, reason: verb.reason }],
        };
      }
      if (step !== undefined && isStop(step) && status === "pending")
        return { ok: true, text: `approved beforehand: ${step.address}`, events: [decided] };
      return no(
        verb.target === null
          ? "nothing waits for an approval"
          : `${verb.target} is not a stop of this plan that waits for an approval`,
      );
    }
    case "retry":
      if (step === undefined) return no(`the plan has no step ${verb.target ?? ""}`);
      return retry(plan, state, step, verb, withDecision);
    case "set-aside":
      return withDecision(setAside(plan, state, contract, verb));
    case "skip":
      if (step === undefined) return no(`the plan has no step ${verb.target ?? ""}`);
      if (!step.optional || step.effect !== "read")
        return no(`${step.address} cannot be skipped: only optional steps without effect can`);
      return status === "pending" || status === "error"
        ? withDecision({
            ok: true,
            text: `${step.address} is skipped`,
            events: [moved(step, "skipped", state, verb.reason ?? "")],
          })
        : no(`${step.address} is ${status ?? "unknown"}`);
    case "force-complete":
      if (step === undefined) return no(`the plan has no step ${verb.target ?? ""} (a phase or a plan cannot be forced)`);
      if (status !== "error" && status !== "unknown")
        return no(`${step.address} is ${status ?? "unknown"}: only a failed or unknown step can be forced`);
      if (step.effect === "restart" && groupOf(plan, contract, step)?.manager === true && !probedDone)
        return no(`${step.address} cannot be forced: its probe does not say that the effect has happened`);
      return withDecision({
        ok: true,
        text: `${step.address} counts as complete; later gates still run`,
        events: [moved(step, "complete", state, `forced: ${verb.reason ?? ""}`)],
      });
  }
}

/** A verb that reached the live engine: it answers the open question, or becomes events. */
async function answerVerb(
  session: Session,
  desk: Desk,
  request: ControlRequest,
): Promise<{ readonly ok: boolean; readonly text: string }> {
  const { verb, actor, answers } = request;
  if (session.ended.signal.aborted) return { ok: false, text: "the run is ending" };
  const open = desk.open;
  const offered = open?.question.choices.find((one) => one.choice === verb.verb);
  const about =
    verb.target === null || verb.target === open?.question.step || open?.question.step?.split("/").includes(verb.target) === true;
  if (open !== null && offered !== undefined && about) {
    if (answers !== null && answers !== open.seq) return { ok: false, text: `stale: question ${answers} is not open any more` };
    if (offered.needsReason && (verb.reason ?? "").trim() === "") return { ok: false, text: `${verb.verb} needs --reason` };
    open.answer(offered.choice, actor, verb.reason);
    return { ok: true, text: `${offered.choice}: ${open.question.title}` };
  }
  const inHand = allSteps(session.parts.plan).some(
    (step) => session.inHand.has(step.address) && (step.address === verb.target || step.node === verb.target),
  );
  if (verb.target !== null && inHand && verb.verb !== "approve") return { ok: false, text: `${verb.target} is in hand` };
  const answer = judgeVerb(session.parts.plan, session.state, session.parts.platform.contract, verb, answers, false);
  if (!answer.ok) return answer;
  // Handed over at once: nothing the engine does comes in between.
  await Promise.all(answer.events.map((event) => session.append(event, actor)));
  if (verb.verb === "stop")
    session.halting({
      exit: "interrupted",
      step: null,
      problem: { code: "stopped", text: `stopped by ${actor}`, next: session.spell("resume") },
    });
  return { ok: true, text: answer.text };
}

export async function handleVerb(session: Session, desk: Desk, request: ControlRequest): Promise<void> {
  request.reply(await answerVerb(session, desk, request));
}
