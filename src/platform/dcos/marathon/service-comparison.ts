import { canonical, type Json, type JsonRecord } from "../../../domain/json.ts";
import { list, number, record, text } from "../../../domain/json-fields.ts";
import type { MarathonReading } from "./read-marathons.ts";

/** A service Marathon as it was when the run was planned. Null: it was not told. */
export interface Known {
  readonly name: string;
  readonly app: string | null;
  readonly url: string | null;
  readonly frameworkId: string | null;
  /** Instances by id of app or pod. */
  readonly apps: Readonly<Record<string, number>> | null;
  readonly tasks: readonly string[] | null;
  readonly why: string | null;
}

/** A service Marathon of the plan's baseline. */
export function comparedService(baseline: JsonRecord): Known {
  const { instances, tasks } = baseline;
  return {
    name: text(baseline["name"]) ?? "?",
    app: text(baseline["app"]),
    url: text(baseline["url"]),
    frameworkId: text(baseline["frameworkId"]),
    apps:
      instances === null || instances === undefined
        ? null
        : Object.fromEntries(Object.entries(record(instances)).map(([id, value]) => [id, number(value) ?? 0])),
    tasks: Array.isArray(tasks) ? list(tasks).flatMap((one) => text(one) ?? []) : null,
    why: text(list(baseline["gaps"])[0]),
  };
}

/** The version in an image's tag: `registry/marathon:v1.5.8` is 1.5.8; null where the tag names none. */
export function imageVersion(image: string): string | null {
  return /:v?(\d+\.\d+\.\d+)[^/:]*$/.exec(image)?.[1] ?? null;
}

/**
 * Why a service Marathon is not what it was, in words; null where it is. Framework id, apps, instances and running tasks by id; apps
 * and tasks that came since are no difference. `version`: what it has to say it is now, where an image names one.
 */
export function whyNotSettled(known: Known, now: MarathonReading, version: string | null): string | null {
  if (now.frameworkId === null || now.workloads === null || now.taskIds === null) return now.gaps[0] ?? "it does not answer";
  if (known.frameworkId === null || known.apps === null || known.tasks === null) return "it was not read before";
  if (version !== null && now.version !== version) return `it says it is ${now.version ?? "of no version"}`;
  if (now.frameworkId !== known.frameworkId) return `its framework id is ${now.frameworkId}, it was ${known.frameworkId}`;
  const instances = new Map(now.workloads.map((one) => [one.id, one.instances]));
  const apps = Object.entries(known.apps).filter(([id, count]) => instances.get(id) !== count);
  if (apps.length > 0)
    return `apps differ: ${apps
      .slice(0, 5)
      .map(([id, count]) => `${id} had ${count} instances, ${instances.has(id) ? `has ${instances.get(id) ?? 0}` : "is gone"}`)
      .join("; ")}`;
  const running = new Set(now.taskIds);
  const gone = known.tasks.filter((id) => !running.has(id));
  return gone.length === 0
    ? null
    : `${gone.length} of ${known.tasks.length} tasks are not there any more: ${gone.slice(0, 3).join(", ")}`;
}

/** What two definitions differ in, field by field: rows for people. */
export function changesOf(
  before: Json,
  after: Json,
  path = "",
): readonly { readonly field: string; readonly before: Json; readonly after: Json }[] {
  if (canonical(before) === canonical(after)) return [];
  const nested = (value: Json): boolean => value !== null && typeof value === "object" && !Array.isArray(value);
  if (!nested(before) || !nested(after)) return [{ field: path, before, after }];
  const [old, young] = [record(before), record(after)];
  const names = [...new Set([...Object.keys(old), ...Object.keys(young)])].sort();
  return names.flatMap((name) => changesOf(old[name] ?? null, young[name] ?? null, path === "" ? name : `${path}.${name}`));
}
