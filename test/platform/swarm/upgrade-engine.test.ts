import { describe, expect, it } from "vitest";
import type { Json, JsonRecord } from "../../../src/domain/json.ts";
import { record } from "../../../src/domain/json-fields.ts";
import type { Outcome, Remote } from "../../../src/engine/ports.ts";
import { backUpRaft } from "../../../src/platform/swarm/node/back-up-raft.ts";
import { upgradeEngine } from "../../../src/platform/swarm/node/upgrade-engine.ts";
import { nodeSteps, type NodeSteps } from "./node-step.ts";
import { good, inventoryOf, recorded, recordedRemote } from "./recorded.ts";

const NODES = recorded("nodes-three-managers") as readonly JsonRecord[];
const INVENTORY = inventoryOf(NODES);

interface Wishes {
  readonly availability?: string;
  readonly tasks?: Json;
  readonly autolock?: boolean;
  /** Version of each node's engine, as it says itself; it changes when a job was started there. */
  readonly version?: string;
  readonly after?: string;
  /** What the node says about a job: the first lines of its answers, in turn. */
  readonly job?: readonly string[];
}

interface World {
  readonly steps: NodeSteps;
  readonly asked: readonly string[];
  /** Commands of jobs that were started. */
  readonly started: readonly string[];
}

/** The recorded Swarm of five on 20.10.5, with a node whose engine can be upgraded by a job. */
function world(wishes: Wishes = {}): World {
  const started: string[] = [];
  const answers = [...(wishes.job ?? ["absent", "running 7", "exited 0"])];
  const version = (): string => (started.length > 0 ? (wishes.after ?? "20.10.24+dfsg1") : (wishes.version ?? "20.10.5+dfsg1"));
  const { remote, asked } = recordedRemote(INVENTORY, (node, path) => {
    const manager = NODES.some((one) => record(one["Description"])["Hostname"] === node && "ManagerStatus" in one);
    const cluster = { Spec: { EncryptionConfig: { AutoLockManagers: wishes.autolock ?? false } } };
    if (path === "/info")
      return good({ ServerVersion: version(), Swarm: { LocalNodeState: "active", ControlAvailable: manager, Cluster: cluster } });
    if (path === "/nodes")
      return good(
        NODES.map((one) => {
          const described = { ...record(one["Description"]), Engine: { EngineVersion: version() } };
          const spec = { ...record(one["Spec"]), Availability: wishes.availability ?? "drain" };
          return { ...one, Description: described, Spec: spec };
        }),
      );
    return path.startsWith("/services") ? good([]) : path.startsWith("/tasks") ? good(wishes.tasks ?? []) : undefined;
  });
  const run: Remote["run"] = (_target, command) => {
    if (command.argv.includes("start")) started.push(command.stdin ?? "");
    const said: Outcome = { kind: "exited", code: 0, stdout: `${answers.shift() ?? "exited 0"}\n0\n0\n`, stderr: "" };
    return Promise.resolve(said);
  };
  return { steps: nodeSteps(INVENTORY, { ...remote, run }, { nodes: {} }), asked, started };
}

const TARGET = { with: { target: "20.10.24" } };

describe("upgrading one engine", () => {
  it("installs as a job, and is done by the word of another manager", async () => {
    const { steps, asked, started } = world();
    expect(await upgradeEngine.doIt(steps.context(upgradeEngine, "node2", TARGET))).toMatchObject({
      kind: "done",
      note: "20.10.5 → 20.10.24, by the word of another manager",
      output: { before: "20.10.5", after: "20.10.24" },
    });
    expect(started).toHaveLength(1);
    expect(started[0]).toMatch(/^set -- '20\.10\.24' ''\n/);
    expect(asked.filter((one) => one.includes("/nodes")).map((one) => one.split(" ")[0])).not.toContain("node2");
  });

  it("is no upgrade where the job ends with 0 and the engine is the old one", async () => {
    const { steps } = world({ after: "20.10.5+dfsg1" });
    const end = await upgradeEngine.doIt(steps.context(upgradeEngine, "node2", TARGET));
    expect(end).toMatchObject({ kind: "failed", problem: { code: "node-not-back", node: "node2" } });
    expect(end).toMatchObject({ problem: { observed: expect.stringContaining("its engine says 20.10.5+dfsg1") as string } });
  });

  it("starts nothing on a node that is at the target, and joins a job that runs there whatever the engine says by now", async () => {
    const there = world({ version: "20.10.24+dfsg1", job: ["absent"] });
    expect(await upgradeEngine.doIt(there.steps.context(upgradeEngine, "node2", TARGET))).toMatchObject({
      kind: "done",
      note: expect.stringContaining("found so") as string,
    });
    expect(there.started).toEqual([]);
    const running = world({ version: "20.10.24+dfsg1", job: ["running 7", "running 7", "running 7", "exited 100"] });
    const ctx = running.steps.context(upgradeEngine, "node2", { ...TARGET, attempts: 1 });
    expect(await upgradeEngine.probe?.(ctx)).toMatchObject({ kind: "running" });
    expect(await upgradeEngine.doIt(ctx)).toMatchObject({ kind: "failed", problem: { code: "engine-job-100" } });
    expect(running.started).toEqual([]);
  });

  it("says what the job's own codes mean, and does not know how a vanished one ended", async () => {
    const end = async (said: string) => {
      const { steps } = world({ job: ["absent", "running 7", said] });
      return upgradeEngine.doIt(steps.context(upgradeEngine, "node2", TARGET));
    };
    expect(await end("exited 61")).toMatchObject({
      kind: "failed",
      problem: { observed: "exit code 61: the package sources have no such version" },
    });
    expect(await end("lost gone")).toMatchObject({ kind: "unknown", problem: { code: "job-gone" } });
    expect(await end("lost rebooted")).toMatchObject({ kind: "unknown", problem: { code: "job-rebooted" } });
  });

  it("is refused backwards, and under tasks that it would end", async () => {
    const back = world({ version: "26.1.5" });
    expect(await upgradeEngine.mayI?.(back.steps.context(upgradeEngine, "node2", TARGET))).toMatchObject({
      kind: "no",
      exit: "refused",
      problem: { code: "downgrade", observed: "26.1.5" },
    });
    const own = {
      ID: "t",
      ServiceID: "s",
      NodeID: NODES[1]?.["ID"] ?? null,
      DesiredState: "running",
      Status: { State: "running" },
    };
    const busy = world({ availability: "active", tasks: [own] });
    expect(await upgradeEngine.mayI?.(busy.steps.context(upgradeEngine, "node2", TARGET))).toMatchObject({
      kind: "no",
      exit: "gate-halted",
      problem: { code: "not-drained", observed: "1 tasks, availability active" },
    });
    for (const fine of [world(), world({ availability: "active" }), world({ tasks: [own] })])
      expect(await upgradeEngine.mayI?.(fine.steps.context(upgradeEngine, "node2", TARGET))).toEqual({ kind: "yes" });
  });

  it("asks whether somebody has the key before a manager of an autolocked Swarm is stopped, and stops nothing without an answer", async () => {
    const { steps, started } = world({ autolock: true });
    const titles: string[] = [];
    const ctx = {
      ...steps.context(upgradeEngine, "node2", TARGET),
      ask: (title: string) => Promise.resolve((titles.push(title), "nobody" as const)),
    };
    expect(await upgradeEngine.doIt(ctx)).toMatchObject({ kind: "waiting", problem: { code: "key-needed", node: "node2" } });
    expect([titles.length, started]).toEqual([1, []]);
    expect(titles[0]).toContain("docker swarm unlock");
    const worker = world({ autolock: true });
    expect(await upgradeEngine.doIt(worker.steps.context(upgradeEngine, "node5", TARGET))).toMatchObject({ kind: "done" });
  });
});

describe("backing up a manager's state", () => {
  it("is no work for a worker", async () => {
    const { steps } = world();
    expect(await backUpRaft.mayI?.(steps.context(backUpRaft, "node5"))).toMatchObject({
      kind: "no",
      problem: { code: "no-manager" },
    });
    expect(await backUpRaft.mayI?.(steps.context(backUpRaft, "node1"))).toEqual({ kind: "yes" });
  });

  it("is none where the node gave no digests", async () => {
    const { steps } = world();
    expect(await backUpRaft.doIt(steps.context(backUpRaft, "node1"))).toMatchObject({
      kind: "failed",
      problem: { code: "raft-unlisted", node: "node1" },
    });
  });
});
