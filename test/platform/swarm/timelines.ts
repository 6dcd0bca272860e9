import type { Json, JsonRecord } from "../../../src/domain/json.ts";
import { list, record } from "../../../src/domain/json-fields.ts";
import { serviceEntry, type ServiceEntry } from "../../../src/platform/swarm/entries/service-entry.ts";
import { parseTasks, type TaskEntry } from "../../../src/platform/swarm/entries/task-entry.ts";
import { recorded } from "./recorded.ts";

/** One moment of a recorded timeline, in the API's own form. */
export interface Moment {
  readonly t: number;
  readonly service: Json;
  readonly tasks: Json;
}

/** The service of a moment; everything a timeline left out is that of the recorded service. */
function serviceAt(moment: JsonRecord): Json {
  const base = record(recorded("service-created"));
  const spec = record(base["Spec"]);
  const template = record(spec["TaskTemplate"]);
  const withImage = (image: Json | undefined): JsonRecord => ({
    ...spec,
    TaskTemplate: { ...template, ContainerSpec: { ...record(template["ContainerSpec"]), Image: image ?? null } },
  });
  const previous = moment["PreviousSpecImage"] ?? null;
  return {
    ...base,
    Version: { Index: moment["VersionIndex"] ?? 0 },
    Spec: withImage(moment["SpecImage"]),
    ...(previous === null ? {} : { PreviousSpec: withImage(previous) }),
    ...(moment["UpdateStatus"] === null ? {} : { UpdateStatus: moment["UpdateStatus"] ?? null }),
    ServiceStatus: { RunningTasks: 0, DesiredTasks: 4 },
  };
}

function tasksAt(moment: JsonRecord): Json {
  const service = serviceAt(moment);
  const template = record(record(record(service)["Spec"])["TaskTemplate"]);
  return list(moment["Tasks"]).map((one) => {
    const task = record(one);
    return {
      ID: task["ID"] ?? "",
      ServiceID: record(service)["ID"] ?? "",
      Slot: task["Slot"] ?? 0,
      NodeID: task["Node"] ?? null,
      Spec: { ...template, ContainerSpec: { ...record(template["ContainerSpec"]), Image: task["Image"] ?? "" } },
      DesiredState: task["DesiredState"] ?? "",
      Status: { State: task["State"] ?? "", Err: task["Err"] ?? "" },
    };
  });
}

/** A recorded timeline, moment by moment. */
export function timeline(name: string): readonly Moment[] {
  return list(recorded(`timeline-${name}`)).map((one) => {
    const moment = record(one);
    return { t: Number(moment["t"]), service: serviceAt(moment), tasks: tasksAt(moment) };
  });
}

/** The moment as the product reads it. */
export function readingOf(moment: Moment): { readonly service: ServiceEntry; readonly tasks: readonly TaskEntry[] } {
  return { service: serviceEntry(moment.service), tasks: parseTasks(moment.tasks) ?? [] };
}
