import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { recordedRemote } from "../../src/check/recorded.ts";
import type { JsonRecord } from "../../src/domain/json.ts";
import { AGENTS, ask, bodyOf, captured, checks, jq, M1, MASTERS, withHealth } from "./material.ts";
import type { Asked } from "./material.ts";

afterAll(() => jq.close());

/** What was observed on a real cluster, or read of DC/OS, and what a check must therefore say: `pass`, `fail`, or why it has no verdict. */
interface Row {
  readonly check: string;
  readonly moments: readonly string[];
  readonly says: "pass" | "fail" | "no-answer" | "missing-field";
  readonly demanded: string;
  readonly asked?: Partial<Asked>;
}

const A6 = { name: "a6", address: "127.0.22.6", role: "agent", critical: false, ssh: {} };
const M4 = { ...M1, name: "m4", address: "127.0.21.4" };
const FIVE = [...MASTERS, ...AGENTS];
const SIX = [...FIVE, A6];
const STEADY = ["steady/01-leader", "steady/02-non-leader", "steady/05-operator-api"];

/** The baseline that the platform makes of a moment: agents, tasks, counters. */
function baselineOf(moment: string, leader: string, more: JsonRecord = {}): JsonRecord {
  const { slaves } = bodyOf(captured(moment), leader, "/slaves") as { readonly slaves: readonly JsonRecord[] };
  const agents = slaves.map(({ id, hostname, active }) => ({ id, hostname, address: hostname, active }) as JsonRecord);
  return { agents, activeAgents: agents.length, leader, slaveRemovals: 0, recoverySlaveRemovals: 0, tasksLost: 0, ...more };
}

const before = baselineOf("agent-killed/05-back", "m2", { runningTasks: ["api", "edge-lb", "web"], slaveRemovals: 1 });
const during = { nodes: SIX, baseline: before, observedAt: "2026-11-20T16:14:40.000Z", nowSeconds: 1_795_191_415 };
const atSteady = {
  baseline: baselineOf("steady/01-leader", "m1", { runningTasks: ["api", "edge-lb", "web"] }),
  observedAt: "2026-11-20T16:10:45.000Z",
};
const reregistered = {
  node: "a3",
  context: { inputs: { target: "1.11.3" }, since: 1_795_191_400 },
  nodeFacts: { a3: { version: "1.11.3", role: "agent", installProgress: false } },
};

const TABLE: readonly Row[] = [
  // Elections.
  {
    check: "replog-recovered",
    moments: STEADY,
    says: "pass",
    demanded: "healthy: every log recovered, ensemble 3, one elected, all redirects name it",
  },
  { check: "master-log-level", moments: STEADY, says: "pass", demanded: "healthy: every master logs at INFO" },
  {
    check: "master-log-level",
    moments: ["steady/01-leader"],
    says: "no-answer",
    demanded: "a master that does not tell its level is not taken for one that logs",
  },
  { check: "agent-log-level", moments: ["steady/03-agent"], says: "pass", demanded: "healthy: every agent logs at INFO" },
  { check: "masters-mesos-alike", moments: STEADY, says: "pass", demanded: "post-03: one Mesos on every master" },
  {
    check: "masters-mesos-alike",
    moments: ["steady/01-leader"],
    says: "no-answer",
    demanded: "a master that does not tell what it runs is not taken for one that is alike",
  },
  {
    check: "agents-mesos-alike",
    moments: STEADY,
    says: "pass",
    demanded: "post-03: every registered agent runs the masters' Mesos",
  },
  { check: "one-leader", moments: STEADY, says: "pass", demanded: "healthy: one elected, all redirects name it" },
  {
    check: "one-leader",
    moments: ["leader-killed/01-1s-stale-leader"],
    says: "fail",
    demanded: "observed 5: for ten seconds the others redirect to a dead leader",
  },
  {
    check: "replog-recovered",
    moments: ["leader-killed/01-1s-stale-leader"],
    says: "fail",
    demanded: "observed 5 and 6: nobody elected is no leadership, whatever the redirects say",
  },
  {
    check: "agents-registered",
    moments: ["leader-killed/02-just-elected"],
    says: "fail",
    demanded: "observed 9: just after an election the agents are known from the registry only",
  },
  {
    check: "agents-registered",
    moments: ["leader-killed/04-reregister-1"],
    says: "pass",
    demanded: "observed: all agents back 1.2 s after an election",
  },
  {
    check: "agents-present",
    moments: ["leader-killed/05-settled"],
    says: "pass",
    demanded: "observed: agents keep their ids over an election",
    asked: atSteady,
  },
  {
    check: "replog-recovered",
    moments: ["leader-killed/05-settled"],
    says: "fail",
    demanded: "observed 4: two of three replicas is not all of them, although the leader is well",
  },
  {
    check: "one-leader",
    moments: ["leader-hung/01-hung-3s"],
    says: "fail",
    demanded: "observed: a hung leader accepts and never answers; fewer than half are heard",
  },
  {
    check: "agents-registered",
    moments: ["leader-hung/01-hung-3s"],
    says: "no-answer",
    demanded: "observed: nobody gives a list while the leader hangs",
  },
  {
    check: "agents-registered",
    moments: ["leader-hung/02-just-elected"],
    says: "pass",
    demanded: "observed: the successor has all six agents, and a ghost that does not count (10)",
    asked: { nodes: SIX },
  },
  // Quorum and logs.
  {
    check: "replog-recovered",
    moments: ["boot-three/01-two-of-three-empty"],
    says: "fail",
    demanded: "observed 3: elected with a log that has not recovered is real",
  },
  {
    check: "one-leader",
    moments: ["boot-three/01-two-of-three-empty"],
    says: "pass",
    demanded: "observed 3: it leads; that its log has not recovered is another check's",
  },
  {
    check: "agents-registered",
    moments: ["boot-three/01-two-of-three-empty"],
    says: "fail",
    demanded: "observed 3: such a leader answers 200 and has no agents",
  },
  {
    check: "agents-registered",
    moments: ["boot-three/02-agents-registering"],
    says: "pass",
    demanded: "observed: all five have registered",
  },
  {
    check: "replog-recovered",
    moments: ["quorum-lost/01-leader-alone-2s"],
    says: "no-answer",
    demanded: "observed 4: ensemble_size lags; the masters that do not answer are the only sign",
  },
  {
    check: "replog-recovered",
    moments: ["quorum-lost/02-leader-alone-13s"],
    says: "fail",
    demanded: "observed 4: recovered and elected without a quorum; the ensemble shows it",
  },
  {
    check: "one-leader",
    moments: ["quorum-lost/02-leader-alone-13s"],
    says: "fail",
    demanded: "observed 4: one of three heard is no quorum",
  },
  {
    check: "replog-recovered",
    moments: ["quorum-lost/03-http-just-up"],
    says: "fail",
    demanded: "observed 2: no routes yet, 404",
  },
  {
    check: "replog-recovered",
    moments: ["quorum-lost/04-wiped-recovering-10s"],
    says: "fail",
    demanded: "observed: a wiped log stays unrecovered without a quorum of voters",
  },
  {
    check: "one-leader",
    moments: ["quorum-lost/04-wiped-recovering-10s"],
    says: "pass",
    demanded: "two of three are heard and agree; the log is another check's",
  },
  {
    check: "replog-recovered",
    moments: ["master-down-wiped-rejoin/01-master-down-2s"],
    says: "no-answer",
    demanded: "observed 4: reachable from every master itself",
  },
  {
    check: "one-leader",
    moments: ["master-down-wiped-rejoin/01-master-down-2s"],
    says: "pass",
    demanded: "design: one master may be silent while it is upgraded",
  },
  // ZooKeeper gone.
  {
    check: "one-leader",
    moments: ["zookeeper-all-down/01-zk-down-4s"],
    says: "pass",
    demanded: "observed 7: the leader keeps answering for ten seconds; a gate must span more",
  },
  {
    check: "one-leader",
    moments: ["zookeeper-all-down/02-leader-exited"],
    says: "fail",
    demanded: "observed: no leader elected, 503",
  },
  {
    check: "replog-recovered",
    moments: ["zookeeper-all-down/02-leader-exited"],
    says: "fail",
    demanded: "observed 1: /health says 200 here; elected, ensemble and redirect do not",
  },
  {
    check: "one-leader",
    moments: ["zookeeper-all-down/04-zk-back-4s"],
    says: "fail",
    demanded: "observed 7: first they redirect to the dead former leader again",
  },
  {
    check: "agents-registered",
    moments: ["zookeeper-all-down/02-leader-exited"],
    says: "no-answer",
    demanded: "9.1: 503 No leader elected",
  },
  {
    check: "tasks-lost",
    moments: ["zookeeper-all-down/02-leader-exited"],
    says: "missing-field",
    demanded: "9.3: counters mean something on the leader only",
    asked: atSteady,
  },
  {
    check: "agent-removals",
    moments: ["zookeeper-all-down/02-leader-exited"],
    says: "missing-field",
    demanded: "9.3: counters mean something on the leader only",
    asked: atSteady,
  },
  {
    check: "tasks-running",
    moments: ["zookeeper-all-down/02-leader-exited"],
    says: "no-answer",
    demanded: "9.1: /tasks is the leader's",
    asked: atSteady,
  },
  {
    check: "agents-registered",
    moments: ["zookeeper-all-down/05-recovered"],
    says: "pass",
    demanded: "observed: all six back, a ghost beside them (10)",
    asked: { nodes: SIX },
  },
  // Agents.
  {
    check: "agents-registered",
    moments: ["agent-killed/01-inactive-0.3s"],
    says: "fail",
    demanded: "observed 11: active false at once",
    asked: during,
  },
  {
    check: "agents-registered",
    moments: ["agent-killed/03-unreachable"],
    says: "fail",
    demanded: "observed 11: after 85 s it is in no list and must still be missed",
    asked: during,
  },
  {
    check: "agents-present",
    moments: ["agent-killed/03-unreachable"],
    says: "fail",
    demanded: "observed 11: count against the expected number",
    asked: during,
  },
  {
    check: "agents-present",
    moments: ["agent-killed/03-unreachable"],
    says: "pass",
    demanded: "design rule 14: those in hand are excused",
    asked: { ...during, context: { inHand: ["a3"] } },
  },
  {
    check: "agent-removals",
    moments: ["agent-killed/03-unreachable"],
    says: "fail",
    demanded: "observed 11: slave_removals rises",
    asked: during,
  },
  {
    check: "tasks-lost",
    moments: ["agent-killed/02-inactive-6s"],
    says: "fail",
    demanded: "captures: its two tasks are lost at once",
    asked: during,
  },
  {
    check: "tasks-running",
    moments: ["agent-killed/02-inactive-6s"],
    says: "fail",
    demanded: "section 10: the same task ids still run",
    asked: during,
  },
  {
    check: "tasks-running",
    moments: ["agent-killed/02-inactive-6s"],
    says: "pass",
    demanded: "design rule 8: an agent set aside is repaired by itself",
    asked: { ...during, context: { setAside: ["a3"] } },
  },
  {
    check: "agent-reregistered",
    moments: ["steady/02-non-leader", "agent-killed/03-unreachable"],
    says: "fail",
    demanded: "observed 13: asked of the leader, where it is gone",
    asked: { ...during, ...reregistered },
  },
  {
    check: "agent-reregistered",
    moments: ["steady/02-non-leader", "agent-killed/05-back"],
    says: "pass",
    demanded: "observed: back with the same id in a second",
    asked: { ...during, ...reregistered },
  },
  {
    check: "agents-registered",
    moments: ["agent-killed/05-back"],
    says: "pass",
    demanded: "observed: active again under its old id",
    asked: during,
  },
  {
    check: "agents-registered",
    moments: ["maintenance-and-drain/04-drained"],
    says: "fail",
    demanded: "observed 12: drained is deliberate, and not there",
    asked: { nodes: SIX },
  },
  {
    check: "agents-registered",
    moments: ["maintenance-and-drain/05-deactivated"],
    says: "fail",
    demanded: "observed 12: deactivated is not there",
    asked: { nodes: SIX },
  },
  {
    check: "agents-registered",
    moments: ["maintenance-and-drain/06-reactivated"],
    says: "pass",
    demanded: "captures: active again",
    asked: { nodes: SIX },
  },
  { check: "no-maintenance", moments: ["steady/01-leader"], says: "pass", demanded: "observed 12: {} without a schedule" },
  {
    check: "no-maintenance",
    moments: ["maintenance-and-drain/02-draining-mode"],
    says: "fail",
    demanded: "observed 12: draining_machines",
  },
  {
    check: "no-maintenance",
    moments: ["maintenance-and-drain/07-machine-down"],
    says: "fail",
    demanded: "observed 12: down_machines, of another form",
  },
  {
    check: "agents-registered",
    moments: ["recovered-agent-never-returns/01-waiting"],
    says: "pass",
    demanded: "observed 10: a ghost of the registry must not block",
    asked: { nodes: SIX },
  },
  {
    check: "agents-registered",
    moments: ["recovered-agent-never-returns/02-reregister-timeout-passed"],
    says: "pass",
    demanded: "observed 10: slaves_unreachable stays 1 although the host is healthy",
    asked: { nodes: SIX },
  },
  {
    check: "agent-removals",
    moments: ["recovered-agent-never-returns/02-reregister-timeout-passed"],
    says: "fail",
    demanded: "9.3: recovery_slave_removals: agents that did not come back after a failover",
    asked: { ...atSteady, nowSeconds: 1_795_192_264 },
  },
  // Steady counters and tasks.
  { check: "agent-removals", moments: STEADY, says: "pass", demanded: "9.3: nothing removed", asked: atSteady },
  { check: "tasks-lost", moments: STEADY, says: "pass", demanded: "9.3: nothing lost", asked: atSteady },
  { check: "tasks-running", moments: STEADY, says: "pass", demanded: "section 10: the same ids run", asked: atSteady },
  {
    check: "master-upgraded",
    moments: STEADY,
    says: "pass",
    demanded: "9.3: the process is younger than the step",
    asked: {
      node: "m2",
      nowSeconds: 1_795_191_050,
      context: { inputs: { target: "1.11.3" }, since: 1_795_190_000 },
      nodeFacts: { m2: { version: "1.11.3", installProgress: false } },
    },
  },
  {
    check: "master-upgraded",
    moments: STEADY,
    says: "fail",
    demanded: "9.3: uptime confirms the restart",
    asked: {
      node: "m2",
      nowSeconds: 1_795_191_050,
      context: { inputs: { target: "1.11.3" }, since: 1_795_191_049 },
      nodeFacts: { m2: { version: "1.11.3", installProgress: false } },
    },
  },
  {
    check: "mesos-fits-marathon-1.7",
    moments: ["steady/01-leader", "steady/02-non-leader"],
    says: "pass",
    demanded: "11.5: Mesos 1.5 or newer",
  },
  // Authentication.
  {
    check: "replog-recovered",
    moments: ["auth-enabled/01-no-credentials"],
    says: "no-answer",
    demanded: "observed 16: 401 is no answer",
    asked: { nodes: [M4] },
  },
  {
    check: "replog-recovered",
    moments: ["auth-enabled/02-wrong-password"],
    says: "no-answer",
    demanded: "observed 16: 401 with wrong credentials",
    asked: { nodes: [M4] },
  },
  {
    check: "replog-recovered",
    moments: ["auth-enabled/03-basic-ok-acl-denies-endpoints"],
    says: "no-answer",
    demanded: "observed 16: 403 on metrics while /state answers",
    asked: { nodes: [M4] },
  },
  {
    check: "agents-registered",
    moments: ["auth-enabled/01-no-credentials"],
    says: "no-answer",
    demanded: "observed 16: 401 on /slaves",
    asked: { nodes: [M4, ...AGENTS] },
  },
  {
    check: "no-maintenance",
    moments: ["auth-enabled/01-no-credentials"],
    says: "no-answer",
    demanded: "observed 16: 401 on /maintenance",
    asked: { nodes: [M4] },
  },
  {
    check: "one-leader",
    moments: ["auth-enabled/03-basic-ok-acl-denies-endpoints"],
    says: "fail",
    demanded: "observed 16: without metrics nobody is heard; a redirect to oneself is no leadership (6)",
    asked: { nodes: [M4] },
  },
];

describe("checks on the answers of a real cluster", () => {
  it.each(TABLE.map((row) => [`${row.check} on ${row.moments.join(", ")}: ${row.says} (${row.demanded})`, row] as const))(
    "%s",
    async (_title, row) => {
      const remote = recordedRemote(captured(...row.moments));
      // GET_HEALTH was recorded on some masters only; authentication answers it with nothing.
      const whole = row.moments[0]?.startsWith("auth-enabled") === true ? remote : withHealth(remote);
      const answer = await ask(row.check, { nodes: FIVE, remote: whole, ...row.asked });
      expect([answer.why ?? answer.verdict, answer.observed]).toEqual([row.says, answer.observed]);
      expect(answer.asserted.subjects).toBeGreaterThan(0);
    },
  );

  it("every check that reads Mesos and was not asked here is one that Mesos alone cannot answer", () => {
    const readsMesos = checks.filter((check) =>
      Object.values(check.readings).some((one) => one.kind === "http" && one.url.includes("mesos-master")),
    );
    const asked = new Set(TABLE.map((row) => row.check));
    expect(readsMesos.map((check) => check.name).filter((name) => !asked.has(name))).toEqual(["marathon-leads"]);
  });

  it("every capture that a check can read was used", () => {
    const readme = readFileSync("test/fixture/mesos-real/README.md", "utf8");
    const events = [...readme.matchAll(/^\| `([a-z-]+)` \|/gm)].map((one) => one[1] ?? "");
    const used = new Set(TABLE.flatMap((row) => row.moments.map((moment) => moment.split("/")[0])));
    expect(events.filter((event) => !used.has(event))).toEqual([]);
    expect(events.length).toBeGreaterThan(10);
  });
});
