import type { Json, JsonRecord } from "../../../domain/json.ts";
import { list, record, text } from "../../../domain/json-fields.ts";
import { normaliseConstraints } from "../marathon.ts";

/** What an app has beside its definition: counts, deployments and times of the moment (dcos.md 11.2). */
const OF_THE_MOMENT = new Set([
  "id",
  "version",
  "versionInfo",
  "tasks",
  "tasksStaged",
  "tasksRunning",
  "tasksHealthy",
  "tasksUnhealthy",
  "deployments",
  "lastTaskFailure",
  "readinessCheckResults",
  "taskStats",
]);
/** Told in other fields, or by another name, from Marathon 1.5 on (dcos.md 11.5). */
const OLD_NAMES = new Set(["ipAddress", "uris", "storeUrls", "ports", "portDefinitions", "networks", "container", "constraints"]);

/** What Marathon takes where a field is absent (its API reference): older ones print it, newer ones leave it out, or the other way round. */
const DEFAULTS: JsonRecord = {
  backoffFactor: 1.15,
  backoffSeconds: 1,
  disk: 0,
  gpus: 0,
  maxLaunchDelaySeconds: 3600,
  killSelection: "YOUNGEST_FIRST",
  upgradeStrategy: { maximumOverCapacity: 1, minimumHealthCapacity: 1 },
  unreachableStrategy: { inactiveAfterSeconds: 0, expungeAfterSeconds: 0 },
  delaySeconds: 15,
  ipProtocol: "IPv4",
  protocol: "tcp",
  extract: true,
};

/** The value without what means the same as nothing: null, false, empty texts, lists and objects, and defaults. Undefined: nothing is left. */
function plain(value: Json | undefined, name = ""): Json | undefined {
  if (value === undefined || value === null || value === false || value === "") return undefined;
  if (Object.hasOwn(DEFAULTS, name) && JSON.stringify(sortKeys(value)) === JSON.stringify(sortKeys(DEFAULTS[name] ?? null)))
    return undefined;
  if (Array.isArray(value)) {
    const items = list(value).flatMap((item) => plain(item) ?? []);
    return items.length === 0 ? undefined : items;
  }
  if (typeof value !== "object") return value;
  const fields = Object.entries(value).flatMap(([key, field]) => {
    const kept = plain(field, key);
    return kept === undefined ? [] : [[key, kept] as const];
  });
  return fields.length === 0 ? undefined : Object.fromEntries(fields);
}

function sortKeys(value: Json): Json {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Networks as Marathon 1.5 and later have them: `host`, `container/bridge`, `container` with a name. */
function networksOf(app: JsonRecord): readonly JsonRecord[] {
  if (Array.isArray(app["networks"])) return list(app["networks"]).map(record);
  const docker = record(record(app["container"])["docker"]);
  const address = record(app["ipAddress"]);
  const named = text(address["networkName"]);
  const labels = plain(address["labels"]);
  switch (text(docker["network"]) ?? "") {
    case "BRIDGE":
      return [{ mode: "container/bridge" }];
    case "HOST":
      return [{ mode: "host" }];
    case "USER":
      return [{ mode: "container", ...(named === null ? {} : { name: named }), ...(labels === undefined ? {} : { labels }) }];
    default:
      return app["ipAddress"] === null || app["ipAddress"] === undefined
        ? [{ mode: "host" }]
        : [{ mode: "container", ...(named === null ? {} : { name: named }), ...(labels === undefined ? {} : { labels }) }];
  }
}

/** The container with its port mappings where 1.5 has them, beside Docker's own settings. */
function containerOf(app: JsonRecord): Json | undefined {
  const container = record(app["container"]);
  const { network, portMappings, ...docker } = record(container["docker"]);
  const mappings = container["portMappings"] ?? portMappings;
  return plain({ ...container, docker, ...(mappings === undefined ? {} : { portMappings: mappings }) });
}

/** Ports of an app on the host's network; elsewhere its port mappings say it. */
function portsOf(app: JsonRecord, onHost: boolean): Json | undefined {
  if (!onHost) return undefined;
  const given = list(app["portDefinitions"]).map(record);
  return plain(given.length > 0 ? given : list(app["ports"]).map((port) => ({ port, name: "default" })));
}

function fetchOf(app: JsonRecord): Json | undefined {
  const given = list(app["fetch"]);
  return plain(given.length > 0 ? given : list(app["uris"]).map((uri) => ({ uri })));
}

/**
 * What an app is, in the form of Marathon 1.5 and later, whichever Marathon was asked: two exports of one app over an upgrade are equal
 * unless the app was changed (dcos.md 11.5). Its environment and command stand in it as they came; whoever keeps it masks them.
 */
export function appDefinition(value: Json): JsonRecord {
  const app = record(value);
  const networks = networksOf(app);
  const rest = Object.entries(app).flatMap(([name, field]) => {
    if (OF_THE_MOMENT.has(name) || OLD_NAMES.has(name) || name === "fetch" || name === "instances") return [];
    const kept = plain(field, name);
    return kept === undefined ? [] : [[name, kept] as const];
  });
  const container = containerOf(app);
  const ports = portsOf(
    app,
    networks.some((one) => one["mode"] === "host"),
  );
  const fetched = fetchOf(app);
  return {
    ...Object.fromEntries(rest),
    instances: app["instances"] ?? null,
    constraints: normaliseConstraints(app["constraints"]),
    networks,
    ...(container === undefined ? {} : { container }),
    ...(ports === undefined ? {} : { portDefinitions: ports }),
    ...(fetched === undefined ? {} : { fetch: fetched }),
  };
}

/** What a pod is, without its version. */
export function podDefinition(value: Json): JsonRecord {
  const { id, version, versionInfo, ...rest } = record(value);
  return record(plain(rest));
}

/** Operators that name the host an app must be on. */
const PINS = new Set(["LIKE", "CLUSTER", "IS"]);

/** Whether an app may run on one particular host only: by a constraint on the host's name (workbook: pinned tasks). */
export function isPinned(definition: JsonRecord): boolean {
  return list(definition["constraints"]).some((one) => {
    const [field, operator] = list(one);
    return (field === "hostname" || field === "@hostname") && PINS.has(text(operator) ?? "");
  });
}

/** Whether an app keeps data where it runs: a persistent volume, or a residency. */
export function isStateful(definition: JsonRecord): boolean {
  const volumes = list(record(definition["container"])["volumes"]).map(record);
  return definition["residency"] !== undefined || volumes.some((volume) => volume["persistent"] !== undefined);
}

/** An app's constraints in words: `hostname LIKE 10.0.0.21; rack GROUP_BY`. Empty: none. */
export function constraintsText(definition: JsonRecord): string {
  return list(definition["constraints"])
    .map((one) =>
      list(one)
        .map((part) => text(part) ?? "")
        .join(" "),
    )
    .join("; ");
}

/** What ties an app to places, in words for a list: its constraints, and its data. Empty: nothing does. */
export function tiesOf(definition: JsonRecord): string {
  return [constraintsText(definition), isStateful(definition) ? "persistent data" : ""].filter((one) => one !== "").join("; ");
}
