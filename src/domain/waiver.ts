import type { Finding } from "./plan.ts";

/** Somebody lets one finding stand, for the value that was seen and until a day. Part of the plan, and an event in the journal (design rule 9). */
export interface Waiver {
  readonly finding: string;
  /** Fingerprint of the value that was seen: the waiver holds for no other. */
  readonly print: string;
  readonly observed: string;
  readonly person: string;
  readonly reason: string;
  /** Last day it holds, as `2026-12-01` (UTC). */
  readonly until: string;
}

/** A waiver as it is asked for, before anybody has looked at the cluster. */
export type WaiverRequest = Omit<Waiver, "observed">;

/** Why a waiver is not honoured. `refused`: no flag allows it; `unknown`: a mistake of the command line; `stale`: what was waived is not what is there. */
export interface WaiverRefusal {
  readonly kind: "refused" | "unknown" | "stale" | "expired" | "needless";
  readonly finding: string;
  readonly text: string;
}

const DAY_MS = 86_400_000;

/** Whether the day is over, by UTC. An unreadable date is over. */
export function isExpired(until: string, nowMs: number): boolean {
  const end = Date.parse(`${until}T00:00:00Z`) + DAY_MS;
  return !(nowMs < end);
}

/**
 * Findings with what was waived marked as such, and every waiver that is not honoured with its reason. Pure. A waiver is for
 * one waivable finding that did not pass, with exactly the value that was seen; a mandatory finding is never waived.
 * `known`: names a finding may have, although none of this survey has it (a check of another hop).
 */
export function applyWaivers(
  findings: readonly Finding[],
  wanted: readonly WaiverRequest[],
  world: { readonly print: (finding: Finding) => string; readonly known: (name: string) => boolean; readonly nowMs: number },
): { readonly findings: readonly Finding[]; readonly waivers: readonly Waiver[]; readonly refusals: readonly WaiverRefusal[] } {
  const waivers: Waiver[] = [];
  const refusals: WaiverRefusal[] = [];
  for (const waiver of wanted) {
    const named = findings.filter((one) => one.id === waiver.finding);
    // A name may stand for more than one finding; a waiver is for the one whose value it names.
    const finding = named.find((one) => one.verdict !== "pass" && world.print(one) === waiver.print) ?? named[0];
    const refusal = refuse(waiver, finding, world);
    if (refusal === null && finding !== undefined) waivers.push({ ...waiver, observed: finding.observed });
    else if (refusal !== null) refusals.push({ finding: waiver.finding, ...refusal });
  }
  const marked = findings.map((finding): Finding => {
    if (finding.verdict === "pass" || finding.severity !== "waivable") return finding;
    const print = world.print(finding);
    const waiver = waivers.find((one) => one.finding === finding.id && one.print === print);
    return { ...finding, print, ...(waiver === undefined ? {} : { waived: waiver }) };
  });
  return { findings: marked, waivers, refusals };
}

function refuse(
  waiver: WaiverRequest,
  finding: Finding | undefined,
  world: Parameters<typeof applyWaivers>[2],
): Omit<WaiverRefusal, "finding"> | null {
  if (isExpired(waiver.until, world.nowMs)) return { kind: "expired", text: `it held until ${waiver.until}, which is over` };
  if (finding === undefined)
    return world.known(waiver.finding)
      ? { kind: "needless", text: "it is not asked before this hop" }
      : { kind: "unknown", text: "there is no such finding" };
  if (finding.severity === "mandatory")
    return { kind: "refused", text: "it is mandatory, and a mandatory finding is never waived" };
  if (finding.verdict === "pass") return { kind: "needless", text: "it passed" };
  if (finding.severity === "advisory") return { kind: "needless", text: "it is advisory and stops nothing" };
  const print = world.print(finding);
  if (print !== waiver.print)
    return {
      kind: "stale",
      text: `the value that was waived (${waiver.print === "" ? "none named" : waiver.print}) is not what is there now (${print}): ${finding.observed}`,
    };
  return null;
}
