import { createHash } from "node:crypto";
import { PawlError } from "../domain/errors.ts";
import { canonical } from "../domain/json.ts";
import type { Finding, Plan } from "../domain/plan.ts";
import type { CheckAnswer } from "../engine/ports.ts";
import { isExpired, type WaiverRefusal, type WaiverRequest } from "../domain/waiver.ts";
import type { Io } from "./io.ts";
import type { RunOptions } from "./options.ts";

/**
 * Fingerprint of what was seen, short enough to type: a finding that says anything else has another. `answer`: what it was made
 * from; its sentence names only some of the subjects, and cuts long values.
 */
export function printOf(finding: Finding, answer?: Pick<CheckAnswer, "subjects">): string {
  const { id, verdict, observed, nodes } = finding;
  const whole = answer?.subjects.filter((one) => one.verdict !== "pass").map(({ subject, why, value }) => [subject, why, value]);
  return createHash("sha256")
    .update(canonical({ id, verdict, observed, nodes: [...nodes], ...(whole === undefined ? {} : { whole }) }))
    .digest("hex")
    .slice(0, 8);
}

/** The waivers of a command line. Throws PawlError usage for one that names no value, no reason, no day, or a day that is over. */
export function waiversOf(io: Io, options: Pick<RunOptions, "waive" | "reason" | "waiveUntil">): readonly WaiverRequest[] {
  const { waive, reason, waiveUntil: until } = options;
  const usage = (code: string, text: string, next: string): PawlError => new PawlError("usage", code, text, { next });
  const example = "--waive unit-health@1a2b3c4d --reason TEXT --waive-until 2026-12-01";
  if (waive.length === 0) {
    if (reason === undefined && until === undefined) return [];
    throw usage("waive.nothing", "--reason and --waive-until belong to --waive, which names nothing", example);
  }
  if (reason === undefined || reason.trim() === "") throw usage("waive.no-reason", "a waiver needs a reason", "--reason TEXT");
  if (until === undefined) throw usage("waive.no-end", "a waiver needs a last day", "--waive-until 2026-12-01");
  if (!isDay(until)) throw usage("waive.bad-date", `--waive-until ${until}: that is no day`, "--waive-until 2026-12-01");
  if (isExpired(until, io.now()))
    throw usage("waive.expired", `--waive-until ${until}: that day is over`, "give a day that is still to come");
  const seen = new Set<string>();
  return waive.map((text) => {
    const [, finding = "", print = ""] = /^([^@]+)@([0-9a-f]{8})$/.exec(text) ?? [];
    if (finding === "")
      throw usage(
        "waive.no-value",
        `--waive ${text}: a waiver names the finding and the value that was seen`,
        `${example} (pawl preflight prints it)`,
      );
    if (seen.has(finding)) throw usage("waive.twice", `--waive ${finding}: named twice`, "name each finding once");
    seen.add(finding);
    return { finding, print, person: io.actor, reason: reason.trim(), until };
  });
}

function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const at = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text);
}

/** Waivers that are not honoured, a line each. */
export function refusalLines(refusals: readonly WaiverRefusal[]): readonly string[] {
  return refusals.map((one) => `waiver of ${one.finding} ${one.kind === "needless" ? "not used" : "refused"}: ${one.text}`);
}

/** Throws PawlError refused where a waiver the plan stands on has ended: a resume goes by the plan as it is. */
export function needValidWaivers(plan: Plan, nowMs: number): void {
  const ended = (plan.waivers ?? []).filter((one) => isExpired(one.until, nowMs));
  if (ended.length === 0) return;
  throw new PawlError(
    "refused",
    "waiver-expired",
    `a waiver this plan stands on has ended: ${ended.map((one) => one.finding).join(", ")}`,
    {
      expected: "waivers that still hold",
      observed: ended.map((one) => `${one.finding} until ${one.until}, by ${one.person}`).join("; "),
      next: `Plan what is left, and waive it again if it may stand: pawl preflight -i ${plan.sources.inventory} --to ${plan.journey?.goal ?? plan.inputs["target"] ?? "VERSION"}`,
    },
  );
}
