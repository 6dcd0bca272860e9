import type { RunEventBody } from "../../src/domain/events.ts";

/** An event as most of a run's are: a step of some node begins. */
export function movement(index: number): RunEventBody {
  return {
    type: "step.moved",
    step: `private-agents-${index % 25}/a${index}/upgrade`,
    to: "prepared",
    problem: null,
    note: "permission: 0 others down, quorum kept, the role is the plan's",
    output: null,
  };
}
