import type { StepKind } from "../engine/ports.ts";

function messageOf(value: unknown): string {
  return typeof value === "string" ? value : "Go on?";
}

/** A planned stop: shown in the plan, answered by a person, by `--yes` or by `--approve`. */
export const confirm: StepKind = {
  name: "confirm",
  effect: "read",
  shows: (step) => [messageOf(step.with["message"])],
  plannedMs: () => 0,
  async doIt(ctx) {
    switch (await ctx.ask(messageOf(ctx.step.with["message"]))) {
      case "approved":
        return { kind: "done", note: "approved" };
      case "stopped":
        return { kind: "stopped" };
      case "nobody":
        return {
          kind: "waiting",
          problem: {
            code: "not-approved",
            text: `${ctx.step.address} waits for a person`,
            expected: "an approval",
            observed: "nobody there to give it",
            next: `${ctx.spell("approve", ctx.step.address)}, then: ${ctx.spell("resume")}`,
          },
        };
    }
  },
};

/** A step that only has gates. */
export const check: StepKind = {
  name: "check",
  effect: "read",
  shows: () => [],
  plannedMs: () => 0,
  doIt: () => Promise.resolve({ kind: "done" }),
};
