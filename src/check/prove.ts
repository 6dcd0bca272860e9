import type { BadReading, Check } from "../domain/documents.ts";
import type { Json, JsonRecord } from "../domain/json.ts";
import type { CheckAnswer } from "../engine/ports.ts";
import { judge } from "./judge.ts";
import type { JudgedSubject, Judgement } from "./judge.ts";
import type { Jq } from "./jq.ts";

/** How one check did with one of its recorded bad readings. */
interface Proof {
  readonly reading: string;
  readonly refused: boolean;
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

/**
 * Runs every bad reading of every check through its filter, in one call of jq. A bad reading is refused by a fail, or by
 * missing answers and fields; a filter that breaks on it has refused nothing. At least one must be an outright fail,
 * because a check that is only ever inconclusive has not shown that it tells good from bad.
 */
export async function proveCanFail(checks: readonly Check[], jq: Jq): Promise<readonly ProofOfCheck[]> {
  const wanted = checks.flatMap((check) => check.refuses.map((bad) => recordedJudgement(check, bad)));
  const answers = await judge(wanted, jq);
  let next = 0;
  return checks.map((check) => {
    const proofs = check.refuses.map((bad) => proofOf(bad, answers[next++]));
    const complaint = complaintOf(check, proofs);
    return { check: check.name, canFail: complaint === null, proofs, complaint };
  });
}

/**
 * A judgement of recorded readings. Subjects are named as in the recording; their address is their name unless `who`
 * (name to subject) says otherwise. A reading that is absent counts as no answer.
 */
export function recordedJudgement(check: Check, recorded: BadReading, who: Readonly<Record<string, JsonRecord>> = {}): Judgement {
  const names = Object.keys(recorded.subjects);
  const context: JsonRecord = {
    ...EMPTY_CONTEXT,
    nodes: names.map((name) => ({ address: name, role: roleOf(check), ...who[name], name })),
    node: check.scope.kind === "step-node" ? (names[0] ?? null) : null,
    ...recorded.context,
  };
  const now = context["now"];
  return {
    check,
    subjects: Object.entries(recorded.subjects).map(([name, readings]) =>
      recordedSubject(check, name, readings, who[name] ?? {}),
    ),
    facts: recorded.facts ?? null,
    context,
    nowSeconds: typeof now === "number" ? now : RECORDED_NOW_SECONDS,
  };
}

const EMPTY_CONTEXT: JsonRecord = { inputs: {}, since: 0, inHand: [], setAside: [], complete: [], all: [] };

/** The role of a recorded subject that says nothing else: the first the check is about. */
function roleOf(check: Check): string | null {
  return check.scope.kind === "step-node" ? null : (check.scope.roles[0] ?? null);
}

function recordedSubject(check: Check, name: string, readings: JsonRecord, who: JsonRecord): JudgedSubject {
  const filled: Record<string, Json> = {};
  const missing: Record<string, string> = {};
  for (const reading of Object.keys(check.readings)) {
    const value = readings[reading];
    filled[reading] = value ?? null;
    if (value === undefined) missing[reading] = "not in the recording";
  }
  return { subject: { address: name, role: roleOf(check), ...who, name }, readings: filled, missing };
}

function proofOf(bad: BadReading, answer: CheckAnswer | undefined): Proof {
  const verdict = answer?.verdict ?? "inconclusive";
  const refused = answer !== undefined && verdict !== "pass" && answer.why !== "bad-filter";
  return { reading: bad.name, refused, verdict, observed: answer?.observed ?? "not evaluated" };
}

function complaintOf(check: Check, proofs: readonly Proof[]): string | null {
  if (proofs.length === 0) return `${check.name} names no bad reading that it must refuse`;
  const passed = proofs.find((proof) => !proof.refused);
  if (passed !== undefined) return `${check.name} does not refuse "${passed.reading}": ${passed.verdict} (${passed.observed})`;
  return proofs.some((proof) => proof.verdict === "fail")
    ? null
    : `${check.name} fails on none of its bad readings, it is only undecided`;
}
