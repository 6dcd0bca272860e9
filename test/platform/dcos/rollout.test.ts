import { describe, expect, it } from "vitest";
import { rollOut, scriptRuns, TARGET } from "./rollout.ts";

const AGENTS = { privateAgents: 2, publicAgents: 1 };

describe("one hop of the shipped runbook over an embedded cluster", () => {
  it("upgrades every node with one run of the script, masters first, the leader last of them", async () => {
    const run = await rollOut(AGENTS);
    expect(run.result.state).toMatchObject({ exit: 0, halted: null });
    expect(scriptRuns(run)).toEqual({ m1: 1, m2: 1, m3: 1, a1: 1, a2: 1, p1: 1 });
    expect(Object.values(run.lab.cluster.inspect()).every((node) => node.version === TARGET)).toBe(true);
    const begun = run.events.flatMap((event) =>
      event.type === "step.moved" && event.to === "starting" && event.step.endsWith("/upgrade")
        ? [event.step.split("/")[1] ?? ""]
        : [],
    );
    expect(begun.slice(0, 3).toSorted()).toEqual(["m1", "m2", "m3"]);
    expect(begun.slice(3)).toEqual(["a1", "a2", "p1"]);
    expect(run.result.state.artifacts.map((one) => one.name)).toEqual(
      expect.arrayContaining(["summary.json", "zookeeper/m1.tar", "config/index.json", "dcos_node_upgrade.sh"]),
    );
  });

  // Design section 8, the table of faults; a1 is the canary.
  it.each([
    { fault: "master-out-of-quorum@m1", exit: 5, agents: 0 },
    { fault: "replog-not-recovered@m1", exit: 5, agents: 0 },
    { fault: "exhibitor-not-serving@m1", exit: 5, agents: 0 },
    { fault: "script-fails@m1", exit: 6, agents: 0 },
    { fault: "script-lies@m1", exit: 5, agents: 0 },
    { fault: "ssh-hang@m1:during", exit: 7, agents: 0 },
    { fault: "script-lies@a1", exit: 5, agents: 1 },
    { fault: "script-fails@a2", exit: 10, agents: 3 },
    { fault: "agent-never@a2", exit: 10, agents: 3 },
    { fault: "ssh-hang@a2:during", exit: 10, agents: 3 },
    { fault: "tasks-lost@a2", exit: 5, agents: 2 },
    { fault: "ssh-drop@a2:during", exit: 0, agents: 3 },
  ])("$fault ends with $exit, and nothing after it was touched", async ({ fault, exit, agents }) => {
    const run = await rollOut({ ...AGENTS, faults: [fault] });
    const halted = run.result.state.halted;
    expect(
      run.result.state.exit,
      halted === null ? "not halted" : `${halted.step ?? "watch"}: ${halted.problem.text} ${halted.problem.observed ?? ""}`,
    ).toBe(exit);
    const runs = scriptRuns(run);
    expect(Object.keys(runs).filter((name) => !name.startsWith("m"))).toHaveLength(agents);
    expect(Object.values(runs).every((count) => count === 1)).toBe(true);
  });
});
