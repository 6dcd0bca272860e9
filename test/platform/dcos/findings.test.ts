import { describe, expect, it } from "vitest";
import type { Inventory } from "../../../src/domain/inventory.ts";
import type { Facts, Finding } from "../../../src/domain/plan.ts";
import { findings } from "../../../src/platform/dcos/preflight/findings.ts";
import { facts, inventory, node, nodeFacts, SAME_CONFIGURATION, THREE } from "./sample.ts";

const TO = { target: "1.11.3" };

function changed(nodes: Facts["nodes"], more: Partial<Facts> = {}): Facts {
  const base = facts(THREE, "1.10.8");
  return { ...base, nodes: { ...base.nodes, ...nodes }, ...more };
}

function bad(from: Facts, of: Inventory = inventory(THREE), inputs: Readonly<Record<string, string>> = TO): readonly Finding[] {
  return findings(from, of, inputs).filter((one) => one.verdict !== "pass");
}

function only(list: readonly Finding[]): Finding {
  expect(list.map((one) => one.id)).toHaveLength(1);
  return list[0]!;
}

describe("findings over the facts", () => {
  it("all pass on a healthy cluster, each with what it asserted", () => {
    const all = findings(facts(THREE, "1.10.8"), inventory(THREE), TO);
    expect(all.every((one) => one.verdict === "pass")).toBe(true);
    expect(all.map((one) => one.id)).toEqual([
      "nodes-answer",
      "cluster-identity",
      "versions-in-play",
      "agents-behind-masters",
      "roles-as-planned",
      "masters-counted",
      "quorum-to-spare",
      "agents-counted",
      "agents-covered",
      "agents-offer-their-role",
      "activation-finished",
      "config-alike",
      "configuration-unchanged",
      "security-mode-unchanged",
      "master-list-unchanged",
      "configuration-keys-added",
      "ip-detect-unchanged",
      "edition-unchanged",
      "os-alike",
      "docker-alike",
      "ipv6-fits",
      "constraints-valid",
      "constraints-patterns",
      "constraints-advised",
      "constraints-hold",
      "pinned-tasks",
    ]);
    expect(all.find((one) => one.id === "versions-in-play")?.observed).toBe("6 at 1.10.8, 0 at 1.11.3");
  });

  it("pass on a cluster whose masters are done and whose agents are not", () => {
    expect(bad(changed({ m1: nodeFacts("m1", "1.11.3"), m2: nodeFacts("m2", "1.11.3"), m3: nodeFacts("m3", "1.11.3") }))).toEqual(
      [],
    );
  });

  it.each([
    {
      what: "a node at a third version is refused",
      from: changed({ a1: nodeFacts("a1", "1.9.9") }),
      id: "versions-in-play",
      observed: "a1 is at 1.9.9, the others at 1.10.8",
      refusal: true,
    },
    {
      what: "an agent ahead of a master is refused",
      from: changed({ a2: nodeFacts("a2", "1.11.3") }),
      id: "agents-behind-masters",
      observed: "a2 is at 1.11.3 while m1, m2, m3 are not",
      refusal: true,
    },
    {
      what: "a role that differs",
      from: changed({ a1: nodeFacts("a1", "1.10.8", { roles: ["slave_public"] }, { role: "agent_public" }) }),
      id: "roles-as-planned",
      observed: "a1: inventory says agent, the node has slave_public",
      refusal: false,
    },
    {
      what: "a half-done activation",
      from: changed({ m3: nodeFacts("m3", "1.10.8", { installProgress: true }) }),
      id: "activation-finished",
      observed: "m3: install_progress is there",
      refusal: false,
    },
    {
      what: "a master installed for five",
      from: changed({ m1: nodeFacts("m1", "1.10.8", { masterCount: 5 }) }),
      id: "masters-counted",
      observed: "m1 was installed for 5 masters",
      refusal: false,
    },
    {
      what: "a master that does not serve",
      from: changed({ m3: nodeFacts("m3", "1.10.8", { serving: false }) }),
      id: "quorum-to-spare",
      observed: "m3 does not serve (ZooKeeper vote, recovered log, a leader it knows): one more down loses the quorum",
      refusal: false,
    },
    {
      what: "a configuration that differs",
      from: changed({ a1: nodeFacts("a1", "1.10.8", { configSha256: "b".repeat(64) }) }),
      id: "config-alike",
      observed: "a1: user.config.yaml differs (bbbbbbbbbbbb, the others aaaaaaaaaaaa)",
      refusal: false,
    },
    {
      what: "a node of another cluster",
      from: changed({ p1: nodeFacts("p1", "1.10.8", { clusterId: "c-2" }) }),
      id: "cluster-identity",
      observed: "p1: c-2, the masters say c-1",
      refusal: false,
    },
  ])("fail: $what", ({ from, id, observed, refusal }) => {
    expect(only(bad(from))).toMatchObject({ id, verdict: "fail", severity: "mandatory", observed, refusal });
  });

  it("a node that does not answer fails one finding, by name, and is not guessed about in the others", () => {
    const silent = {
      version: null,
      role: null,
      reachable: false,
      complete: false,
      details: { code: "ssh.refused", reason: "connection refused" },
    };
    const list = bad(changed({ a1: silent }));
    expect(only(list)).toMatchObject({ id: "nodes-answer", nodes: ["a1"], observed: "a1: connection refused" });
  });

  it("what could not be read is inconclusive, never a pass", () => {
    const list = bad(changed({ a1: nodeFacts("a1", "1.10.8", { installProgress: null, configSha256: null }) }));
    expect(list.map((one) => [one.id, one.verdict])).toEqual([
      ["activation-finished", "inconclusive"],
      ["config-alike", "inconclusive"],
    ]);
    const unread = facts(THREE, "1.10.8", { baseline: { agents: null, apps: null, configuration: SAME_CONFIGURATION } });
    expect(bad(unread).map((one) => [one.id, one.verdict])).toEqual([
      ["agents-counted", "inconclusive"],
      ["agents-covered", "inconclusive"],
      ["agents-offer-their-role", "inconclusive"],
      ["constraints-valid", "inconclusive"],
      ["constraints-hold", "inconclusive"],
    ]);
  });

  it("agents are counted both ways, by address", () => {
    const base = facts(THREE, "1.10.8");
    const agents = base.baseline["agents"] as readonly Record<string, string | boolean>[];
    const vanished = { ...base, baseline: { ...base.baseline, agents: agents.slice(1) } };
    expect(only(bad(vanished))).toMatchObject({
      id: "agents-counted",
      nodes: ["a1"],
      observed: "a1 (10.0.0.21) is not registered",
    });
    const inactive = {
      ...base,
      baseline: { ...base.baseline, agents: agents.map((one, index) => (index === 0 ? { ...one, active: false } : one)) },
    };
    expect(only(bad(inactive)).observed).toBe("a1 (10.0.0.21) is registered but not active");
    const stranger = {
      ...base,
      baseline: {
        ...base.baseline,
        agents: [...agents, { id: "id-x", hostname: "10.0.0.99", address: "10.0.0.99", role: "agent", active: true }],
      },
    };
    expect(only(bad(stranger))).toMatchObject({
      id: "agents-covered",
      severity: "mandatory",
      observed: "10.0.0.99 (agent, id-x) is not in the inventory",
    });
  });

  it("a role the cluster has and the inventory has not is named as such", () => {
    const without = inventory(THREE.filter((name) => name !== "p1"));
    expect(only(bad(facts(THREE, "1.10.8"), without)).observed).toContain(
      "the cluster has 1 agent_public and the inventory has none",
    );
  });

  it("two masters are refused, one master may be waived", () => {
    const two = facts(["m1", "m2"], "1.10.8", {
      nodes: { m1: nodeFacts("m1", "1.10.8", { masterCount: 2 }), m2: nodeFacts("m2", "1.10.8", { masterCount: 2 }) },
    });
    expect(only(bad(two, inventory(["m1", "m2"])))).toMatchObject({
      id: "quorum-structure",
      refusal: true,
      severity: "mandatory",
    });
    const one = facts(["m1"], "1.10.8", { nodes: { m1: nodeFacts("m1", "1.10.8", { masterCount: 1 }) } });
    expect(only(bad(one, inventory(["m1"])))).toMatchObject({ id: "quorum-structure", refusal: false, severity: "waivable" });
  });

  it("five masters with one down keep a quorum and are still not upgraded", () => {
    const names = ["m1", "m2", "m3", "m4", "m5"];
    const five = facts(names, "1.10.8", {
      nodes: Object.fromEntries(
        names.map((name) => [name, nodeFacts(name, "1.10.8", { masterCount: 5, serving: name !== "m4" })]),
      ),
    });
    expect(only(bad(five, inventory(names)))).toMatchObject({
      id: "quorum-to-spare",
      nodes: ["m4"],
      observed: "m4 does not serve (ZooKeeper vote, recovered log, a leader it knows): one master is down already",
    });
  });

  it("a master that gives no shell and serves is not told as down", () => {
    const from = facts(THREE, "1.10.8");
    const mute = {
      version: null,
      role: null,
      reachable: false,
      complete: false,
      details: { code: "timed-out", reason: "no answer within 30 s", serving: true },
    };
    const ids = bad({ ...from, nodes: { ...from.nodes, m3: mute } }).map((one) => one.id);
    expect(ids).toContain("nodes-answer");
    expect(ids).not.toContain("quorum-to-spare");
  });

  it.each([
    { constraint: ["hostname", "LIKE", "*"], wrong: "LIKE has a pattern that is no regular expression" },
    { constraint: ["hostname", "UNIQUE", "x"], wrong: "UNIQUE takes no value" },
    { constraint: ["hostname", "NEAR", "x"], wrong: "NEAR is no operator" },
    { constraint: ["rack", "MAX_PER", "many"], wrong: "MAX_PER needs a whole number" },
    { constraint: ["", "UNIQUE"], wrong: "names no field" },
  ])("a constraint Marathon would drop is found: $wrong", ({ constraint, wrong }) => {
    const from = facts(THREE, "1.10.8");
    const work = { kind: "app", instances: 1, roles: null, owner: null, volumes: [], hosts: [] };
    const workloads = [
      { ...work, id: "/web", constraints: [constraint] },
      {
        ...work,
        id: "/fine",
        constraints: [
          ["rack", "GROUP_BY", "2"],
          ["hostname", "unlike", "10\\.1\\..*"],
        ],
      },
    ];
    const marathons = [{ name: "marathon", root: true, apps: 2, tasksTold: true, gaps: [], workloads }];
    expect(
      bad({ ...from, baseline: { ...from.baseline, marathons } }).find((one) => one.id === "constraints-valid"),
    ).toMatchObject({
      severity: "mandatory",
      verdict: "fail",
      observed: `/web: [${constraint.join(", ")}] ${wrong}`,
    });
  });

  it("many troubled nodes are named up to eight, and counted", () => {
    const names = ["m1", "m2", "m3", ...Array.from({ length: 20 }, (_, index) => `a${index + 1}`)];
    const base = facts(names, "1.10.8");
    const nodes = Object.fromEntries(
      names.map((name) => [name, nodeFacts(name, "1.10.8", name.startsWith("a") ? { installProgress: true } : {})]),
    );
    const found = only(bad({ ...base, nodes }, inventory(names)));
    expect(found.nodes).toHaveLength(20);
    expect(found.observed).toMatch(/a8: install_progress is there and 12 more$/);
    expect(node("a1").address).toBe("10.0.0.21");
  });
});
