import { describe, expect, it } from "vitest";
import type { Json, JsonRecord } from "../../../src/domain/json.ts";
import type { Finding } from "../../../src/domain/plan.ts";
import type { Observation } from "../../../src/engine/ports.ts";
import { findings } from "../../../src/platform/swarm/facts/findings.ts";
import { observe, readLast } from "../../../src/platform/swarm/facts/observe.ts";
import { good, infoOf, inventoryOf, NO_LEADER, recorded, recordedRemote, standingClock, type EngineAnswer } from "./recorded.ts";

const THREE = recorded("nodes-three-managers");
const INVENTORY = inventoryOf(THREE);

/** A Swarm that answers by recordings; `trouble` comes first. */
function swarm(nodes: Json, trouble: (node: string, path: string) => EngineAnswer | undefined = () => undefined) {
  const world = recordedRemote(INVENTORY, (node, path) => {
    const odd = trouble(node, path);
    if (odd !== undefined) return odd;
    if (path === "/info") return good(infoOf(nodes, node));
    if (path === "/nodes") return good(nodes);
    if (path === "/services?status=true") return good(recorded("service-list"));
    return path === "/tasks" ? good(recorded("tasks")) : undefined;
  });
  return { ...world, see: (inputs = {}): Promise<Observation> => observe(world.reader, INVENTORY, inputs, standingClock()) };
}

const notPassed = (found: readonly Finding[]): readonly string[] =>
  found.filter((one) => one.verdict !== "pass").map((one) => `${one.id} ${one.severity} ${one.verdict}: ${one.observed}`);

describe("a Swarm of three managers and two workers", () => {
  it("is known by its own id, its leader comes last, and every engine's own version counts", async () => {
    const { facts, gaps } = await swarm(THREE).see({ target: "20.10.24" });
    expect(facts).toMatchObject({
      clusterId: "dmo5r2rwrvd76cc1sam60zwh6",
      last: { manager: ["node1"], worker: [] },
      counts: { manager: 3, worker: 2 },
      baseline: { leader: "node1", quorum: 2, margin: 1, notInInventory: [], notReady: [] },
    });
    expect(facts.nodes["node4"]).toMatchObject({
      version: "20.10.5",
      role: "worker",
      reachable: true,
      complete: false,
      details: { engineVersion: "20.10.5+dfsg1", state: "ready", skewMs: 0 },
    });
    expect(gaps).toEqual([]);
  });

  it("that is in the middle of an upgrade has nodes that are done, whatever a distribution adds to the version", async () => {
    const { facts } = await swarm(recorded("nodes-mixed-versions")).see({ target: "20.10.24" });
    const done = Object.entries(facts.nodes).filter(([, node]) => node.complete);
    expect(done.map(([name]) => name)).toEqual(["node1", "node2", "node3", "node4"]);
    expect(facts.last["manager"]).toEqual(["node2"]);
    expect(notPassed(findings(facts, INVENTORY)).filter((one) => one.startsWith("one-engine"))).toEqual([
      "one-engine-version advisory fail: 20.10.24+dfsg1 on node1, node2, node3, node4; 20.10.5+dfsg1 on node5",
    ]);
  });

  it("keeps what was answered as evidence, and asks nothing that tells a join token", async () => {
    const { see, asked } = swarm(THREE);
    const { evidence } = await see();
    expect(evidence.map((one) => one.meta.name)).toEqual([
      ...["node1", "node2", "node3", "node4", "node5"].map((name) => `observed/${name}/info.json`),
      "observed/nodes.json",
      "observed/services.json",
      "observed/tasks.json",
    ]);
    expect(asked.filter((one) => one.includes("/swarm"))).toEqual([]);
  });
});

describe("what is found of a Swarm", () => {
  const seen = async (nodes: Json, trouble?: Parameters<typeof swarm>[1]): Promise<readonly string[]> =>
    notPassed(findings((await swarm(nodes, trouble).see()).facts, INVENTORY));
  const changed = (name: string, change: (node: JsonRecord) => JsonRecord): Json =>
    (THREE as readonly JsonRecord[]).map((node) =>
      (node["Description"] as JsonRecord)["Hostname"] === name ? change(node) : node,
    );

  it("nothing, where all is well but the recorded tasks, which are of another Swarm's nodes", async () => {
    expect(await seen(THREE)).toEqual(["services-settled waivable fail: ping: 0 of 4 tasks serve"]);
  });

  it("a manager that the others do not reach: it is named, and none may be touched", async () => {
    const nodes = changed("node3", (node) => ({
      ...node,
      ManagerStatus: { Reachability: "unreachable", Addr: "198.18.19.13:2377" },
    }));
    const found = await seen(nodes);
    expect(found).toContain("managers-reachable mandatory fail: node3: unreachable");
    expect(found).toContain("quorum-margin mandatory fail: 3 managers, quorum 2, 0 to spare");
  });

  it("a node that is down, and an engine that does not answer", async () => {
    const nodes = changed("node5", (node) => ({
      ...node,
      Status: { State: "down", Message: "heartbeat failure", Addr: "198.18.19.15" },
    }));
    const found = await seen(nodes, (node) => (node === "node5" ? { lost: "unreachable" } : undefined));
    expect(found).toContain("nodes-ready mandatory fail: node5: down");
    expect(found).toContain("engines-answer mandatory fail: node5: node5: unreachable");
  });

  it("a node the inventory takes for something else, and one it does not have", async () => {
    const nodes = changed("node4", (node) => ({ ...node, Spec: { Labels: {}, Role: "manager", Availability: "active" } }));
    const more = [
      ...(nodes as readonly JsonRecord[]),
      {
        ...((nodes as readonly JsonRecord[])[4] ?? {}),
        ID: "new",
        Description: { Hostname: "node6" },
        Status: { State: "ready", Addr: "198.18.19.16" },
      },
    ];
    const found = await seen(more);
    expect(found).toContain("roles-as-planned mandatory fail: node4: is a manager, the inventory says worker");
    expect(found).toContain("nodes-covered mandatory fail: node6 is not in the inventory");
  });

  it("quorum is lost: what cannot be told is inconclusive, never a pass", async () => {
    const found = await seen(THREE, (_node, path) => (path === "/info" ? undefined : NO_LEADER));
    for (const id of ["one-leader", "managers-reachable", "quorum-margin", "nodes-ready", "services-settled", "nodes-covered"])
      expect(found.filter((one) => one.startsWith(`${id} `))).toEqual([
        expect.stringMatching(/inconclusive: no manager answers$/),
      ]);
  });

  it("managers of two Swarms in one inventory", async () => {
    const found = await seen(THREE, (node, path) =>
      node === "node3" && path === "/info"
        ? good(infoOf(THREE, "node3", { Swarm: { LocalNodeState: "active", ControlAvailable: true, Cluster: { ID: "other" } } }))
        : undefined,
    );
    expect(found[0]).toBe("one-swarm mandatory fail: 2 Swarms: dmo5r2rwrvd76cc1sam60zwh6, other");
  });

  it("an update that is paused, autolock, and a clock that is off", async () => {
    const paused = [{ ...(recorded("service-paused") as JsonRecord) }];
    const found = await seen(THREE, (node, path) => {
      if (path.startsWith("/services")) return good(paused);
      if (path !== "/info" || node !== "node1") return undefined;
      const info = infoOf(THREE, node, { SystemTime: "2026-11-20T15:31:37Z" }) as JsonRecord;
      const { Cluster, ...member } = info["Swarm"] as JsonRecord;
      const cluster = { ...(Cluster as JsonRecord), Spec: { EncryptionConfig: { AutoLockManagers: true } } };
      return good({ ...info, Swarm: { ...member, Cluster: cluster } });
    });
    expect(found).toEqual([
      "services-settled waivable fail: ping: update is paused",
      "autolock-off waivable fail: autolock is on: each restarted manager needs docker swarm unlock",
      "clocks-agree mandatory fail: node1: 7.0 s off",
    ]);
  });
});

describe("who leads a Swarm", () => {
  it("is read again, and is not told where nobody or two do", async () => {
    const led = (leaders: readonly string[]): Json =>
      (THREE as readonly JsonRecord[]).map((node) => {
        const name = (node["Description"] as JsonRecord)["Hostname"] as string;
        const { ManagerStatus, ...rest } = node;
        if (ManagerStatus === undefined) return rest;
        const { Leader: _none, ...status } = ManagerStatus as JsonRecord;
        return { ...rest, ManagerStatus: leaders.includes(name) ? { ...status, Leader: true } : status };
      });
    for (const [leaders, last] of [
      [["node3"], ["node3"]],
      [[], null],
      [["node1", "node2"], null],
    ] as const)
      expect(await readLast(swarm(led(leaders)).reader, INVENTORY, "manager")).toEqual(last);
    expect(await readLast(swarm(THREE).reader, INVENTORY, "worker")).toEqual([]);
  });
});
