import type { BadReading, Check, Recording, UnsteadyReading } from "../domain/documents.ts";
import { assess } from "../domain/gate.ts";
import { canonical } from "../domain/json.ts";
import type { Json, JsonRecord } from "../domain/json.ts";
import type { CheckAnswer } from "../engine/ports.ts";
import { judge } from "./judge.ts";
import type { JudgedSubject, Judgement } from "./judge.ts";
import type { Jq } from "./jq.ts";

/** How one check did with one recording: `held` is whether it gave the verdict that the recording demands. */
interface Proof {
  readonly reading: string;
  readonly held: boolean;
  /** What the recording demands and what came instead, in words; null where it held. */
  readonly complaint: string | null;
  readonly verdict: CheckAnswer["verdict"];
  readonly observed: string;
}

/** Whether a check can fail (design rule 5), and in words why it cannot. */
export interface ProofOfCheck {
  readonly check: string;
  readonly canFail: boolean;
  readonly proofs: readonly Proof[];
  readonly complaint: string | null;
}

/** Time of recorded readings that name none: `$now` must not make a proof depend on the day it is run. */
const RECORDED_NOW_SECONDS = 1_800_000_000;

/** What a server that is not the right one, or not yet itself, answers instead of a good reading (design rule 4). */
const SPOILT: readonly { readonly what: string; readonly value: Json; readonly mayFail: boolean }[] = [
  { what: "null", value: null, mayFail: false },
  { what: "{}", value: {}, mayFail: false },
  { what: "[]", value: [], mayFail: true },
  { what: "an HTML page", value: "<html>Sign in</html>", mayFail: false },
  { what: "0", value: 0, mayFail: false },
];

/** One recording to judge, and what its verdict must be: null where it is, else what is wrong with it. */
interface Trial {
  readonly reading: string;
  readonly judgement: Judgement;
  readonly demand: (answer: CheckAnswer) => string | null;
}

/**
 * Runs every recording of every check through its filters, in one call of jq. A bad reading is refused by a fail, or by
 * missing answers and fields; a filter that breaks on it has refused nothing. At least one must be an outright fail,
 * because a check that is only ever inconclusive has not shown that it tells good from bad. Good readings must pass, and
 * must pass no more once one of their answers is missing or is no such answer at all; passes that came too few or too
 * close together must not satisfy the gate.
 */
export async function proveCanFail(
  checks: readonly Check[],
  jq: Jq,
  extent: "recordings" | "spoilt answers too" = "spoilt answers too",
): Promise<readonly ProofOfCheck[]> {
  const trials = checks.map((check) => [
    ...recordedTrials(check),
    ...(extent === "recordings" ? [] : (check.accepts ?? []).flatMap((good) => spoiltTrials(check, good))),
  ]);
  const answers = await judge(
    trials.flatMap((some) => some.map((trial) => trial.judgement)),
    jq,
  );
  let next = 0;
  return checks.map((check, index) => {
    const judged = (trials[index] ?? []).map((trial) => proofOf(trial, answers[next++]));
    const proofs = [...judged, ...(check.unsteady ?? []).map((one) => unsteadyProof(check, one))];
    const complaint = complaintOf(check, proofs);
    return { check: check.name, canFail: complaint === null, proofs, complaint };
  });
}

function recordedTrials(check: Check): readonly Trial[] {
  return [
    ...check.refuses.map((bad) => ({
      reading: bad.name,
      judgement: recordedJudgement(check, bad),
      demand: (answer: CheckAnswer) => wrongRefusal(bad, answer),
    })),
    ...(check.accepts ?? []).map((good) => ({
      reading: good.name,
      judgement: recordedJudgement(check, good),
      demand: (answer: CheckAnswer) =>
        answer.verdict !== "pass" ? `it must pass and is ${verdictText(answer)}` : wrongFatal(false, answer),
    })),
  ];
}

/** Every answer of a good reading in turn: missing, and replaced by what is no such answer. What it shows is of no interest. */
function spoiltTrials(check: Check, good: Recording): readonly Trial[] {
  const mute = { ...check, show: "null" };
  const given = Object.keys(check.readings).filter((name) =>
    Object.values(good.subjects).some((one) => (one[name] ?? null) !== null),
  );
  return given.flatMap((name) => {
    const trial = (what: string, spoil: (readings: JsonRecord) => JsonRecord, mayFail: boolean): Trial => ({
      reading: `${good.name}, with ${what} for ${name}`,
      judgement: recordedJudgement(mute, {
        ...good,
        subjects: Object.fromEntries(Object.entries(good.subjects).map(([subject, one]) => [subject, spoil(one)])),
      }),
      demand: (answer) => {
        if (answer.verdict === "pass" || (answer.verdict === "fail" && !mayFail))
          return `it must be inconclusive and is ${verdictText(answer)}`;
        return wrongFatal(false, answer);
      },
    });
    // An optional reading may be missing on the way to a fail: that it is heard at all may be what is asserted.
    const optional = check.readings[name]?.optional === true;
    const same = (value: Json) =>
      (check.accepts ?? []).some((other) =>
        Object.values(other.subjects).every((one) => canonical(one[name] ?? null) === canonical(value)),
      );
    return [
      trial("no answer", (one) => without(one, name), optional),
      ...SPOILT.filter(({ value }) => !same(value)).map(({ what, value, mayFail }) =>
        trial(what, (one) => ({ ...one, [name]: value }), mayFail || optional),
      ),
    ];
  });
}

function without(readings: JsonRecord, name: string): JsonRecord {
  return Object.fromEntries(Object.entries(readings).filter(([key]) => key !== name));
}

function wrongRefusal(bad: BadReading, answer: CheckAnswer): string | null {
  if (answer.verdict === "pass" || answer.why === "bad-filter") return `it must be refused and is ${verdictText(answer)}`;
  if (bad.why !== undefined && answer.why !== bad.why) return `it must be inconclusive: ${bad.why} and is ${verdictText(answer)}`;
  return wrongFatal(bad.fatal ?? false, answer);
}

function wrongFatal(wanted: boolean, answer: CheckAnswer): string | null {
  if (answer.fatal === wanted) return null;
  return wanted ? "it must end a gate at once and does not" : "it ends a gate at once and must not";
}

function verdictText(answer: CheckAnswer): string {
  return answer.why === null ? `a ${answer.verdict}` : `${answer.verdict}: ${answer.why}`;
}

/** The gate after these passes; it must want another reading. */
function unsteadyProof({ gate }: Check, { name, passesAtMs }: UnsteadyReading): Proof {
  const seen = passesAtMs.map((atMs) => ({ atMs, verdict: "pass" as const, fatal: false }));
  const held = assess(gate, 0, seen).kind === "measure-again";
  return {
    reading: name,
    held,
    complaint: held ? null : "the gate is satisfied with it",
    verdict: held ? "inconclusive" : "pass",
    observed: `${passesAtMs.length} passes within ${(passesAtMs.at(-1) ?? 0) / 1000} s`,
  };
}

/**
 * A judgement of recorded readings. Subjects are named as in the recording; address and role are those of the context's
 * node of that name, else the address is the name; `who` (name to subject) comes before both. A reading that is absent
 * counts as no answer.
 */
export function recordedJudgement(check: Check, recorded: Recording, who: Readonly<Record<string, JsonRecord>> = {}): Judgement {
  const names = Object.keys(recorded.subjects);
  const known = nodesByName(recorded.context?.["nodes"]);
  const subjectOf = (name: string) => ({ address: name, role: roleOf(check), ...known[name], ...who[name], name });
  const context: JsonRecord = {
    ...EMPTY_CONTEXT,
    nodes: names.map(subjectOf),
    node: check.scope.kind === "step-node" ? (names[0] ?? null) : null,
    ...recorded.context,
  };
  const now = context["now"];
  return {
    check,
    subjects: Object.entries(recorded.subjects).map(([name, readings]) => recordedSubject(check, subjectOf(name), readings)),
    facts: recorded.facts ?? null,
    context,
    nowSeconds: typeof now === "number" ? now : RECORDED_NOW_SECONDS,
  };
}

function nodesByName(nodes: Json | undefined): Readonly<Record<string, JsonRecord>> {
  const list = Array.isArray(nodes) ? (nodes as readonly Json[]) : [];
  return Object.fromEntries(
    list.flatMap((node) => {
      if (node === null || typeof node !== "object" || Array.isArray(node)) return [];
      const { name, address, role } = node as JsonRecord;
      return typeof name === "string"
        ? [[name, { ...(address === undefined ? {} : { address }), ...(role === undefined ? {} : { role }) }]]
        : [];
    }),
  );
}

const EMPTY_CONTEXT: JsonRecord = {
  inputs: {},
  since: 0,
  inHand: [],
  setAside: [],
  complete: [],
  only: [],
  output: null,
  outputs: {},
  all: [],
};

/** The role of a recorded subject that says nothing else: the first the check is about. */
function roleOf(check: Check): string | null {
  return check.scope.kind === "step-node" ? null : (check.scope.roles[0] ?? null);
}

function recordedSubject(check: Check, subject: JudgedSubject["subject"], readings: JsonRecord): JudgedSubject {
  const filled: Record<string, Json> = {};
  const missing: Record<string, string> = {};
  for (const reading of Object.keys(check.readings)) {
    const value = readings[reading];
    filled[reading] = value ?? null;
    if (value === undefined) missing[reading] = "not in the recording";
  }
  return { subject, readings: filled, missing };
}

function proofOf(trial: Trial, answer: CheckAnswer | undefined): Proof {
  const complaint = answer === undefined ? "it was not evaluated" : trial.demand(answer);
  return {
    reading: trial.reading,
    held: complaint === null,
    complaint,
    verdict: answer?.verdict ?? "inconclusive",
    observed: answer?.observed ?? "not evaluated",
  };
}

function complaintOf(check: Check, proofs: readonly Proof[]): string | null {
  if (check.refuses.length === 0) return `${check.name} names no bad reading that it must refuse`;
  const broken = proofs.find((proof) => !proof.held);
  if (broken !== undefined) return `${check.name}, "${broken.reading}": ${broken.complaint ?? ""} (${broken.observed})`;
  return proofs.slice(0, check.refuses.length).some((proof) => proof.verdict === "fail")
    ? null
    : `${check.name} fails on none of its bad readings, it is only undecided`;
}
