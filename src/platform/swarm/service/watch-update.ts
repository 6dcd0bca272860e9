import { formatDuration } from "../../../domain/duration.ts";
import type { StepContext } from "../../../engine/ports.ts";
import type { Managers } from "../access/managers.ts";
import type { ServiceEntry } from "../entries/service-entry.ts";
import { readNodeNames, readService, type ServiceReading } from "./service-calls.ts";
import { blamedTask, errorLines, failedTasks, taskErrors, unplacedTasks } from "./task-words.ts";
import { judgeUpdate, progressOf, wantedTasks, type UpdateOutcome, type Watched } from "./update-outcome.ts";

/** Twice within the second a failing update has to be told in. */
const EVERY_MS = 400;
/** An update whose tasks differ begins within a tenth of a second; what has not begun by then has no task to replace. */
const QUIET_MS = 10_000;
/** A task may be slow to place for a moment; one that still waits then waits for ever (swarm.md: pending never fails an update). */
const UNPLACED_MS = 60_000;
/** Where no update judges the tasks, so many failures beyond one of each say that they will not stay up. */
const FAILURES = 3;
/** Kinds of trouble that are journalled; more of them say nothing new. */
const MOST_NOTICES = 20;

/** How watching ended; `over`: the update did not end in the time it may take. */
export type WatchEnd =
  | {
      readonly kind: "ended";
      readonly outcome: UpdateOutcome;
      readonly reading: ServiceReading;
      readonly errors: readonly string[];
    }
  | {
      readonly kind: "late" | "unplaced" | "failing";
      readonly reading: ServiceReading;
      readonly errors: readonly string[];
      readonly after: string;
    }
  | { readonly kind: "gone" }
  | { readonly kind: "no-answer"; readonly why: string };

export interface WatchRequest {
  readonly service: string;
  /** `StartedAt` of the status before anything was sent. */
  readonly before: string | null;
  /** Whether a service holds what was wanted. */
  readonly isOurs: (service: ServiceEntry) => boolean;
  readonly withinMs: number;
  /** Tasks made since then count, until an update is seen to begin (an API timestamp; empty: all of them). Null: none do. */
  readonly since: string | null;
}

/** Whether the outcome is an end, or work goes on. */
function isEnd(outcome: UpdateOutcome, quietMs: number): boolean {
  switch (outcome.kind) {
    case "not-arrived":
      return quietMs >= QUIET_MS;
    case "settling":
      return outcome.converged && (outcome.same || quietMs >= QUIET_MS);
    case "running":
    case "rolling-back":
      return false;
    case "completed":
    case "paused":
    case "rolled-back":
    case "rollback-paused":
    case "replaced":
    case "unreadable":
      return true;
  }
}

function startOf(outcome: UpdateOutcome): string | null {
  return "startedAt" in outcome ? outcome.startedAt : null;
}

/** Progress in a line, told where it changes. */
function progressLine(outcome: UpdateOutcome, { service, tasks }: ServiceReading): string {
  const { serving, renewed, wanted } = progressOf(service, tasks);
  const counts = `${serving} of ${wanted} tasks serve, ${renewed} of them as the spec is now`;
  switch (outcome.kind) {
    case "not-arrived":
      return `${service.name}: the change has not arrived yet`;
    case "settling":
      return `${service.name}: ${counts}`;
    case "running":
      return `${service.name}: updating, ${counts}`;
    case "rolling-back":
      return `${service.name}: ${outcome.automatic ? "THE MANAGERS ROLL IT BACK" : "somebody rolls it back"}: ${outcome.message}; ${counts}`;
    case "completed":
    case "paused":
    case "rolled-back":
    case "rollback-paused":
    case "replaced":
    case "unreadable":
      return `${service.name}: ${outcome.kind}, ${counts}`;
  }
}

/**
 * Follows an update of a service to its end, whichever manager answers: progress and the tasks' own errors are told as soon as a reading
 * shows them. Only reads.
 */
export async function watchUpdate(ctx: StepContext, managers: Managers, request: WatchRequest): Promise<WatchEnd> {
  const begunMs = ctx.clock.monotonic();
  let watched: Watched = { before: request.before, mine: null };
  let since = request.since;
  let unplacedSince: number | null = null;
  const told = new Set<string>();
  let nodeName: ((id: string) => string) | null = null;
  /** Told the first time, and to whoever reads the record later. */
  const notice = async (key: string, line: string): Promise<void> => {
    if (told.has(key) || told.size > MOST_NOTICES) return;
    told.add(key);
    await ctx.notice(request.service, line);
  };
  let progress = "";
  for (;;) {
    const answer = await readService(managers, request.service);
    if (answer.kind === "none") return { kind: "gone" };
    if (answer.kind === "no-answer") return { kind: "no-answer", why: answer.why };
    const { service, tasks } = answer;
    const ours = request.isOurs(service);
    const outcome = judgeUpdate(watched, { service, tasks, ours });
    const begun = startOf(outcome);
    if (begun !== null && watched.mine === null && outcome.kind !== "replaced") {
      watched = { ...watched, mine: begun };
      since = begun;
    }
    const nowMs = ctx.clock.monotonic();
    const unplaced = unplacedTasks(tasks);
    unplacedSince = unplaced.length === 0 ? null : (unplacedSince ?? nowMs);
    const failed = since === null ? [] : failedTasks(tasks, since);
    // Said before the bad tasks' names are known: nothing waits for a list of nodes that may be slow to come.
    const line = progressLine(outcome, answer);
    if (line !== progress) ctx.say(line);
    progress = line;
    if (outcome.kind === "rolling-back") await notice(outcome.kind, line);
    const trouble = [...failed, ...unplaced];
    if (trouble.length > 0) nodeName ??= await readNodeNames(managers, ctx);
    const words = nodeName ?? ((id: string): string => id);
    for (const one of taskErrors(service.name, trouble, words, blamed(outcome))) await notice(one.key, one.line);
    const errors = errorLines(service.name, trouble, words, blamed(outcome));
    if (isEnd(outcome, nowMs - begunMs)) return { kind: "ended", outcome, reading: answer, errors };
    if (unplacedSince !== null && nowMs - unplacedSince >= UNPLACED_MS)
      return { kind: "unplaced", reading: answer, errors, after: formatDuration(nowMs - unplacedSince) };
    if (outcome.kind === "settling" && failed.length >= FAILURES + (wantedTasks(service) ?? 0))
      return { kind: "failing", reading: answer, errors, after: formatDuration(nowMs - begunMs) };
    if (nowMs - begunMs >= request.withinMs)
      return { kind: "late", reading: answer, errors, after: formatDuration(nowMs - begunMs) };
    await ctx.clock.sleep(EVERY_MS);
  }
}

function blamed(outcome: UpdateOutcome): string | null {
  return "message" in outcome ? blamedTask(outcome.message) : null;
}
