import { parseDuration } from "../../../domain/duration.ts";
import type { InventoryNode } from "../../../domain/inventory.ts";
import { text } from "../../../domain/json-fields.ts";
import { compareVersionTexts } from "../../../domain/version.ts";
import type { Effect, Look, Permission, StepContext, StepKind } from "../../../engine/ports.ts";
import { findJob } from "../../../action/step-job.ts";
import { plainVersion } from "../entries/node-entry.ts";
import { readInfo } from "../facts/engine-info.ts";
import { lookAtJob } from "./back-up-raft.ts";
import { liveTasks } from "./drain-progress.ts";
import { runOnNode } from "./engine-job.ts";
import { UPGRADE_TEXT, withWords } from "./engine-texts.ts";
import { waitUntilBack } from "./node-back.ts";
import { denied, noAnswer, nodeOf, noNode, ownEntry, patientManagers, readMoment } from "./swarm-now.ts";

const INSTALL_MS = 30 * 60_000;
const BACK_MS = 5 * 60_000;

function targetOf(ctx: StepContext): string {
  return text(ctx.step.with["target"]) ?? ctx.plan.inputs["target"] ?? "";
}

async function versionOf(ctx: StepContext, node: InventoryNode): Promise<string | null> {
  const own = await readInfo(ctx.remote, ctx.inventory, node, null);
  return own.kind === "read" ? plainVersion(own.info.engineVersion) : null;
}

/** Never backwards, never under tasks, and only to a version that is one. */
async function mayUpgrade(ctx: StepContext): Promise<Permission> {
  const node = nodeOf(ctx);
  if (node === null) return denied("refused", noNode(ctx));
  const target = targetOf(ctx);
  const version = await versionOf(ctx, node);
  const compared = version === null ? null : compareVersionTexts(target, version);
  if (version !== null && (compared === null || compared < 0))
    return denied("refused", {
      code: compared === null ? "version-unclear" : "downgrade",
      text: `${node.name} is not brought from ${version} to ${target}.`,
      expected: "a target newer than the engine",
      observed: version,
      node: node.name,
      next: "An older engine may not read a manager's Raft state; choose another target.",
    });
  const now = await readMoment(patientManagers(ctx), ctx);
  if (typeof now === "string") return denied("gate-halted", noAnswer(ctx, node, now));
  const entry = ownEntry(now.nodes, node, ctx);
  const living = entry === null ? [] : liveTasks(now.tasks, entry.id);
  // A job that is under way may be joined whatever has happened to the node meanwhile.
  if (entry !== null && (entry.availability === "drain" || living.length === 0)) return { kind: "yes" };
  return denied("gate-halted", {
    code: "not-drained",
    text: `${node.name} has tasks that the upgrade would end.`,
    expected: "a drained node",
    observed: entry === null ? "not listed" : `${living.length} tasks, availability ${entry.availability ?? "unknown"}`,
    node: node.name,
    next: "Drain it first: a step swarm/drain-node before this one.",
  });
}

async function upgrade(ctx: StepContext): Promise<Effect> {
  const node = nodeOf(ctx);
  if (node === null) return { kind: "failed", problem: noNode(ctx) };
  const target = targetOf(ctx);
  const before = await versionOf(ctx, node);
  // A job of this step that is there already is followed to its end, whatever the engine says by now.
  if (before !== target || (await findJob(ctx, node.name)).kind !== "none") {
    const ran = await runOnNode(
      ctx,
      node,
      () => withWords(UPGRADE_TEXT, [target, text(ctx.step.with["command"]) ?? ""]),
      parseDuration(text(ctx.step.with["limit"]) ?? "") ?? INSTALL_MS,
    );
    if (ran.kind === "effect") return ran.effect;
  }
  const missing = await waitUntilBack(ctx, node, target, parseDuration(text(ctx.step.with["back-within"]) ?? "") ?? BACK_MS);
  if (missing !== null) return { kind: "failed", problem: missing };
  const found = before === target ? `was at ${target} already (found so)` : `${before ?? "unknown"} → ${target}`;
  return { kind: "done", note: `${found}, by the word of another manager`, output: { before, after: target } };
}

/** The job's own record, then the engine's word. */
async function look(ctx: StepContext): Promise<Look> {
  const node = nodeOf(ctx);
  if (node === null) return { kind: "not-begun" };
  const job = await lookAtJob(ctx);
  if (job.kind !== "not-begun") return job;
  return (await versionOf(ctx, node)) === targetOf(ctx)
    ? { kind: "running", note: `no job of this step, but the engine says ${targetOf(ctx)}; the Swarm is asked` }
    : job;
}

/**
 * Brings one node's engine to a version, by the package manager that installed it or by a command of the operator's own, as a job that
 * outlives the connection. Done when another manager says that the node is ready, in its role, reachable and at that version: neither
 * the package's word nor the exit code counts (swarm.md, "Upgrading the engine").
 */
export const upgradeEngine: StepKind = {
  name: "swarm/upgrade-engine",
  effect: "restart",
  shows(step) {
    const target = text(step.with["target"]) ?? "";
    const own = text(step.with["command"]) ?? "";
    return [
      own === ""
        ? `apt-get update; apt-get install docker-ce or docker.io at ${target} (detached job as root)`
        : `sh -c ${own} (detached job as root, with PAWL_TARGET=${target})`,
      "restart the engine where it does not say that version by itself",
      `wait until another manager says: ready, same role, ${target}`,
      "where the Swarm is autolocked: a stop before, because a manager comes up locked until somebody runs docker swarm unlock",
    ];
  },
  plannedMs: () => 30_000,
  mayI: mayUpgrade,
  doIt: upgrade,
  probe: look,
};
