import { describe, expect, it } from "vitest";
import { localCommands } from "../../src/action/local-commands.ts";
import type { StepContext, StepKind } from "../../src/engine/ports.ts";
import { phase, step, toyRun, toyRunbook } from "../toy/toy.ts";

/** The toy's own step with the probe of the operator's commands, over an inventory that has some, or none. */
function siteSteps(argv: readonly string[], ran: string[]): StepKind {
  const withSteps = (ctx: StepContext): StepContext => ({
    ...ctx,
    inventory: { ...ctx.inventory, siteSteps: argv.map((word) => ({ argv: [word], timeoutMs: 1_000 })) },
  });
  const { probe } = localCommands;
  if (probe === undefined) throw new Error("local-commands has no probe");
  return {
    ...localCommands,
    name: "toy/site",
    doIt: async (ctx) => (ran.push(...argv), await ctx.clock.sleep(60_000), { kind: "done" }),
    probe: (ctx) => probe(withSteps(ctx)),
  };
}

describe("the operator's own commands", () => {
  it("that had begun when the engine died are not run again unasked; somebody who has looked may retry them", async () => {
    const ran: string[] = [];
    const runbook = { ...toyRunbook(), phases: [phase("site", { steps: [step("site", "toy/site")] })] };
    const toy = toyRun({ runbook, kinds: () => [siteSteps(["./smoke-test"], ran)] });
    await expect(toy.run(5)).rejects.toThrow("died");
    expect(toy.status("site/site")).toBe("starting");
    expect((await toy.run()).exit).toBe("outcome-unknown");
    expect((await toy.run()).exit).toBe("outcome-unknown");
    expect(ran).toEqual(["./smoke-test"]);
  });

  it("of an inventory that has none are no obstacle to a resume", async () => {
    const runbook = { ...toyRunbook(), phases: [phase("site", { steps: [step("site", "toy/site")] })] };
    const toy = toyRun({ runbook, kinds: () => [siteSteps([], [])] });
    await expect(toy.run(5)).rejects.toThrow("died");
    expect((await toy.run()).exit).toBe("ok");
  });
});
