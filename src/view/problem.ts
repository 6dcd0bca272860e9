import type { PawlError, Problem } from "../domain/errors.ts";
import { inkOf, printable, symbolsOf, type Paper } from "./paper.ts";
import { beside, cells, clean, pad, wrap } from "./text.ts";

const LABEL = 12;

/** The facts of a problem as aligned lines: expected, observed, node, evidence, next. Paths and commands are never broken. */
export function problemFacts(problem: Problem, paper: Paper): readonly string[] {
  const ink = inkOf(paper);
  const lines: string[] = [];
  const fact = (label: string, text: string | undefined, paint: (text: string) => string = (one) => one): void => {
    if (text === undefined || text === "") return;
    lines.push(...beside(`  ${ink.quiet(label)}`, LABEL, clean(text), paper.columns, paint));
  };
  fact("expected", problem.expected);
  fact("observed", problem.observed, (one) => ink.strong(one));
  fact("node", problem.node);
  lines.push(...evidenceLines(problem.evidence ?? [], paper));
  const next = problem.next;
  if (next !== undefined) lines.push(...nextLines(next, paper));
  return lines;
}

/** Paths stay whole; where one has no room beside its label, all of them go below it. */
function evidenceLines(paths: readonly string[], paper: Paper): readonly string[] {
  const ink = inkOf(paper);
  const [first, ...more] = paths.map(clean);
  if (first === undefined) return [];
  const label = `  ${ink.quiet("evidence")}`;
  if ([first, ...more].some((path) => cells(path) > paper.columns - LABEL))
    return [label, ...[first, ...more].map((path) => `    ${path}`)];
  return [`${pad(label, LABEL)}${first}`, ...more.map((path) => `${" ".repeat(LABEL)}${path}`)];
}

/** What to do next. Lines that are a command stay whole, so that they can be copied. */
function nextLines(next: string, paper: Paper): readonly string[] {
  const ink = inkOf(paper);
  const lines = clean(next)
    .split("\n")
    .flatMap((line) =>
      /^(pawl|npx|ssh|sudo) /.test(line.trim()) ? [line.trim()] : wrap(line, Math.max(20, paper.columns - LABEL)),
    );
  return lines.map((line, index) => `  ${ink.quiet((index === 0 ? "next" : "").padEnd(LABEL - 2))}${ink.active(line)}`);
}

/** The form of every message that says no: what, expected, observed, where, evidence, next (design section 2). */
export function renderProblem(problem: Problem, paper: Paper): string {
  const ink = inkOf(paper);
  const mark = symbolsOf(paper).bad;
  const [first = "", ...list] = clean(problem.text).trim().split("\n");
  const [head = "", ...more] = wrap(first, Math.max(20, paper.columns - 2));
  const title = [
    `${ink.trouble(mark)} ${ink.strong(head)}`,
    ...more.map((line) => `  ${ink.strong(line)}`),
    ...list.map((line) => `  ${line}`),
  ];
  return printable([...title, ...problemFacts(problem, paper)].join("\n"), paper);
}

/** An expected failure as a problem: nothing of it is lost. */
function problemOf(error: PawlError): Problem {
  const details = Object.fromEntries(Object.entries(error.details).filter(([name]) => name !== "cause"));
  return { ...details, code: error.code, text: error.message };
}

/** An expected failure, for a person. Never a stack. */
export function renderError(error: PawlError, paper: Paper): string {
  return renderProblem(problemOf(error), paper);
}
