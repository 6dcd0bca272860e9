import type { ServiceEntry } from "../entries/service-entry.ts";
import { isWanted, type TaskEntry } from "../entries/task-entry.ts";
import { templatePrint } from "./spec-essence.ts";
import { servingTasks } from "./task-words.ts";

/** Whose update is watched. */
export interface Watched {
  /** `StartedAt` of the service's update status before anything was sent; null: it had none. */
  readonly before: string | null;
  /** `StartedAt` that was first seen as this update's; null: it has not been seen to begin. */
  readonly mine: string | null;
}

/** One look at a service. */
export interface Reading {
  readonly service: ServiceEntry;
  readonly tasks: readonly TaskEntry[];
  /** Its spec holds everything that was wanted. */
  readonly ours: boolean;
}

/** What an update status and the tasks mean for *this* update (swarm.md, transitions as observed). */
export type UpdateOutcome =
  /** The spec is as it was: what was sent has not arrived, or was never sent. */
  | { readonly kind: "not-arrived" }
  /** The spec is ours and no update has begun: none may be needed (a scale, labels, the same tasks), or it is about to begin. */
  | { readonly kind: "settling"; readonly converged: boolean; readonly same: boolean }
  | { readonly kind: "running"; readonly startedAt: string }
  /** Every task was replaced and the last batch's monitor time is over. Not: healthy. */
  | { readonly kind: "completed"; readonly startedAt: string }
  | { readonly kind: "paused"; readonly startedAt: string; readonly message: string }
  | { readonly kind: "rolling-back"; readonly startedAt: string; readonly message: string; readonly automatic: boolean }
  | { readonly kind: "rolled-back"; readonly startedAt: string; readonly message: string; readonly automatic: boolean }
  | { readonly kind: "rollback-paused"; readonly startedAt: string; readonly message: string; readonly automatic: boolean }
  /** Somebody else has changed the service since. */
  | { readonly kind: "replaced"; readonly startedAt: string | null; readonly state: string | null }
  | { readonly kind: "unreadable"; readonly state: string };

/**
 * Judges one look. The old status stays until the next update begins, so only a `StartedAt` that differs from the one before counts;
 * an automatic rollback keeps the update's own, a manual one begins anew; an update that changes no task removes the status.
 */
export function judgeUpdate({ before, mine }: Watched, { service, tasks, ours }: Reading): UpdateOutcome {
  const status = service.updateStatus;
  if (status === null || (status.startedAt === before && mine === null)) {
    if (!ours)
      return mine === null ? { kind: "not-arrived" } : { kind: "replaced", startedAt: null, state: status?.state ?? null };
    return { kind: "settling", converged: isConverged(service, tasks), same: tasksAreNew(service, tasks) };
  }
  const { state } = status;
  const [startedAt, message] = [status.startedAt ?? "", status.message ?? ""];
  // A rollback to what is wanted is somebody's own way to the same end; only where the update is ours is it the manager's doing.
  const automatic = mine === null ? !/manually/.test(message) : startedAt === mine;
  switch (state) {
    case "updating":
      return ours ? { kind: "running", startedAt } : { kind: "replaced", startedAt, state };
    case "completed":
      return ours ? { kind: "completed", startedAt } : { kind: "replaced", startedAt, state };
    case "paused":
      return ours ? { kind: "paused", startedAt, message } : { kind: "replaced", startedAt, state };
    case "rollback_started":
      return { kind: "rolling-back", startedAt, message, automatic };
    case "rollback_completed":
      return { kind: "rolled-back", startedAt, message, automatic };
    case "rollback_paused":
      return { kind: "rollback-paused", startedAt, message, automatic };
    default:
      return { kind: "unreadable", state };
  }
}

/** Tasks that should run, as the manager counts them, or as the spec says; null where neither does. */
export function wantedTasks(service: ServiceEntry): number | null {
  return service.desiredTasks ?? service.replicas;
}

/** As many tasks serve as the manager wants, and none that is meant to run does not. */
function isConverged(service: ServiceEntry, tasks: readonly TaskEntry[]): boolean {
  const wanted = tasks.filter(isWanted);
  const serving = servingTasks(tasks);
  return serving.length === wantedTasks(service) && wanted.length === serving.length;
}

/** Every task that is meant to run was made from the service's task template as it is now. */
function tasksAreNew(service: ServiceEntry, tasks: readonly TaskEntry[]): boolean {
  const template = templatePrint(service.spec["TaskTemplate"]);
  return tasks.filter(isWanted).every((one) => templatePrint(one.template) === template);
}

/** How many tasks of the service's present template serve, of how many are wanted: what a person follows an update by. */
export function progressOf(
  service: ServiceEntry,
  tasks: readonly TaskEntry[],
): { readonly serving: number; readonly renewed: number; readonly wanted: number } {
  const serving = servingTasks(tasks);
  const template = templatePrint(service.spec["TaskTemplate"]);
  const renewed = serving.filter((one) => templatePrint(one.template) === template).length;
  return { serving: serving.length, renewed, wanted: wantedTasks(service) ?? serving.length };
}
