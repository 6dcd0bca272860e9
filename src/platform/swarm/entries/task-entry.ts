import type { Json, JsonRecord } from "../../../domain/json.ts";
import { list, number, record, text } from "../../../domain/json-fields.ts";
import type { NodeEntry } from "./node-entry.ts";

/** A task (`GET /tasks`): one attempt to fill a place of a service. */
export interface TaskEntry {
  readonly id: string;
  readonly serviceId: string;
  /** Null until it is assigned. */
  readonly nodeId: string | null;
  /** Null for a task of a global service, which has its node instead. */
  readonly slot: number | null;
  readonly image: string;
  readonly desired: string;
  readonly state: string;
  /** When it came into this state. */
  readonly at: string;
  readonly createdAt: string;
  readonly message: string | null;
  readonly error: string | null;
  readonly exitCode: number | null;
  /** What it was made from: its service's task template at that time. */
  readonly template: JsonRecord;
}

function taskEntry(value: Json): TaskEntry {
  const task = record(value);
  const status = record(task["Status"]);
  const container = record(status["ContainerStatus"]);
  const state = text(status["State"]) ?? "unknown";
  return {
    id: text(task["ID"]) ?? "",
    serviceId: text(task["ServiceID"]) ?? "",
    nodeId: text(task["NodeID"]),
    slot: number(task["Slot"]),
    image: text(record(record(task["Spec"])["ContainerSpec"])["Image"]) ?? "",
    desired: text(task["DesiredState"]) ?? "unknown",
    state,
    at: text(status["Timestamp"]) ?? "",
    createdAt: text(task["CreatedAt"]) ?? "",
    message: text(status["Message"]),
    error: text(status["Err"]) === "" ? null : text(status["Err"]),
    // A running task says 0 as well.
    exitCode: state === "failed" || state === "complete" ? number(container["ExitCode"]) : null,
    template: record(task["Spec"]),
  };
}

/** The tasks of a `GET /tasks` answer; null where it is none. */
export function parseTasks(value: Json | undefined): readonly TaskEntry[] | null {
  return Array.isArray(value) ? list(value as Json).map(taskEntry) : null;
}

/** The task is meant to run: what counts of a place; the rest is its history. */
export function isWanted(task: Pick<TaskEntry, "desired">): boolean {
  return task.desired === "running" || task.desired === "ready";
}

/**
 * Whether the task serves: meant to run, running, and on a node that is ready. Tasks of a node that is down say `running`, the last word
 * that was heard of them (swarm.md, "Task fields").
 */
export function isServing(task: TaskEntry, nodes: readonly Pick<NodeEntry, "id" | "state">[]): boolean {
  if (task.desired !== "running" || task.state !== "running") return false;
  return nodes.find((node) => node.id === task.nodeId)?.state === "ready";
}

/** Where a task has its place: a slot, or a node for a global service. Attempts at one place follow each other. */
export function placeOf(task: Pick<TaskEntry, "slot" | "nodeId">): string {
  return task.slot === null || task.slot === 0 ? (task.nodeId ?? "") : String(task.slot);
}

/** The tasks by place, each place with its newest attempt first. */
export function byPlace(tasks: readonly TaskEntry[]): ReadonlyMap<string, readonly TaskEntry[]> {
  const places = new Map<string, TaskEntry[]>();
  for (const task of tasks) {
    const place = placeOf(task);
    const known = places.get(place);
    if (known === undefined) places.set(place, [task]);
    else known.push(task);
  }
  const newest = (a: TaskEntry, b: TaskEntry): number =>
    Number(isWanted(b)) - Number(isWanted(a)) || (a.createdAt < b.createdAt ? 1 : a.createdAt > b.createdAt ? -1 : 0);
  return new Map(
    [...places]
      .toSorted(([a], [b]) => Number(a) - Number(b) || (a < b ? -1 : 1))
      .map(([place, attempts]) => [place, attempts.toSorted(newest)]),
  );
}
