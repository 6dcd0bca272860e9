import { formatDuration } from "../../../domain/duration.ts";
import type { Problem } from "../../../domain/errors.ts";
import type { JsonRecord } from "../../../domain/json.ts";
import type { Effect, Look, StepContext, StepKind } from "../../../engine/ports.ts";
import { mastersOf, urlOf } from "../contract.ts";
import { getJson } from "../http-reading.ts";
import { list, record, text } from "../../../domain/json-fields.ts";
import { askMarathon } from "../marathon.ts";
import { TASK_PAGE } from "../mesos.ts";
import { lookAtApp, sendMarathon } from "./marathon-call.ts";
import { appsToRemove, isOwn, REMOVE_APP, type BegunApp } from "./temporary-app.ts";

const WITHIN_MS = 120_000;
const EVERY_MS = 5_000;
/** Pages of tasks looked at: 200,000 tasks. */
const MOST_PAGES = 100;
const LONG = { timeoutMs: 60_000, followRedirects: 1 };
/** States of a task that still holds its place on an agent. */
const ALIVE: readonly string[] = ["TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_KILLING"];

/** The apps this step removes: those of one step of its phase, or all that the run has begun to make. */
function appsOf(ctx: StepContext): readonly BegunApp[] {
  return appsToRemove(ctx.plan, ctx.run, ctx.step, ctx.record);
}

/** Whether nothing but this app's own deployments lock it: then they are given up with it. Locks that nobody names may be anybody's. */
async function onlyOwnDeployments(ctx: StepContext, id: string, locks: readonly string[]): Promise<boolean> {
  const read = await askMarathon(ctx.remote, ctx.inventory, "/v2/deployments");
  if (!read.ok) return false;
  const open = list(read.value)
    .map(record)
    .filter((one) => locks.includes(text(one["id"]) ?? ""));
  if (locks.length === 0 || open.length < locks.length) return false;
  return open.every((one) => {
    const affected = [...list(one["affectedApps"]), ...list(one["affectedPods"])];
    return affected.length > 0 && affected.every((other) => other === id);
  });
}

/**
 * Whether the leading Mesos master lists a task of the app that is not at its end: every page is looked at, the newest first, because an
 * app may have run for hours beside many others. Null: it cannot be told.
 */
async function hasTasks(ctx: StepContext, id: string): Promise<boolean | null> {
  const prefix = `${id.slice(1).replaceAll("/", "_")}.`;
  const living = (task: JsonRecord): boolean =>
    (text(task["id"]) ?? "").startsWith(prefix) && ALIVE.includes(text(task["state"]) ?? "");
  for (const node of mastersOf(ctx.inventory)) {
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const path = `/tasks?limit=${TASK_PAGE}&offset=${page * TASK_PAGE}&order=des`;
      const read = await getJson(ctx.remote, urlOf(ctx.inventory, node, "mesos-master", path), LONG);
      const tasks = read.ok ? record(read.value)["tasks"] : null;
      if (!Array.isArray(tasks)) break;
      if (list(tasks).map(record).some(living)) return true;
      if (tasks.length < TASK_PAGE) return false;
    }
  }
  return null;
}

/** One attempt: null when the app and its tasks are gone, else what was seen. `asked` is raised when a DELETE was taken. */
async function tryToRemove(ctx: StepContext, { id, step }: BegunApp, asked: { yes: boolean }): Promise<string | Problem | null> {
  const look = await lookAtApp(ctx.remote, ctx.inventory, id);
  if (look.kind === "no-answer") return look.why;
  if (look.kind === "absent") {
    const left = await hasTasks(ctx, id);
    return left === false ? null : left === null ? "no master lists its tasks" : "Mesos still lists its task";
  }
  if (!isOwn(look.app, ctx.run, step))
    return {
      code: "app-not-ours",
      text: `Marathon's app ${id} does not have the labels of this run; it was not touched.`,
      expected: `labels that name ${ctx.run} and ${step}`,
      observed: "other labels",
      next: "Find out who changed it, and remove it by hand.",
    };
  if (asked.yes) return "Marathon still has the app";
  const send = (path: string) => sendMarathon(ctx.remote, ctx.inventory, look.via, { method: "DELETE", path });
  const first = await send(`/v2/apps${id}`);
  const locked = first.kind === "refused" && first.status === 409;
  const sent = locked && (await onlyOwnDeployments(ctx, id, first.deployments)) ? await send(`/v2/apps${id}?force=true`) : first;
  if (sent.kind === "accepted") asked.yes = true;
  if (sent.kind === "accepted") return "being removed";
  return sent.kind === "refused" ? `${sent.status}: ${sent.message}` : sent.why;
}

async function removeOne(ctx: StepContext, app: BegunApp): Promise<Problem | null> {
  const endMs = ctx.clock.monotonic() + WITHIN_MS;
  const asked = { yes: false };
  for (;;) {
    const seen = await tryToRemove(ctx, app, asked);
    if (seen === null || typeof seen === "object") return seen;
    if (ctx.clock.monotonic() >= endMs)
      return {
        code: "app-not-removed",
        text: `${app.id}, which this run deployed, is still there.`,
        expected: `no app and no task of this name within ${formatDuration(WITHIN_MS)}`,
        observed: seen,
        next: `Remove it by hand (DELETE /v2/apps${app.id}), or when Marathon answers again: ${ctx.spell("retry", ctx.step.address)}`,
      };
    await ctx.clock.sleep(EVERY_MS);
  }
}

async function remove(ctx: StepContext): Promise<Effect> {
  const apps = appsOf(ctx);
  if (apps.length === 0) return { kind: "done", note: "none is left to remove" };
  const problems: Problem[] = [];
  for (const app of apps) {
    const problem = await removeOne(ctx, app);
    if (problem !== null) problems.push(problem);
  }
  const [first] = problems;
  if (first !== undefined) return { kind: "failed", problem: first };
  return { kind: "done", note: `gone, with their tasks: ${apps.map((app) => app.id).join(", ")}` };
}

async function probe(ctx: StepContext): Promise<Look> {
  for (const { id } of appsOf(ctx)) {
    const look = await lookAtApp(ctx.remote, ctx.inventory, id);
    if (look.kind === "there") return { kind: "not-begun" };
    if (look.kind === "no-answer")
      return {
        kind: "cannot-tell",
        problem: { code: "marathon-no-answer", text: `Marathon cannot be asked about ${id}.`, observed: look.why },
      };
  }
  return { kind: "done", note: "Marathon has none of this run's apps" };
}

/**
 * Removes apps that this run deployed, and no others: those of the step named by `with.of` (in the same phase, or by its whole
 * address), without it all of them. Done when Marathon has none of them and Mesos none of their tasks (dcos.md 11.4).
 */
export const removeApp: StepKind = {
  name: REMOVE_APP,
  effect: "write",
  shows: (step) => [
    `DELETE /v2/apps/…: ${text(step.with["of"]) ?? "every app this run deployed"}; wait until app and task are gone`,
  ],
  doIt: remove,
  probe,
};
