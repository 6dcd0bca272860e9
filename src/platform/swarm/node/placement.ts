import type { Json, JsonRecord } from "../../../domain/json.ts";
import { list, number, record, text } from "../../../domain/json-fields.ts";

/** A node as the scheduler weighs it, from an entry of `GET /nodes`. */
export interface Place {
  readonly id: string;
  readonly name: string;
  readonly hostname: string;
  readonly address: string;
  readonly role: string;
  readonly os: string;
  readonly architecture: string;
  readonly labels: JsonRecord;
  readonly engineLabels: JsonRecord;
  /** Null: the node does not say. */
  readonly nanoCpus: number | null;
  readonly memoryBytes: number | null;
  /** Why it takes no new task at all; null where it does. */
  readonly shut: string | null;
}

/** What a service asks of the nodes its tasks run on, from an entry of `GET /services`. */
export interface Wish {
  readonly id: string;
  readonly name: string;
  readonly global: boolean;
  readonly constraints: readonly string[];
  /** 0: as many as there are. */
  readonly maxPerNode: number;
  readonly platforms: readonly { readonly os: string; readonly architecture: string }[];
  readonly nanoCpus: number;
  readonly memoryBytes: number;
  /** `8080/tcp`: ports taken on the node itself (host mode). */
  readonly hostPorts: readonly string[];
  /** Data that lies on the node and stays there when a task goes elsewhere, in words. */
  readonly dataHere: readonly string[];
}

/** Mounts of these say something about every machine alike, and hold no data of a service's own. */
const OF_THE_MACHINE = /^\/(?:proc|sys|dev|etc|run|usr|lib|boot|var\/run|var\/lib\/docker|var\/log)(?:\/|$)|^\/$/;

function shutOf(node: JsonRecord): string | null {
  const state = text(record(node["Status"])["State"]) ?? "unknown";
  if (state !== "ready") return `is ${state}`;
  const availability = text(record(node["Spec"])["Availability"]);
  const words: Readonly<Record<string, string>> = { pause: "is paused", drain: "is drained" };
  if (availability === "active") return null;
  return words[availability ?? ""] ?? "does not say whether it takes tasks";
}

/** A node of a `GET /nodes` answer; `name` is what people call it. */
export function placeOf(value: Json, name: string): Place {
  const node = record(value);
  const description = record(node["Description"]);
  const [platform, resources] = [record(description["Platform"]), record(description["Resources"])];
  return {
    id: text(node["ID"]) ?? "",
    name,
    hostname: text(description["Hostname"]) ?? "",
    address: text(record(node["Status"])["Addr"]) ?? "",
    role: text(record(node["Spec"])["Role"]) ?? "",
    os: text(platform["OS"]) ?? "",
    architecture: text(platform["Architecture"]) ?? "",
    labels: record(record(node["Spec"])["Labels"]),
    engineLabels: record(record(description["Engine"])["Labels"]),
    nanoCpus: number(resources["NanoCPUs"]),
    memoryBytes: number(resources["MemoryBytes"]),
    shut: shutOf(node),
  };
}

/** A volume of a driver that keeps it on the machine: `local`, unless its options mount something of the network. */
function isLocal(volume: JsonRecord): boolean {
  const driver = record(volume["DriverConfig"]);
  const name = text(driver["Name"]) ?? "";
  if (name !== "" && name !== "local") return false;
  return !/^(?:nfs\d?|cifs|smb\d?|glusterfs|ceph)$/.test(text(record(driver["Options"])["type"]) ?? "");
}

function dataOf(container: JsonRecord): readonly string[] {
  return list(container["Mounts"]).flatMap((one) => {
    const mount = record(one);
    const source = text(mount["Source"]) ?? "";
    if (mount["Type"] === "volume" && source !== "" && isLocal(record(mount["VolumeOptions"]))) return [`volume ${source}`];
    const writes = mount["ReadOnly"] !== true;
    return mount["Type"] === "bind" && writes && !OF_THE_MACHINE.test(source) ? [`folder ${source}`] : [];
  });
}

/** A service of a `GET /services` answer. */
export function wishOf(value: Json): Wish {
  const service = record(value);
  const spec = record(service["Spec"]);
  const template = record(spec["TaskTemplate"]);
  const [placement, endpoint] = [record(template["Placement"]), record(spec["EndpointSpec"])];
  const reserved = record(record(template["Resources"])["Reservations"]);
  return {
    id: text(service["ID"]) ?? "",
    name: text(spec["Name"]) ?? "",
    global: Object.keys(record(spec["Mode"])).some((mode) => mode.startsWith("Global")),
    constraints: list(placement["Constraints"]).flatMap((one) => text(one) ?? []),
    maxPerNode: number(placement["MaxReplicas"]) ?? 0,
    platforms: list(placement["Platforms"]).map((one) => ({
      os: text(record(one)["OS"]) ?? "",
      architecture: text(record(one)["Architecture"]) ?? "",
    })),
    nanoCpus: number(reserved["NanoCPUs"]) ?? 0,
    memoryBytes: number(reserved["MemoryBytes"]) ?? 0,
    hostPorts: list(endpoint["Ports"]).flatMap((one) => {
      const port = record(one);
      const published = number(port["PublishedPort"]);
      if (port["PublishMode"] !== "host" || published === null) return [];
      return [`${String(published)}/${text(port["Protocol"]) ?? "tcp"}`];
    }),
    dataHere: dataOf(record(template["ContainerSpec"])),
  };
}

/** What a constraint compares: null where the key is none that the scheduler knows. */
function factOf(key: string, place: Place): string | null {
  const lower = key.toLowerCase();
  const labelled = (prefix: string, labels: JsonRecord): string | null =>
    lower.startsWith(prefix) && key.length > prefix.length ? (text(labels[key.slice(prefix.length)]) ?? "") : null;
  switch (lower) {
    case "node.id":
      return place.id;
    case "node.hostname":
      return place.hostname;
    case "node.ip":
      return place.address;
    case "node.role":
      return place.role;
    case "node.platform.os":
      return place.os;
    case "node.platform.arch":
      return place.architecture;
    default:
      return labelled("node.labels.", place.labels) ?? labelled("engine.labels.", place.engineLabels);
  }
}

/**
 * Whether a node meets a constraint such as `node.labels.zone!=a`: values are compared without regard to case, a label that is not there
 * is an empty one, and an expression nobody understands is met by no node (Docker's reference on `docker service create --constraint`).
 */
export function meets(constraint: string, place: Place): boolean {
  const parts = /^\s*([^=!\s]+)\s*(==|!=)\s*(.*?)\s*$/.exec(constraint);
  if (parts === null) return false;
  const [, key = "", operator, wanted = ""] = parts;
  const fact = factOf(key, place);
  if (fact === null) return false;
  return (fact.toLowerCase() === wanted.toLowerCase()) === (operator === "==");
}

/** Both ways a machine is named. */
function plainArchitecture(name: string): string {
  return name === "x86_64" ? "amd64" : name === "aarch64" ? "arm64" : name;
}

function runsOn(wish: Wish, place: Place): boolean {
  return (
    wish.platforms.length === 0 ||
    wish.platforms.some(
      ({ os, architecture }) =>
        (os === "" || os === place.os) &&
        (architecture === "" || plainArchitecture(architecture) === plainArchitecture(place.architecture)),
    )
  );
}

/** Why a node never takes a task of this service, whatever runs on it now; null where nothing speaks against it. */
export function barOf(wish: Wish, place: Place): string | null {
  if (place.shut !== null) return place.shut;
  const unmet = wish.constraints.find((one) => !meets(one, place));
  if (unmet !== undefined) return `does not meet ${unmet}`;
  return runsOn(wish, place) ? null : `is ${place.os}/${place.architecture}, which the image does not run on`;
}
