import type { StepKind } from "../engine/ports.ts";
import { lastLine } from "./command.ts";

/** The operator's own commands from the inventory (`site-steps`), run on this machine one after the other. */
export const localCommands: StepKind = {
  name: "local-commands",
  effect: "write",
  shows: (_step, inventory) =>
    inventory.siteSteps.length === 0
      ? ["none in the inventory (site-steps)"]
      : inventory.siteSteps.map((hook) => hook.argv.join(" ")),
  async doIt(ctx) {
    for (const [index, hook] of ctx.inventory.siteSteps.entries()) {
      const outcome = await ctx.local.run(hook.argv, {
        timeoutMs: hook.timeoutMs,
        env: { PAWL_RUN: ctx.run, PAWL_CLUSTER: ctx.inventory.name },
      });
      const text = outcome.kind === "lost" ? outcome.reason : `${outcome.stdout}${outcome.stderr}`;
      await ctx.recorded(
        await ctx.artifacts.put(
          {
            name: `${ctx.step.address}/${index + 1}`,
            mediaType: "text/plain",
            step: ctx.step.address,
            node: null,
            evidenceOf: `output of ${hook.argv.join(" ")}`,
          },
          text,
        ),
      );
      if (outcome.kind === "exited" && outcome.code === 0) continue;
      const observed = outcome.kind === "exited" ? `exit code ${outcome.code}: ${lastLine(text)}` : outcome.kind;
      return {
        kind: "failed",
        problem: {
          code: "site-step",
          text: `site step ${index + 1} failed`,
          expected: `${hook.argv.join(" ")} ends with 0`,
          observed,
          next: `Mend it, then: ${ctx.spell("retry", ctx.step.address)}`,
        },
      };
    }
    return {
      kind: "done",
      note:
        ctx.inventory.siteSteps.length === 0
          ? "the inventory names no site steps"
          : `${ctx.inventory.siteSteps.length} site steps`,
    };
  },
  // Nobody but the operator knows what these do: they are never run a second time unasked (design rule 3).
  probe: (ctx) =>
    Promise.resolve(
      ctx.inventory.siteSteps.length === 0
        ? { kind: "not-begun" }
        : {
            kind: "cannot-tell",
            problem: {
              code: "site-step-unknown",
              text: "the site steps had begun, and only their author can tell how far they came",
              next: `Look at what they do, then: ${ctx.spell("force-complete", `${ctx.step.address} --reason TEXT`)}, or: ${ctx.spell("retry", `${ctx.step.address} --reason TEXT`)}`,
            },
          },
    ),
};
