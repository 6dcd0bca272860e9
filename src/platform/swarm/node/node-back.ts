import { formatDuration } from "../../../domain/duration.ts";
import type { Problem } from "../../../domain/errors.ts";
import type { InventoryNode } from "../../../domain/inventory.ts";
import type { StepContext } from "../../../engine/ports.ts";
import { managersOf } from "../contract.ts";
import { parseNodes, plainVersion, type NodeEntry } from "../entries/node-entry.ts";
import { readInfo, type InfoAnswer } from "../facts/engine-info.ts";
import { ownEntry, patientManagers } from "./swarm-now.ts";

const POLL_MS = 1_000;
const TELL_MS = 15_000;

/** What keeps a node from being a whole member again, in words; empty: it is one. */
export function notBack(
  node: Pick<InventoryNode, "role">,
  entry: NodeEntry | null,
  nodes: readonly NodeEntry[],
  own: InfoAnswer,
  target: string | null,
): readonly string[] {
  const missing: string[] = [];
  if (own.kind === "unread") missing.push(`its engine does not answer (${own.reason})`);
  else {
    const { info } = own;
    if (info.swarmState === "locked")
      missing.push("it is locked: run docker swarm unlock on it, with the key that only people have");
    else if (info.swarmState !== "active") missing.push(`it says that it is ${info.swarmState ?? "in no Swarm"}`);
    if (target !== null && plainVersion(info.engineVersion) !== target)
      missing.push(`its engine says ${info.engineVersion ?? "no version"}`);
  }
  if (entry === null) return [...missing, "the Swarm does not list it"];
  if (entry.state !== "ready") missing.push(`the managers see it ${entry.state ?? "in no state"}`);
  if (entry.role !== node.role) missing.push(`its role is ${entry.role ?? "none"}`);
  if (node.role === "manager" && entry.reachability !== "reachable")
    missing.push(`as a manager it is ${entry.reachability ?? "not there"}`);
  // The Swarm hears of a new engine when the node has registered again: its own word comes first.
  if (target !== null && plainVersion(entry.engineVersion) !== target)
    missing.push(`the managers have heard of ${entry.engineVersion ?? "no version"}`);
  if (nodes.filter((one) => one.leader).length !== 1) missing.push("no single manager leads");
  return missing;
}

/**
 * Waits until a node whose engine was restarted is a whole member again, by the word of another manager: ready, in its role, reachable,
 * at `target` (null: any version), and its own engine says the same. Null when it is; else what is missing at the end of the time.
 */
export async function waitUntilBack(
  ctx: StepContext,
  node: InventoryNode,
  target: string | null,
  limitMs: number,
): Promise<Problem | null> {
  const others = managersOf(ctx.inventory).filter((one) => one.name !== node.name);
  // A single manager has nobody else to ask.
  const managers = patientManagers(ctx, others.length === 0 ? undefined : node.name);
  const begun = ctx.clock.monotonic();
  let told = begun;
  for (;;) {
    const said = await managers.get("/nodes");
    const nodes = said.ok ? (parseNodes(said.value) ?? []) : [];
    const own = await readInfo(ctx.remote, ctx.inventory, node, null);
    const missing = said.ok ? notBack(node, ownEntry(nodes, node, ctx), nodes, own, target) : [said.why];
    if (missing.length === 0) return null;
    const forMs = ctx.clock.monotonic() - begun;
    if (forMs >= limitMs) {
      const locked = own.kind === "read" && own.info.swarmState === "locked";
      return {
        code: locked ? "node-locked" : "node-not-back",
        text: locked
          ? `${node.name} is locked after its restart, and nobody has unlocked it.`
          : `${node.name} is not a whole member of the Swarm again after ${formatDuration(limitMs)}.`,
        expected: `${node.role}, ready${node.role === "manager" ? ", reachable" : ""}${target === null ? "" : `, engine ${target}`}, by the word of ${others.length === 0 ? "the only manager" : "another manager"}`,
        observed: missing.join("; "),
        node: node.name,
        next: locked
          ? `On ${node.name}: docker swarm unlock. Then: ${ctx.spell("retry", ctx.step.address)}`
          : `Touch no other node. Look at the engine's log on ${node.name}; then: ${ctx.spell("retry", ctx.step.address)}`,
      };
    }
    if (ctx.clock.monotonic() - told >= TELL_MS) {
      told = ctx.clock.monotonic();
      ctx.say(`waiting for ${node.name}: ${missing.join("; ")}`);
    }
    await ctx.clock.sleep(POLL_MS);
  }
}
