import type { Effect, StepContext, StepKind } from "../../../engine/ports.ts";
import { streamTar, tarArgv } from "../../../action/tar-archive.ts";
import { filesArgv, parseListing, type FileListing } from "../facts/files-script.ts";
import { judgeArchive } from "./archive.ts";
import { ZOOKEEPER_FOLDERS } from "./folders.ts";
import { readZxid } from "./four-letter-words.ts";

/** Hashing snapshots of a large ensemble takes a while: 256 MiB a second on a slow disk (performance.md section 6). */
const LISTING_TIMEOUT_MS = 10 * 60_000;
/** ZooKeeper folders of 20 GB have been seen (dcos.md 8.1). */
const STREAM_TIMEOUT_MS = 2 * 3_600_000;

function failed(ctx: StepContext, code: string, text: string, observed: string, next?: string): Effect {
  return {
    kind: "failed",
    problem: {
      code,
      text: `${ctx.step.address}: ${text}`,
      observed,
      ...(ctx.node === null ? {} : { node: ctx.node.name }),
      next: next ?? `Mend it, then: ${ctx.spell("retry", ctx.step.address)}`,
    },
  };
}

async function listFolders(ctx: StepContext, target: string): Promise<FileListing | string> {
  const outcome = await ctx.remote.run(target, {
    argv: filesArgv(ZOOKEEPER_FOLDERS, true),
    sudo: true,
    timeoutMs: LISTING_TIMEOUT_MS,
    maxOutputBytes: 8 * 1024 * 1024,
  });
  if (outcome.kind !== "exited") return outcome.kind === "lost" ? outcome.reason : `no end after ${outcome.afterMs / 1_000} s`;
  return parseListing(outcome.stdout) ?? `exit code ${outcome.code}: ${outcome.stderr.trim().slice(0, 300)}`;
}

async function archive(ctx: StepContext, target: string, listing: FileListing): Promise<Effect> {
  const folders = ZOOKEEPER_FOLDERS.filter((folder) => listing.folders.includes(folder));
  if (folders.length === 0)
    return failed(
      ctx,
      "zookeeper-folder-missing",
      "there is no ZooKeeper folder",
      `neither ${ZOOKEEPER_FOLDERS.join(" nor ")} exists`,
      "Find out where this master keeps its ZooKeeper data (the word conf on port 2181 says so).",
    );
  const before = ctx.node === null ? null : await readZxid(ctx.remote, ctx.inventory, ctx.node);
  const meta = {
    name: `zookeeper/${target}.tar`,
    mediaType: "application/x-tar",
    step: ctx.step.address,
    node: target,
    evidenceOf: "ZooKeeper's folder, copied while it ran",
    sealed: true,
  };
  const came = await streamTar(ctx, target, { argv: tarArgv(folders), sudo: true, timeoutMs: STREAM_TIMEOUT_MS }, meta);
  if (came.kind === "broken") return failed(ctx, `tar-${came.how}`, "the stream broke", came.observed);
  const { sink, report } = came;
  const verdict = judgeArchive({ code: came.code, stderr: came.stderr, report, listing });
  if (verdict.kind === "bad") {
    await sink.abandon();
    return {
      kind: "failed",
      problem: {
        ...verdict.problem,
        node: target,
        next: `Look at the disk and the ZooKeeper folder of ${target}, then: ${ctx.spell("retry", ctx.step.address)}`,
      },
    };
  }
  const after = ctx.node === null ? null : await readZxid(ctx.remote, ctx.inventory, ctx.node);
  const stored = await sink.finish();
  await ctx.recorded(stored);
  const entries = JSON.stringify(
    {
      node: target,
      folders,
      zxid: { before, after },
      bytes: report.bytes,
      sha256: stored.sha256,
      exitCode: came.code,
      notes: verdict.notes,
      files: report.files,
    },
    null,
    1,
  );
  await ctx.recorded(
    await ctx.artifacts.put(
      {
        name: `zookeeper/${target}.entries.json`,
        mediaType: "application/json",
        step: ctx.step.address,
        node: target,
        evidenceOf: "what the archive holds",
      },
      entries,
    ),
  );
  const note = [
    `${report.files.length} files, ${report.bytes} bytes, ${verdict.proven} digests as on the node`,
    ...verdict.notes,
  ].join("; ");
  return { kind: "done", note, output: { sha256: stored.sha256, bytes: stored.bytes, files: report.files.length, zxid: before } };
}

/**
 * Copies ZooKeeper's folder off a master while it runs, streamed into a sealed artifact: no space is needed on the node, and
 * memory stays flat. The archive counts only when its form, its entries and its digests hold (workbook, "Backup ZooKeeper State").
 */
export const zookeeperTar: StepKind = {
  name: "dcos/zookeeper-tar",
  effect: "read",
  shows: () => [
    `sudo ${tarArgv([ZOOKEEPER_FOLDERS[0]]).join(" ")} (and ${ZOOKEEPER_FOLDERS[1]} where it exists), streamed and verified`,
  ],
  async doIt(ctx) {
    if (ctx.node === null) return failed(ctx, "no-node", "this step needs a node", "the phase has no role");
    const listing = await listFolders(ctx, ctx.node.name);
    if (typeof listing === "string")
      return failed(ctx, "zookeeper-unlisted", "the ZooKeeper folder could not be listed", listing);
    return archive(ctx, ctx.node.name, listing);
  },
};
