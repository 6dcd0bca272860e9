import type { Json, JsonRecord } from "../../../domain/json.ts";
import { list, number, record, text } from "../../../domain/json-fields.ts";

/** How an update or a rollback goes; every field as it holds, defaults filled in (swarm.md, "Service fields"). */
export interface UpdatePolicy {
  /** Tasks at once; 0: all. */
  readonly parallelism: number;
  readonly delayMs: number;
  readonly failureAction: string;
  readonly monitorMs: number;
  readonly maxFailureRatio: number;
  readonly order: string;
  /** False: nothing of it was said when the service was made. */
  readonly said: boolean;
}

/** The last update of a service, as it went. */
export interface UpdateStatus {
  /** updating, completed, paused, rollback_started, rollback_completed, rollback_paused. */
  readonly state: string;
  readonly startedAt: string | null;
  readonly completedAt: string | null;
  readonly message: string | null;
}

export interface ServiceEntry {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly mode: string;
  /** Null for a global service and for jobs. */
  readonly replicas: number | null;
  /** The stack it belongs to. */
  readonly stack: string | null;
  readonly labels: JsonRecord;
  readonly constraints: readonly string[];
  readonly forceUpdate: number;
  readonly update: UpdatePolicy;
  readonly rollback: UpdatePolicy;
  /** Null: no rolling update yet, or none since it was scaled. */
  readonly updateStatus: UpdateStatus | null;
  /** Tasks that should run, by the manager's count (API 1.41); null where it does not say. */
  readonly desiredTasks: number | null;
  readonly endpointMode: string;
  /** `8080->80/tcp (ingress)`. */
  readonly ports: readonly string[];
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly index: number | null;
  readonly spec: JsonRecord;
  /** What `rollback=previous` goes to; null: nothing. */
  readonly previousSpec: JsonRecord | null;
}

export const STACK_LABEL = "com.docker.stack.namespace";
const NS_PER_MS = 1_000_000;

function policyOf(value: Json | undefined): UpdatePolicy {
  const config = record(value);
  return {
    // Zero values are left out of answers: where anything is said, a missing number is zero.
    parallelism: number(config["Parallelism"]) ?? (value === undefined ? 1 : 0),
    delayMs: (number(config["Delay"]) ?? 0) / NS_PER_MS,
    failureAction: text(config["FailureAction"]) ?? "pause",
    monitorMs: (number(config["Monitor"]) ?? 5_000 * NS_PER_MS) / NS_PER_MS,
    maxFailureRatio: number(config["MaxFailureRatio"]) ?? 0,
    order: text(config["Order"]) ?? "stop-first",
    said: value !== undefined,
  };
}

function portsOf(endpoint: JsonRecord): readonly string[] {
  return list(endpoint["Ports"]).map((one) => {
    const port = record(one);
    const from = number(port["PublishedPort"]);
    const to = `${String(number(port["TargetPort"]) ?? "?")}/${text(port["Protocol"]) ?? "tcp"}`;
    return `${from === null ? "" : `${String(from)}->`}${to} (${text(port["PublishMode"]) ?? "ingress"})`;
  });
}

/** One service of an answer of `GET /services` or `GET /services/{id}`. */
export function serviceEntry(value: Json): ServiceEntry {
  const service = record(value);
  const spec = record(service["Spec"]);
  const task = record(spec["TaskTemplate"]);
  const mode = record(spec["Mode"]);
  const kind = Object.keys(mode)[0] ?? "unknown";
  const status = service["UpdateStatus"] === undefined ? null : record(service["UpdateStatus"]);
  const state = status === null ? null : text(status["State"]);
  const endpoint = record(service["Endpoint"]);
  return {
    id: text(service["ID"]) ?? "",
    name: text(spec["Name"]) ?? "",
    image: text(record(task["ContainerSpec"])["Image"]) ?? "",
    mode: kind === "Replicated" ? "replicated" : kind === "Global" ? "global" : kind,
    replicas: kind === "Replicated" ? (number(record(mode["Replicated"])["Replicas"]) ?? 0) : null,
    stack: text(record(spec["Labels"])[STACK_LABEL]),
    labels: record(spec["Labels"]),
    constraints: list(record(task["Placement"])["Constraints"]).flatMap((one) => text(one) ?? []),
    forceUpdate: number(task["ForceUpdate"]) ?? 0,
    update: policyOf(spec["UpdateConfig"]),
    rollback: policyOf(spec["RollbackConfig"]),
    updateStatus:
      status === null || state === null || state === ""
        ? null
        : {
            state,
            startedAt: text(status["StartedAt"]),
            completedAt: text(status["CompletedAt"]),
            message: text(status["Message"]),
          },
    desiredTasks: number(record(service["ServiceStatus"])["DesiredTasks"]),
    endpointMode: text(record(endpoint["Spec"])["Mode"]) ?? text(record(spec["EndpointSpec"])["Mode"]) ?? "vip",
    ports: portsOf(endpoint),
    createdAt: text(service["CreatedAt"]) ?? "",
    updatedAt: text(service["UpdatedAt"]) ?? "",
    index: number(record(service["Version"])["Index"]),
    spec,
    previousSpec: service["PreviousSpec"] === undefined ? null : record(service["PreviousSpec"]),
  };
}

/** The services of a `GET /services` answer, by name; null where it is none. */
export function parseServices(value: Json | undefined): readonly ServiceEntry[] | null {
  if (!Array.isArray(value)) return null;
  return list(value as Json)
    .map(serviceEntry)
    .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
