import type { Inventory } from "../domain/inventory.ts";
import type { Facts, Finding } from "../domain/plan.ts";
import { findingIdOf, questionFinding, standingsOf, type Answer, type PersonQuestion } from "../domain/question.ts";
import type { Platform } from "../engine/ports.ts";
import { isDue, type HopRange } from "./hop-requirements.ts";

/** A question somebody still has to answer before a run may begin. */
export interface OpenQuestion {
  readonly question: PersonQuestion;
  readonly subject: string | null;
  /** What was answered before and has ended. */
  readonly ended: Answer | null;
}

/** What the questions of a runbook come to before a hop. */
export interface AskedPeople {
  readonly findings: readonly Finding[];
  /** What nobody has answered, or not lately. */
  readonly open: readonly OpenQuestion[];
  /** The answers the plan stands on. */
  readonly answers: readonly Answer[];
}

/** Who a question is asked about: null for a question about no one in particular; null instead of a list where it cannot be told. */
function subjectsOf(
  question: PersonQuestion,
  inventory: Inventory,
  platform: Pick<Platform, "questionSubjects">,
  facts: Facts,
): readonly (string | null)[] | null {
  if (question.per === undefined) return [null];
  const told = platform.questionSubjects?.(question, facts, inventory);
  if (told !== undefined) return told;
  return question.per === "node" ? inventory.nodes.map((node) => node.name) : null;
}

/** What the inventory itself says in answer to a question; null where it says nothing. */
export function settledBy(question: PersonQuestion, inventory: Inventory): string | null {
  if (question.unless !== "critical-nodes") return null;
  const critical = inventory.nodes.filter((node) => node.critical).map((node) => node.name);
  return critical.length === 0 ? null : `the inventory marks ${critical.join(", ")} as critical`;
}

/** How an answer is typed. */
function answerCommand(question: PersonQuestion, inventoryFile: string): string {
  return `pawl answer ${question.name}${question.per === undefined ? "" : ` ${question.per.toUpperCase()}`} --text TEXT -i ${inventoryFile}`;
}

/** Asks the inventory's answers every question that is due before this hop. Pure. */
export function askedPeople(
  questions: readonly PersonQuestion[],
  given: {
    readonly inventory: Inventory;
    /** As a person types it. */
    readonly inventoryFile: string;
    readonly platform: Pick<Platform, "questionSubjects">;
    readonly facts: Facts;
    readonly answers: readonly Answer[];
    readonly hop: HopRange | null;
    readonly nowMs: number;
  },
): AskedPeople {
  const { inventory, answers, nowMs } = given;
  const findings: Finding[] = [];
  const open: OpenQuestion[] = [];
  const used: Answer[] = [];
  for (const question of questions.filter((one) => isDue(one.when, given.hop))) {
    const settled = settledBy(question, inventory);
    const subjects = subjectsOf(question, inventory, given.platform, given.facts);
    const command = answerCommand(question, given.inventoryFile);
    findings.push(questionFinding(question, { subjects, answers, settled, command, nowMs }));
    if (settled !== null || subjects === null) continue;
    for (const { subject, state, answer } of standingsOf(question, subjects, answers, nowMs)) {
      if (state !== "answered") open.push({ question, subject, ended: answer });
      else if (answer !== null) used.push(answer);
    }
  }
  return { findings, open, answers: used };
}

/** Whether a finding of this name may come from a question of the runbook. */
export function isQuestionFinding(questions: readonly PersonQuestion[], id: string): boolean {
  return questions.some((one) => findingIdOf(one) === id);
}
