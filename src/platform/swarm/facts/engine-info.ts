import { readJson, type JsonRecord } from "../../../domain/json.ts";
import { list, number, record, text } from "../../../domain/json-fields.ts";
import type { Inventory, InventoryNode } from "../../../domain/inventory.ts";
import type { Clock, Remote } from "../../../engine/ports.ts";
import { engineUrl } from "../contract.ts";

/** What an engine says of itself and of the Swarm it is in (`GET /info`); never its join tokens, which only `GET /swarm` tells. */
export interface EngineInfo {
  readonly nodeId: string | null;
  readonly nodeAddress: string | null;
  /** inactive, pending, active, error, locked. */
  readonly swarmState: string | null;
  /** True on a manager. */
  readonly control: boolean;
  /** What keeps the node from being a whole member, such as a missing leader. */
  readonly error: string | null;
  readonly managers: readonly string[];
  /** Identity of the Swarm; only managers say it. */
  readonly clusterId: string | null;
  readonly heartbeatMs: number | null;
  readonly taskHistory: number | null;
  readonly autolock: boolean | null;
  readonly rootRotation: boolean;
  readonly engineVersion: string | null;
  readonly hostname: string | null;
  readonly os: string | null;
  readonly kernel: string | null;
  readonly storageDriver: string | null;
  readonly dataFolder: string | null;
  /** The engine keeps containers alive while it restarts. */
  readonly liveRestore: boolean | null;
  /** The machine's clock minus ours at the middle of the reading, in ms. */
  readonly skewMs: number | null;
  readonly body: string;
}

export type InfoAnswer =
  | { readonly kind: "read"; readonly node: InventoryNode; readonly info: EngineInfo }
  | { readonly kind: "unread"; readonly node: InventoryNode; readonly code: string; readonly reason: string };

const INFO_MS = 10_000;
const NS_PER_MS = 1_000_000;

/** What a body of `GET /info` says; null where it is none. `middleMs`: our clock in the middle of the reading, epoch ms. */
export function parseInfo(body: string, middleMs: number | null): EngineInfo | null {
  const read = readJson(body);
  if (!read.ok) return null;
  const info = record(read.value);
  const swarm = record(info["Swarm"]);
  if (text(swarm["LocalNodeState"]) === null) return null;
  const cluster = record(swarm["Cluster"]);
  const spec = record(cluster["Spec"]);
  const heartbeat = number(record(spec["Dispatcher"])["HeartbeatPeriod"]);
  const clock = Date.parse(text(info["SystemTime"]) ?? "");
  const filled = (value: string | null): string | null => (value === "" ? null : value);
  const autolock = record(spec["EncryptionConfig"])["AutoLockManagers"];
  return {
    nodeId: filled(text(swarm["NodeID"])),
    nodeAddress: filled(text(swarm["NodeAddr"])),
    swarmState: text(swarm["LocalNodeState"]),
    control: swarm["ControlAvailable"] === true,
    error: filled(text(swarm["Error"])),
    managers: list(swarm["RemoteManagers"]).flatMap((one) => text(record(one)["Addr"]) ?? []),
    clusterId: filled(text(cluster["ID"])),
    heartbeatMs: heartbeat === null ? null : heartbeat / NS_PER_MS,
    taskHistory: number(record(spec["Orchestration"])["TaskHistoryRetentionLimit"]),
    autolock: typeof autolock === "boolean" ? autolock : null,
    rootRotation: cluster["RootRotationInProgress"] === true,
    engineVersion: text(info["ServerVersion"]),
    hostname: text(info["Name"]),
    os: text(info["OperatingSystem"]),
    kernel: text(info["KernelVersion"]),
    storageDriver: text(info["Driver"]),
    dataFolder: text(info["DockerRootDir"]),
    liveRestore: typeof info["LiveRestoreEnabled"] === "boolean" ? info["LiveRestoreEnabled"] : null,
    skewMs: Number.isNaN(clock) || middleMs === null ? null : Math.round(clock - middleMs),
    body,
  };
}

/** Asks a node's own engine. */
export async function readInfo(
  reader: Remote,
  inventory: Inventory,
  node: InventoryNode,
  clock: Pick<Clock, "now"> | null,
): Promise<InfoAnswer> {
  const before = clock?.now() ?? null;
  const url = engineUrl(inventory, node, "/info");
  const answer = await reader.http({ method: "GET", url, timeoutMs: INFO_MS, followRedirects: 0 });
  if (answer.kind === "no-answer") return { kind: "unread", node, code: answer.code, reason: answer.reason };
  const after = clock?.now() ?? null;
  const middle = before === null || after === null ? null : (before + after) / 2;
  const info = answer.status === 200 ? parseInfo(answer.body.toString("utf8"), middle) : null;
  if (info !== null) return { kind: "read", node, info };
  const said = answer.body.toString("utf8", 0, 300).trim();
  return { kind: "unread", node, code: "no-info", reason: `its engine answered ${String(answer.status)}: ${said}` };
}

/** The engine's word as details of a node's facts. */
export function infoDetails({ body: _body, managers, ...rest }: EngineInfo): JsonRecord {
  return { ...rest, managers };
}
