import type { Choice, Question } from "../domain/events.ts";
import type { Operator, OperatorAnswer } from "../engine/ports.ts";
import type { Paper } from "./paper.ts";
import { createPrompts, isAborted, PromptEnded, type Prompts } from "./prompt.ts";
import { renderQuestion } from "./question.ts";

const NOBODY: OperatorAnswer = { kind: "nobody" };

/** A phase as `--approve` may name it: by its own name, or by that of the phase its wave was cut from. */
export interface NamedPhase {
  readonly name: string;
  readonly wave: { readonly of: string } | null;
}

/** Whether one of the `--approve` values names this stop: its address, its phase, or the phase its wave belongs to. */
function names(value: string, question: Question, phases: readonly NamedPhase[]): boolean {
  if (question.step === null) return false;
  const name = question.step.split("/")[0];
  return value === question.step || value === name || phases.some((phase) => phase.name === name && phase.wave?.of === value);
}

/**
 * `--yes` and `--approve PHASE` (design section 1): approves announced stops and decides nothing else. Whoever names a
 * stop of the plan with `--approve` has thereby approved its start. Everything else is `nobody`.
 */
export function policyOperator(policy: {
  readonly yes: boolean;
  readonly approve: readonly string[];
  readonly phases: readonly NamedPhase[];
}): Operator {
  return {
    ask(question: Question): Promise<OperatorAnswer> {
      const offered = question.choices.some(({ choice }) => choice === "approve");
      if (!question.announced || question.problem !== null || !offered) return Promise.resolve(NOBODY);
      if (policy.yes) return Promise.resolve({ kind: "answered", choice: "approve", actor: "policy:--yes", reason: null });
      const named =
        question.kind === "start"
          ? policy.approve.length > 0
          : policy.approve.some((value) => names(value, question, policy.phases));
      return Promise.resolve(named ? { kind: "answered", choice: "approve", actor: "policy:--approve", reason: null } : NOBODY);
    },
  };
}

/** The first operator that answers decides: the policy, then the person. */
export function operatorChain(operators: readonly Operator[]): Operator {
  return {
    async ask(question: Question, seq: number, signal: AbortSignal): Promise<OperatorAnswer> {
      for (const operator of operators) {
        const answer = await operator.ask(question, seq, signal);
        if (answer.kind === "answered") return answer;
      }
      return NOBODY;
    },
  };
}

export interface PromptOperatorOptions {
  /** The live view, which is silent while a prompt is open; null where there is none. */
  readonly view: { pause(): void; resume(): void } | null;
  readonly io: {
    out(text: string): void;
    readonly stdinTty: boolean;
    readonly stdoutTty: boolean;
    readonly columns: number;
    readonly colour: boolean;
  };
  readonly unicode?: boolean;
  /** Who is at the keyboard, `user@host`. */
  readonly actor: string;
  /** How the two kinds of prompt are put to the person; the terminal by default. */
  readonly prompts?: Prompts;
}

/**
 * A person at the terminal. Without a terminal on both sides the answer is `nobody`, at once. One question is open at a
 * time; keys typed before it was shown are thrown away; an answer to a question that was settled elsewhere meanwhile
 * (the signal aborted) is not given. Ctrl-C at a prompt is `stop` where that is offered.
 */
export function promptOperator(options: PromptOperatorOptions): Operator {
  const { io } = options;
  const paper: Paper = { columns: io.columns, colour: io.colour, unicode: options.unicode ?? true };
  const prompts = options.prompts ?? createPrompts(paper);
  let queue: Promise<unknown> = Promise.resolve();
  const put = async (question: Question, signal: AbortSignal): Promise<OperatorAnswer> => {
    if (signal.aborted) return NOBODY;
    options.view?.pause();
    try {
      io.out(`\n${renderQuestion(question, paper)}\n`);
      const picked = await pick(question, prompts, signal);
      // The live picture begins below the answer, not right at it.
      io.out("");
      if (isAborted(signal)) io.out("  decided elsewhere");
      return picked === null || isAborted(signal) ? NOBODY : { kind: "answered", ...picked, actor: options.actor };
    } finally {
      options.view?.resume();
    }
  };
  return {
    ask(question: Question, _seq: number, signal: AbortSignal): Promise<OperatorAnswer> {
      if (!io.stdinTty || !io.stdoutTty || question.choices.length === 0) return Promise.resolve(NOBODY);
      const answer = queue.then(() => put(question, signal));
      queue = answer.catch(() => NOBODY);
      return answer;
    },
  };
}

async function pick(
  question: Question,
  prompts: Prompts,
  signal: AbortSignal,
): Promise<{ readonly choice: Choice; readonly reason: string | null } | null> {
  try {
    for (;;) {
      const choice = await prompts.select(question, signal);
      const chosen = question.choices.find((one) => one.choice === choice);
      if (chosen === undefined) return null;
      if (!chosen.needsReason) return { choice, reason: null };
      const reason = (await prompts.reason(choice, signal)).trim();
      if (reason !== "") return { choice, reason };
    }
  } catch (error) {
    if (!(error instanceof PromptEnded)) throw error;
    const stop = question.choices.find(({ choice }) => choice === "stop");
    return error.how === "interrupted" && stop !== undefined ? { choice: "stop", reason: "interrupted at the prompt" } : null;
  }
}
