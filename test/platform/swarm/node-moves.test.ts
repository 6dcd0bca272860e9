import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Json, JsonRecord } from "../../../src/domain/json.ts";
import { list, record, text } from "../../../src/domain/json-fields.ts";
import { parseTasks, type TaskEntry } from "../../../src/platform/swarm/entries/task-entry.ts";
import { hindrances, movesOf, namesIn, type NodeMoves } from "../../../src/platform/swarm/node/node-moves.ts";
import { meets, placeOf } from "../../../src/platform/swarm/node/placement.ts";
import { recorded } from "./recorded.ts";

const word = (value: Json | undefined): string => text(value) ?? "";
const NODES = recorded("nodes") as readonly JsonRecord[];
const TASKS = recorded("tasks") as readonly JsonRecord[];
const SERVICE = word(TASKS[0]?.["ServiceID"]);
const [NODE1, NODE2, NODE3] = NODES.map((node) => word(node["ID"])) as [string, string, string];
const NAMES = new Map(NODES.map((node) => [word(node["ID"]), word(record(node["Description"])["Hostname"])]));
const name = (id: string): string => NAMES.get(id) ?? id;
const NONE = new Set<string>();

/** A recorded node with parts of it changed. */
function node(
  id: string,
  change: { readonly spec?: JsonRecord; readonly description?: JsonRecord; readonly state?: string },
): JsonRecord {
  const found = record(NODES.find((one) => one["ID"] === id));
  return {
    ...found,
    Spec: { ...record(found["Spec"]), ...change.spec },
    Description: { ...record(found["Description"]), ...change.description },
    Status: { ...record(found["Status"]), ...(change.state === undefined ? {} : { State: change.state }) },
  };
}

/** The service of the recorded tasks, with a task template and the rest of a spec. */
function service(template: JsonRecord = {}, spec: JsonRecord = {}): Json {
  return { ID: SERVICE, Spec: { Name: "ping", Mode: { Replicated: { Replicas: 4 } }, ...spec, TaskTemplate: template } };
}

function tasks(value: Json = TASKS): readonly TaskEntry[] {
  return parseTasks(value) ?? [];
}

function moves(of: string, services: Json = [service()], nodes: Json = NODES, all = tasks()): NodeMoves {
  return movesOf({ nodes, services, tasks: all }, of, name);
}

const where = (found: NodeMoves): readonly (string | null)[] => found.moves.map((one) => one.to);

describe("where the tasks of a node could go", () => {
  it("spread over the nodes that are left, as the recorded drain has it", () => {
    const found = moves(NODE2);
    expect(found.moves.map((one) => [one.task, one.to])).toEqual([
      ["ping.1", "node1"],
      ["ping.4", "node3"],
    ]);
    expect(hindrances(found, NONE)).toEqual([]);
    expect(found.away).toEqual([]);
  });

  it("nowhere, where a constraint names this node only: which task, and why each other node does not take it", () => {
    const found = moves(NODE2, [service({ Placement: { Constraints: ["node.hostname==node2"] } })]);
    expect(hindrances(found, NONE)).toEqual([
      "ping.1, ping.4 would have nowhere to go: node1 does not meet node.hostname==node2, node3 does not meet node.hostname==node2",
    ]);
    expect(hindrances(found, new Set(["ping"]))).toEqual([]);
    expect(hindrances(found, new Set(["pin"]))).toHaveLength(1);
  });

  it("not to a node that is drained, paused, down or unknown", () => {
    for (const [change, why] of [
      [{ spec: { Availability: "drain" } }, "is drained"],
      [{ spec: { Availability: "pause" } }, "is paused"],
      [{ state: "down" }, "is down"],
      [{ state: "unknown" }, "is unknown"],
    ] as const) {
      const nodes = [node(NODE1, change), node(NODE2, {}), node(NODE3, change)];
      expect(hindrances(moves(NODE2, [service()], nodes), NONE)).toEqual([
        `ping.1, ping.4 would have nowhere to go: node1 ${why}, node3 ${why}`,
      ]);
    }
    expect(where(moves(NODE2, [service()], [node(NODE1, { state: "down" }), node(NODE2, {}), node(NODE3, {})]))).toEqual([
      "node3",
      "node3",
    ]);
  });

  it("not where a node has as many replicas as it may: the second of two is left", () => {
    const found = moves(NODE2, [service({ Placement: { MaxReplicas: 2 } })]);
    expect(where(found)).toEqual(["node1", "node3"]);
    expect(hindrances(moves(NODE2, [service({ Placement: { MaxReplicas: 1 } })]), NONE)).toEqual([
      "ping.1, ping.4 would have nowhere to go: node1 has 1 of its tasks, the most a node may have, node3 has 1 of its tasks, the most a node may have",
    ]);
  });

  it("not where too little is left to reserve, counting what the tasks there have reserved and each move before", () => {
    const reserving = service({ Resources: { Reservations: { MemoryBytes: 100, NanoCPUs: 10 } } });
    const of = (memory: number, cpus: number): Json =>
      NODES.map((one) => node(word(one["ID"]), { description: { Resources: { MemoryBytes: memory, NanoCPUs: cpus } } }));
    expect(where(moves(NODE2, [reserving], of(200, 100)))).toEqual(["node1", "node3"]);
    expect(hindrances(moves(NODE2, [reserving], of(199, 100)), NONE)[0]).toContain("node1 has too little memory left to reserve");
    expect(hindrances(moves(NODE2, [reserving], of(200, 19)), NONE)[0]).toContain("node3 has too little CPU left to reserve");
    // One node takes both only where there is room for three.
    const [, two, three] = of(300, 100) as readonly JsonRecord[];
    expect(where(moves(NODE2, [reserving], [node(NODE1, { state: "down" }), two ?? null, three ?? null]))).toEqual([
      "node3",
      "node3",
    ]);
    expect(hindrances(moves(NODE2, [reserving], NODES), NONE)[0]).toContain("does not say how much CPU it has");
  });

  it("not where its port is in use on the machine", () => {
    const found = moves(NODE2, [
      service({}, { EndpointSpec: { Ports: [{ Protocol: "tcp", PublishedPort: 8080, PublishMode: "host" }] } }),
    ]);
    expect(hindrances(found, NONE)).toEqual([
      "ping.1, ping.4 would have nowhere to go: node1 has port 8080/tcp in use, node3 has port 8080/tcp in use",
    ]);
    const ingress = service({}, { EndpointSpec: { Ports: [{ Protocol: "tcp", PublishedPort: 8080, PublishMode: "ingress" }] } });
    expect(hindrances(moves(NODE2, [ingress]), NONE)).toEqual([]);
  });

  it("away from data that lies on the node: a local volume, a folder that is written to; not from a shared one or the machine's own", () => {
    const mounted = (mount: JsonRecord): readonly string[] =>
      hindrances(moves(NODE2, [service({ ContainerSpec: { Mounts: [mount] } })]), NONE);
    expect(mounted({ Type: "volume", Source: "data", Target: "/data" })).toEqual([
      "ping.1, ping.4 would leave data behind on node2: volume data",
    ]);
    expect(mounted({ Type: "bind", Source: "/srv/data", Target: "/data" })).toEqual([
      "ping.1, ping.4 would leave data behind on node2: folder /srv/data",
    ]);
    for (const harmless of [
      { Type: "volume", Target: "/scratch" },
      { Type: "volume", Source: "data", VolumeOptions: { DriverConfig: { Name: "rexray" } } },
      {
        Type: "volume",
        Source: "data",
        VolumeOptions: { DriverConfig: { Name: "local", Options: { type: "nfs", device: ":/x" } } },
      },
      { Type: "bind", Source: "/srv/data", ReadOnly: true },
      { Type: "bind", Source: "/var/run/docker.sock" },
      { Type: "tmpfs", Target: "/tmp" },
    ])
      expect(mounted(harmless)).toEqual([]);
  });

  it("only where the image runs", () => {
    const arm = service({ Placement: { Platforms: [{ OS: "linux", Architecture: "arm64" }] } });
    expect(hindrances(moves(NODE2, [arm]), NONE)[0]).toContain("is linux/x86_64, which the image does not run on");
    const both = service({
      Placement: {
        Platforms: [
          { OS: "linux", Architecture: "arm64" },
          { OS: "linux", Architecture: "amd64" },
        ],
      },
    });
    expect(hindrances(moves(NODE2, [both]), NONE)).toEqual([]);
  });

  it("a global service's task ends and comes back with the node; a service with all its tasks here is away for a while", () => {
    const global = moves(NODE2, [service({}, { Mode: { Global: {} } })]);
    expect([global.moves, global.globals]).toEqual([[], ["ping"]]);
    const alone = moves(NODE3, [service()], NODES, tasks(TASKS.filter((task) => task["NodeID"] === NODE3)));
    expect(alone.away).toEqual(["ping"]);
    expect(hindrances(alone, NONE)).toEqual([]);
  });

  it("has no task to move on the node that was drained (recorded)", () => {
    const drained = recorded("tasks-drained") as readonly JsonRecord[];
    const of = record(drained[0])["ServiceID"] ?? null;
    const ping = { ...record(service()), ID: of };
    expect(moves(NODE3, [ping], recorded("nodes-drained"), tasks(drained)).moves).toEqual([]);
    expect(where(moves(NODE2, [ping], recorded("nodes-drained"), tasks(drained)))).toEqual(["node1", "node1", "node1"]);
  });

  it("gives no task a node that is full, whatever is reserved: each place it names bears all that was put there", () => {
    const size = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(
        fc.array(size, { minLength: 1, maxLength: 8 }),
        fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 4 }),
        (asked, has) => {
          const nodes = [NODE2, ...has.map((_, index) => `n${index}`)].map((id, index) => ({
            ...record(NODES[0]),
            ID: id,
            Description: {
              Hostname: id,
              Platform: {},
              Resources: { MemoryBytes: index === 0 ? 100 : (has[index - 1] ?? 0), NanoCPUs: 1 },
            },
          }));
          const services = asked.map((bytes, index) => ({
            ID: `s${index}`,
            Spec: {
              Name: `s${index}`,
              Mode: { Replicated: { Replicas: 1 } },
              TaskTemplate: { Resources: { Reservations: { MemoryBytes: bytes } } },
            },
          }));
          const all = tasks(
            asked.map((_, index) => ({ ...record(TASKS[0]), ID: `t${index}`, ServiceID: `s${index}`, NodeID: NODE2, Slot: 1 })),
          );
          const found = movesOf({ nodes, services, tasks: all }, NODE2, (id) => id);
          expect(found.moves).toHaveLength(asked.length);
          has.forEach((bytes, index) => {
            const put = found.moves
              .filter((one) => one.to === `n${index}`)
              .reduce((sum, one) => sum + (asked[Number(one.service.slice(1))] ?? 0), 0);
            expect(put).toBeLessThanOrEqual(bytes);
          });
          for (const stuck of found.moves.filter((one) => one.to === null)) expect(stuck.barred).toHaveLength(has.length);
        },
      ),
      { seed: 5, numRuns: 200 },
    );
  });
});

describe("a placement constraint", () => {
  const place = placeOf(
    node(NODE2, { spec: { Labels: { zone: "A" } }, description: { Engine: { Labels: { disk: "ssd" } } } }),
    "node2",
  );

  it.each([
    ["node.role==worker", true],
    ["node.role == worker", true],
    ["node.role!=worker", false],
    ["node.role==manager", false],
    ["node.hostname==NODE2", true],
    [`node.id==${NODE2}`, true],
    ["node.id!=abc", true],
    ["node.labels.zone==a", true],
    ["node.labels.zone!=a", false],
    ["node.labels.Zone==a", false],
    ["node.labels.none==a", false],
    ["node.labels.none!=a", true],
    ["engine.labels.disk==ssd", true],
    ["engine.labels.disk!=ssd", false],
    ["node.platform.os==linux", true],
    ["node.colour==red", false],
    ["node.colour!=red", false],
    ["zone", false],
    ["node.role=worker", false],
  ])("%s: %s", (constraint, met) => {
    expect(meets(constraint, place)).toBe(met);
  });
});

it("names come with commas or blanks", () => {
  expect(namesIn(" web, api  db,")).toEqual(["web", "api", "db"]);
  expect([namesIn(""), namesIn(undefined), namesIn(list(null))]).toEqual([[], [], []]);
});
