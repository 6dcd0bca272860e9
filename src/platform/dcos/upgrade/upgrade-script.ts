import { createHash } from "node:crypto";
import { posix } from "node:path";
import { parseDuration } from "../../../domain/duration.ts";
import type { Problem } from "../../../domain/errors.ts";
import type { Json } from "../../../domain/json.ts";
import type { Plan } from "../../../domain/plan.ts";
import type { Effect, Look, StepContext, StepKind } from "../../../engine/ports.ts";
import { mastersOf } from "../contract.ts";
import { filesArgv, parseListing } from "../facts/files-script.ts";
import { record, text } from "../../../domain/json-fields.ts";
import { judgeScriptText, urlOfGenerator, type ScriptVersions } from "./script-text.ts";
import { digestNow } from "../preflight/read-configuration.ts";
import { findJob, followJob, startStepJob } from "../../../action/step-job.ts";

/** What the upgrade steps need of the script: where it is, what it must hash to, what it is for. */
export interface ScriptOutput {
  readonly url: string;
  readonly sha256: string;
  readonly from: string;
  readonly to: string;
}

const GENERATE_LIMIT_MS = 30 * 60_000;
const UNREACHABLE_MS = 5 * 60_000;
const FETCH_TIMEOUT_MS = 60_000;
const LARGEST_SCRIPT_BYTES = 4 * 1024 * 1024;

/** The version the nodes of this plan are left from; null where every node is at the target already. */
function fromVersion(plan: Plan): string | null {
  const given = plan.inputs["from"];
  if (given !== undefined) return given;
  const found = new Map<string, number>();
  for (const { version } of Object.values(plan.facts.nodes))
    if (version !== null && version !== plan.inputs["target"]) found.set(version, (found.get(version) ?? 0) + 1);
  return [...found].toSorted((a, b) => b[1] - a[1])[0]?.[0] ?? null;
}

/** A recorded output as a script; null where it is none. */
export function scriptOutput(value: Json): ScriptOutput | null {
  const output = record(value);
  const [url, sha256, from, to] = [text(output["url"]), text(output["sha256"]), text(output["from"]), text(output["to"])];
  return url === null || sha256 === null || from === null || to === null ? null : { url, sha256, from, to };
}

function targetOf(ctx: StepContext): string {
  return text(ctx.step.with["target"]) ?? ctx.plan.inputs["target"] ?? "";
}

/** The problem with what was seen kept as evidence: the bytes that came in the script's place, else what was asked and answered. */
async function withEvidence(ctx: StepContext, problem: Problem, served: Buffer | null): Promise<Problem> {
  if ((problem.evidence ?? []).length > 0) return problem;
  const { address } = ctx.step;
  const about = { step: address, node: null, evidenceOf: `why no script was provided: ${problem.code}` };
  const kept =
    served === null
      ? await ctx.artifacts.put(
          { ...about, name: `${address}/problem.json`, mediaType: "application/json" },
          `${JSON.stringify({ ...problem, at: new Date(ctx.clock.now()).toISOString() }, null, 1)}\n`,
        )
      : await ctx.artifacts.put({ ...about, name: `${address}/refused-script.txt`, mediaType: "text/plain" }, served);
  await ctx.recorded(kept);
  return { ...problem, evidence: [`artifacts/${kept.sha256}`] };
}

async function failed(ctx: StepContext, problem: Problem, served: Buffer | null = null): Promise<Effect> {
  const next = `Mend it, then: ${ctx.spell("retry", ctx.step.address)}`;
  return { kind: "failed", problem: { next, ...(await withEvidence(ctx, problem, served)) } };
}

/** The script's bytes as a node of the cluster gets them, because that is who will run it. */
async function download(ctx: StepContext, url: string): Promise<Buffer | Problem> {
  const [node] = mastersOf(ctx.inventory);
  if (node === undefined) return { code: "no-master", text: "The inventory has no master to fetch the script with." };
  const chunks: Buffer[] = [];
  const command = {
    argv: ["curl", "-fsSL", "--max-time", "60", url],
    timeoutMs: FETCH_TIMEOUT_MS + 15_000,
    maxOutputBytes: LARGEST_SCRIPT_BYTES,
  };
  const outcome = await ctx.remote.stream(node.name, command, (chunk) => void chunks.push(chunk));
  if (outcome.kind === "exited" && outcome.code === 0) return Buffer.concat(chunks);
  const observed =
    outcome.kind === "lost"
      ? outcome.reason
      : outcome.kind === "timed-out"
        ? "no answer in time"
        : `curl ended with ${outcome.code}: ${outcome.stderr.trim().slice(0, 200)}`;
  return {
    code: "script-unreachable",
    text: `${node.name} cannot fetch the upgrade script.`,
    node: node.name,
    expected: `the script at ${url}`,
    observed,
    next: "Look at the web server of the bootstrap machine and at the network between.",
  };
}

/** The generated file itself must be what is served: a web server on an old folder serves another one. Null: equal, or not there to compare. */
async function comparesWithServed(ctx: StepContext, installer: string, url: string, sha256: string): Promise<Problem | null> {
  const tail = /\/(upgrade\/[0-9A-Za-z_-]+\/dcos_node_upgrade\.sh)$/.exec(url)?.[1];
  if (tail === undefined) return null;
  const path = posix.join(posix.dirname(installer), "genconf", "serve", tail);
  const outcome = await ctx.remote.run("bootstrap", { argv: filesArgv([path], false), sudo: true, timeoutMs: FETCH_TIMEOUT_MS });
  const own = outcome.kind === "exited" ? parseListing(outcome.stdout)?.files.get(path) : null;
  if (own === null || own === undefined || own === sha256) return null;
  return {
    code: "script-not-served",
    text: "The bootstrap machine serves another file than the one that was generated.",
    expected: own,
    observed: sha256,
    next: "Point the web server to this installer's genconf/serve, then retry.",
  };
}

async function verify(
  ctx: StepContext,
  url: string,
  versions: ScriptVersions,
  wanted: string | null,
  installer: string | null,
): Promise<Effect> {
  const bytes = await download(ctx, url);
  if (!Buffer.isBuffer(bytes)) return failed(ctx, bytes);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const problem =
    judgeScriptText(bytes.toString("utf8"), versions) ??
    (installer === null ? null : await comparesWithServed(ctx, installer, url, sha256));
  if (problem !== null) return failed(ctx, problem, bytes);
  if (wanted !== null && wanted !== sha256)
    return failed(
      ctx,
      {
        code: "script-digest",
        text: "The script is not the one the inventory names.",
        expected: wanted,
        observed: sha256,
        next: "Correct the inventory's sha256 only after reading the script.",
      },
      bytes,
    );
  const stored = await ctx.artifacts.put(
    {
      name: "dcos_node_upgrade.sh",
      mediaType: "text/x-shellscript",
      step: ctx.step.address,
      node: null,
      evidenceOf: "the script every node runs",
    },
    bytes,
  );
  await ctx.recorded(stored);
  return {
    kind: "done",
    note: `${versions.from} → ${versions.to}, SHA-256 ${sha256.slice(0, 12)}…, ${url}`,
    output: { url, sha256, ...versions },
  };
}

/** One word of a shell text: nothing inside single quotes is interpreted. */
function word(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** The text that a job on the bootstrap machine runs; for `sh`. */
export function generatorCommand(installer: string, from: string): string {
  return `cd ${word(posix.dirname(installer))} && bash ${word(installer)} --generate-node-upgrade-script ${word(from)}`;
}

/** What the plan was made from must be what is generated: a config.yaml that was changed since was compared by nobody. Null: it is the same. */
async function changedSincePlan(ctx: StepContext, installer: string): Promise<Problem | null> {
  const planned = text(record(record(ctx.plan.facts.baseline)["configuration"])["targetSha256"]);
  if (planned === null) return null;
  const genconf = posix.join(posix.dirname(installer), "genconf");
  const now = await digestNow(ctx.remote, genconf);
  if (now === planned) return null;
  return {
    code: "configuration-changed",
    text: "The configuration of the target was changed after this run was planned.",
    expected: `${genconf}/config.yaml with SHA-256 ${planned}`,
    observed: now ?? "it could not be read",
    next: "Put it back as it was, or start a new run: its preflight compares it with what is installed.",
  };
}

async function generate(ctx: StepContext, installer: string, versions: ScriptVersions): Promise<Effect> {
  const found = await findJob(ctx, "bootstrap");
  const changed = found.kind === "none" ? await changedSincePlan(ctx, installer) : null;
  if (changed !== null) return failed(ctx, changed);
  if (found.kind === "no-answer")
    return failed(ctx, { code: `ssh.${found.code}`, text: "The bootstrap machine does not answer.", observed: found.reason });
  if (found.kind === "none") {
    const begun = await startStepJob(ctx, "bootstrap", found.place, generatorCommand(installer, versions.from));
    if (begun.kind === "no-answer" && !begun.sent)
      return failed(ctx, { code: `ssh.${begun.code}`, text: "The bootstrap machine does not answer.", observed: begun.reason });
  }
  const { end, stdout, stderr, evidence } = await followJob(ctx, "bootstrap", found.place, {
    runMs: GENERATE_LIMIT_MS,
    unreachableMs: UNREACHABLE_MS,
  });
  if (end.kind !== "ended") {
    const observed = end.kind === "overdue" ? "it still runs" : end.kind === "unreachable" ? end.reason : end.why;
    const lost: Problem = {
      code: "generator-lost",
      text: "How the generator ended is not known.",
      expected: "the URL of the script",
      observed,
      evidence,
      next: "Look at the bootstrap machine; generating again only adds another folder.",
    };
    return { kind: "unknown", problem: await withEvidence(ctx, lost, null) };
  }
  const url = urlOfGenerator(stdout);
  if (end.code !== 0 || url === null) {
    const said = (stderr.trim() || stdout.trim()).split("\n").slice(-3).join("; ").slice(0, 400);
    return failed(ctx, {
      code: "generator-failed",
      text: "The upgrade script was not generated.",
      expected: "exit code 0 and the script's URL",
      observed: `exit code ${end.code}; ${said}`,
      evidence,
      next: "Mostly genconf/config.yaml is not valid for the target version: read the generator's output.",
    });
  }
  return verify(ctx, url, versions, null, installer);
}

async function provide(ctx: StepContext): Promise<Effect> {
  const to = targetOf(ctx);
  const from = fromVersion(ctx.plan);
  if (from === null) return { kind: "done", note: `every node is at ${to}: no script is needed` };
  if (!/^[0-9A-Za-z.+-]+$/.test(from))
    return failed(ctx, { code: "version-unreadable", text: "The installed version is no version.", observed: from.slice(0, 80) });
  const prepared = ctx.inventory.scripts[to];
  if (prepared !== undefined) return verify(ctx, prepared.url, { from, to }, prepared.sha256, null);
  const installer = ctx.inventory.bootstrap?.installers[to];
  if (installer !== undefined) return generate(ctx, installer, { from, to });
  return failed(ctx, {
    code: "no-script-source",
    text: `The inventory says nowhere where the upgrade script to ${to} comes from.`,
    expected: `bootstrap.installers["${to}"] or scripts["${to}"]`,
    observed: `installers for ${Object.keys(ctx.inventory.bootstrap?.installers ?? {}).join(", ") || "none"}, scripts for ${Object.keys(ctx.inventory.scripts).join(", ") || "none"}`,
  });
}

/** Generating again would only leave another folder behind, so a look never has to say no: the job or its absence tells. */
async function look(ctx: StepContext): Promise<Look> {
  // A prepared script is only fetched and looked at: nothing can be half done.
  if (ctx.inventory.bootstrap === undefined || ctx.inventory.scripts[targetOf(ctx)] !== undefined) return { kind: "not-begun" };
  const found = await findJob(ctx, "bootstrap");
  if (found.kind === "no-answer")
    return {
      kind: "cannot-tell",
      problem: { code: `ssh.${found.code}`, text: "The bootstrap machine does not answer.", observed: found.reason },
    };
  return found.kind === "none"
    ? { kind: "not-begun" }
    : { kind: "running", note: found.running ? "the generator still runs" : "the generator has ended; its answer will be read" };
}

/**
 * Provides the node upgrade script: generated on the bootstrap machine in the installer's own folder, or the one the inventory
 * names; fetched as a node gets it, looked at, its baked-in versions and digest recorded, before any node is touched.
 */
export const upgradeScript: StepKind = {
  name: "dcos/upgrade-script",
  effect: "write",
  shows(step, inventory) {
    const to = text(step.with["target"]) ?? "";
    const prepared = inventory.scripts[to];
    if (prepared !== undefined) return [`curl -fsSL ${prepared.url} (SHA-256 ${prepared.sha256.slice(0, 12)}…)`];
    const installer = inventory.bootstrap?.installers[to];
    return installer === undefined
      ? [`no source for the script to ${to} in the inventory`]
      : [
          `on the bootstrap machine: cd ${posix.dirname(installer)} && bash ${installer} --generate-node-upgrade-script <installed version>`,
        ];
  },
  plannedMs: (step) => parseDuration(text(step.with["planned"]) ?? ""),
  doIt: provide,
  probe: look,
};
