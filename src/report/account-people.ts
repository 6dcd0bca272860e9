import type { RunEvent } from "../domain/events.ts";
import { allSteps, type Plan } from "../domain/plan.ts";
import { between } from "./elapsed.ts";

/** Something a person or a policy decided. */
export interface DecisionAccount {
  readonly at: string;
  readonly by: string;
  readonly choice: string;
  readonly target: string | null;
  readonly reason: string | null;
  /** The question it answered, and how long that stood open. */
  readonly question: string | null;
  readonly waitedMs: number | null;
}

/** Time that passed without work: a soak, or a question that stood open. */
export interface WaitAccount {
  readonly kind: "soak" | "question";
  readonly what: string;
  readonly from: string;
  readonly tookMs: number;
  /** What the plan announced, for soaks. */
  readonly plannedMs: number | null;
}

/** Decisions in order, each with the question it answered. */
export function decisionsOf(events: readonly RunEvent[]): readonly DecisionAccount[] {
  const questions = new Map<number, { readonly title: string; readonly at: string }>();
  return events.flatMap((event): readonly DecisionAccount[] => {
    if (event.type === "decision.asked") questions.set(event.seq, { title: event.question.title, at: event.time });
    if (event.type !== "operator.decided") return [];
    const question = event.answers === null ? undefined : questions.get(event.answers);
    return [
      {
        at: event.time,
        by: event.actor,
        choice: event.choice,
        target: event.target,
        reason: event.reason,
        question: question?.title ?? null,
        waitedMs: question === undefined ? null : between(question.at, event.time),
      },
    ];
  });
}

/** Soaks and answered questions that took time, in order. */
export function waitsOf(events: readonly RunEvent[], plan: Plan): readonly WaitAccount[] {
  const soaks = new Map(allSteps(plan).flatMap((step) => ((step.plannedMs ?? 0) === 0 ? [] : [[step.address, step] as const])));
  const began = new Map<string, string>();
  const waits: WaitAccount[] = [];
  for (const event of events) {
    if (event.type !== "step.moved") continue;
    const soak = soaks.get(event.step);
    if (soak === undefined) continue;
    if (event.to === "starting") began.set(event.step, event.time);
    const from = began.get(event.step);
    if (event.to !== "complete" || from === undefined) continue;
    waits.push({
      kind: "soak",
      what: `${event.step}: ${soak.title}`,
      from,
      tookMs: between(from, event.time),
      plannedMs: soak.plannedMs,
    });
  }
  for (const decision of decisionsOf(events)) {
    if (decision.question === null || decision.waitedMs === null || decision.waitedMs === 0) continue;
    const from = new Date(Date.parse(decision.at) - decision.waitedMs).toISOString();
    waits.push({ kind: "question", what: decision.question, from, tookMs: decision.waitedMs, plannedMs: null });
  }
  return waits.sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
}
