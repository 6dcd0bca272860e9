import type { UpgradeBetween } from "../domain/difference.ts";
import type { Json } from "../domain/json.ts";
import { allSteps, type Plan } from "../domain/plan.ts";
import type { StepRecord } from "../domain/run-state.ts";

/** Whether the step's last change counts: it happened in the time that is looked at. */
type Counts = (record: StepRecord) => boolean;

/**
 * What a run has changed so far: nodes whose restarting steps are all complete, nodes left behind by name, problems there were, and what other steps
 * with effect handed on. `counts` limits completed steps to a time.
 */
export function upgradeSoFar(
  run: string,
  plan: Plan,
  recordOf: (address: string) => StepRecord,
  counts: Counts = () => true,
): UpgradeBetween {
  const upgraded = new Set<string>();
  const aside = new Set<string>();
  const troubles: { readonly node: string; readonly code: string }[] = [];
  const changed: { readonly kind: string; readonly output: Json }[] = [];
  for (const step of allSteps(plan)) {
    if (step.effect === "read") continue;
    const record = recordOf(step.address);
    const { node } = step;
    if (node !== null) troubles.push(...record.troubles.map((code) => ({ node, code })));
    if (step.node !== null && record.status === "set-aside") aside.add(step.node);
    if (record.status !== "complete" || !counts(record)) continue;
    if (step.node !== null && step.effect === "restart") upgraded.add(step.node);
    else if (record.output !== null) changed.push({ kind: step.kind, output: record.output });
  }
  return {
    run,
    target: plan.inputs["target"] ?? "",
    upgraded: [...upgraded].filter((node) => !aside.has(node)),
    setAside: [...aside],
    troubles,
    changed,
  };
}
