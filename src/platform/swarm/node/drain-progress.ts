import type { Json, JsonRecord } from "../../../domain/json.ts";
import { list, number, record, text } from "../../../domain/json-fields.ts";
import { isServing, isWanted, type TaskEntry } from "../entries/task-entry.ts";
import type { SwarmMoment } from "./swarm-now.ts";

/** States a task does not leave any more (swarm.md, "Task fields"). */
const ENDED = new Set(["complete", "failed", "shutdown", "rejected", "orphaned", "remove"]);

/** How far a drain is. Done when both lists are empty. */
export interface DrainProgress {
  /** Tasks that still live on the node: `web.3 (running)`. */
  readonly left: readonly string[];
  /** Services with fewer tasks serving than they should have: `web: 2 of 3 serve`, with what keeps the others. */
  readonly short: readonly string[];
}

/** Tasks of a node that have not ended. */
export function liveTasks(tasks: readonly TaskEntry[], nodeId: string): readonly TaskEntry[] {
  return tasks.filter((task) => task.nodeId === nodeId && !ENDED.has(task.state));
}

/** What a service had when the plan was made, from the plan's facts. */
function servedBefore(services: Json | undefined, id: string): { readonly serving: number; readonly desired: number } | null {
  const found = list(services)
    .map(record)
    .find((one: JsonRecord) => text(one["id"]) === id);
  const [serving, desired] = [number(found?.["serving"]), number(found?.["desired"])];
  return serving === null || desired === null ? null : { serving, desired };
}

/**
 * How far the drain of a node is: whether every task on it has ended, and every service has as many serving tasks elsewhere as it
 * asks for. A service that was short before the plan needs what it had then; `accepted` ones nothing. Jobs are left out: they end.
 * `before`: the services of the plan's facts.
 */
export function drainProgress(
  now: SwarmMoment,
  nodeId: string,
  before: Json | undefined,
  accepted: ReadonlySet<string>,
): DrainProgress {
  const names = new Map(now.services.map((one) => [one.id, one.name]));
  const left = liveTasks(now.tasks, nodeId).map(
    (task) =>
      `${names.get(task.serviceId) ?? task.serviceId}${task.slot === null || task.slot === 0 ? "" : `.${task.slot}`} (${task.state})`,
  );
  const short = now.services.flatMap((service) => {
    if ((service.mode !== "replicated" && service.mode !== "global") || accepted.has(service.name)) return [];
    const own = now.tasks.filter((task) => task.serviceId === service.id);
    const wanted = service.replicas ?? own.filter((task) => isWanted(task)).length;
    const then = servedBefore(before, service.id);
    const needed = then !== null && then.serving < then.desired ? Math.min(then.serving, wanted) : wanted;
    const serving = own.filter((task) => task.nodeId !== nodeId && isServing(task, now.nodes)).length;
    if (serving >= needed) return [];
    const whys = [...new Set(own.filter((task) => isWanted(task) && task.error !== null).map((task) => task.error ?? ""))];
    return [`${service.name}: ${serving} of ${needed} serve${whys.length === 0 ? "" : ` (${whys.slice(0, 3).join("; ")})`}`];
  });
  return { left, short };
}
