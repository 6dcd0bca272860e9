import type { Inventory, InventoryNode } from "../../../src/domain/inventory.ts";
import type { JsonRecord } from "../../../src/domain/json.ts";
import type { Facts, NodeFacts } from "../../../src/domain/plan.ts";
import type { MasterReading } from "../../../src/platform/dcos/mesos.ts";
import type { ServerReading } from "../../../src/platform/dcos/zookeeper/four-letter-words.ts";

/** An inventory node; addresses follow the names: m1 is 10.0.0.11, a1 10.0.0.21, p1 10.0.0.31. */
export function node(name: string, more: Partial<InventoryNode> = {}): InventoryNode {
  const number = Number(name.slice(1));
  const role = name.startsWith("m") ? ("master" as const) : name.startsWith("a") ? ("agent" as const) : ("agent_public" as const);
  const base = { master: 10, agent: 20, agent_public: 30 }[role];
  return { name, address: `10.0.0.${base + number}`, role, critical: false, ssh: {}, ...more };
}

export function inventory(names: readonly string[], more: Partial<Inventory> = {}): Inventory {
  return {
    name: "test",
    platform: "dcos",
    folder: ".",
    ssh: { user: "core", sudo: true },
    ports: {},
    nodes: names.map((name) => node(name)),
    scripts: {},
    hooks: {},
    siteSteps: [],
    settings: { haproxy: false },
    bootstrap: {
      address: "10.0.0.5",
      ssh: {},
      url: "http://10.0.0.5:8090",
      installers: { "1.11.3": "/opt/dcos/1.11.3/dcos_generate_config.sh" },
    },
    ...more,
  };
}

export const THREE = ["m1", "m2", "m3", "a1", "a2", "p1"];

export function nodeFacts(name: string, version: string, details: JsonRecord = {}, more: Partial<NodeFacts> = {}): NodeFacts {
  const { role } = node(name);
  const own = {
    roles: [role === "master" ? "master" : role === "agent" ? "slave" : "slave_public"],
    installProgress: false,
    configSha256: "a".repeat(64),
    clusterId: "c-1",
    masterCount: role === "master" ? 3 : null,
    serving: true,
    address: node(name).address,
    os: "Container Linux by CoreOS 1688.5.3 (Rhyolite)",
    kernel: "4.14.48-coreos-r2",
    docker: "17.12.1-ce",
    machineId: `${"0".repeat(30)}${name}`.slice(-32),
    edition: role === "master" ? "open" : null,
    ipv6: true,
    activatedEpoch: Date.parse("2026-11-01T08:30:00Z") / 1_000,
    ...details,
  };
  return { version, role, reachable: true, complete: false, details: own, ...more };
}

/** What is read where the target is generated with what is installed. */
export const SAME_CONFIGURATION = {
  node: "m1",
  path: "/opt/dcos/1.11.3/genconf/config.yaml",
  ipDetect: { same: true, why: null },
  why: null,
  keys: 9,
  hidden: [],
  differences: [],
};

/** Facts of a healthy cluster: everything at one version, every agent active. */
export function facts(names: readonly string[], version: string, more: Partial<Facts> = {}): Facts {
  const agents = names
    .filter((name) => !name.startsWith("m"))
    .map((name) => ({
      id: `id-${name}`,
      hostname: node(name).address,
      address: node(name).address,
      role: node(name).role,
      active: true,
    }));
  return {
    clusterId: "c-1",
    observedAt: "2026-11-20T15:00:00.000Z",
    nodes: Object.fromEntries(names.map((name) => [name, nodeFacts(name, version)])),
    last: { master: ["m2"] },
    counts: { master: 3, agent: 2, agent_public: 1 },
    baseline: {
      leader: "m2",
      agents,
      activeAgents: agents.length,
      apps: [],
      marathons: [{ name: "marathon", root: true, apps: 0, tasksTold: true, gaps: [], workloads: [] }],
      runningTasks: [],
      tasksTotal: 0,
      configuration: SAME_CONFIGURATION,
    },
    ...more,
  };
}

export function masterReading(name: string, leader: string, more: Partial<MasterReading> = {}): MasterReading {
  return {
    node: name,
    elected: name === leader,
    recovered: true,
    uptimeSecs: 1000,
    metrics: {},
    redirect: node(leader).address,
    version: "1.5.2",
    why: null,
    body: "{}",
    ...more,
  };
}

export function serverReading(name: string, state: string | null, more: Partial<ServerReading> = {}): ServerReading {
  return {
    node: name,
    state,
    followers: null,
    syncedFollowers: null,
    znodes: 100,
    ephemerals: 3,
    body: "",
    why: state === null ? "not currently serving requests" : null,
    ...more,
  };
}
