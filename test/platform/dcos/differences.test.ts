import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ExplainedDifference, UpgradeBetween } from "../../../src/domain/difference.ts";
import type { Json, JsonRecord } from "../../../src/domain/json.ts";
import { appDefinition } from "../../../src/platform/dcos/capture/app-definition.ts";
import { CONDITIONS } from "../../../src/platform/dcos/capture/difference-conditions.ts";
import { DIFFERENCE_RULES } from "../../../src/platform/dcos/capture/difference-rules.ts";
import { explainSnapshots } from "../../../src/platform/dcos/capture/explain-snapshots.ts";

const COMMIT = "0b1f2c3d";
const HOP: UpgradeBetween = { run: "r", target: "1.11.3", upgraded: ["m1", "a1", "a2"], setAside: [], troubles: [], changed: [] };

function node(role: string, version: string, more: JsonRecord = {}): JsonRecord {
  return {
    version,
    imageCommit: `${COMMIT}${version}`,
    role,
    configSha256: "c",
    clusterId: "id",
    os: "CoreOS",
    kernel: "4.14",
    docker: "17.12.1-ce",
    bootId: "b",
    ...more,
  };
}

function agent(name: string, version: string, more: JsonRecord = {}): JsonRecord {
  return {
    hostname: `10.0.0.2${name.slice(1)}`,
    node: name,
    role: "agent",
    active: true,
    version,
    attributes: { rack: "r1" },
    resources: { cpus: 4, mem: 14_000, disk: 35_000, gpus: 0 },
    ...more,
  };
}

const PINNED = { instances: 1, constraints: [["hostname", "LIKE", "10.0.0.21"]], networks: [{ mode: "host" }] };
const FREE = { instances: 2, constraints: [], networks: [{ mode: "host" }] };

/** A summary document of a small cluster, at one version of DC/OS. */
function snapshot(dcos: string, mesos: string, marathon: string, more: JsonRecord = {}): JsonRecord {
  return {
    v: 1,
    platform: "dcos",
    cluster: "id",
    missing: [],
    summary: {
      nodes: { m1: node("master", dcos), a1: node("agent", dcos, { containers: 2 }), a2: node("agent", dcos, { containers: 1 }) },
      agents: { S0: agent("a1", mesos), S1: agent("a2", mesos) },
      frameworks: {
        F0: { name: "marathon", active: true, connected: true, roles: [] },
        F1: { name: "metronome", active: true, connected: true, roles: [] },
        F2: { name: "kafka", active: true, connected: true, roles: [] },
      },
      apps: { "/pinned": PINNED, "/free": FREE },
      pods: {},
      tasks: {
        "pinned.1": { app: "/pinned", framework: "F0", agent: "S0" },
        "free.1": { app: "/free", framework: "F0", agent: "S0" },
        "free.2": { app: "/free", framework: "F0", agent: "S1" },
        "job.1": { app: null, framework: "F1", agent: "S1" },
        "broker.1": { app: null, framework: "F2", agent: "S0" },
      },
      services: {},
      roles: { "*": { weight: 1, quota: null } },
      maintenance: { draining: [], down: [] },
      znodes: 200,
      deployments: 0,
      leaders: { mesos: ["m1"], zookeeper: ["m1"], marathon: "10.0.0.11:8080" },
      components: { mesos: { m1: mesos }, zookeeper: { m1: "3.4.10" }, marathon, marathonFrameworkId: "F0" },
      ...more,
    },
  };
}

const BEFORE = snapshot("1.10.8", "1.4.2", "1.5.11");
const AFTER = snapshot("1.11.3", "1.5.2", "1.6.496");

/** The document with one value of its summary replaced; undefined takes it away. */
function withValue(document: JsonRecord, path: readonly string[], value: Json | undefined): JsonRecord {
  const put = (at: Json | undefined, [head, ...rest]: readonly string[]): Json => {
    if (head === undefined) return value ?? null;
    const { [head]: old, ...others } = (at ?? {}) as JsonRecord;
    return rest.length === 0 && value === undefined ? others : { ...others, [head]: put(old, rest) };
  };
  return { ...document, summary: put(document["summary"], path) };
}

const shown = (all: readonly ExplainedDifference[]): readonly string[] =>
  all.map((one) => `${one.rule ?? "UNEXPLAINED"}: ${one.path.join("/")}`);
const open = (all: readonly ExplainedDifference[]): readonly string[] => shown(all.filter((one) => one.rule === null));

describe("what explains the differences an upgrade leaves behind", () => {
  it("everything of a plain hop is what it was for", () => {
    const all = explainSnapshots(BEFORE, AFTER, [HOP]);
    expect(open(all)).toEqual([]);
    expect(new Set(all.map((one) => one.class))).toEqual(new Set(["expected"]));
    expect(shown(all)).toContain("mesos-of-the-agent: agents/S0/version");
    expect(all.length).toBe(10);
  });

  it("two snapshots of one state differ in nothing, and without an upgrade on record a new version is unexplained", () => {
    expect(explainSnapshots(AFTER, structuredClone(AFTER), [HOP])).toEqual([]);
    expect(open(explainSnapshots(BEFORE, AFTER, []))).toHaveLength(10);
  });

  it.each([
    ["an app lost its constraint", ["apps", "/pinned", "constraints"], []],
    ["an app is gone", ["apps", "/free"], undefined],
    ["an app runs another number of instances", ["apps", "/free", "instances"], 3],
    ["a node has another build than the others", ["nodes", "a2", "imageCommit"], "ffff"],
    ["a node is still on its old version", ["nodes", "a2", "version"], "1.10.7"],
    ["an agent came back under another id", ["agents", "S9"], agent("a2", "1.5.2")],
    ["an agent lost an attribute", ["agents", "S0", "attributes"], {}],
    ["an agent runs a Mesos that the masters do not", ["agents", "S0", "version"], "1.5.1"],
    ["an agent has two per cent less memory", ["agents", "S0", "resources", "mem"], 13_720],
    ["a machine was rebooted", ["nodes", "a1", "bootId"], "other"],
    ["Docker was upgraded along the way", ["nodes", "a1", "docker"], "18.09"],
    ["a framework has registered anew", ["frameworks", "F9"], { name: "kafka", active: true, connected: true, roles: [] }],
    ["a framework does not come back", ["frameworks", "F2", "active"], false],
    ["Marathon has another framework id", ["components", "marathonFrameworkId"], "F9"],
    ["nobody leads Mesos", ["leaders", "mesos"], []],
    ["two lead Mesos", ["leaders", "mesos"], ["m1", "m2"]],
    ["the cluster has another id", ["nodes", "m1", "clusterId"], "other"],
    ["a pinned task has another id", ["tasks", "pinned.1"], undefined],
    ["a task of a framework of its own is gone", ["tasks", "broker.1"], undefined],
    ["a free task is gone and nothing took its place", ["tasks", "free.2"], undefined],
    ["a new task of nobody's", ["tasks", "who.1"], { app: "/who", framework: "F0", agent: "S0" }],
    ["ten per cent of the znodes are gone", ["znodes"], 180],
    ["a deployment is under way", ["deployments"], 1],
    ["a machine is down for maintenance", ["maintenance", "down"], ["10.0.0.21"]],
    ["a part was not captured any more", ["roles"], null],
  ] as const)("%s: nobody knows why", (_what, path, value) => {
    const found = open(explainSnapshots(BEFORE, withValue(AFTER, path, value), [HOP]));
    expect(found.length).toBeGreaterThan(0);
    expect(found.every((one) => one.startsWith(`UNEXPLAINED: ${path[0]}`))).toBe(true);
  });

  it("a restart is explained where the record of that node tells it, and at no other node", () => {
    const restarted = withValue(AFTER, ["nodes", "a1", "bootId"], "other");
    const told = (name: string, code: string): readonly string[] =>
      open(explainSnapshots(BEFORE, restarted, [{ ...HOP, troubles: [{ node: name, code }] }]));
    expect(told("a1", "script-rebooted")).toEqual([]);
    expect(told("a2", "script-rebooted")).toHaveLength(1);
    expect(told("a1", "script-failed")).toHaveLength(1);
  });

  it.each([
    ["resources-drift", ["agents", "S0", "resources", "disk"], 34_700],
    ["znodes-drift", ["znodes"], 205],
    ["job-task", ["tasks", "job.1"], undefined],
    ["job-task", ["tasks", "job.2"], { app: null, framework: "F1", agent: "S0" }],
    ["leader-moved", ["leaders", "marathon"], "10.0.0.12:8080"],
    [
      "configuration-of-the-target",
      ["nodes"],
      {
        m1: node("master", "1.11.3", { configSha256: "d" }),
        a1: node("agent", "1.11.3", { configSha256: "d", containers: 2 }),
        a2: node("agent", "1.11.3", { configSha256: "d", containers: 1 }),
      },
    ],
  ] as const)("the rule %s lets its own kind of difference be", (rule, path, value) => {
    const all = explainSnapshots(BEFORE, withValue(AFTER, path, value), [HOP]);
    expect(open(all)).toEqual([]);
    expect(all.some((one) => one.rule === rule)).toBe(true);
  });

  it("a free app whose task ended by itself runs a new one: tolerated with its container; a pinned one's is not", () => {
    const replaced = withValue(withValue(AFTER, ["tasks", "free.2"], undefined), ["tasks", "free.3"], {
      app: "/free",
      framework: "F0",
      agent: "S0",
    });
    const counted = withValue(replaced, ["nodes", "a1", "containers"], 3);
    const all = explainSnapshots(BEFORE, counted, [HOP]);
    expect(open(all)).toEqual([]);
    expect(shown(all).filter((one) => !/^(?:node|image|mesos|marathon)/.test(one))).toEqual([
      "containers-follow-tasks: nodes/a1/containers",
      "task-replaced: tasks/free.2",
      "task-replaced: tasks/free.3",
    ]);
    const pinned = withValue(withValue(AFTER, ["tasks", "pinned.1"], undefined), ["tasks", "pinned.2"], {
      app: "/pinned",
      framework: "F0",
      agent: "S0",
    });
    expect(open(explainSnapshots(BEFORE, pinned, [HOP]))).toEqual(["UNEXPLAINED: tasks/pinned.1", "UNEXPLAINED: tasks/pinned.2"]);
    expect(open(explainSnapshots(BEFORE, withValue(AFTER, ["nodes", "a1", "containers"], 3), [HOP]))).toEqual([
      "UNEXPLAINED: nodes/a1/containers",
    ]);
  });

  it("a service Marathon's app is known by its own definition: a free one's task may be replaced, a pinned one's may not", () => {
    const inside = (task: string, constraints: Json, to: JsonRecord): JsonRecord =>
      withValue(
        withValue(to, ["services", "mom"], { version: "1", frameworkId: "F3", apps: { "/in": { instances: 1, constraints } } }),
        ["tasks", task],
        { app: "mom:/in", framework: "F3", agent: "S0" },
      );
    expect(open(explainSnapshots(inside("in.1", [], BEFORE), inside("in.2", [], AFTER), [HOP]))).toEqual([]);
    const pin = [["hostname", "CLUSTER", "x"]];
    expect(open(explainSnapshots(inside("in.1", pin, BEFORE), inside("in.2", pin, AFTER), [HOP]))).toEqual([
      "UNEXPLAINED: tasks/in.1",
      "UNEXPLAINED: tasks/in.2",
    ]);
  });

  it("a node that was set aside explains what is gone with it, by name, and nothing of another node", () => {
    const aside: UpgradeBetween = { ...HOP, upgraded: ["m1", "a2"], setAside: ["a1"] };
    let after = withValue(withValue(AFTER, ["nodes", "a1"], undefined), ["agents", "S0"], undefined);
    for (const task of ["pinned.1", "free.1", "broker.1"]) after = withValue(after, ["tasks", task], undefined);
    after = withValue(after, ["tasks", "free.9"], { app: "/free", framework: "F0", agent: "S1" });
    after = {
      ...withValue(after, ["nodes", "a2", "containers"], 2),
      missing: [{ name: "nodes/a1/facts.txt", why: "no answer" }],
    };
    expect(open(explainSnapshots(BEFORE, after, [aside]))).toEqual([]);
    // A znode for each instance: three tasks of apps are others than before, and no more than as many znodes.
    expect(open(explainSnapshots(BEFORE, withValue(after, ["znodes"], 214), [aside]))).toEqual(["UNEXPLAINED: znodes"]);
    const small = (document: JsonRecord, znodes: number): JsonRecord => withValue(document, ["znodes"], znodes);
    expect(open(explainSnapshots(small(BEFORE, 40), small(after, 43), [aside]))).toEqual([]);
    expect(open(explainSnapshots(small(BEFORE, 40), small(after, 44), [aside]))).toEqual(["UNEXPLAINED: znodes"]);
    // The same without anybody set aside, and with another one.
    expect(open(explainSnapshots(BEFORE, after, [{ ...aside, setAside: [] }])).length).toBeGreaterThan(4);
    expect(open(explainSnapshots(BEFORE, after, [{ ...aside, setAside: ["a2"] }])).length).toBeGreaterThan(3);
    // A later upgrade that finished it: it explains nothing any more.
    expect(open(explainSnapshots(BEFORE, after, [aside, { ...HOP, upgraded: ["a1"] }])).length).toBeGreaterThan(3);
  });

  it("an app that this run made for itself is expected with its task; one of another run is not", () => {
    const own = (run: string): JsonRecord => {
      const app = withValue(AFTER, ["apps", "/pawl-test"], { instances: 1, constraints: [], labels: { PAWL_RUN: run } });
      return withValue(app, ["tasks", "pawl-test.1"], { app: "/pawl-test", framework: "F0", agent: "S0" });
    };
    expect(open(explainSnapshots(BEFORE, own("r"), [HOP]))).toEqual([]);
    expect(open(explainSnapshots(BEFORE, own("an older run"), [HOP]))).toEqual([
      "UNEXPLAINED: apps//pawl-test",
      "UNEXPLAINED: tasks/pawl-test.1",
    ]);
  });

  it("a service Marathon that this run gave a new image has a new image, version and task", () => {
    const image = (tag: string): JsonRecord => ({
      instances: 1,
      constraints: [],
      networks: [],
      container: { docker: { image: `marathon:${tag}` } },
    });
    const before = withValue(
      withValue(withValue(BEFORE, ["apps", "/mom"], image("1")), ["services", "mom"], {
        version: "1",
        frameworkId: "F3",
        apps: {},
      }),
      ["tasks", "mom.1"],
      { app: "/mom", framework: "F0", agent: "S0" },
    );
    const after = withValue(
      withValue(withValue(AFTER, ["apps", "/mom"], image("2")), ["services", "mom"], {
        version: "2",
        frameworkId: "F3",
        apps: {},
      }),
      ["tasks", "mom.2"],
      { app: "/mom", framework: "F0", agent: "S1" },
    );
    const step = { kind: "dcos/upgrade-service-marathon", output: { app: "/mom", name: "mom", image: "marathon:2" } };
    const done = explainSnapshots(
      before,
      withValue(withValue(after, ["nodes", "a1", "containers"], 1), ["nodes", "a2", "containers"], 2),
      [{ ...HOP, changed: [step] }],
    );
    expect(open(done)).toEqual([]);
    expect(open(explainSnapshots(before, after, [HOP]))).toEqual([
      "UNEXPLAINED: apps//mom/container/docker/image",
      "UNEXPLAINED: services/mom/version",
    ]);
  });
});

describe("the table of rules", () => {
  it("names each rule once, with a reason, a source and conditions that there are", () => {
    expect(new Set(DIFFERENCE_RULES.map((rule) => rule.name)).size).toBe(DIFFERENCE_RULES.length);
    expect(
      DIFFERENCE_RULES.filter(
        (rule) => rule.reason === "" || rule.source === "" || rule.when.some((name) => !Object.hasOwn(CONDITIONS, name)),
      ),
    ).toEqual([]);
  });

  it("explains nothing that is outside of every rule's path", () => {
    const roots = new Set(DIFFERENCE_RULES.flatMap((rule) => (rule.path === "**" ? [] : [rule.path.split("/")[0] ?? ""])));
    const key = fc
      .stringMatching(/^[a-z/.-]{1,8}$/)
      .filter((name) => !roots.has(name) && name !== "summary" && name !== "missing");
    fc.assert(
      fc.property(key, key, fc.jsonValue(), fc.jsonValue(), (first, second, was, is) => {
        fc.pre(JSON.stringify(was) !== JSON.stringify(is));
        const [before, after] = [withValue(BEFORE, [first, second], was as Json), withValue(AFTER, [first, second], is as Json)];
        const own = explainSnapshots(before, after, [HOP]).filter((one) => one.path[0] === first);
        expect(own.every((one) => one.rule === null)).toBe(true);
      }),
      { numRuns: 200, seed: 7 },
    );
  });

  it("lets no other value pass where a node's identity, an app or a framework is concerned", () => {
    const fields = [
      ["nodes", "a1", "clusterId"],
      ["nodes", "a1", "role"],
      ["nodes", "m1", "masterCount"],
      ["nodes", "a2", "kernel"],
      ["agents", "S0", "node"],
      ["agents", "S1", "role"],
      ["agents", "S1", "active"],
      ["frameworks", "F0", "name"],
      ["apps", "/pinned", "constraints"],
      ["apps", "/free", "container"],
      ["apps", "/free", "env"],
      ["roles", "*", "weight"],
      ["components", "marathonFrameworkId"],
      ["tasks", "pinned.1", "agent"],
    ] as const;
    fc.assert(
      fc.property(
        fc.constantFrom(...fields),
        fc.oneof(fc.string(), fc.integer({ min: 2 }), fc.constant({ other: 1 })),
        (path, value) => {
          expect(open(explainSnapshots(BEFORE, withValue(AFTER, path, value as Json), [HOP])).length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 300, seed: 11 },
    );
  });
});

describe("an app over two versions of Marathon", () => {
  const old = {
    id: "/web",
    cmd: "./serve",
    instances: 2,
    cpus: 0.2,
    mem: 128,
    disk: 0,
    gpus: 0,
    constraints: [["hostname", "unique", ""]],
    container: {
      type: "DOCKER",
      volumes: [],
      docker: {
        image: "web:1",
        network: "BRIDGE",
        forcePullImage: false,
        privileged: false,
        parameters: [],
        portMappings: [{ containerPort: 80, hostPort: 0, servicePort: 10_101, protocol: "tcp", labels: {} }],
      },
    },
    acceptedResourceRoles: null,
    ipAddress: null,
    uris: ["http://x/a.tgz"],
    ports: [10_101],
    portDefinitions: [{ port: 10_101, name: "default", protocol: "tcp", labels: {} }],
    version: "2026-11-01T00:00:00Z",
    tasksRunning: 2,
  };
  const modern = {
    id: "/web",
    cmd: "./serve",
    instances: 2,
    cpus: 0.2,
    mem: 128,
    constraints: [["hostname", "UNIQUE"]],
    networks: [{ mode: "container/bridge" }],
    container: {
      type: "DOCKER",
      docker: { image: "web:1" },
      portMappings: [{ containerPort: 80, hostPort: 0, servicePort: 10_101, protocol: "tcp" }],
    },
    fetch: [{ uri: "http://x/a.tgz", extract: true, executable: false, cache: false }],
    upgradeStrategy: { minimumHealthCapacity: 1, maximumOverCapacity: 1 },
    version: "2026-11-02T00:00:00Z",
    tasksRunning: 1,
  };

  it("is the same app where only the form is another", () => {
    expect(appDefinition(modern)).toEqual(appDefinition(old));
  });

  it.each([
    ["its command", { cmd: "./serve --fast" }],
    ["its environment", { env: { STAGE: "test" } }],
    ["a constraint", { constraints: [] }],
    ["its network", { networks: [{ mode: "host" }] }],
    ["a port", { container: { ...modern.container, portMappings: [{ containerPort: 81, hostPort: 0, servicePort: 10_101 }] } }],
    ["what it fetches", { fetch: [{ uri: "http://x/b.tgz" }] }],
    ["a field that nobody has heard of", { somethingNew: { on: true } }],
    ["the strategy of its upgrades", { upgradeStrategy: { minimumHealthCapacity: 0.5, maximumOverCapacity: 1 } }],
  ])("is another app with another value of %s", (_what, change) => {
    expect(appDefinition({ ...modern, ...change })).not.toEqual(appDefinition(old));
  });

  it.each([
    [
      "USER",
      { container: { docker: { image: "x", network: "USER" } }, ipAddress: { networkName: "dcos" } },
      { container: { docker: { image: "x" } }, networks: [{ mode: "container", name: "dcos" }] },
    ],
    [
      "HOST",
      { container: { docker: { image: "x", network: "HOST" } }, ports: [8080] },
      {
        container: { docker: { image: "x" } },
        networks: [{ mode: "host" }],
        portDefinitions: [{ port: 8080, name: "default", protocol: "tcp" }],
      },
    ],
    [
      "an address per container",
      { ipAddress: { networkName: "dcos", labels: {} } },
      { networks: [{ mode: "container", name: "dcos" }] },
    ],
    ["none", {}, { networks: [{ mode: "host" }] }],
  ])("network %s has one form", (_what, before, after) => {
    expect(appDefinition(before as unknown as Json)).toEqual(appDefinition(after as unknown as Json));
  });
});
