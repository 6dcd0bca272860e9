import { describe, expect, it } from "vitest";
import type { Inventory } from "../../../src/domain/inventory.ts";
import type { Json, JsonRecord } from "../../../src/domain/json.ts";
import { nodeNames, parseNodes } from "../../../src/platform/swarm/entries/node-entry.ts";
import { judgeNodes } from "../../../src/platform/swarm/facts/permission.ts";
import { inventoryOf, recorded } from "./recorded.ts";

const THREE = recorded("nodes-three-managers") as readonly JsonRecord[];
const INVENTORY = inventoryOf(THREE);

/** The recorded nodes, some of them changed. */
function nodes(changes: Readonly<Record<string, JsonRecord>> = {}): Json {
  return THREE.map((node) => ({ ...node, ...changes[(node["Description"] as JsonRecord)["Hostname"] as string] }));
}

const away = (name: string): JsonRecord => ({
  Status: { State: "down", Message: "heartbeat failure", Addr: `198.18.19.1${name.slice(-1)}` },
});
const unreachable = (name: string): JsonRecord => ({
  ManagerStatus: { Reachability: "unreachable", Addr: `198.18.19.1${name.slice(-1)}:2377` },
});

function judge(
  name: string,
  seen: Json,
  expected: readonly string[] = [],
  inventory: Inventory = INVENTORY,
): ReturnType<typeof judgeNodes> {
  const entries = parseNodes(seen) ?? [];
  const node = inventory.nodes.find((one) => one.name === name);
  if (node === undefined) throw new Error(name);
  return judgeNodes(entries, nodeNames(entries, inventory), node, new Set(expected));
}

describe("may this node of a Swarm be taken out of service", () => {
  it("yes, each of them, where all are there", () => {
    for (const { name } of INVENTORY.nodes) expect(judge(name, nodes())).toBeNull();
  });

  it("its own trouble does not stand in its way", () => {
    expect(judge("node3", nodes({ node3: { ...away("node3"), ...unreachable("node3") } }))).toBeNull();
    expect(judge("node5", nodes({ node5: away("node5") }))).toBeNull();
  });

  it("refused, where the managers would lose their quorum without it", () => {
    expect(judge("node1", nodes({ node3: unreachable("node3") }))).toMatchObject({
      exit: "refused",
      problem: { code: "quorum-at-risk", expected: "2 other managers reachable", observed: "1 reachable: node2" },
    });
  });

  it("halted, where another node is away, unknown counts too", () => {
    expect(judge("node4", nodes({ node5: away("node5") }))).toMatchObject({
      exit: "gate-halted",
      problem: { code: "another-node-away", observed: "node5: down" },
    });
    expect(judge("node4", nodes({ node2: { Status: { State: "unknown", Addr: "198.18.19.12" } } }))).toMatchObject({
      problem: { code: "another-node-away", observed: "node2: unknown, reachable" },
    });
  });

  it("yes, where the other one that is away is in this run's own hand", () => {
    expect(judge("node4", nodes({ node5: away("node5") }), ["node5"])).toBeNull();
  });

  it("halted, where nobody leads, the role is another, or the Swarm does not list it", () => {
    const leaderless = nodes({ node1: { ManagerStatus: { Reachability: "reachable", Addr: "198.18.19.11:2377" } } });
    expect(judge("node4", leaderless)).toMatchObject({ problem: { code: "no-leader" } });
    const promoted = nodes({ node4: { Spec: { Labels: {}, Role: "manager", Availability: "active" } } });
    expect(judge("node4", promoted)).toMatchObject({
      problem: { code: "role-changed", expected: "worker", observed: "manager" },
    });
    const [first] = INVENTORY.nodes;
    if (first === undefined) throw new Error("no node");
    const stranger = { ...INVENTORY, nodes: [{ ...first, name: "far", address: "198.18.19.99" }] };
    expect(judge("far", nodes(), [], stranger)).toMatchObject({ problem: { code: "node-not-listed" } });
  });
});
