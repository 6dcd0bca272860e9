import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { RunEvent, RunEventMap } from "../../src/domain/events.ts";
import type { Plan, Step } from "../../src/domain/plan.ts";
import { allSteps } from "../../src/domain/plan.ts";

export async function readPlanOf(run: string): Promise<Plan> {
  return JSON.parse(await readFile(join(run, "plan.json"), "utf8")) as Plan;
}

export function eventsOf<T extends RunEvent["type"]>(events: readonly RunEvent[], type: T): readonly (RunEventMap[T] & { readonly seq: number })[] {
  return events.filter((event) => event.type === type) as unknown as readonly (RunEventMap[T] & { readonly seq: number })[];
}

/** Steps that change something and whose intent is in the journal, in that order, with the place of the intent. */
export function effectsBegun(plan: Plan, events: readonly RunEvent[]): readonly { readonly step: Step; readonly seq: number }[] {
  const steps = new Map(allSteps(plan).map((step) => [step.address, step]));
  return eventsOf(events, "step.moved").flatMap(({ seq, step: address, to }) => {
    const step = steps.get(address);
    if (to !== "starting" || step === undefined || step.effect === "read") return [];
    return [{ step, seq }];
  });
}

/** Nodes whose upgrade began, in that order. */
export function nodesTouched(plan: Plan, events: readonly RunEvent[]): readonly string[] {
  return effectsBegun(plan, events).flatMap(({ step }) => (step.node === null ? [] : [step.node]));
}

/** Nodes whose upgrade is complete. */
export function nodesComplete(plan: Plan, events: readonly RunEvent[]): readonly string[] {
  const steps = new Map(allSteps(plan).map((step) => [step.address, step]));
  return eventsOf(events, "step.moved").flatMap(({ step: address, to }) => {
    const step = steps.get(address);
    return to === "complete" && step?.node != null && step.effect !== "read" ? [step.node] : [];
  });
}

/** The place of the first event that decided a halt: a watch that tripped, or the trouble of the step that is blamed. */
export function decidedAt(events: readonly RunEvent[], blamed: string | null): number {
  const decided = events.find(
    (event) =>
      event.type === "watch.tripped" ||
      (event.type === "gate.refused" && event.step === blamed) ||
      (event.type === "step.moved" && event.step === blamed && (event.to === "error" || event.to === "unknown")),
  );
  if (decided === undefined) throw new Error("nothing in the journal decided this halt");
  return decided.seq;
}
