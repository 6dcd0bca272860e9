import type { Check } from "../domain/documents.ts";
import type { Measured } from "../domain/events.ts";
import { canonical } from "../domain/json.ts";
import type { Json, JsonRecord } from "../domain/json.ts";
import type { CheckAnswer } from "../engine/ports.ts";
import type { Jq, JqItem, JqResult } from "./jq.ts";
import { observedText } from "./observed.ts";

/** One subject with what was read of it. A missing reading is null in `readings` and has its reason in `missing`. */
export interface JudgedSubject {
  readonly subject: JsonRecord & { readonly name: string };
  readonly readings: JsonRecord;
  readonly missing: Readonly<Record<string, string>>;
}

/** Everything one verdict is made from: nothing else influences it, so it can be made again from recorded readings. */
export interface Judgement {
  readonly check: Check;
  readonly subjects: readonly JudgedSubject[];
  readonly facts: Json;
  readonly context: JsonRecord;
  readonly nowSeconds: number;
  /** `show` is not asked for a pass (CheckRequest). */
  readonly quiet?: boolean;
}

/** The verdict over one subject; `detail` says in words what kept it from one. */
export interface SubjectVerdict {
  readonly subject: string;
  readonly verdict: Measured["verdict"];
  readonly why: Measured["why"];
  readonly value: Json;
  readonly detail: string | null;
  readonly fatal: boolean;
}

/** Judges many checks with one call of jq (and another for quiet ones that do not pass). Answers are in the order of the judgements. */
export async function judge(judgements: readonly Judgement[], jq: Jq): Promise<readonly CheckAnswer[]> {
  const muted = judgements.map((one) => (one.quiet === true ? { ...one, check: { ...one.check, show: "null" } } : one));
  const answers = await judgeAll(muted, jq);
  const isLoud = answers.map(({ verdict, fatal }, at) => judgements[at]?.quiet === true && (verdict !== "pass" || fatal));
  if (!isLoud.includes(true)) return answers;
  const told = [
    ...(await judgeAll(
      judgements.filter((_, at) => isLoud[at]),
      jq,
    )),
  ];
  return answers.map((answer, at) => (isLoud[at] === true ? (told.shift() ?? answer) : answer));
}

async function judgeAll(judgements: readonly Judgement[], jq: Jq): Promise<readonly CheckAnswer[]> {
  const items = judgements.map(itemsOf);
  const results = await jq.evaluate(
    items.flatMap((one) => one.flatMap((subject) => [subject.pass, subject.show, subject.fatal])),
  );
  let next = 0;
  return judgements.map((judgement, index) => {
    const verdicts = (items[index] ?? []).map((_, subjectIndex) => {
      const [pass, show, fatal] = [results[next], results[next + 1], results[next + 2]];
      next += 3;
      return subjectVerdict(judgement.check, judgement.subjects[subjectIndex], pass, show, fatal);
    });
    return answerOf(judgement, verdicts);
  });
}

function itemsOf({
  check,
  subjects,
  facts,
  context,
  nowSeconds,
}: Judgement): readonly { readonly pass: JqItem; readonly show: JqItem; readonly fatal: JqItem }[] {
  const all = Object.fromEntries(subjects.map((one) => [one.subject.name, one.readings]));
  return subjects.map(({ subject, readings }) => {
    const vars = { subject, all, facts, context, now: nowSeconds };
    const item = (filter: string): JqItem => ({ filter, input: readings, vars });
    return { pass: item(check.pass), show: item(check.show), fatal: item(check.fatal ?? "false") };
  });
}

function subjectVerdict(
  check: Check,
  judged: JudgedSubject | undefined,
  pass?: JqResult,
  show?: JqResult,
  fatal?: JqResult,
): SubjectVerdict {
  const first = show?.kind === "outputs" ? show.outputs[0] : undefined;
  const base = { subject: judged?.subject.name ?? "", value: first ?? null, fatal: only(fatal) === true };
  const lost = Object.entries(judged?.missing ?? {}).filter(([name]) => check.readings[name]?.optional !== true);
  if (lost.length > 0) {
    return {
      ...base,
      verdict: "inconclusive",
      why: "no-answer",
      detail: lost.map(([name, reason]) => `${name}: ${reason}`).join("; "),
    };
  }
  if (pass === undefined || pass.kind === "error")
    return { ...base, verdict: "inconclusive", why: "bad-filter", detail: pass?.error ?? "not evaluated" };
  if (pass.outputs.length === 0)
    return { ...base, verdict: "inconclusive", why: "missing-field", detail: "a field the check needs is missing" };
  const decided = only(pass);
  if (typeof decided === "boolean") return { ...base, verdict: decided ? "pass" : "fail", why: null, detail: null };
  const gave = pass.outputs.map((output) => canonical(output)).join(", ");
  return {
    ...base,
    verdict: "inconclusive",
    why: "bad-filter",
    detail: `the filter must give one boolean and gave ${gave.slice(0, 80)}`,
  };
}

/** The one output of a filter; undefined where it gave none, several, or an error. */
function only(result: JqResult | undefined): Json | undefined {
  return result?.kind === "outputs" && result.outputs.length === 1 ? result.outputs[0] : undefined;
}

/** Any fail fails; else anything inconclusive is inconclusive; no subject at all is inconclusive (design rule 4). */
function answerOf(judgement: Judgement, verdicts: readonly SubjectVerdict[]): CheckAnswer {
  const worst = verdicts.find((one) => one.verdict === "fail") ?? verdicts.find((one) => one.verdict === "inconclusive");
  const empty = verdicts.length === 0;
  return {
    check: judgement.check.name,
    verdict: empty ? "inconclusive" : (worst?.verdict ?? "pass"),
    why: empty ? "no-subject" : (worst?.why ?? null),
    fatal: verdicts.some((one) => one.fatal),
    asserted: { subjects: verdicts.length, passed: verdicts.filter((one) => one.verdict === "pass").length },
    observed: observedText(verdicts),
    // Most readings of watches and gates are kept by nobody: the bytes are made where somebody wants them.
    get evidence() {
      return evidenceOf(judgement);
    },
    subjects: verdicts.map(({ subject, verdict, why, value }) => ({ subject, verdict, why, value })),
  };
}

/**
 * Canonical JSON of everything judged except the plan's facts: readings, who they are of, why others are missing, the
 * context and the time. `pawl check --evidence`, with the plan beside it, comes to the same verdict.
 */
function evidenceOf({ check, subjects, context, nowSeconds }: Judgement): string {
  const missing = subjects.filter((one) => Object.keys(one.missing).length > 0);
  return canonical({
    check: check.name,
    context,
    missing: Object.fromEntries(missing.map((one) => [one.subject.name, one.missing])),
    now: nowSeconds,
    subjects: Object.fromEntries(subjects.map((one) => [one.subject.name, withoutMissing(one)])),
    who: Object.fromEntries(subjects.map((one) => [one.subject.name, one.subject])),
  });
}

/** A reading without an answer is left out, so that it is none again when the evidence is judged again. */
function withoutMissing({ readings, missing }: JudgedSubject): JsonRecord {
  return Object.fromEntries(Object.entries(readings).filter(([name]) => !(name in missing)));
}
