import { afterAll, describe, expect, it } from "vitest";
import { recordedRemote } from "../../src/check/recorded.ts";
import type { Capture } from "../../src/check/recorded.ts";
import type { Json, JsonRecord } from "../../src/domain/json.ts";
import { AGENTS, ask, bodyOf, captured, jq, MASTERS } from "./material.ts";

afterAll(() => jq.close());

const NODES = [...MASTERS, ...AGENTS];
/** The later events had a sixth agent. */
const A6 = { name: "a6", address: "127.0.22.6", role: "agent", critical: false, ssh: {} };
const steady = captured("steady/01-leader", "steady/02-non-leader");

function agentsOf(captures: readonly Capture[], master: string): readonly JsonRecord[] {
  return (bodyOf(captures, master, "/slaves") as { readonly slaves: readonly JsonRecord[] }).slaves;
}

/** A baseline as the platform makes it, from the `/slaves` of a moment. */
function baselineOf(captures: readonly Capture[], master: string): JsonRecord {
  const agents = agentsOf(captures, master).map(
    ({ id, hostname, active }) => ({ id, hostname, address: hostname, active }) as JsonRecord,
  );
  return { agents, activeAgents: agents.filter((one) => one["active"] === true).length };
}

describe("agents-registered on recorded answers", () => {
  it("passes a healthy cluster, whichever master is asked first", async () => {
    const answer = await ask("agents-registered", { remote: recordedRemote(steady), nodes: NODES });
    expect(answer).toMatchObject({ verdict: "pass", asserted: { subjects: 1, passed: 1 } });
    expect(answer.observed).toBe("cluster: expected 5, active 5");
    const nonLeaderFirst = await ask("agents-registered", { remote: recordedRemote(steady), nodes: [...NODES].reverse() });
    expect(nonLeaderFirst.verdict).toBe("pass");
  });

  it("fails a killed agent at once and still after it vanished from the list, and passes when it is back", async () => {
    const nodes = [...NODES, A6];
    const of = (moment: string) => ask("agents-registered", { remote: recordedRemote(captured(moment)), nodes });
    for (const moment of ["agent-killed/01-inactive-0.3s", "agent-killed/02-inactive-6s", "agent-killed/03-unreachable"]) {
      const answer = await of(moment);
      expect([answer.verdict, answer.observed]).toEqual(["fail", "cluster: expected 6, active 5, missing a3"]);
    }
    expect((await of("agent-killed/05-back")).verdict).toBe("pass");
  });

  it("fails while the new leader knows the agents from its registry only", async () => {
    const answer = await ask("agents-registered", {
      remote: recordedRemote(captured("leader-killed/02-just-elected")),
      nodes: NODES,
    });
    expect([answer.verdict, answer.observed]).toEqual(["fail", "cluster: expected 5, active 0, missing a1 a2 a3 a4 a5"]);
    expect(
      (await ask("agents-registered", { remote: recordedRemote(captured("leader-killed/05-settled")), nodes: NODES })).verdict,
    ).toBe("pass");
  });

  it("fails drained, deactivated and downed agents: deliberate, but not there", async () => {
    for (const moment of [
      "maintenance-and-drain/04-drained",
      "maintenance-and-drain/05-deactivated",
      "maintenance-and-drain/07-machine-down",
    ]) {
      const nodes = [...NODES, A6];
      expect((await ask("agents-registered", { remote: recordedRemote(captured(moment)), nodes })).verdict).toBe("fail");
    }
  });

  it("does not count a ghost of the registry whose host is there under a new id", async () => {
    const moment = captured("recovered-agent-never-returns/01-waiting");
    const body = bodyOf(moment, "m1", "/slaves") as {
      readonly slaves: readonly { readonly hostname: string }[];
      readonly recovered_slaves: readonly Json[];
    };
    expect(body.recovered_slaves).toHaveLength(1);
    const nodes = [...MASTERS, ...body.slaves.map(({ hostname }) => ({ ...A6, name: `n${hostname}`, address: hostname }))];
    expect((await ask("agents-registered", { remote: recordedRemote(moment), nodes })).verdict).toBe("pass");
  });

  it("has no answer without a leader, and where authentication is wanted", async () => {
    const noLeader = await ask("agents-registered", {
      remote: recordedRemote(captured("zookeeper-all-down/02-leader-exited")),
      nodes: NODES,
    });
    expect([noLeader.verdict, noLeader.why]).toEqual(["inconclusive", "no-answer"]);
    expect(noLeader.observed).toContain("HTTP 503");
    const m4 = { ...A6, name: "m4", address: "127.0.21.4", role: "master" };
    const denied = await ask("agents-registered", {
      remote: recordedRemote(captured("auth-enabled/01-no-credentials")),
      nodes: [m4, ...AGENTS],
    });
    expect([denied.verdict, denied.why]).toEqual(["inconclusive", "no-answer"]);
  });
});

describe("agent-reregistered on recorded answers", () => {
  const before = baselineOf(captured("agent-killed/01-inactive-0.3s"), "m2");
  const version = {
    node: "m2",
    host: "127.0.21.2",
    port: 5050,
    method: "GET",
    path: "/version",
    call: null,
    epochSeconds: null,
  } as const;
  const released: Capture = {
    ...version,
    answer: { kind: "answered", status: 200, headers: {}, body: Buffer.from('{"version":"1.11.0"}'), url: "" },
  };
  const of = (
    moment: string,
    name: string,
    more: { readonly since?: number; readonly role?: string; readonly baseline?: JsonRecord } = {},
  ) =>
    ask("agent-reregistered", {
      remote: recordedRemote([...captured(moment), released]),
      nodes: [...NODES, A6],
      node: name,
      baseline: more.baseline ?? before,
      context: { inputs: { target: "1.11.3" }, since: more.since ?? 1_795_191_400 },
      nodeFacts: { [name]: { version: "1.11.3", role: more.role ?? "agent", installProgress: false } },
    });

  it("does not pass while the agent is inactive or gone, without calling it lost", async () => {
    for (const moment of ["agent-killed/01-inactive-0.3s", "agent-killed/02-inactive-6s", "agent-killed/03-unreachable"]) {
      const answer = await of(moment, "a3");
      expect([answer.verdict, answer.fatal]).toEqual(["fail", false]);
    }
  });

  it("passes when it is back under its old id, having registered again since the step began", async () => {
    const answer = await of("agent-killed/05-back", "a3");
    expect(answer).toMatchObject({ verdict: "pass", fatal: false });
    expect(answer.observed).toContain("active true");
  });

  it("does not pass an agent that has not registered again since the step began", async () => {
    expect((await of("agent-killed/05-back", "a3", { since: 1_795_191_500 })).verdict).toBe("fail");
  });

  it("is fatal when the host is there under another id", async () => {
    const other = {
      agents: [{ id: "another-S9", hostname: "127.0.22.3", address: "127.0.22.3", active: true }],
      activeAgents: 1,
    };
    const answer = await of("agent-killed/05-back", "a3", { baseline: other });
    expect([answer.verdict, answer.fatal]).toEqual(["fail", true]);
  });

  it("wants the resources of a public agent to be reserved, and those of a private one not", async () => {
    expect((await of("agent-killed/05-back", "a4", { since: 1_795_191_000, role: "agent_public" })).verdict).toBe("pass");
    expect((await of("agent-killed/05-back", "a4", { since: 1_795_191_000, role: "agent" })).verdict).toBe("fail");
  });

  it("never takes the agent's own word: its answers are not even asked for", async () => {
    const asked: string[] = [];
    const recorded = recordedRemote([...captured("agent-killed/05-back"), released]);
    await ask("agent-reregistered", {
      remote: { ...recorded, http: (request) => (asked.push(request.url), recorded.http(request)) },
      nodes: NODES,
      node: "a3",
      baseline: before,
    });
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.every((url) => url.includes(":5050/"))).toBe(true);
  });
});

describe("agents-present on recorded answers", () => {
  const baseline = baselineOf(captured("agent-killed/05-back"), "m2");
  const of = (moment: string, context: JsonRecord) =>
    ask("agents-present", { remote: recordedRemote(captured(moment)), nodes: [...NODES, A6], baseline, context });

  it("excuses the agents in hand and those set aside, and nobody else", async () => {
    expect((await of("agent-killed/02-inactive-6s", { inHand: ["a3"] })).verdict).toBe("pass");
    expect((await of("agent-killed/03-unreachable", { setAside: ["a3"] })).verdict).toBe("pass");
    const another = await of("agent-killed/03-unreachable", { inHand: ["a1"] });
    expect([another.verdict, another.observed]).toEqual([
      "fail",
      "cluster: active 5, baseline 6, in hand or set aside 1, missing a3",
    ]);
  });

  it("cannot be judged without a baseline", async () => {
    const answer = await ask("agents-present", { remote: recordedRemote(steady), nodes: NODES, baseline: { agents: null } });
    expect([answer.verdict, answer.why]).toEqual(["inconclusive", "missing-field"]);
  });
});

describe("counters of the leader", () => {
  const steadyMetrics = { leader: "m1", slaveRemovals: 0, recoverySlaveRemovals: 0, tasksLost: 0 };
  it("agent-removals and tasks-lost pass a steady cluster in the same epoch", async () => {
    for (const check of ["agent-removals", "tasks-lost"]) {
      const answer = await ask(check, {
        remote: recordedRemote(steady),
        nodes: MASTERS,
        baseline: steadyMetrics,
        observedAt: "2026-11-20T16:10:45.000Z",
      });
      expect([check, answer.verdict]).toEqual([check, "pass"]);
    }
  });

  it("a dead agent is a removal and its tasks are lost, at once fatal, unless it was set aside", async () => {
    const remote = recordedRemote(captured("agent-killed/03-unreachable"));
    const asked = {
      remote,
      nodes: MASTERS,
      baseline: { ...steadyMetrics, leader: "m2", slaveRemovals: 1 },
      nowSeconds: 1_795_191_415,
      observedAt: "2026-11-20T16:14:20.000Z",
    };
    const removed = await ask("agent-removals", asked);
    expect([removed.verdict, removed.fatal]).toEqual(["fail", true]);
    const excused = await ask("agent-removals", { ...asked, context: { setAside: ["a3"] } });
    expect([excused.verdict, excused.fatal]).toEqual(["pass", false]);
    const lost = await ask("tasks-lost", asked);
    expect([lost.verdict, lost.fatal]).toEqual(["fail", true]);
  });

  it("without a leader nothing is said, and nothing is fatal", async () => {
    const remote = recordedRemote(captured("zookeeper-all-down/02-leader-exited"));
    for (const check of ["agent-removals", "tasks-lost"]) {
      const answer = await ask(check, { remote, nodes: MASTERS, baseline: steadyMetrics });
      expect([answer.verdict, answer.fatal]).toEqual(["inconclusive", false]);
    }
  });
});

describe("tasks-running on recorded answers", () => {
  const taskIds = (moment: string, master: string): readonly string[] =>
    (
      bodyOf(captured(moment), master, "/tasks") as { readonly tasks: readonly { readonly id: string; readonly state: string }[] }
    ).tasks
      .filter((task) => task.state === "TASK_RUNNING")
      .map((task) => task.id);

  it("passes while the same ids run", async () => {
    const baseline = { runningTasks: taskIds("steady/01-leader", "m1") };
    expect(baseline.runningTasks.length).toBeGreaterThan(0);
    expect((await ask("tasks-running", { remote: recordedRemote(steady), nodes: MASTERS, baseline })).verdict).toBe("pass");
  });

  it("fails, fatally, when an agent took its tasks with it", async () => {
    const after = captured("agent-killed/02-inactive-6s");
    const tasks = (
      bodyOf(after, "m2", "/tasks") as { readonly tasks: readonly { readonly id: string; readonly state: string }[] }
    ).tasks;
    const lost = tasks.filter((task) => task.state === "TASK_LOST").map((task) => task.id);
    expect(lost.length).toBeGreaterThan(0);
    const answer = await ask("tasks-running", {
      remote: recordedRemote(after),
      nodes: MASTERS,
      baseline: { runningTasks: lost },
    });
    expect([answer.verdict, answer.fatal]).toEqual(["fail", true]);
  });
});

describe("no-maintenance on recorded answers", () => {
  it("passes an empty status and fails machines that are draining or down", async () => {
    const of = (moment: string) => ask("no-maintenance", { remote: recordedRemote(captured(moment)), nodes: MASTERS });
    expect((await of("steady/01-leader")).verdict).toBe("pass");
    expect((await of("maintenance-and-drain/02-draining-mode")).verdict).toBe("fail");
    expect((await of("maintenance-and-drain/07-machine-down")).verdict).toBe("fail");
    expect((await of("maintenance-and-drain/08-machine-up")).verdict).toBe("fail");
  });
});
