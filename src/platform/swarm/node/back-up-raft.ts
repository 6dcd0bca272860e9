import { parseDuration } from "../../../domain/duration.ts";
import { posix } from "node:path";
import type { Problem } from "../../../domain/errors.ts";
import type { InventoryNode } from "../../../domain/inventory.ts";
import { text } from "../../../domain/json-fields.ts";
import type { Effect, Look, Permission, StepContext, StepKind } from "../../../engine/ports.ts";
import { parseDigests } from "../../../action/capture-tar.ts";
import type { JobPlace } from "../../../action/remote-job.ts";
import { findJob } from "../../../action/step-job.ts";
import { judgeForm, streamTar } from "../../../action/tar-archive.ts";
import { runOnNode } from "./engine-job.ts";
import { BACKUP_TEXT, withWords } from "./engine-texts.ts";
import { waitUntilBack } from "./node-back.ts";
import { judgeCopy } from "./raft-copy.ts";
import { denied, nodeOf, noNode } from "./swarm-now.ts";

const COPY_MS = 10 * 60_000;
const BACK_MS = 5 * 60_000;
const ASK_MS = 60_000;
const DATA_FOLDER = "/var/lib/docker";

/** Where the engine keeps everything, as it has said itself. */
function dataFolder(ctx: StepContext, node: InventoryNode): string {
  return text(ctx.plan.facts.nodes[node.name]?.details["dataFolder"]) ?? DATA_FOLDER;
}

/** The copy lies in the job's own folder, which is root's alone, and goes with it. */
function copyFolder(place: JobPlace): string {
  return posix.join(place.folder, "raft");
}

function failed(
  ctx: StepContext,
  node: InventoryNode,
  code: string,
  what: string,
  more: { readonly expected?: string; readonly observed: string },
): Effect {
  const problem: Problem = {
    code,
    text: `${node.name}: ${what}`,
    ...more,
    node: node.name,
    next: `Nothing was upgraded. ${ctx.spell("retry", ctx.step.address)}`,
  };
  return { kind: "failed", problem };
}

function tarName(ctx: StepContext): string {
  return `${ctx.step.address}.tar`;
}

/** Streams the copy into the run, proves it, and removes it from the node: it holds the node's key. */
async function fetchCopy(ctx: StepContext, node: InventoryNode, folder: string, sums: string): Promise<Effect> {
  const onNode = parseDigests(sums);
  if (onNode === null || onNode.size === 0)
    return failed(ctx, node, "raft-unlisted", "the node gave no digests of what it copied.", { observed: sums.slice(-300) });
  const meta = {
    ...{ name: tarName(ctx), mediaType: "application/x-tar", step: ctx.step.address, node: node.name, sealed: true },
    evidenceOf: `Raft state, certificates and key of ${node.name}`,
  };
  const came = await streamTar(
    ctx,
    node.name,
    { argv: ["tar", "-cf", "-", "-C", folder, "--", "swarm"], sudo: true, timeoutMs: COPY_MS },
    meta,
  );
  if (came.kind === "broken")
    return failed(ctx, node, `raft-${came.how}`, "the copy did not come whole.", { observed: came.observed });
  const form = judgeForm(came);
  const { wrong, proven, snapshots } = judgeCopy(came.report, onNode);
  if (form.kind === "bad" || wrong !== null) {
    await came.sink.abandon();
    const seen = form.kind === "bad" ? { observed: form.problem.observed ?? form.problem.text } : (wrong ?? { observed: "" });
    return failed(ctx, node, "raft-not-proven", "the backup is not what the node has.", seen);
  }
  const stored = await came.sink.finish();
  await ctx.recorded(stored);
  await ctx.remote.run(node.name, { argv: ["rm", "-rf", "--", folder], sudo: true, timeoutMs: ASK_MS });
  return {
    kind: "done",
    note: `${proven} files as on the node, ${snapshots === 0 ? "the log without a snapshot yet" : `${snapshots} snapshots of the log`}; ${stored.bytes} bytes, sealed`,
    output: { sha256: stored.sha256, bytes: stored.bytes, files: proven, snapshots },
  };
}

async function backUp(ctx: StepContext): Promise<Effect> {
  const node = nodeOf(ctx);
  if (node === null) return { kind: "failed", problem: noNode(ctx) };
  const limitMs = parseDuration(text(ctx.step.with["limit"]) ?? "") ?? BACK_MS;
  const command = (place: JobPlace): string => withWords(BACKUP_TEXT, [dataFolder(ctx, node), copyFolder(place)]);
  const ran = await runOnNode(ctx, node, command, COPY_MS);
  if (ran.kind === "effect") return ran.effect;
  const away = await waitUntilBack(ctx, node, null, limitMs);
  if (away !== null) return { kind: "failed", problem: away };
  return fetchCopy(ctx, node, copyFolder(ran.place), ran.result.stdout);
}

function mayBackUp(ctx: StepContext): Promise<Permission> {
  const node = nodeOf(ctx);
  if (node === null) return Promise.resolve(denied("refused", noNode(ctx)));
  if (node.role === "manager") return Promise.resolve({ kind: "yes" });
  return Promise.resolve(
    denied("refused", {
      code: "no-manager",
      text: `${node.name} is a worker: it has no state of the Swarm to back up.`,
      expected: "a manager",
      observed: node.role,
      node: node.name,
      next: "Correct the runbook.",
    }),
  );
}

/** After a crash the node's own record of the job tells; its end is taken up as if it had been waited for. */
export async function lookAtJob(ctx: StepContext): Promise<Look> {
  const node = nodeOf(ctx);
  if (node === null) return { kind: "not-begun" };
  const found = await findJob(ctx, node.name);
  switch (found.kind) {
    case "none":
      return { kind: "not-begun" };
    case "job":
      return { kind: "running", note: found.running ? "the job still runs on the node" : "the job has ended on the node" };
    case "no-answer":
      return {
        kind: "cannot-tell",
        problem: {
          code: `contact-lost.${found.code}`,
          text: `${node.name} does not answer.`,
          observed: found.reason,
          node: node.name,
          next: ctx.spell("resume"),
        },
      };
  }
}

/**
 * Backs up what one manager knows of the Swarm: its engine is stopped for the moment of the copy, because only then the log keeps still,
 * and started again whatever happens. The archive is sealed, and proven against the digests of the originals.
 */
export const backUpRaft: StepKind = {
  name: "swarm/back-up-raft",
  effect: "restart",
  shows: () => [
    `stop the engine, copy its swarm folder (${DATA_FOLDER}/swarm), start the engine (detached job as root)`,
    "stream the copy into the run, sealed; every file compared with the digest of its original; the log and the node's key must be there",
    "where the Swarm is autolocked: a stop before, because the manager comes up locked until somebody runs docker swarm unlock",
  ],
  mayI: mayBackUp,
  doIt: backUp,
  async probe(ctx) {
    if (ctx.hasRecorded(tarName(ctx))) return { kind: "done", note: "the backup is in the run" };
    return lookAtJob(ctx);
  },
};
