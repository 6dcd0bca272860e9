import { formatDuration, parseDuration } from "../../../domain/duration.ts";
import type { InventoryNode } from "../../../domain/inventory.ts";
import { text } from "../../../domain/json-fields.ts";
import type { Effect, Look, Permission, StepContext, StepKind } from "../../../engine/ports.ts";
import { changeSpec } from "../access/change-spec.ts";
import type { NodeEntry } from "../entries/node-entry.ts";
import { permission } from "../facts/permission.ts";
import { drainProgress, liveTasks, type DrainProgress } from "./drain-progress.ts";
import { hindrances, movesOf, namesIn } from "./node-moves.ts";
import {
  denied,
  noAnswer,
  nodeOf,
  noNode,
  ownEntry,
  patientManagers,
  plannedAvailability,
  readMoment,
  type SwarmMoment,
} from "./swarm-now.ts";

const LIMIT_MS = 10 * 60_000;
const POLL_MS = 1_000;
/** Somebody who watches is told this often what a drain waits for. */
const TELL_MS = 10_000;

function acceptedOf(ctx: StepContext): ReadonlySet<string> {
  return new Set(namesIn(ctx.step.with["accept"]));
}

/** Whether the node is as the plan has seen it. After a first attempt it may be drained: that was this step. */
function changedSince(ctx: StepContext, node: InventoryNode, entry: NodeEntry): Permission | null {
  const planned = plannedAvailability(ctx, node);
  const ours = entry.availability === "drain" && ctx.record(ctx.step.address).attempts > 0;
  if (entry.availability === planned || ours) return null;
  return denied("gate-halted", {
    code: "availability-changed",
    text: `Somebody has changed the availability of ${node.name} since the plan was made.`,
    expected: planned ?? "an availability that the plan has seen",
    observed: entry.availability ?? "none",
    node: node.name,
    next: "Find out who works on this node; then make a new plan.",
  });
}

/** Whether every task of the node has somewhere to go: asked right before, because a plan may be old. */
async function mayDrain(ctx: StepContext): Promise<Permission> {
  const node = nodeOf(ctx);
  if (node === null) return denied("refused", noNode(ctx));
  // The engine has asked the platform where the step belongs to a node by itself.
  if (ctx.node === null) {
    const cluster = await permission({ ...ctx, node });
    if (cluster.kind === "no") return cluster;
  }
  const now = await readMoment(patientManagers(ctx), ctx);
  if (typeof now === "string") return denied("gate-halted", noAnswer(ctx, node, now));
  const entry = ownEntry(now.nodes, node, ctx);
  if (entry === null) return denied("refused", noNode(ctx));
  const changed = changedSince(ctx, node, entry);
  if (changed !== null) return changed;
  const moves = movesOf({ nodes: now.raw.nodes, services: now.raw.services, tasks: now.tasks }, entry.id, now.name);
  const kept = hindrances(moves, acceptedOf(ctx));
  if (kept.length > 0)
    return denied("refused", {
      code: "nowhere-to-go",
      text: `${node.name} is not drained: tasks on it cannot go elsewhere.`,
      expected: "room for every task on another node, and no data of theirs on this one",
      observed: kept.join("; "),
      node: node.name,
      next: `Make room, or change the service's placement. Where it may stand still meanwhile, name it in a new run: --set accept=${[...new Set(moves.moves.filter((one) => one.to === null || one.leaves.length > 0).map((one) => one.service))].join(",")}`,
    });
  for (const service of moves.away) ctx.say(`${service} runs on ${node.name} only: it is away until it has started elsewhere`);
  return { kind: "yes", note: `${moves.moves.length} tasks to move` };
}

/** Keeps the node as it was before, for whoever looks later; the plan's own facts are what it is restored from. */
async function keepBefore(ctx: StepContext, node: InventoryNode, entry: NodeEntry, now: SwarmMoment): Promise<void> {
  const name = `${ctx.step.address}/node-before.json`;
  if (ctx.hasRecorded(name)) return;
  const names = new Map(now.services.map((one) => [one.id, one.name]));
  const tasks = liveTasks(now.tasks, entry.id).map((task) => ({
    service: names.get(task.serviceId) ?? task.serviceId,
    slot: task.slot,
  }));
  const meta = {
    name,
    mediaType: "application/json",
    step: ctx.step.address,
    node: node.name,
    evidenceOf: `${node.name} before its drain`,
  };
  const body = { id: entry.id, index: entry.index, spec: entry.spec, tasks };
  await ctx.recorded(await ctx.artifacts.put(meta, `${JSON.stringify(body, null, 1)}\n`));
}

function words(progress: DrainProgress): string {
  const left =
    progress.left.length === 0
      ? []
      : [`still on the node: ${progress.left.slice(0, 6).join(", ")}${progress.left.length > 6 ? ", …" : ""}`];
  return [...left, ...progress.short.slice(0, 4)].join("; ");
}

/** Waits until nothing lives on the node and every service is whole elsewhere. */
async function waitUntilEmpty(ctx: StepContext, node: InventoryNode, before: string): Promise<Effect> {
  const limitMs = parseDuration(text(ctx.step.with["limit"]) ?? "") ?? LIMIT_MS;
  const managers = patientManagers(ctx);
  const begun = ctx.clock.monotonic();
  let told = begun;
  for (;;) {
    const now = await readMoment(managers, ctx);
    const entry = typeof now === "string" ? null : ownEntry(now.nodes, node, ctx);
    const forMs = ctx.clock.monotonic() - begun;
    let seen = typeof now === "string" ? now : `${node.name} is not listed`;
    if (typeof now !== "string" && entry !== null) {
      if (entry.availability !== "drain")
        return failed(
          ctx,
          node,
          "drain-undone",
          "is not drained any more: somebody has changed its availability",
          entry.availability ?? "none",
        );
      const progress = drainProgress(now, entry.id, ctx.plan.facts.baseline["services"], acceptedOf(ctx));
      if (progress.left.length + progress.short.length === 0)
        return {
          kind: "done",
          note: `empty after ${formatDuration(Math.round(forMs / 1_000) * 1_000)}; every service is whole elsewhere`,
          output: { node: node.name, id: entry.id, availability: before },
        };
      seen = words(progress);
    }
    if (ctx.stopping.aborted) return { kind: "stopped" };
    if (forMs >= limitMs)
      return failed(
        ctx,
        node,
        "drain-overdue",
        `is not empty after ${formatDuration(limitMs)}, or a service is not whole elsewhere`,
        seen,
      );
    if (ctx.clock.monotonic() - told >= TELL_MS) {
      told = ctx.clock.monotonic();
      ctx.say(seen);
    }
    await ctx.clock.sleep(POLL_MS, ctx.stopping);
  }
}

function failed(ctx: StepContext, node: InventoryNode, code: string, what: string, observed: string): Effect {
  return {
    kind: "failed",
    problem: {
      code,
      text: `${node.name} ${what}.`,
      expected: "no live task on the node, and every service whole elsewhere",
      observed,
      node: node.name,
      next: `The node stays as it is. Look at what keeps the tasks, then: ${ctx.spell("retry", ctx.step.address)}`,
    },
  };
}

async function drain(ctx: StepContext): Promise<Effect> {
  const node = nodeOf(ctx);
  if (node === null) return { kind: "failed", problem: noNode(ctx) };
  const managers = patientManagers(ctx);
  const now = await readMoment(managers, ctx);
  if (typeof now === "string") return { kind: "failed", problem: noAnswer(ctx, node, now) };
  const entry = ownEntry(now.nodes, node, ctx);
  if (entry === null) return { kind: "failed", problem: noNode(ctx) };
  const before = plannedAvailability(ctx, node) ?? entry.availability ?? "active";
  await keepBefore(ctx, node, entry, now);
  const written = await changeSpec(managers, "nodes", entry.id, (spec) =>
    spec["Availability"] === "drain" ? null : { ...spec, Availability: "drain" },
  );
  switch (written.kind) {
    case "unchanged":
      ctx.say(
        before === "drain" ? `${node.name} was drained already, and stays so` : `${node.name} is set to drain; waiting goes on`,
      );
      break;
    case "done":
      ctx.say(`${node.name} is set to drain; before: ${before}`);
      break;
    case "refused":
    case "stale":
      return failed(ctx, node, "drain-refused", "could not be set to drain; nothing was changed", written.why);
    case "unknown":
      return {
        kind: "unknown",
        problem: {
          code: "contact-lost.drain",
          text: `Contact was lost while ${node.name} was being set to drain.`,
          observed: written.why,
          node: node.name,
          next: `When a manager answers again: ${ctx.spell("resume")}`,
        },
      };
  }
  return waitUntilEmpty(ctx, node, before);
}

/** After a crash: a drained node that the plan saw otherwise was drained by this step, which goes on waiting. */
async function look(ctx: StepContext): Promise<Look> {
  const node = nodeOf(ctx);
  if (node === null) return { kind: "not-begun" };
  const now = await readMoment(patientManagers(ctx), ctx);
  if (typeof now === "string") return { kind: "cannot-tell", problem: noAnswer(ctx, node, now) };
  const availability = ownEntry(now.nodes, node, ctx)?.availability ?? null;
  if (availability === "drain") return { kind: "running", note: `${node.name} is set to drain` };
  return { kind: "not-begun" };
}

/**
 * Empties a node: its availability becomes `drain`, and nothing else of its spec changes. Done when no task lives on it and every service
 * is whole elsewhere; refused before anything is changed where a task has nowhere to go. Tasks that have gone do not come back by themselves.
 */
export const drainNode: StepKind = {
  name: "swarm/drain-node",
  effect: "write",
  shows(step) {
    const node = step.node ?? text(step.with["node"]) ?? "";
    const accepted = namesIn(step.with["accept"]);
    return [
      `POST /nodes/${node}/update with Availability: drain, the rest of its spec as it is`,
      `wait at most ${text(step.with["limit"]) ?? formatDuration(LIMIT_MS)}: no live task on ${node}, every service whole elsewhere`,
      ...(accepted.length === 0 ? [] : [`not waited for: ${accepted.join(", ")}`]),
    ];
  },
  mayI: mayDrain,
  doIt: drain,
  probe: look,
};
