import { describe, expect, it } from "vitest";
import type { Json, JsonRecord } from "../../../src/domain/json.ts";
import type { Facts, Finding } from "../../../src/domain/plan.ts";
import { findings } from "../../../src/platform/dcos/preflight/findings.ts";
import { facts, inventory, nodeFacts, SAME_CONFIGURATION, THREE } from "./sample.ts";

const TO = { target: "1.11.3" };

function named(list: readonly Finding[], id: string): Finding | undefined {
  return list.find((one) => one.id === id);
}

function nodes(
  version: string,
  details: Readonly<Record<string, JsonRecord>> = {},
  names: readonly string[] = THREE,
): Facts["nodes"] {
  return Object.fromEntries(names.map((name) => [name, nodeFacts(name, version, details[name] ?? {})]));
}

describe("agents that were added or replaced since the last record", () => {
  const then = facts(THREE, "1.10.8");
  const look = (now: Facts["nodes"], names: readonly string[] = THREE): Finding | undefined =>
    named(
      findings(facts(THREE, "1.10.8", { nodes: now }), inventory(names), TO, { run: "20261119T010000Z-snapshot", facts: then }),
      "agents-unchanged",
    );

  it("pass where they are the same machines", () => {
    expect(look(nodes("1.10.8"))).toMatchObject({ verdict: "pass", observed: "3 agents, the same machines" });
  });

  it("are a person's decision, by name: another machine under an old name, one more, one that is gone", () => {
    const other = { a1: { machineId: "f".repeat(32) } };
    expect(look(nodes("1.10.8", other))).toMatchObject({
      verdict: "fail",
      severity: "waivable",
      refusal: false,
      nodes: ["a1"],
      observed: "a1 is another machine than before",
    });
    const more = [...THREE, "a3"];
    expect(look(nodes("1.10.8", {}, more), more)).toMatchObject({ verdict: "fail", observed: "a3 (10.0.0.23) was added" });
    const fewer = THREE.filter((name) => name !== "a2");
    expect(look(nodes("1.10.8", {}, fewer), fewer)).toMatchObject({ verdict: "fail", observed: "a2 (10.0.0.22) is gone" });
  });

  it("stay a refusal where a master was replaced", () => {
    const list = findings(
      facts(THREE, "1.10.8", { nodes: nodes("1.10.8", { m2: { machineId: "f".repeat(32) } }) }),
      inventory(THREE),
      TO,
      { run: "before", facts: then },
    );
    expect(named(list, "masters-unchanged")).toMatchObject({ verdict: "fail", refusal: true, nodes: ["m2"] });
    expect(named(list, "agents-unchanged")).toMatchObject({ verdict: "pass" });
  });
});

describe("masters ahead of their agents", () => {
  const mixed = (agents: string): Facts =>
    facts(THREE, agents, {
      nodes: {
        ...nodes(agents),
        ...Object.fromEntries(["m1", "m2", "m3"].map((name) => [name, nodeFacts(name, "1.11.3")])),
      },
    });

  it("are reminded of by a snapshot, with the time since when", () => {
    const list = findings(mixed("1.10.8"), inventory(THREE), {});
    expect(named(list, "agents-left-behind")).toMatchObject({
      verdict: "fail",
      severity: "advisory",
      title: "Agents are as new as their masters, which are at 1.11.3 since 2026-11-01 08:30 UTC, 19 days ago",
      nodes: ["a1", "a2", "p1"],
      observed: "a1 is at 1.10.8; a2 is at 1.10.8; p1 is at 1.10.8",
    });
    expect(named(list, "agents-one-minor-behind")).toBeUndefined();
  });

  it("are no trouble to the run that is to upgrade the agents", () => {
    expect(named(findings(mixed("1.10.8"), inventory(THREE), TO), "agents-left-behind")).toMatchObject({
      verdict: "pass",
      observed: "3 agents are not there yet: this run is to upgrade them",
    });
  });

  it("are beyond support when they are two minors ahead", () => {
    expect(named(findings(mixed("1.9.9"), inventory(THREE), {}), "agents-one-minor-behind")).toMatchObject({
      verdict: "fail",
      severity: "mandatory",
      nodes: ["a1", "a2", "p1"],
    });
  });

  it("go no further before the agents are there", () => {
    const list = findings(mixed("1.10.8"), inventory(THREE), { target: "1.12.5" });
    expect(named(list, "versions-in-play")).toMatchObject({ verdict: "fail", refusal: true });
  });

  it("are said nothing about where all nodes are alike, or the masters themselves are mixed", () => {
    expect(named(findings(facts(THREE, "1.10.8"), inventory(THREE), {}), "agents-left-behind")).toBeUndefined();
    const half = { ...nodes("1.10.8"), m1: nodeFacts("m1", "1.11.3") };
    expect(named(findings(facts(THREE, "1.10.8", { nodes: half }), inventory(THREE), {}), "agents-left-behind")).toBeUndefined();
  });
});

describe("the load balancer on agents", () => {
  const look = (haproxy: Json | undefined, status?: Json): Finding | undefined =>
    named(
      findings(
        facts(THREE, "1.10.8", { nodes: nodes("1.10.8", status === undefined ? {} : { p1: { proxyStatus: status } }) }),
        inventory(THREE, { settings: haproxy === undefined ? {} : { haproxy } }),
        TO,
      ),
      "haproxy-healthy",
    );

  it("is not evaluated where the inventory says nothing of one, and left out where it says that there is none", () => {
    expect(look(undefined)).toMatchObject({ byHand: true, verdict: "inconclusive", severity: "advisory" });
    expect(look(false)).toBeUndefined();
  });

  it("must answer 200 on every agent that has it; no answer and another one are told apart", () => {
    expect(look({}, 200)).toMatchObject({ verdict: "pass", observed: "200 on 1 nodes" });
    expect(look({}, 503)).toMatchObject({ verdict: "fail", severity: "waivable", nodes: ["p1"], observed: "p1: HTTP 503" });
    expect(look({}, null)).toMatchObject({ verdict: "fail", observed: "p1: no answer" });
    expect(look({})).toMatchObject({ verdict: "inconclusive", observed: "p1: was not asked" });
    expect(look({ on: ["a9"] })).toMatchObject({ verdict: "inconclusive" });
    expect(look({ path: "no path" })).toMatchObject({
      verdict: "inconclusive",
      observed: "p1: settings.haproxy.path is no path",
    });
  });
});

describe("IPv6 before 1.11", () => {
  const look = (off: readonly string[], enableIpv6: string | null, more: JsonRecord = {}): Finding | undefined =>
    named(
      findings(
        facts(THREE, "1.10.8", {
          nodes: nodes("1.10.8", Object.fromEntries(off.map((name) => [name, { ipv6: false }]))),
          baseline: { ...facts(THREE, "1.10.8").baseline, configuration: { ...SAME_CONFIGURATION, enableIpv6, ...more } },
        }),
        inventory(THREE),
        TO,
      ),
      "ipv6-fits",
    );

  it("must be off in the configuration where it is off on a node", () => {
    expect(look([], null)).toMatchObject({ verdict: "pass", observed: "IPv6 is on, on 6 nodes" });
    expect(look(["a1"], "false")).toMatchObject({ verdict: "pass" });
    expect(look(["a1"], null)).toMatchObject({
      verdict: "fail",
      nodes: ["a1"],
      observed: "a1: IPv6 is off, enable_ipv6 is not set (true)",
    });
    expect(look(["a1"], "true")).toMatchObject({ verdict: "fail" });
    expect(look(["a1"], null, { why: "bootstrap: no answer" })).toMatchObject({ verdict: "inconclusive" });
  });
});
