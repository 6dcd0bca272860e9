import { loadMaskKey } from "../artifact/mask-key.ts";
import { createMasker, type Masker } from "../artifact/mask.ts";
import type { PawlErrorDetails, Problem } from "../domain/errors.ts";
import type { Finding, Phase, Plan, Step } from "../domain/plan.ts";
import type { Viewer } from "../engine/ports.ts";
import type { Io } from "./io.ts";
import { stateDir } from "./places.ts";

/** The masker of a cluster's records: what is printed is masked the same way as what is kept. */
export async function maskerOf(io: Io, clusterId: string): Promise<Masker> {
  // The set itself, not what it holds now: tokens are fetched and renewed while the record is written.
  const secrets = io.secrets === undefined ? {} : { secrets: io.secrets };
  return createMasker({ key: await loadMaskKey(stateDir(io.env), clusterId), ...secrets });
}

type Mask = (text: string) => string;

/** A problem's texts, masked. */
export function maskedProblem<T extends PawlErrorDetails | Problem>(problem: T, mask: Mask): T {
  const entries = Object.entries(problem).map(([key, value]: [string, unknown]) => [
    key,
    typeof value === "string" && key !== "code" && key !== "node" ? mask(value) : value,
  ]);
  return Object.fromEntries(entries) as T;
}

/** Findings as they may be printed: what was observed comes from answers of the cluster. */
export function maskedFindings(findings: readonly Finding[], mask: Mask): readonly Finding[] {
  return findings.map((finding) => ({ ...finding, expected: mask(finding.expected), observed: mask(finding.observed) }));
}

/**
 * A plan with the texts masked that are for people only: titles and the commands shown. What will be executed (`with`, inputs)
 * stays as it is, or a resume would execute something else; inputs with the name of a secret are refused before.
 */
export function maskedPlan(plan: Plan, mask: Mask): Plan {
  const step = (one: Step): Step => ({ ...one, title: mask(one.title), shows: one.shows.map(mask) });
  const phase = (one: Phase): Phase => ({
    ...one,
    units: one.units.map((unit) => ({ ...unit, steps: unit.steps.map(step) })),
    after: one.after.map(step),
  });
  const answers = (plan.answers ?? []).map((one) => ({ ...one, answer: mask(one.answer) }));
  return { ...plan, phases: plan.phases.map(phase), finally: plan.finally.map(step), answers };
}

/** A view that is told what nodes print, and what was read of them, with its secrets replaced; events are masked already. */
export function maskedViewer(viewer: Viewer, mask: Mask): Viewer {
  return {
    show(news) {
      if (news.type === "output") viewer.show({ ...news, line: mask(news.line) });
      else if (news.type === "reading") viewer.show({ ...news, observed: mask(news.observed) });
      else viewer.show(news);
    },
  };
}
