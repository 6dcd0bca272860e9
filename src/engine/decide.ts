import { approvalKey, type Choice, type Question } from "../domain/events.ts";
import type { Problem } from "../domain/errors.ts";
import type { Step } from "../domain/plan.ts";
import { isStuck } from "../domain/status.ts";
import type { OperatorAnswer } from "./ports.ts";
import type { Session } from "./session.ts";

/** The question a live engine has open, so that a verb from another terminal can answer it. */
interface OpenQuestion {
  readonly seq: number;
  readonly question: Question;
  answer(choice: Choice, actor: string, reason: string | null): void;
}

/** Puts questions one at a time before whoever decides: policy, terminal, or a verb from elsewhere; first answer wins. */
export class Desk {
  readonly #session: Session;
  #queue: Promise<unknown> = Promise.resolve();
  #open: OpenQuestion | null = null;

  constructor(session: Session) {
    this.#session = session;
  }

  get open(): OpenQuestion | null {
    return this.#open;
  }

  /** The decision, journaled; `nobody` where no one is there to decide, the run is ending, or the step is not stuck any more. */
  async ask(question: Question): Promise<OperatorAnswer> {
    const turn = this.#queue.then(() => this.#ask(question));
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  /** The step that a failure is about is not stuck any more: a verb from elsewhere decided. */
  #isMoot(question: Question): boolean {
    return question.problem !== null && question.step !== null && !isStuck(this.#session.status(question.step));
  }

  async #settledElsewhere(question: Question, over: AbortSignal): Promise<OperatorAnswer> {
    while (!over.aborted && !this.#isMoot(question)) await this.#session.changed();
    return { kind: "nobody" };
  }

  async #ask(question: Question): Promise<OperatorAnswer> {
    const session = this.#session;
    const address = question.step ?? question.kind;
    if (question.announced && session.state.approved[approvalKey(question)])
      return { kind: "answered", choice: "approve", actor: "journal", reason: null };
    if (session.halt !== null || this.#isMoot(question)) return { kind: "nobody" };
    const { seq } = await session.append({ type: "decision.asked", question });
    // Halted while the line was on its way to the disk: nobody would end the question any more.
    if (session.stopping.signal.aborted) return { kind: "nobody" };
    const done = new AbortController();
    const halted = (): void => done.abort();
    session.stopping.signal.addEventListener("abort", halted, { once: true });
    try {
      const fromDesk = new Promise<OperatorAnswer>((resolve) => {
        this.#open = { seq, question, answer: (choice, actor, reason) => resolve({ kind: "answered", choice, actor, reason }) };
        done.signal.addEventListener("abort", () => resolve({ kind: "nobody" }), { once: true });
      });
      const answer = await Promise.race([
        fromDesk,
        session.parts.operator.ask(question, seq, done.signal),
        this.#settledElsewhere(question, done.signal),
      ]);
      if (answer.kind === "answered") {
        await session.append(
          { type: "operator.decided", answers: seq, choice: answer.choice, target: address, reason: answer.reason },
          answer.actor,
        );
      }
      return answer;
    } finally {
      session.stopping.signal.removeEventListener("abort", halted);
      this.#open = null;
      done.abort();
    }
  }
}

/** The choices after a failure. Set-aside only where the order contract gives the group a failure budget. */
export function failureQuestion(
  step: Step,
  problem: Problem,
  kind: "gate-refused" | "step-failed" | "outcome-unknown",
  maySetAside: boolean,
): Question {
  return {
    kind,
    step: step.address,
    title:
      kind === "gate-refused"
        ? `A gate of ${step.address} refused`
        : kind === "step-failed"
          ? `${step.address} failed`
          : `The outcome of ${step.address} is unknown`,
    announced: false,
    problem,
    choices: [
      // Only what a gate measured can be measured again: a refused permission leaves nothing behind that a gate could hold.
      ...(problem.code.startsWith("gate.")
        ? [{ choice: "measure-again" as const, does: "measure the gates again; nothing is repeated", needsReason: false }]
        : []),
      ...(kind === "outcome-unknown"
        ? []
        : [{ choice: "retry" as const, does: "run this step again from its beginning", needsReason: false }]),
      ...(maySetAside && step.node !== null
        ? [{ choice: "set-aside" as const, does: `leave ${step.node} as it is and go on without it`, needsReason: true }]
        : []),
      { choice: "stop", does: "halt here; everything stays as it is", needsReason: false },
    ],
  };
}
