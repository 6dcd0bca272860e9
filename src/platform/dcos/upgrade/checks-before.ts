import type { Problem } from "../../../domain/errors.ts";
import type { InventoryNode } from "../../../domain/inventory.ts";
import type { CheckAnswer, StepContext } from "../../../engine/ports.ts";
import { text } from "../../../domain/json-fields.ts";

/** Units that were restarted a moment ago count as unhealthy until the next poll, every 60 s (dcos.md 5.4). */
const ATTEMPTS = 8;
const PAUSE_MS = 20_000;

async function ask(ctx: StepContext, node: InventoryNode, check: string): Promise<CheckAnswer> {
  const context = {
    inputs: { ...ctx.plan.inputs },
    node: node.name,
    since: ctx.startedMs / 1_000,
    inHand: [node.name],
    complete: [],
    setAside: [],
  };
  const [answer] = await ctx.checks.measure([{ check, node: node.name, context }]);
  if (answer === undefined) throw new RangeError(`no answer for check ${check}`);
  return answer;
}

/** How asking ended: what was observed, or why the node is not touched. */
export type Asked =
  | { readonly kind: "passed"; readonly observed: string }
  | { readonly kind: "refused"; readonly problem: Problem }
  /** The step names no check. */
  | { readonly kind: "not-asked" };

/**
 * DC/OS's own checks of the node right before its script is run, by pawl itself (workbook: the script checks before and after; the
 * scripts to 1.12 and 1.13 assert nothing, dcos.md 4.5). The check is named by the step (`with: { checks-before: … }`), judged like any
 * other, and asked again for some minutes; what was judged is kept as evidence.
 */
export async function checksBefore(ctx: StepContext, node: InventoryNode): Promise<Asked> {
  const check = text(ctx.step.with["checks-before"]);
  if (check === null) return { kind: "not-asked" };
  for (let attempt = 1; ; attempt++) {
    const answer = await ask(ctx, node, check);
    const said = `before the script, ${check}: ${answer.observed}`;
    ctx.say(said);
    if (answer.verdict !== "pass" && attempt < ATTEMPTS && !ctx.stopping.aborted) {
      await ctx.clock.sleep(PAUSE_MS, ctx.stopping);
      continue;
    }
    const kept = await ctx.artifacts.put(
      {
        name: `${ctx.step.address}/checks-before.json`,
        mediaType: "application/json",
        step: ctx.step.address,
        node: node.name,
        evidenceOf: `reading of ${check} before the script: ${answer.verdict}`,
      },
      answer.evidence,
    );
    await ctx.recorded(kept);
    if (answer.verdict === "pass") return { kind: "passed", observed: answer.observed };
    const { title, remedy } = ctx.checks.describe(check);
    return {
      kind: "refused",
      problem: {
        code: "checks-before-refused",
        text: `${node.name}: DC/OS's own checks do not pass before the upgrade; nothing was started.`,
        node: node.name,
        expected: title,
        observed: answer.why === null ? answer.observed : `${answer.observed} (${answer.why})`,
        evidence: [`artifacts/${kept.sha256}`],
        next: remedy,
      },
    };
  }
}
