import type { InventoryNode } from "../../../domain/inventory.ts";
import type { Json, JsonRecord } from "../../../domain/json.ts";
import { parseFacts } from "../facts/node-facts.ts";
import { list, number, parseJson, record, text } from "../../../domain/json-fields.ts";
import { isNode, parseAgents } from "../mesos.ts";
import { parseMntr } from "../zookeeper/four-letter-words.ts";
import { below, jsonOf, sorted, type Captured } from "./captured.ts";

/** Units of a node's `systemctl` listing that have failed; null where it was not captured. */
function failedUnits(captured: Captured, name: string): Json {
  const units = captured.get(`nodes/${name}/units.txt`)?.toString("utf8");
  if (units === undefined) return null;
  return units.split(/\n\s*\n/).flatMap((block) => {
    const id = /^Id=(.*)$/m.exec(block)?.[1];
    return id !== undefined && /^ActiveState=failed$/m.test(block) ? [id] : [];
  });
}

/** Every node by name: what it says about itself, and what the inventory says of it. */
export function nodesSummary(captured: Captured, nodes: readonly InventoryNode[]): JsonRecord {
  const entries = below(captured, "nodes/").filter(([, file]) => file === "facts.txt");
  return sorted(
    entries.map(([name, , bytes]) => {
      const facts = parseFacts(bytes.toString("utf8"));
      if (facts === null) return [name, null];
      const planned = nodes.find((node) => node.name === name);
      const containers = captured
        .get(`nodes/${name}/containers.txt`)
        ?.toString("utf8")
        .split("\n")
        .filter((line) => line.trim() !== "").length;
      const { version, imageCommit, role, configSha256, masterCount, clusterId, installProgress, os, kernel, docker } = facts;
      return [
        name,
        {
          ...(planned === undefined ? {} : { address: planned.address }),
          ...(planned?.rack === undefined ? {} : { rack: planned.rack }),
          version,
          imageCommit,
          role,
          configSha256,
          masterCount,
          clusterId,
          installProgress,
          os,
          kernel,
          docker,
          machineId: facts.machineId,
          bootId: facts.bootId,
          failedUnits: failedUnits(captured, name),
          ...(containers === undefined ? {} : { containers }),
        },
      ];
    }),
  );
}

/** Agents by id: what must be the same after an upgrade, apart from the version (dcos.md post-05). */
export function agentsSummary(captured: Captured, nodes: readonly InventoryNode[]): Json {
  const value = jsonOf(captured, "cluster/slaves.json");
  const parsed = value === undefined ? null : parseAgents(value);
  if (value === undefined || parsed === null) return null;
  const raw = new Map(
    [...list(record(value)["slaves"]), ...list(record(value)["recovered_slaves"])].map((one) => [
      text(record(one)["id"]) ?? "",
      record(one),
    ]),
  );
  return sorted(
    parsed.map((agent) => {
      const { id, hostname, role, active, version } = agent;
      const resources = record(raw.get(id)?.["resources"]);
      const amounts = Object.fromEntries(["cpus", "mem", "disk", "gpus"].map((name) => [name, number(resources[name])]));
      const node = nodes.find((one) => one.role !== "master" && isNode(agent, one))?.name;
      const attributes = record(raw.get(id)?.["attributes"]);
      return [id, { hostname, ...(node === undefined ? {} : { node }), role, active, version, attributes, resources: amounts }];
    }),
  );
}

/** What the masters say about themselves: versions, who leads, and how many znodes the ensemble keeps. */
export function mastersSummary(captured: Captured): {
  readonly mesos: JsonRecord;
  readonly zookeeper: JsonRecord;
  readonly leading: readonly string[];
  readonly zkLeading: readonly string[];
  readonly znodes: number | null;
} {
  const mesos: [string, Json][] = [];
  const zookeeper: [string, Json][] = [];
  const leading: string[] = [];
  const zkLeading: string[] = [];
  let znodes: number | null = null;
  for (const [name, file, bytes] of below(captured, "masters/")) {
    if (file === "version.json") mesos.push([name, text(record(parseJson(bytes.toString("utf8")))["version"])]);
    if (file === "metrics.json" && number(record(parseJson(bytes.toString("utf8")))["master/elected"]) === 1) leading.push(name);
    if (file !== "zookeeper-mntr.txt") continue;
    const mntr = parseMntr(bytes.toString("utf8"));
    zookeeper.push([name, mntr.get("zk_version")?.split(/[-,]/)[0] ?? null]);
    if (mntr.get("zk_server_state") !== "leader" && mntr.get("zk_server_state") !== "standalone") continue;
    zkLeading.push(name);
    // ZooKeeper 3.4 counts the root twice (dcos.md 7.1); sessions come and go with their znodes.
    const [all, ephemeral] = [Number(mntr.get("zk_znode_count")), Number(mntr.get("zk_ephemerals_count"))];
    if (Number.isFinite(all) && Number.isFinite(ephemeral)) znodes = all - 1 - ephemeral;
  }
  return { mesos: sorted(mesos), zookeeper: sorted(zookeeper), leading: leading.sort(), zkLeading: zkLeading.sort(), znodes };
}
