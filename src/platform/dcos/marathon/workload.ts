import type { Json, JsonRecord } from "../../../domain/json.ts";
import { constraintsOf, type RawConstraint } from "../preflight/constraints.ts";
import { list, number, record, text } from "../../../domain/json-fields.ts";

/** An app or a pod, with what has to be known of it before an upgrade. Kept in the plan, so only what is asked later. */
export interface Workload {
  readonly id: string;
  readonly kind: "app" | "pod";
  readonly instances: number;
  /** Null: the definition has something else in their place. */
  readonly constraints: readonly RawConstraint[] | null;
  /** Roles it accepts; null: what its Marathon does by default. */
  readonly roles: readonly string[] | null;
  /** Who answers for it, by a label of its own; null: none says. */
  readonly owner: string | null;
  /** Paths of volumes that outlive a task. */
  readonly volumes: readonly string[];
}

/** Labels in which people write whose app it is, the plainest first. */
const OWNER_LABELS = ["owner", "team", "maintainer", "contact", "responsible"];

function ownerOf(labels: JsonRecord): string | null {
  const byName = new Map(Object.entries(labels).map(([name, value]) => [name.toLowerCase().replaceAll(/[^a-z]/g, ""), value]));
  for (const label of OWNER_LABELS) {
    const value = text(byName.get(label));
    if (value !== null && value.trim() !== "") return value.trim();
  }
  return null;
}

/** Whether a volume's data stays when its task ends: local persistent ones, and those of a volume driver (Marathon, "Persistent Volumes"). */
function outlives(volume: JsonRecord): boolean {
  return "persistent" in volume || "external" in volume;
}

function volumesOf(definition: JsonRecord): readonly string[] {
  const ofApp = list(record(definition["container"])["volumes"]);
  const ofPod = list(definition["volumes"]);
  const paths = [...ofApp, ...ofPod]
    .map(record)
    .filter(outlives)
    .map((one) => text(one["containerPath"]) ?? text(one["name"]) ?? "?");
  // An app that must stay where its data is, whatever its volumes look like.
  return paths.length === 0 && record(definition["residency"])["taskLostBehavior"] !== undefined ? ["(residency)"] : paths;
}

function rolesOf(definition: JsonRecord): readonly string[] | null {
  const given =
    definition["acceptedResourceRoles"] ?? record(record(definition["scheduling"])["placement"])["acceptedResourceRoles"];
  return Array.isArray(given) ? list(given).flatMap((one) => text(one) ?? []) : null;
}

function instancesOf(definition: JsonRecord): number {
  const scaling = record(record(definition["scheduling"])["scaling"]);
  return number(definition["instances"]) ?? number(scaling["instances"]) ?? 1;
}

/** Apps of a `/v2/apps` answer or pods of a `/v2/pods` answer; null where it is neither. Sorted by id. */
export function parseWorkloads(value: Json, kind: Workload["kind"]): readonly Workload[] | null {
  const given = kind === "app" ? record(value)["apps"] : value;
  if (!Array.isArray(given)) return null;
  return list(given)
    .map(record)
    .flatMap((one): Workload[] => {
      const id = text(one["id"]);
      if (id === null) return [];
      return [
        {
          id,
          kind,
          instances: instancesOf(one),
          constraints: constraintsOf(one),
          roles: rolesOf(one),
          owner: ownerOf(record(one["labels"])),
          volumes: volumesOf(one),
        },
      ];
    })
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** Host names of the running tasks of each app or pod, by id; from a `/v2/tasks` answer. Null where it is none. */
export function parseHosts(value: Json): ReadonlyMap<string, readonly string[]> | null {
  const tasks = record(value)["tasks"];
  if (!Array.isArray(tasks)) return null;
  const hosts = new Map<string, string[]>();
  for (const task of list(tasks).map(record)) {
    const [id, host] = [text(task["appId"]), text(task["host"])];
    if (id === null || host === null) continue;
    const known = hosts.get(id);
    if (known === undefined) hosts.set(id, [host]);
    else known.push(host);
  }
  return hosts;
}
