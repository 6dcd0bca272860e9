import type { Plan } from "../domain/plan.ts";
import { allSteps } from "../domain/plan.ts";
import { stepRecord, EMPTY_RUN } from "../domain/run-state.ts";
import type { StepContext } from "../engine/ports.ts";
import type { Cluster } from "./cluster.ts";

const nothing = (): never => {
  throw new RangeError("a probe only looks");
};

/** Asks a step's own probe whether its effect has happened. False where it has no probe or cannot tell. */
export async function probeStep(
  cluster: Cluster,
  plan: Plan,
  { run, spell }: Pick<StepContext, "run" | "spell">,
  address: string,
): Promise<boolean> {
  const step = allSteps(plan).find((one) => one.address === address);
  const probe = step === undefined ? undefined : cluster.kinds.get(step.kind)?.probe;
  if (step === undefined || probe === undefined) return false;
  const ctx: StepContext = {
    run,
    spell,
    plan,
    step,
    inventory: cluster.inventory.document,
    node: cluster.inventory.document.nodes.find((node) => node.name === step.node) ?? null,
    remote: cluster.remote,
    local: cluster.local,
    checks: cluster.checksFor(plan.facts),
    artifacts: { put: nothing, sink: nothing, read: nothing, stream: nothing },
    clock: cluster.clock,
    startedMs: cluster.clock.now(),
    record: (one) => stepRecord(EMPTY_RUN, one),
    recorded: nothing,
    hasRecorded: () => false,
    notice: nothing,
    reattached: nothing,
    say: () => undefined,
    sleeping: () => undefined,
    ask: () => Promise.resolve("nobody"),
    stopping: new AbortController().signal,
  };
  return (await probe(ctx)).kind === "done";
}
