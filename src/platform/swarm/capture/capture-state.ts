import { captureDone, summaryDocument } from "../../../action/snapshot-summary.ts";
import { takeCapture, type Taken } from "../../../action/take-capture.ts";
import { mapBounded } from "../../../domain/bounded.ts";
import type { ArtifactRecord } from "../../../domain/events.ts";
import type { CaptureItem, Effect, StepContext, StepKind } from "../../../engine/ports.ts";
import { atManager, captures, managersInTurn } from "./captures.ts";
import { summarise } from "./summary.ts";

/** Captures in flight at once. */
const AT_ONCE = 24;
/** Captures without which a snapshot is worth nothing. */
const ESSENTIAL = ["swarm/nodes.json", "swarm/services.json", "swarm/tasks.json"];

/** Takes one capture; what any manager tells is asked of the next one where the first is away or has no leader. */
async function take(ctx: StepContext, item: CaptureItem): Promise<Taken> {
  const first = await takeCapture(ctx.remote, item);
  if (first.ok) return first;
  const reasons = [first.why];
  for (const manager of managersInTurn(ctx.inventory, ctx.plan.facts).slice(1)) {
    const other = atManager(item, ctx.inventory, manager);
    if (other === null) return first;
    const taken = await takeCapture(ctx.remote, other);
    if (taken.ok) return taken;
    reasons.push(`${manager.name}: ${taken.why}`);
  }
  return { ok: false, why: reasons.join("; ") };
}

async function keep(ctx: StepContext, item: Omit<CaptureItem, "read">, bytes: Buffer | string): Promise<ArtifactRecord> {
  const { name, node, mediaType, evidenceOf } = item;
  const kept = await ctx.artifacts.put({ name, node, mediaType, evidenceOf, step: ctx.step.address }, bytes);
  await ctx.recorded(kept);
  return kept;
}

async function capture(ctx: StepContext): Promise<Effect> {
  const items = captures(ctx.inventory, ctx.plan.facts);
  const taken = new Map<string, Buffer>();
  const missing: { readonly name: string; readonly why: string }[] = [];
  await mapBounded(items, AT_ONCE, async (item) => {
    const got = await take(ctx, item);
    if (!got.ok || got.bytes === null) {
      missing.push({ name: item.name, why: got.ok ? "no bytes" : got.why });
      return;
    }
    await keep(ctx, item, got.bytes);
    taken.set(item.name, got.bytes);
  });
  const lost = missing.filter(({ name }) => ESSENTIAL.includes(name));
  if (lost.length > 0 || !taken.has("swarm/nodes.json"))
    return {
      kind: "failed",
      problem: {
        code: "capture-incomplete",
        text: `${ctx.step.address}: the state could not be captured`,
        expected: ESSENTIAL.join(", "),
        observed: lost.map(({ name, why }) => `${name}: ${why}`).join("; ") || "no manager in the inventory",
        next: `Look whether more than half of the managers are reachable, then: ${ctx.spell("retry", ctx.step.address)}`,
      },
    };
  const captured = { platform: "swarm", items, taken, missing };
  const summary = summaryDocument(ctx, captured, (bytes) => summarise(bytes, ctx.inventory.nodes));
  const meta = {
    name: "summary.json",
    node: null,
    mediaType: "application/json",
    evidenceOf: "the comparable essence of this snapshot",
  };
  const kept = await keep(ctx, meta, `${JSON.stringify(summary, null, 1)}\n`);
  return captureDone(captured, kept.sha256);
}

/** Captures the Swarm's state with a summary that two snapshots are compared by. */
export const captureState: StepKind = {
  name: "swarm/capture-state",
  effect: "read",
  shows: (_step, inventory) => [
    `nodes, services, tasks, networks, configs and secrets (names and digests) of ${inventory.name}, and every engine's own word; reads only`,
  ],
  doIt: capture,
};
