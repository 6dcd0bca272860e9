import type { Finding } from "./plan.ts";

/** What a finding is made of; `bad` empty and `unknown` empty is a pass. */
export interface Judgement {
  readonly id: string;
  readonly title: string;
  readonly expected: string;
  /** What is good, in words, for a pass. */
  readonly good: string;
  readonly bad: readonly { readonly node: string | null; readonly text: string }[];
  /** What could not be told. Never a pass. */
  readonly unknown: readonly { readonly node: string | null; readonly text: string }[];
  readonly remedy: string;
  readonly severity?: Finding["severity"];
  /** Policy forbids it and no flag allows it. */
  readonly refusal?: boolean;
}

const SHOWN = 8;

/** A judgement as a finding: bad before unknown before good. */
export function finding(from: Judgement): Finding {
  const worst = from.bad.length > 0 ? from.bad : from.unknown;
  const more = worst.length > SHOWN ? ` and ${worst.length - SHOWN} more` : "";
  const verdict = from.bad.length > 0 ? "fail" : from.unknown.length > 0 ? "inconclusive" : "pass";
  return {
    id: from.id,
    severity: from.severity ?? "mandatory",
    verdict,
    title: from.title,
    expected: from.expected,
    observed:
      worst.length === 0
        ? from.good
        : worst
            .slice(0, SHOWN)
            .map((one) => one.text)
            .join("; ") + more,
    nodes: worst.flatMap((one) => (one.node === null ? [] : [one.node])),
    remedy: from.remedy,
    refusal: verdict === "fail" && (from.refusal ?? false),
  };
}

/** What cannot be evaluated, and why: listed for a person, never a pass and no reason to stop. */
export function notEvaluated(of: Pick<Judgement, "id" | "title" | "expected" | "remedy"> & { readonly why: string }): Finding {
  const { id, title, expected, remedy, why } = of;
  const verdict = { severity: "advisory", verdict: "inconclusive", refusal: false, byHand: true } as const;
  return { id, title, expected, observed: `not evaluated: ${why}`, nodes: [], remedy, ...verdict };
}
