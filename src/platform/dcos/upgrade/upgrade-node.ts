import { parseDuration } from "../../../domain/duration.ts";
import type { InventoryNode } from "../../../domain/inventory.ts";
import { allSteps } from "../../../domain/plan.ts";
import type { Problem } from "../../../domain/errors.ts";
import type { Effect, Look, StepContext, StepKind } from "../../../engine/ports.ts";
import type { JobEnd } from "../../../action/remote-job-wait.ts";
import type { JobPlace } from "../../../action/remote-job.ts";
import { text } from "../../../domain/json-fields.ts";
import { readNode, type NodeReport } from "../facts/node-facts.ts";
import { checksBefore } from "./checks-before.ts";
import { failed, fetchScript, SCRIPT_FILE } from "./fetch-script.ts";
import { keepJournal } from "./node-journal.ts";
import { judgeScriptEnd, judgeVanished } from "./script-outcome.ts";
import { afterLine, ended, FIRST_PHASE, phasesJson, phasesText, titleOf } from "./script-phases.ts";
import { scriptFlags } from "./script-text.ts";
import { findJob, followJob, startStepJob, type JobResult } from "../../../action/step-job.ts";
import { scriptOutput, upgradeScript, type ScriptOutput } from "./upgrade-script.ts";

/** Sensible defaults where nobody publishes a figure (dcos.md 4.6). */
const RUN_LIMIT_MS = 30 * 60_000;
const UNREACHABLE_MS = 5 * 60_000;

function targetOf(ctx: StepContext): string {
  return text(ctx.step.with["target"]) ?? ctx.plan.inputs["target"] ?? "";
}

function durationOf(ctx: StepContext, name: string, defaultMs: number): number {
  return parseDuration(text(ctx.step.with[name]) ?? "") ?? defaultMs;
}

/** What an earlier step of this run recorded about the script. */
function scriptOf(ctx: StepContext): ScriptOutput | null {
  const step = allSteps(ctx.plan).find((one) => one.kind === upgradeScript.name);
  return step === undefined ? null : scriptOutput(ctx.record(step.address).output);
}

async function reportOf(ctx: StepContext, node: InventoryNode): Promise<NodeReport | null> {
  const answer = await readNode(ctx.remote, ctx.inventory, node);
  return answer.kind === "read" ? answer.report : null;
}

type Verdict = Extract<Effect, { kind: "done" | "failed" | "unknown" }>;

/** The verdict on how the job ended; a problem tells where the script's own output lies. */
async function judgeResult(ctx: StepContext, node: InventoryNode, result: JobResult): Promise<Verdict> {
  const verdict = await judgeEnd(ctx, node, result);
  if (verdict.kind === "done" || result.evidence.length === 0) return verdict;
  return { ...verdict, problem: { ...verdict.problem, evidence: [...(verdict.problem.evidence ?? []), ...result.evidence] } };
}

async function judgeEnd(ctx: StepContext, node: InventoryNode, { end, stdout, stderr }: JobResult): Promise<Verdict> {
  const target = targetOf(ctx);
  switch (end.kind) {
    case "ended": {
      const report = end.code === 0 ? null : await reportOf(ctx, node);
      return judgeScriptEnd({ node: node.name, code: end.code, stdout, stderr, report, target });
    }
    case "gone":
      return judgeVanished(node.name, end.why, await reportOf(ctx, node), target);
    case "unreachable":
    case "overdue":
      return { kind: "unknown", problem: lostProblem(ctx, node, end) };
  }
}

/** What was last heard and known of a job whose node fell silent, kept: the only evidence there is. */
async function keepSilence(ctx: StepContext, node: InventoryNode, place: JobPlace, result: JobResult): Promise<JobResult> {
  if (result.end.kind !== "unreachable" && result.end.kind !== "overdue") return result;
  const attempt = Math.max(1, ctx.record(ctx.step.address).attempts);
  const kept = await ctx.artifacts.put(
    {
      name: `${ctx.step.address}/contact${attempt === 1 ? "" : `-${attempt}`}.json`,
      mediaType: "application/json",
      step: ctx.step.address,
      node: node.name,
      evidenceOf: `what ${node.name} last answered about its upgrade script`,
    },
    `${JSON.stringify({ node: node.name, address: node.address, job: place.folder, at: new Date(ctx.clock.now()).toISOString(), ...result.end, stdoutBytes: result.stdout.length, stderrBytes: result.stderr.length })}\n`,
  );
  await ctx.recorded(kept);
  return { ...result, evidence: [`artifacts/${kept.sha256}`, ...result.evidence] };
}

function lostProblem(ctx: StepContext, node: InventoryNode, end: Extract<JobEnd, { kind: "unreachable" | "overdue" }>): Problem {
  const next = `Look at ${node.name} before you touch it; when it answers again, the job's own record tells how its script went.`;
  if (end.kind === "overdue")
    return {
      code: "script-overdue",
      text: `${node.name}: the upgrade script still runs.`,
      node: node.name,
      expected: `an end within ${Math.round(end.afterMs / 60_000)} min`,
      observed: "running",
      next,
    };
  if (end.code.startsWith("host-key-"))
    return {
      code: `contact-lost.${end.code}`,
      text: `Another machine answers in the place of ${node.name}, or it was given another host key, while its upgrade script was running.`,
      node: node.name,
      expected: "the host key that known_hosts has",
      observed: end.reason,
      next: `Look at ${node.name} by its console. The new key is trusted only when you have put it into known_hosts yourself; before that nothing goes on.`,
    };
  return {
    code: `contact-lost.${end.code}`,
    text: `${node.name} has fallen silent while its upgrade script was running.`,
    node: node.name,
    expected: "an answer about the job",
    observed: `${end.reason}, for ${Math.round(end.forMs / 1_000)} s`,
    next,
  };
}

function jobCommand(place: JobPlace, target: string): string {
  return ["bash", `'${place.folder}/${SCRIPT_FILE}'`, ...scriptFlags(target)].join(" ");
}

/** A script to follow, and what DC/OS's own checks said before it was started. */
interface Begun {
  readonly place: JobPlace;
  readonly before: string | null;
}

/** Fetches and starts the script, or joins the one that is there already; an effect where there is nothing to follow. */
async function begin(ctx: StepContext, node: InventoryNode): Promise<Begun | Effect> {
  const found = await findJob(ctx, node.name);
  if (found.kind === "no-answer")
    return {
      kind: "unknown",
      problem: {
        code: `contact-lost.${found.code}`,
        text: `${node.name} cannot be asked about its upgrade job.`,
        node: node.name,
        observed: found.reason,
        next: `When it answers again: ${ctx.spell("resume")}`,
      },
    };
  if (found.kind === "job") {
    ctx.say(found.running ? "joining the script that is running" : "reading how the script ended");
    return { place: found.place, before: null };
  }
  const before = await reportOf(ctx, node);
  if (before?.version === targetOf(ctx) && before.installProgress === false)
    return { kind: "done", note: `the node is at ${before.version} already (found so); the gates verify` };
  const script = scriptOf(ctx);
  if (script === null)
    return failed(node, {
      code: "no-script",
      text: "No earlier step of this run recorded an upgrade script.",
      expected: `a completed ${upgradeScript.name} step`,
      observed: "none",
    });
  if (script.to !== targetOf(ctx))
    return failed(node, {
      code: "script-wrong-versions",
      text: "The recorded script is for another target.",
      expected: targetOf(ctx),
      observed: script.to,
    });
  const asked = await checksBefore(ctx, node);
  if (asked.kind === "refused") return { kind: "failed", problem: asked.problem };
  const trouble = await fetchScript(ctx, node, found.place, script);
  if (trouble !== null) return trouble;
  const begun = await startStepJob(ctx, node.name, found.place, jobCommand(found.place, script.to));
  if (begun.kind === "no-answer" && !begun.sent)
    return failed(node, {
      code: `ssh.${begun.code}`,
      text: `${node.name} does not answer; nothing was started.`,
      observed: begun.reason,
    });
  if (begun.kind === "no-answer" && begun.code === "job-shell-failed")
    return failed(node, {
      code: "job-not-started",
      text: `The job could not be started on ${node.name}.`,
      observed: begun.reason,
    });
  return { place: found.place, before: asked.kind === "passed" ? asked.observed : null };
}

async function upgrade(ctx: StepContext): Promise<Effect> {
  const { node } = ctx;
  if (node === null) return { kind: "failed", problem: { code: "no-node", text: `${ctx.step.address} needs a node` } };
  const begun = await begin(ctx, node);
  if ("kind" in begun) return begun;
  const limits = {
    runMs: durationOf(ctx, "limit", RUN_LIMIT_MS),
    unreachableMs: durationOf(ctx, "contact-limit", UNREACHABLE_MS),
  };
  const fromMs = ctx.clock.monotonic();
  const nowMs = (): number => ctx.clock.monotonic() - fromMs;
  let phases = FIRST_PHASE;
  ctx.say(`the script ${titleOf("look")}`);
  const followed = await followJob(ctx, node.name, begun.place, limits, (line) => {
    const next = afterLine(phases, line, nowMs());
    const begins = next.phases.length > phases.phases.length ? next.phases.at(-1) : undefined;
    if (begins !== undefined) ctx.say(`the script ${titleOf(begins.phase)}`);
    phases = next;
  });
  const endMs = nowMs();
  const verdict = await judgeResult(ctx, node, await keepSilence(ctx, node, begun.place, followed));
  if (verdict.kind !== "done") return verdict;
  const all = ended(phases);
  return {
    ...verdict,
    note: `${verdict.note ?? ""}; ${phasesText(all, endMs)}`,
    output: { ...phasesJson(all, endMs), checksBefore: begun.before },
  };
}

/** How the node looks: the job's own record first, then the version file and the marker of a half-done activation. */
async function look(ctx: StepContext): Promise<Look> {
  const { node } = ctx;
  if (node === null) return { kind: "not-begun" };
  const found = await findJob(ctx, node.name);
  if (found.kind === "no-answer")
    return {
      kind: "cannot-tell",
      problem: {
        code: `contact-lost.${found.code}`,
        text: `${node.name} does not answer.`,
        node: node.name,
        observed: found.reason,
      },
    };
  if (found.kind === "job" && found.running) return { kind: "running", note: "the script still runs on the node" };
  if (found.kind === "job") {
    const verdict = await judgeResult(
      ctx,
      node,
      await followJob(ctx, node.name, found.place, { runMs: 0, unreachableMs: 30_000 }),
    );
    if (verdict.kind === "unknown") return { kind: "cannot-tell", problem: verdict.problem };
    return verdict.kind === "done"
      ? { kind: "done", note: verdict.note ?? "the script ended" }
      : { kind: "failed", problem: verdict.problem };
  }
  const report = await reportOf(ctx, node);
  const target = targetOf(ctx);
  if (report?.version === target && report.installProgress === false)
    return { kind: "done", note: `no job of this step, but the node is at ${target}; the gates verify` };
  if (report !== null && report.version !== null && report.installProgress === false) return { kind: "not-begun" };
  return {
    kind: "cannot-tell",
    problem: {
      code: "node-unclear",
      text: `${node.name}: no job of this step, and the node is in between.`,
      node: node.name,
      expected: "a version file and no install_progress",
      observed:
        report === null
          ? "the node cannot be read"
          : `version ${report.version ?? "unreadable"}, install_progress ${String(report.installProgress)}`,
      next: "Look at the node before anything else.",
    },
  };
}

/**
 * Upgrades one node: the recorded script fetched and compared on the node, run as root as a job that outlives the connection,
 * its exit code read by the table of dcos.md 4.7. Starting twice starts once; a retry is another job.
 */
export const upgradeNode: StepKind = {
  name: "dcos/upgrade-node",
  effect: "restart",
  shows(step) {
    const flags = scriptFlags(text(step.with["target"]) ?? "");
    const check = text(step.with["checks-before"]);
    return [
      ...(check === null ? [] : [`check ${check}: DC/OS's own checks, one type at a time`]),
      `curl -fsSL -o ${SCRIPT_FILE} <script URL>; sha256sum compared`,
      ["sudo bash", SCRIPT_FILE, ...flags].join(" "),
      "journalctl --since <when the step began>",
    ];
  },
  plannedMs: (step) => parseDuration(text(step.with["planned"]) ?? ""),
  doIt: upgrade,
  probe: look,
  keep: keepJournal,
};
