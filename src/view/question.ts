import type { Choice, Question } from "../domain/events.ts";
import { inkOf, printable, symbolsOf, type Paper } from "./paper.ts";
import { renderProblem } from "./problem.ts";
import { beside, cells, oneLine, wrap } from "./text.ts";

/** The words of a choice: `measure-again` reads `measure again`. */
export function choiceWords(choice: Choice): string {
  return choice.replaceAll("-", " ");
}

/** What happened and what is asked, before the choices: title, place, and the problem with expected, observed and evidence. */
export function renderQuestion(question: Question, paper: Paper): string {
  const ink = inkOf(paper);
  const { stop, rule } = symbolsOf(paper);
  const [head = "", ...more] = wrap(oneLine(question.title), Math.max(20, paper.columns - 2));
  const lines = [
    ink.quiet(rule.repeat(Math.min(paper.columns, 80))),
    `${ink.waiting(stop)} ${ink.strong(head)}`,
    ...more.map((line) => `  ${ink.strong(line)}`),
  ];
  if (question.step !== null)
    lines.push(
      `  ${ink.quiet(`at ${question.step}${question.announced ? ", announced by the plan" : ", not announced by the plan"}`)}`,
    );
  if (question.problem !== null) lines.push("", ...renderProblem(question.problem, paper).split("\n"));
  return printable(lines.join("\n"), paper);
}

/** What each choice does, aligned, for places where nobody can pick one. */
export function renderChoices(question: Question, paper: Paper): string {
  const ink = inkOf(paper);
  const width = Math.max(0, ...question.choices.map(({ choice }) => cells(choiceWords(choice)))) + 4;
  const lines = question.choices.flatMap(({ choice, does, needsReason }) =>
    beside(
      `  ${ink.strong(choiceWords(choice))}`,
      width,
      `${oneLine(does)}${needsReason ? " (with a reason)" : ""}`,
      paper.columns,
    ),
  );
  return printable(lines.join("\n"), paper);
}
