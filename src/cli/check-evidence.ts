import type { Jq } from "../check/jq.ts";
import type { Evidence } from "../check/recorded.ts";
import type { Check } from "../domain/documents.ts";
import { PawlError } from "../domain/errors.ts";
import type { JsonRecord } from "../domain/json.ts";
import type { CheckAnswer } from "../engine/ports.ts";

/** What filters see of a run that is not there: nothing in hand, nothing done. */
export function contextOf(context: JsonRecord, set: Readonly<Record<string, string>>): JsonRecord {
  const given = { ...record(context), ...set };
  return { since: 0, inHand: [], setAside: [], complete: [], all: [], ...context, inputs: given };
}

/** The verdict on readings that are there already. */
export async function judgeEvidence(check: Check, evidence: Evidence, context: JsonRecord, jq: Jq): Promise<CheckAnswer> {
  const { judge } = await import("../check/judge.ts");
  const { recordedJudgement } = await import("../check/prove.ts");
  const { subjects, facts, who } = evidence;
  const judgement = recordedJudgement(check, { name: "evidence", subjects, context, ...(facts === null ? {} : { facts }) }, who);
  const [answer] = await judge([judgement], jq);
  if (answer === undefined) throw new PawlError("internal", "check.no-answer", "the check gave no answer");
  return answer;
}

function record(context: JsonRecord): JsonRecord {
  const inputs = context["inputs"];
  return inputs !== null && typeof inputs === "object" && !Array.isArray(inputs) ? (inputs as JsonRecord) : {};
}
