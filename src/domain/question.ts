import { formatDuration } from "./duration.ts";
import type { Severity } from "./documents.ts";
import type { Finding } from "./plan.ts";

/**
 * Something only a person can say, asked before a run begins. Workbook: support cases, application dependencies, critical nodes,
 * application data. Its answer is kept in the inventory and ends.
 */
export interface PersonQuestion {
  readonly name: string;
  /** The question itself, in full. */
  readonly title: string;
  readonly source: string;
  /** Asked only before a hop that begins below this version and ends at it or above; without it before every hop. */
  readonly when?: { readonly crosses: string };
  /** How long an answer holds at most, in ms. */
  readonly validForMs: number;
  readonly severity: Severity;
  /** Asked about each of them; which ones there are is told by the platform (nodes: by the inventory). */
  readonly per?: "app" | "node";
  /** The inventory answers it by itself: `critical-nodes` where a node of it is marked critical. */
  readonly unless?: "critical-nodes";
}

/** What a person said. `at` and `until` are ISO times; one answer for each question and subject. */
export interface Answer {
  readonly question: string;
  /** Which app or node it is about; null where the question is not asked about each of them. */
  readonly subject: string | null;
  readonly answer: string;
  readonly by: string;
  readonly at: string;
  readonly until: string;
}

/** Where one question stands for one subject. */
export interface Standing {
  readonly subject: string | null;
  readonly state: "answered" | "expired" | "unanswered";
  readonly answer: Answer | null;
}

/**
 * When an answer ends, epoch ms: at its own end, and never later than the question lets any answer hold. One whose times cannot
 * be read has ended.
 */
export function endsAtMs(question: Pick<PersonQuestion, "validForMs">, answer: Pick<Answer, "at" | "until">): number {
  const ends = Math.min(Date.parse(answer.until), Date.parse(answer.at) + question.validForMs);
  return Number.isNaN(ends) ? Number.NEGATIVE_INFINITY : ends;
}

/** How far the clocks of two people may be apart. */
const SKEW_MS = 86_400_000;

/** Whether an answer is dated in the future: written by hand, or mistyped. It would hold far longer than any answer may. */
function isAhead(answer: Answer, nowMs: number): boolean {
  return Date.parse(answer.at) > nowMs + SKEW_MS;
}

/** How each subject of a question stands. One that is dated in the future counts as ended. Pure; `subjects` are names, or one null for a question about no one in particular. */
export function standingsOf(
  question: PersonQuestion,
  subjects: readonly (string | null)[],
  answers: readonly Answer[],
  nowMs: number,
): readonly Standing[] {
  return subjects.map((subject) => {
    const answer = answers.findLast((one) => one.question === question.name && one.subject === subject) ?? null;
    const state =
      answer === null ? "unanswered" : nowMs < endsAtMs(question, answer) && !isAhead(answer, nowMs) ? "answered" : "expired";
    return { subject, state, answer };
  });
}

/** Subjects a message names one by one. */
const SHOWN = 8;

function day(iso: string): string {
  return iso.slice(0, 10);
}

/** `ann@ops on 2026-11-20: none known`, with its subject before it. */
function said({ subject, answer }: Standing): string {
  const about = subject === null ? "" : `${subject}: `;
  return answer === null ? `${about}not answered` : `${about}${answer.by} on ${day(answer.at)}: ${answer.answer}`;
}

function listed(texts: readonly string[]): string {
  const more = texts.length > SHOWN ? `; and ${texts.length - SHOWN} more` : "";
  return `${texts.slice(0, SHOWN).join("; ")}${more}`;
}

/** The name under which a question is found among the findings of a preflight. */
export function findingIdOf(question: Pick<PersonQuestion, "name">): string {
  return `question-${question.name}`;
}

/**
 * The finding of one question. Answered for every subject is a pass; unanswered or expired is none. `subjects` null: nobody can
 * tell which ones there are, which is inconclusive. `settled`: the inventory answers by itself, with these words. `command`: how an
 * answer is given. Times in the text are days, so that its value is the same until an answer changes.
 */
export function questionFinding(
  question: PersonQuestion,
  given: {
    readonly subjects: readonly (string | null)[] | null;
    readonly answers: readonly Answer[];
    readonly settled: string | null;
    readonly command: string;
    readonly nowMs: number;
  },
): Finding {
  const base = {
    id: findingIdOf(question),
    severity: question.severity,
    title: question.title,
    expected: `a person's answer, no older than ${formatDuration(question.validForMs)}`,
    nodes: [],
    remedy: given.command,
    refusal: false,
  };
  if (given.settled !== null) return { ...base, verdict: "pass", observed: given.settled };
  if (given.subjects === null)
    return { ...base, verdict: "inconclusive", observed: `it is not known of which ${question.per ?? "subject"}s this is asked` };
  if (given.subjects.length === 0) return { ...base, verdict: "pass", observed: `there is no such ${question.per ?? "subject"}` };
  const all = standingsOf(question, given.subjects, given.answers, given.nowMs);
  const open = all.filter((one) => one.state !== "answered");
  const nodes = question.per === "node" ? open.flatMap((one) => one.subject ?? []) : [];
  if (open.length === 0) return { ...base, verdict: "pass", observed: listed(all.map(said)) };
  const texts = open.map((one) => {
    if (one.answer === null) return said(one);
    if (isAhead(one.answer, given.nowMs)) return `${said(one)} (dated in the future: it is not counted)`;
    const ended = endsAtMs(question, one.answer);
    const when = Number.isFinite(ended) ? day(new Date(ended).toISOString()) : "a time that cannot be read";
    return `${said(one)} (this ended on ${when})`;
  });
  return { ...base, nodes, verdict: "fail", observed: listed(texts) };
}
