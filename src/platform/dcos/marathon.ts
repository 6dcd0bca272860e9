import type { Inventory } from "../../domain/inventory.ts";
import type { Json, JsonRecord } from "../../domain/json.ts";
import type { Remote } from "../../engine/ports.ts";
import { mastersOf, urlOf } from "./contract.ts";
import { getJson, type JsonAnswer } from "./http-reading.ts";
import { list, number, record, text } from "../../domain/json-fields.ts";

/** What later checks compare an app with. Counts are those of this moment: an app that was broken before stays known as such. */
export interface AppBaseline {
  readonly id: string;
  readonly instances: number;
  readonly constraints: Json;
  readonly tasksRunning: number;
  readonly tasksUnhealthy: number;
  /** It has volumes of its own that outlive a task: nobody but its owner can bring back what is on them. */
  readonly keepsData?: true;
}

const MARATHON_TIMEOUT_MS = 30_000;

/**
 * Asks any Marathon: every one of them answers with the leader's answer (dcos.md 11.1), so the first that gives JSON will do.
 * Followers of a dead leader answer 502 to 504 and the next one is asked.
 */
export async function askMarathon(reader: Remote, inventory: Inventory, path: string): Promise<JsonAnswer> {
  let last: JsonAnswer = { ok: false, why: "no master in the inventory" };
  for (const node of mastersOf(inventory)) {
    last = await getJson(reader, urlOf(inventory, node, "marathon", path), {
      timeoutMs: MARATHON_TIMEOUT_MS,
      followRedirects: 1,
    });
    if (last.ok) return last;
  }
  return last;
}

/** `[["hostname","LIKE","x"]]` in one form: operators in capitals, an empty value of UNIQUE dropped as the 1.5 migration does (dcos.md 13.1). */
export function normaliseConstraints(value: Json | undefined): Json {
  return list(value)
    .map((one) => list(one).map((part) => text(part) ?? ""))
    .map(([field = "", operator = "", parameter]) => {
      const name = operator.toUpperCase();
      return parameter === undefined || (name === "UNIQUE" && parameter === "") ? [field, name] : [field, name, parameter];
    })
    .sort((a, b) => (a.join("\n") < b.join("\n") ? -1 : 1));
}

function appBaseline(app: JsonRecord): AppBaseline | null {
  const id = text(app["id"]);
  if (id === null) return null;
  return {
    id,
    instances: number(app["instances"]) ?? 0,
    constraints: normaliseConstraints(app["constraints"]),
    tasksRunning: number(app["tasksRunning"]) ?? 0,
    tasksUnhealthy: number(app["tasksUnhealthy"]) ?? 0,
    ...(keepsData(app) ? { keepsData: true as const } : {}),
  };
}

/** Local persistent volumes, and external ones (Marathon's app definition, `container.volumes[]`). */
function keepsData(app: JsonRecord): boolean {
  return list(record(app["container"])["volumes"])
    .map(record)
    .some((volume) => "persistent" in volume || "external" in volume);
}

/** Apps of a `/v2/apps` answer, sorted by id; null where it is not such an answer. */
export function parseApps(value: Json): readonly AppBaseline[] | null {
  const apps = record(value)["apps"];
  if (!Array.isArray(apps)) return null;
  const parsed = list(apps)
    .map((app) => appBaseline(record(app)))
    .filter((app) => app !== null);
  return parsed.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
