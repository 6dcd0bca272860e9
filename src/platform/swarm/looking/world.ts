import { PawlError } from "../../../domain/errors.ts";
import type { JsonRecord } from "../../../domain/json.ts";
import { record, text } from "../../../domain/json-fields.ts";
import { formatDuration } from "../../../domain/duration.ts";
import type { LookingWorld } from "../../../engine/ports.ts";
import { createManagers, PATIENCE_MS, type Managers } from "../access/managers.ts";
import { nodeNames, parseNodes, type NodeEntry } from "../entries/node-entry.ts";
import { parseServices, type ServiceEntry } from "../entries/service-entry.ts";
import { parseTasks, type TaskEntry } from "../entries/task-entry.ts";

/** The Swarm as somebody who looks sees it. */
export interface SwarmView {
  readonly clusterId: string;
  readonly info: JsonRecord;
  readonly nodes: readonly NodeEntry[];
  readonly services: readonly ServiceEntry[];
  readonly tasks: readonly TaskEntry[];
  /** Names of nodes by id: the inventory's, else the host's. */
  readonly names: ReadonlyMap<string, string>;
  readonly nowMs: number;
}

function nobody(why: string): PawlError {
  return new PawlError("said-no", "no-manager-answers", "No manager of this Swarm answers for it.", {
    expected: "an answer from one of the inventory's managers",
    observed: why,
    next: "Look whether more than half of the managers run and reach each other; then the same command again.",
  });
}

async function readAll(managers: Managers): Promise<Omit<SwarmView, "names" | "nowMs">> {
  const first = await managers.get("/info");
  if (!first.ok) throw nobody(first.why);
  const rest = await Promise.all(["/nodes", "/services?status=true", "/tasks"].map((path) => managers.get(path)));
  const failed = rest.find((said) => !said.ok);
  if (failed !== undefined) throw nobody(failed.why);
  const [nodes, services, tasks] = rest.map((said) => (said.ok ? said.value : undefined));
  const parsed = { nodes: parseNodes(nodes), services: parseServices(services), tasks: parseTasks(tasks) };
  if (parsed.nodes === null || parsed.services === null || parsed.tasks === null)
    throw nobody("an answer that is no list of nodes, services and tasks");
  const info = record(record(first.value)["Swarm"]);
  return {
    ...{ nodes: parsed.nodes, services: parsed.services, tasks: parsed.tasks, info },
    clusterId: text(record(info["Cluster"])["ID"]) ?? "",
  };
}

/** Reads the whole Swarm from a manager that answers; waits for an election, up to half a minute. */
export async function viewSwarm({ reader, inventory, clock }: LookingWorld): Promise<SwarmView> {
  const managers = createManagers(reader, inventory, { patience: { clock, forMs: PATIENCE_MS } });
  const read = await readAll(managers);
  return { ...read, names: nodeNames(read.nodes, inventory), nowMs: clock.now() };
}

/** How long ago a time stamp was, as people say it; empty for what is none. */
export function ago(stamp: string | null, nowMs: number): string {
  const at = Date.parse(stamp ?? "");
  return Number.isNaN(at) ? "" : `${formatDuration(Math.max(0, Math.round((nowMs - at) / 1_000) * 1_000))} ago`;
}

/** An image as it is told from others: without a digest that stands behind a tag. */
export function shortImage(image: string): string {
  return image.replace(/(:[^@/]+)@sha256:[0-9a-f]{64}$/, "$1");
}

/** The service of a name or id, or of the beginning of an id. Throws PawlError for none. */
export function serviceNamed(view: SwarmView, name: string): ServiceEntry {
  const { services } = view;
  const exact = services.find((one) => one.name === name || one.id === name);
  const begins = services.filter((one) => name.length >= 4 && one.id.startsWith(name));
  const found = exact ?? (begins.length === 1 ? begins[0] : undefined);
  if (found !== undefined) return found;
  throw new PawlError("usage", "no-service", `There is no service ${name} in this Swarm.`, {
    expected: services.map((one) => one.name).join(", ") || "a service; there is none",
    observed: name,
    next: "pawl service list shows them.",
  });
}
