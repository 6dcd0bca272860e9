import { isWanted, type TaskEntry } from "../entries/task-entry.ts";

/** States of a task that is over although nobody asked it to end. `complete` too: a process that a failed health check ended exits with 0 (swarm.md). */
const ENDED: readonly string[] = ["failed", "rejected", "complete", "orphaned"];

/** Tasks made since a moment (an API timestamp; empty: whenever) that have ended by themselves, newest first. */
export function failedTasks(tasks: readonly TaskEntry[], since: string): readonly TaskEntry[] {
  return tasks.filter((one) => ENDED.includes(one.state) && isSince(one, since));
}

/** Tasks that wait for a place, with the scheduler's reason: that never fails an update, it waits for ever (swarm.md). */
export function unplacedTasks(tasks: readonly TaskEntry[]): readonly TaskEntry[] {
  return tasks.filter((one) => one.state === "pending" && one.error !== null && isWanted(one));
}

/** Serving: meant to run, and running. */
export function servingTasks(tasks: readonly TaskEntry[]): readonly TaskEntry[] {
  return tasks.filter((one) => one.desired === "running" && one.state === "running");
}

/** API timestamps have nine digits or fewer of a second; they are compared as one text of equal length. */
function isSince(task: TaskEntry, since: string): boolean {
  return since === "" || task.createdAt === "" || even(task.createdAt) >= even(since);
}

function even(time: string): string {
  const [whole = "", fraction = ""] = time.replace(/Z$/, "").split(".");
  return `${whole}.${fraction.padEnd(9, "0")}`;
}

/** What one task says of itself: `web.3 on node4: failed: task: non-zero exit (1)`. `nodeName` turns a node's id into its name. */
function taskWords(service: string, task: TaskEntry, nodeName: (id: string) => string): string {
  const where = task.nodeId === null ? "" : ` on ${nodeName(task.nodeId)}`;
  const slot = task.slot === null || task.slot === 0 ? "" : `.${String(task.slot)}`;
  const said =
    task.error ??
    (task.state === "complete"
      ? "ended by itself, exit code 0 (a health check that never passed ends so)"
      : (task.message ?? "nothing"));
  const exit =
    task.exitCode === null || task.exitCode === 0 || said.includes(String(task.exitCode)) ? "" : `, exit code ${task.exitCode}`;
  return `${service}${slot}${where}: ${task.state}: ${said}${exit} (${task.image}, task ${task.id.slice(0, 12)})`;
}

/** One error of tasks, however many have it. `key` stays the same while more tasks come to it. */
export interface TaskError {
  readonly key: string;
  readonly line: string;
}

/** The same error of several tasks, told once with how many and one of them. `first`: the task the manager names goes before the others. */
export function errorLines(
  service: string,
  tasks: readonly TaskEntry[],
  nodeName: (id: string) => string,
  first: string | null = null,
): readonly string[] {
  return taskErrors(service, tasks, nodeName, first).map((one) =>
    one.more === 0 ? one.line : `${one.line}, and ${one.more} more ${one.more === 1 ? "task" : "tasks"} with the same words`,
  );
}

/** The errors of tasks by kind, each with one of its tasks and how many more there are. */
export function taskErrors(
  service: string,
  tasks: readonly TaskEntry[],
  nodeName: (id: string) => string,
  first: string | null = null,
): readonly (TaskError & { readonly more: number })[] {
  const named = [...tasks.filter((one) => one.id === first), ...tasks.filter((one) => one.id !== first)];
  const groups = new Map<string, TaskEntry[]>();
  for (const one of named) {
    const key = `${one.state} ${one.error ?? one.message ?? ""} ${String(one.exitCode)} ${one.image}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups].flatMap(([key, [one, ...rest]]) =>
    one === undefined ? [] : [{ key, line: taskWords(service, one, nodeName), more: rest.length }],
  );
}

/** The task a manager's message blames: "update paused due to failure or early termination of task ID". */
export function blamedTask(message: string): string | null {
  return /\btask ([a-z0-9]{10,})/.exec(message)?.[1] ?? null;
}
