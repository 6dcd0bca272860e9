import { describe, expect, it } from "vitest";
import { guard } from "../../../src/check/guard.ts";
import { PawlError } from "../../../src/domain/errors.ts";
import type { Remote } from "../../../src/engine/ports.ts";
import { ALLOW } from "../../../src/platform/dcos/allow.ts";
import { createDcosPlatform } from "../../../src/platform/dcos/platform.ts";
import { testLab } from "./lab.ts";

const platform = createDcosPlatform();
const TO = { target: "1.11.3" };

describe("observing an embedded cluster", () => {
  it("reads everything through the read-only guard, without a gap and without a bad finding", async () => {
    const { remote, inventory, clock } = testLab();
    const { facts, gaps, evidence } = await platform.observe(guard(remote, ALLOW), inventory, TO, clock);
    expect(gaps).toEqual([]);
    const doubtful = platform.findings(facts, inventory, TO).filter((one) => one.verdict !== "pass");
    expect(doubtful.map((one) => [one.id, one.severity])).toEqual([
      ["pinned-tasks", "advisory"],
      ["images-available", "advisory"],
    ]);
    expect(doubtful[0]?.observed).toContain("/data/archive (owner team-data): only 127.83.12.51 is allowed");
    expect(facts.counts).toEqual({ master: 3, agent: 3, agent_public: 1 });
    expect(facts.nodes["a1"]).toMatchObject({
      version: "1.10.8",
      role: "agent",
      reachable: true,
      complete: false,
      details: { uid: 0, serving: true, bootstrapStatus: 200 },
    });
    expect(facts.baseline).toMatchObject({ activeAgents: 4, mesosVersion: "1.4.2", tasksLost: 0, slaveRemovals: 0 });
    const { agents, apps, runningTasks, leader, frameworkIds } = facts.baseline as Record<string, never[]>;
    expect(agents).toHaveLength(4);
    expect(apps?.length).toBeGreaterThan(0);
    expect(runningTasks?.length).toBeGreaterThan(0);
    expect(runningTasks).toEqual([...(runningTasks ?? [])].sort());
    expect(facts.last["master"]?.at(-1)).toBe(leader);
    expect(frameworkIds).toMatchObject({ marathon: expect.stringMatching(/.+/) });
    expect(evidence.map((one) => one.meta.name)).toContain("observed/m1/facts.txt");
  });

  it("calls nodes at the target complete", async () => {
    const { remote, inventory, clock } = testLab({ version: "1.11.3" });
    const { facts } = await platform.observe(remote, inventory, TO, clock);
    expect(Object.values(facts.nodes).every((one) => one.complete)).toBe(true);
    expect((await platform.observe(remote, inventory, {}, clock)).facts.nodes["m1"]?.complete).toBe(false);
  });

  it.each([
    { fault: "master-out-of-quorum@m2:start", finding: "quorum-to-spare" },
    { fault: "replog-not-recovered@m2:start", finding: "quorum-to-spare" },
    { fault: "agent-never@a2:start", finding: "agents-counted" },
    { fault: "wrong-role@a2:start", finding: "roles-as-planned" },
    { fault: "config-differs@a2:start", finding: "config-alike" },
    { fault: "constraint-broken@a2:start", finding: "constraints-valid" },
  ])("$fault is found as $finding, and refuses nothing for good", async ({ fault, finding }) => {
    const { remote, inventory, clock } = testLab({ faults: [fault] });
    await clock.sleep(10 * 60_000);
    const { facts } = await platform.observe(remote, inventory, TO, clock);
    const bad = platform.findings(facts, inventory, TO).filter((one) => one.verdict !== "pass");
    expect(bad.map((one) => one.id)).toContain(finding);
    expect(bad.some((one) => one.refusal)).toBe(false);
  });

  it("names what could not be read instead of assuming it", async () => {
    const { remote, inventory, clock } = testLab();
    const deaf: Remote = {
      ...remote,
      run: async (target, command, signal) =>
        target === "a2"
          ? { kind: "lost", reason: "connection refused", code: "refused", sent: false }
          : remote.run(target, command, signal),
      http: async () => ({ kind: "no-answer", code: "timed-out", reason: "no answer in time" }),
    };
    const { facts, gaps } = await platform.observe(deaf, inventory, TO, clock);
    expect(facts.nodes["a2"]).toMatchObject({ reachable: false, version: null, complete: false });
    expect(facts.baseline).toMatchObject({ leader: null, agents: null, apps: null, runningTasks: null, tasksLost: null });
    expect(facts.last).toEqual({ master: [] });
    expect(gaps).toContain("a2: connection refused");
    expect(gaps).toContain("no single leading Mesos master: agents, frameworks and tasks were not read");
    await expect(
      platform.nodeFacts(
        deaf,
        inventory,
        inventory.nodes.find((one) => one.name === "a2")!,
      ),
    ).rejects.toThrow(PawlError);
  });
});

describe("leadership read again", () => {
  it("names the ZooKeeper leader, then the leading Mesos master, and nobody for agents", async () => {
    const { remote, inventory } = testLab();
    const last = await platform.readLast(remote, inventory, "master");
    expect(last?.length).toBeGreaterThan(0);
    expect(new Set(last).size).toBe(last?.length);
    expect(await platform.readLast(remote, inventory, "agent")).toEqual([]);
  });

  it("is null where two lead or nobody does", async () => {
    for (const fault of ["two-leaders@m1:start", "no-leader@m1:start"]) {
      const { remote, inventory, clock } = testLab({ faults: [fault] });
      await clock.sleep(5 * 60_000);
      expect(await platform.readLast(remote, inventory, "master"), fault).toBeNull();
    }
  });
});
