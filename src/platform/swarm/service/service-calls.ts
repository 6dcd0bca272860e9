import type { Json } from "../../../domain/json.ts";
import { list, record, text } from "../../../domain/json-fields.ts";
import type { StepContext } from "../../../engine/ports.ts";
import { filtersOf } from "../access/change-spec.ts";
import { createManagers, PATIENCE_MS, type Managers } from "../access/managers.ts";
import { nodeNames, parseNodes } from "../entries/node-entry.ts";
import { parseServices, type ServiceEntry } from "../entries/service-entry.ts";
import { parseTasks, type TaskEntry } from "../entries/task-entry.ts";

/** A service with its tasks as a manager shows them now. */
export interface ServiceReading {
  readonly service: ServiceEntry;
  readonly tasks: readonly TaskEntry[];
  /** The answers the two were made from. */
  readonly answers: { readonly service: Json; readonly tasks: Json };
}

export type ServiceAnswer =
  | ({ readonly kind: "there" } & ServiceReading)
  /** A manager says that there is none. */
  | { readonly kind: "none" }
  | { readonly kind: "no-answer"; readonly why: string };

/** The managers, asked in turn until one answers, as long as an election may take. */
export function managersFor(ctx: Pick<StepContext, "remote" | "inventory" | "clock">): Managers {
  return createManagers(ctx.remote, ctx.inventory, { patience: { clock: ctx.clock, forMs: PATIENCE_MS } });
}

/** Reads one service by its whole name, with all its tasks. */
export async function readService(managers: Managers, name: string): Promise<ServiceAnswer> {
  const said = await managers.get(`/services?status=true&${filtersOf({ name: [name] })}`);
  if (!said.ok) return { kind: "no-answer", why: said.why };
  // The API's filter takes every service whose name begins so.
  const own = list(said.value).find((one) => text(record(record(one)["Spec"])["Name"]) === name);
  const service = parseServices(own === undefined ? [] : [own])?.[0];
  if (service === undefined || own === undefined)
    return Array.isArray(said.value) ? { kind: "none" } : { kind: "no-answer", why: "the answer is no list of services" };
  return readTasks(managers, service, own);
}

/** The tasks of a service that was read a moment ago. */
async function readTasks(managers: Managers, service: ServiceEntry, answer: Json): Promise<ServiceAnswer> {
  const asked = await managers.get(`/tasks?${filtersOf({ service: [service.id] })}`);
  const tasks = asked.ok ? parseTasks(asked.value) : null;
  if (!asked.ok || tasks === null) return { kind: "no-answer", why: asked.ok ? "the answer is no list of tasks" : asked.why };
  return { kind: "there", service, tasks, answers: { service: answer, tasks: asked.value } };
}

/** What nodes are called, by their id in the Swarm; the first twelve signs of the id where nobody says. */
export async function readNodeNames(managers: Managers, ctx: Pick<StepContext, "inventory">): Promise<(id: string) => string> {
  const said = await managers.get("/nodes");
  const names = nodeNames((said.ok ? parseNodes(said.value) : null) ?? [], ctx.inventory);
  return (id) => names.get(id) ?? id.slice(0, 12);
}

/** Keeps what a step saw or did as evidence of its own; returns where it lies in the run folder. */
export async function keep(ctx: StepContext, name: string, evidenceOf: string, body: Json): Promise<string> {
  const meta = {
    ...{ name: `${ctx.step.address}/${name}`, mediaType: "application/json", step: ctx.step.address, node: null },
    evidenceOf,
  };
  const kept = await ctx.artifacts.put(meta, `${JSON.stringify(body, null, 1)}\n`);
  await ctx.recorded(kept);
  return `artifacts/${kept.sha256}`;
}
