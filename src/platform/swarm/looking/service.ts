import { formatDuration } from "../../../domain/duration.ts";
import type { Json, JsonRecord } from "../../../domain/json.ts";
import { list, number, record, text } from "../../../domain/json-fields.ts";
import type { LookingWorld, Sheet, SheetCell, SheetPart } from "../../../engine/ports.ts";
import type { ServiceEntry, UpdatePolicy } from "../entries/service-entry.ts";
import { lastError, replicasCell, replicasOf, updateTone } from "./services.ts";
import { ago, serviceNamed, viewSwarm, type SwarmView } from "./world.ts";

type Pair = readonly [string, SheetCell];

const MB = 1024 * 1024;
const CPU = 1_000_000_000;

function policyRow(name: string, policy: UpdatePolicy): readonly SheetCell[] {
  const { parallelism, delayMs, failureAction, monitorMs, maxFailureRatio, order, said } = policy;
  const words = [
    parallelism === 0 ? "all" : String(parallelism),
    formatDuration(delayMs),
    failureAction,
    formatDuration(monitorMs),
    String(maxFailureRatio),
    order,
  ];
  return [
    { text: name },
    ...words.map((word) => ({ text: word })),
    { text: said ? "" : "Docker's defaults", tone: "quiet" as const },
  ];
}

/** Which of the two groups of settings was never said: what people set in one of them does not hold in the other. */
function policyLines({ update, rollback }: ServiceEntry): readonly SheetCell[] {
  if (update.said && rollback.said) return [];
  if (!update.said && !rollback.said) return [{ text: "Nothing was said for either: Docker's defaults.", tone: "quiet" }];
  const [set, unset] = update.said ? ["updates", "rollbacks"] : ["rollbacks", "updates"];
  return [{ text: `Only ${set} have settings of their own; for ${unset} Docker's defaults hold.`, tone: "waiting" }];
}

function resources(value: Json | undefined): string {
  const { NanoCPUs, MemoryBytes } = record(value);
  const [cpus, memory] = [number(NanoCPUs) ?? 0, number(MemoryBytes) ?? 0];
  return [...(cpus === 0 ? [] : [`${cpus / CPU} CPU`]), ...(memory === 0 ? [] : [`${Math.round(memory / MB)} MiB`])].join(", ");
}

function strings(value: Json | undefined): readonly string[] {
  return list(value).flatMap((one) => text(one) ?? []);
}

function mounts(container: JsonRecord): readonly string[] {
  return list(container["Mounts"]).map((one) => {
    const { Type, Source, Target } = record(one);
    return `${text(Type) ?? "bind"} ${text(Source) ?? ""} -> ${text(Target) ?? ""}`;
  });
}

function restart(template: JsonRecord): string {
  const policy = record(template["RestartPolicy"]);
  const delay = (number(policy["Delay"]) ?? 5_000_000_000) / 1_000_000;
  const attempts = number(policy["MaxAttempts"]) ?? 0;
  return `${text(policy["Condition"]) ?? "any"}, after ${formatDuration(delay)}${attempts === 0 ? "" : `, at most ${attempts} times`}`;
}

/** What the service is made of, by name; empty members are left out. */
function definition(service: ServiceEntry): readonly Pair[] {
  const template = record(service.spec["TaskTemplate"]);
  const container = record(template["ContainerSpec"]);
  const limits = record(template["Resources"]);
  const health = strings(record(container["Healthcheck"])["Test"]);
  const named = (value: Json | undefined, key: string): string =>
    list(value)
      .flatMap((one) => text(record(one)[key]) ?? [])
      .join(", ");
  const all: readonly (readonly [string, string])[] = [
    ["command", [...strings(container["Command"]), ...strings(container["Args"])].join(" ")],
    ["constraints", service.constraints.join(", ")],
    ["networks", named(template["Networks"] ?? service.spec["Networks"], "Target")],
    ["endpoint", service.endpointMode],
    ["ports", service.ports.join(", ")],
    ["mounts", mounts(container).join(", ")],
    ["configs", named(container["Configs"], "ConfigName")],
    ["secrets", named(container["Secrets"], "SecretName")],
    ["limits", resources(limits["Limits"])],
    ["reserves", resources(limits["Reservations"])],
    ["restart", restart(template)],
    ["health check", health.join(" ")],
  ];
  const environment = strings(container["Env"]);
  return [
    ...(environment.length === 0 ? [] : [["environment", { text: "", environment }] as const]),
    ...all.flatMap(([name, value]) => (value === "" ? [] : [[name, { text: value }] as const])),
  ];
}

function updatePairs({ updateStatus, previousSpec }: ServiceEntry, nowMs: number): readonly Pair[] {
  const previous = text(record(record(record(previousSpec)["TaskTemplate"])["ContainerSpec"])["Image"]);
  const goesBack: Pair = [
    "rolls back to",
    { text: previous ?? "nothing: the Swarm keeps no earlier definition", tone: previous === null ? "quiet" : "plain" },
  ];
  if (updateStatus === null) return [["state", { text: "none since it was made or scaled" }], goesBack];
  const { state, startedAt, completedAt, message } = updateStatus;
  return [
    ["state", { text: state, tone: updateTone(state) }],
    ["began", { text: ago(startedAt, nowMs) }],
    ...(completedAt === null ? [] : [["ended", { text: ago(completedAt, nowMs) }] as const]),
    ["message", { text: message ?? "" }],
    goesBack,
  ];
}

function parts(service: ServiceEntry, view: SwarmView): readonly SheetPart[] {
  const { nowMs, tasks, names } = view;
  const error = lastError(service, tasks);
  const labels = Object.entries(service.labels).map(([name, value]) => `${name}=${text(value) ?? ""}`);
  const where = error?.nodeId === null || error === null ? "" : ` on ${names.get(error.nodeId) ?? error.nodeId}`;
  return [
    {
      kind: "pairs",
      title: service.name,
      pairs: [
        ["id", { text: service.id }],
        ["image", { text: service.image }],
        ["mode", { text: service.mode }],
        ["tasks that serve", replicasCell(replicasOf(service, view))],
        ...(service.stack === null ? [] : [["stack", { text: service.stack }] as const]),
        ...(labels.length === 0 ? [] : [["labels", { text: labels.join(" ") }] as const]),
        ["changed", { text: ago(service.updatedAt, nowMs) }],
        ...(error === null
          ? []
          : [["newest error", { text: `${error.error ?? ""} (${ago(error.at, nowMs)}${where})`, tone: "bad" }] as const]),
      ],
    },
    { kind: "pairs", title: "Definition", pairs: definition(service) },
    { kind: "pairs", title: "Last update", pairs: updatePairs(service, nowMs) },
    {
      kind: "table",
      empty: "",
      columns: ["", "AT ONCE", "DELAY", "ON FAILURE", "MONITOR", "RATIO", "ORDER"].map((title) => ({ title })),
      rows: [policyRow("update", service.update), policyRow("rollback", service.rollback)],
    },
    { kind: "lines", lines: policyLines(service) },
  ];
}

/**
 * `pawl service show`: what `docker service inspect --pretty` tells, with both groups of settings, the tasks that really serve, what a
 * rollback would go to, and the newest error of its tasks.
 */
export async function serviceSheet(world: LookingWorld, name: string): Promise<Sheet> {
  const view = await viewSwarm(world);
  const service = serviceNamed(view, name);
  const { previousSpec, updateStatus, update, rollback, spec, constraints, ports, labels, ...rest } = service;
  const error = lastError(service, view.tasks);
  return {
    clusterId: view.clusterId,
    document: {
      cluster: view.clusterId,
      service: {
        ...rest,
        ...{ constraints, ports, labels, spec, previousSpec },
        ...{ update: { ...update }, rollback: { ...rollback }, updateStatus: updateStatus === null ? null : { ...updateStatus } },
        ...replicasOf(service, view),
        newestError:
          error === null
            ? null
            : { task: error.id, at: error.at, error: error.error, node: view.names.get(error.nodeId ?? "") ?? null },
      },
    },
    parts: parts(service, view),
  };
}
