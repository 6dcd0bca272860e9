import { describe, expect, it } from "vitest";
import type { AgentEntry } from "../../../src/platform/dcos/mesos.ts";
import { isCostly, judgeAgents, judgeMasters, judgeNode } from "../../../src/platform/dcos/upgrade/permission.ts";
import { parseFacts } from "../../../src/platform/dcos/facts/node-facts.ts";
import type { Plan } from "../../../src/domain/plan.ts";
import { facts, masterReading, node, serverReading } from "./sample.ts";

const MASTERS = ["m1", "m2", "m3"].map((name) => node(name));
const healthy = {
  masters: MASTERS.map(({ name }) => masterReading(name, "m2")),
  servers: [serverReading("m1", "follower"), serverReading("m2", "leader"), serverReading("m3", "follower")],
};

function agent(name: string, active = true): AgentEntry {
  return {
    id: `id-${name}`,
    hostname: node(name).address,
    address: node(name).address,
    role: "agent",
    active,
    version: "1.5.2",
    recovered: false,
    attributes: {},
    region: null,
    zone: null,
  };
}

describe("may this master be taken down", () => {
  it("yes, when every other one serves, has recovered and names one leader", () => {
    for (const { name } of MASTERS) expect(judgeMasters(healthy, MASTERS, name)).toBeNull();
  });

  it("yes for the only master of a cluster", () => {
    expect(
      judgeMasters({ masters: [masterReading("m1", "m1")], servers: [serverReading("m1", "standalone")] }, [node("m1")], "m1"),
    ).toBeNull();
  });

  it("refused, when the quorum would be lost without it", () => {
    const one = {
      ...healthy,
      servers: [serverReading("m1", null), serverReading("m2", "leader"), serverReading("m3", "follower")],
    };
    expect(judgeMasters(one, MASTERS, "m3")).toMatchObject({
      exit: "refused",
      problem: { code: "quorum-would-be-lost", observed: "m1: ZooKeeper does not serve (not currently serving requests)" },
    });
    expect(judgeMasters(one, MASTERS, "m1"), "its own trouble does not stand in its way").toBeNull();
  });

  it("halted, when another is down and the quorum holds", () => {
    const five = ["m1", "m2", "m3", "m4", "m5"];
    const ensemble = {
      masters: five.map((name) => masterReading(name, "m2", name === "m4" ? { recovered: false, why: null } : {})),
      servers: five.map((name) => serverReading(name, name === "m2" ? "leader" : "follower")),
    };
    expect(
      judgeMasters(
        ensemble,
        five.map((name) => node(name)),
        "m1",
      ),
    ).toMatchObject({
      exit: "gate-halted",
      problem: { code: "master-down", observed: "m4: the replicated log has not recovered (the metric is not 1)" },
    });
  });

  it("halted, when a standalone server stands beside others", () => {
    const split = {
      ...healthy,
      servers: [serverReading("m1", "standalone"), serverReading("m2", "leader"), serverReading("m3", "follower")],
    };
    expect(judgeMasters(split, MASTERS, "m3")?.kind).toBe("no");
  });

  it("halted, when another one is up and does not know who leads", () => {
    const cut = healthy.masters.map((one) => (one.node === "m3" ? { ...one, redirect: null } : one));
    expect(judgeMasters({ ...healthy, masters: cut }, MASTERS, "m1")).toMatchObject({
      exit: "gate-halted",
      problem: { code: "master-out-of-quorum", observed: "m3" },
    });
    expect(judgeMasters({ ...healthy, masters: cut }, MASTERS, "m3")).toBeNull();
  });

  it("does not ask the broken master itself who leads", () => {
    const confused = [
      masterReading("m1", "m2", { redirect: node("m1").address }),
      masterReading("m2", "m2"),
      masterReading("m3", "m2"),
    ];
    expect(judgeMasters({ ...healthy, masters: confused }, MASTERS, "m1")).toBeNull();
    expect(judgeMasters({ ...healthy, masters: confused }, MASTERS, "m3")).not.toBeNull();
  });

  it.each([
    { what: "two are elected", masters: [masterReading("m1", "m1"), masterReading("m2", "m2"), masterReading("m3", "m2")] },
    {
      what: "nobody is elected and a former leader redirects to itself",
      masters: [
        masterReading("m1", "m1", { elected: false }),
        masterReading("m2", "m1", { elected: false }),
        masterReading("m3", "m1", { elected: false }),
      ],
    },
    {
      what: "one redirect names another master",
      masters: [
        masterReading("m1", "m2"),
        masterReading("m2", "m2"),
        masterReading("m3", "m2", { redirect: node("m1").address }),
      ],
    },
  ])("halted, when $what", ({ masters }) => {
    expect(judgeMasters({ ...healthy, masters }, MASTERS, "m1")).toMatchObject({
      exit: "gate-halted",
      problem: { code: "no-single-leader" },
    });
  });
});

describe("may this agent be taken down", () => {
  const agents = ["a1", "a2", "a3"].map((name) => node(name));

  it("yes, when every other agent is active or in hand", () => {
    expect(
      judgeAgents(
        ["a1", "a2", "a3"].map((name) => agent(name)),
        agents,
        node("a1"),
        new Set(),
        false,
      ),
    ).toBeNull();
    expect(judgeAgents([agent("a1"), agent("a3")], agents, node("a1"), new Set(["a2"]), false)).toBeNull();
  });

  it("no, when another one is missing that nobody has in hand", () => {
    expect(judgeAgents([agent("a1"), agent("a3")], agents, node("a1"), new Set(), false)).toMatchObject({
      exit: "gate-halted",
      problem: { code: "other-agents-down", observed: "a2" },
    });
    expect(judgeAgents([agent("a1"), agent("a2", false), agent("a3")], agents, node("a1"), new Set(), false)).toMatchObject({
      problem: { observed: "a2" },
    });
  });

  it("no, when it is away itself, unless an upgrade of it was begun before", () => {
    expect(judgeAgents([agent("a2"), agent("a3")], agents, node("a1"), new Set(), false)).toMatchObject({
      problem: { code: "agent-not-active", node: "a1" },
    });
    expect(judgeAgents([agent("a2"), agent("a3")], agents, node("a1"), new Set(), true)).toBeNull();
  });

  it("no, when the leader's list could not be read", () => {
    expect(judgeAgents(null, agents, node("a1"), new Set(), false)).toMatchObject({ problem: { code: "agents-unread" } });
  });
});

describe("is the node still what the plan says", () => {
  const plan = { inputs: { target: "1.11.3" }, facts: facts(["a1"], "1.10.8") } as unknown as Plan;
  const text = (version: string, role = "slave", uid = "0"): string =>
    `=== version\n{"version": "${version}"}\n=== roles\n${role}\n=== uid\n${uid}\n=== end\n`;

  it.each([
    { what: "the planned version", print: text("1.10.8"), code: null, exit: null },
    { what: "the target already", print: text("1.11.3"), code: null, exit: null },
    { what: "a third version", print: text("1.9.9"), code: "version-moved", exit: "refused" },
    { what: "another role", print: text("1.10.8", "slave_public"), code: "role-changed", exit: "gate-halted" },
    { what: "no root", print: text("1.10.8", "slave", "1000"), code: "not-root", exit: "step-failed" },
  ])("$what: $code", ({ print, code, exit }) => {
    const denial = judgeNode(parseFacts(print)!, node("a1"), { plan });
    expect(denial?.problem.code ?? null).toBe(code);
    expect(denial?.exit ?? null).toBe(exit);
  });
});

describe("did anybody change the node since the plan was made", () => {
  const plan = { inputs: { target: "1.11.3" }, facts: facts(["m1"], "1.10.8") } as unknown as Plan;
  const text = (over: {
    readonly version?: string;
    readonly config?: string;
    readonly masters?: string;
    readonly cluster?: string;
    readonly progress?: string;
  }): string =>
    `=== version\n{"version": "${over.version ?? "1.10.8"}"}\n=== roles\nmaster\n=== install-progress\n${over.progress ?? "absent"}\n=== config\n${over.config ?? "a".repeat(64)}  /opt/mesosphere/etc/user.config.yaml\n=== cluster\n${over.cluster ?? "c-1"}\n=== uid\n0\n=== masters\n${over.masters ?? "3"}\n=== end\n`;

  it.each([
    { what: "nothing changed", over: {}, code: null },
    { what: "another configuration", over: { config: "b".repeat(64) }, code: "config-changed" },
    { what: "masters were added", over: { masters: "5" }, code: "masters-changed" },
    { what: "the machine belongs to another cluster now", over: { cluster: "c-2" }, code: "cluster-changed" },
    { what: "its own upgrade brought another configuration", over: { version: "1.11.3", config: "b".repeat(64) }, code: null },
    { what: "its own upgrade is half done", over: { progress: "present", config: "b".repeat(64) }, code: null },
    { what: "the configuration could not be read", over: { config: "sha256sum: no such file" }, code: null },
  ])("$what: $code", ({ over, code }) => {
    const denial = judgeNode(parseFacts(text(over))!, node("m1"), { plan });
    expect([denial?.problem.code ?? null, denial?.exit ?? null]).toEqual([code, code === null ? null : "refused"]);
  });
});

describe("a failure that cost tasks", () => {
  it.each([
    { code: "gate.tasks-lost", costly: true },
    { code: "watch.tasks-lost", costly: true },
    { code: "gate.apps-as-before", costly: true },
    { code: "gate.agent-reregistered", costly: false },
    { code: "script-failed", costly: false },
  ])("$code: $costly", ({ code, costly }) => {
    expect(isCostly({ code, text: "" })).toBe(costly);
  });
});
