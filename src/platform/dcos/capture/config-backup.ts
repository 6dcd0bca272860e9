import { createHash } from "node:crypto";
import { posix } from "node:path";
import type { Inventory } from "../../../domain/inventory.ts";
import type { Effect, StepContext, StepKind } from "../../../engine/ports.ts";
import { mapBounded } from "../../../domain/bounded.ts";
import { filesArgv, parseListing } from "../facts/files-script.ts";

/** Configuration as installed, and what an operator may have put beside it (dcos.md 3.1). */
export const NODE_FILES: readonly string[] = [
  "/opt/mesosphere/etc/user.config.yaml",
  "/opt/mesosphere/etc/expanded.config.json",
  "/opt/mesosphere/etc/dcos-version.json",
  "/opt/mesosphere/bin/detect_ip",
  "/opt/mesosphere/active.buildinfo.full.json",
  "/var/lib/dcos/mesos-slave-common",
  "/var/lib/dcos/mesos-resources",
  "/var/lib/dcos/marathon/environment",
];

/** What the packages are generated from, beside the installer (dcos.md 4.1). */
const GENCONF_FILES = ["config.yaml", "ip-detect", "ip-detect-public", "fault-domain-detect", "license.txt"];

const NODES_AT_ONCE = 50;
const TIMEOUT_MS = 60_000;
const LARGEST_BYTES = 4 * 1024 * 1024;

interface Kept {
  readonly target: string;
  readonly path: string;
  readonly sha256: string;
}

/** The folders with a genconf the target's packages may come from. */
function genconfFolders(inventory: Inventory, version: string | undefined): readonly string[] {
  const installers = inventory.bootstrap?.installers ?? {};
  const own = version === undefined ? undefined : installers[version];
  return own === undefined ? [] : [posix.join(posix.dirname(own), "genconf")];
}

/** Lists the files on one machine and fetches each content that is not kept yet. Returns what it has, or why it could not be told. */
async function backUp(
  ctx: StepContext,
  target: string,
  paths: readonly string[],
  kept: Map<string, string>,
): Promise<readonly Kept[] | string> {
  const outcome = await ctx.remote.run(target, { argv: filesArgv(paths, false), sudo: true, timeoutMs: TIMEOUT_MS });
  if (outcome.kind !== "exited") return outcome.kind === "lost" ? outcome.reason : "no answer in time";
  const listing = parseListing(outcome.stdout);
  if (listing === null) return `exit code ${outcome.code}: ${outcome.stderr.trim().slice(0, 200)}`;
  const found: Kept[] = [];
  for (const [path, sha256] of listing.files) {
    if (sha256 === null) return `${path} could not be read`;
    found.push({ target, path, sha256 });
    if (kept.has(sha256)) continue;
    kept.set(sha256, path);
    const why = await fetchFile(ctx, target, path, sha256);
    if (why !== null) return why;
  }
  return found;
}

/** Configuration holds passwords and keys in too many forms to mask: every file is sealed. Null, or why it was not kept. */
async function fetchFile(ctx: StepContext, target: string, path: string, sha256: string): Promise<string | null> {
  const chunks: Buffer[] = [];
  const outcome = await ctx.remote.stream(
    target,
    { argv: ["cat", path], sudo: true, timeoutMs: TIMEOUT_MS, maxOutputBytes: LARGEST_BYTES },
    (chunk) => void chunks.push(chunk),
  );
  const bytes = Buffer.concat(chunks);
  if (outcome.kind !== "exited" || outcome.code !== 0)
    return `${path}: ${outcome.kind === "exited" ? `exit code ${outcome.code}` : "contact was lost"}`;
  if (createHash("sha256").update(bytes).digest("hex") !== sha256) return `${path} changed while it was read`;
  const node = ctx.inventory.nodes.some((one) => one.name === target) ? target : null;
  await ctx.recorded(
    await ctx.artifacts.put(
      {
        name: `config/${target}${path}`,
        mediaType: "application/octet-stream",
        step: ctx.step.address,
        node,
        evidenceOf: "configuration as it was",
        sealed: true,
      },
      bytes,
    ),
  );
  return null;
}

async function backUpAll(ctx: StepContext): Promise<Effect> {
  const kept = new Map<string, string>();
  const genconf = genconfFolders(ctx.inventory, ctx.plan.inputs["target"]);
  const machines = [
    ...ctx.inventory.nodes.map((node) => ({ target: node.name, paths: NODE_FILES })),
    ...(genconf.length === 0
      ? []
      : [{ target: "bootstrap", paths: genconf.flatMap((folder) => GENCONF_FILES.map((file) => posix.join(folder, file))) }]),
  ];
  const results = await mapBounded(machines, NODES_AT_ONCE, async ({ target, paths }) => ({
    target,
    found: await backUp(ctx, target, paths, kept),
  }));
  const troubled = results.flatMap(({ target, found }) => (typeof found === "string" ? [`${target}: ${found}`] : []));
  if (troubled.length > 0)
    return {
      kind: "failed",
      problem: {
        code: "config-backup",
        text: `${ctx.step.address}: the configuration of ${troubled.length} machines could not be kept`,
        expected: "the configuration of every machine",
        observed: troubled.slice(0, 5).join("; "),
        next: `Mend it, then: ${ctx.spell("retry", ctx.step.address)}`,
      },
    };
  const all = results.flatMap(({ found }) => (typeof found === "string" ? [] : found));
  const index = `${JSON.stringify(all, null, 1)}\n`;
  await ctx.recorded(
    await ctx.artifacts.put(
      {
        name: "config/index.json",
        mediaType: "application/json",
        step: ctx.step.address,
        node: null,
        evidenceOf: "which machine had which configuration",
      },
      index,
    ),
  );
  const where = genconf.length === 0 ? "; no genconf (the inventory names no installer for the target)" : "";
  return {
    kind: "done",
    note: `${all.length} files of ${machines.length} machines, ${kept.size} different contents${where}`,
    output: { files: all.length, contents: kept.size },
  };
}

/**
 * Keeps the configuration of every node and the genconf of the bootstrap machine, sealed; equal contents once
 * (workbook, upgrade steps 1.c: "Qualification of items such as config.yaml and ip-detect").
 */
export const configBackup: StepKind = {
  name: "dcos/config-backup",
  effect: "read",
  shows: () => [
    "user.config.yaml, expanded configuration, ip-detect and overrides of every node; genconf of the bootstrap machine; kept sealed",
  ],
  doIt: backUpAll,
};
