import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { guard } from "../../../src/check/guard.ts";
import { ALLOW } from "../../../src/platform/dcos/allow.ts";
import { captureState } from "../../../src/platform/dcos/capture/capture-state.ts";
import { configBackup } from "../../../src/platform/dcos/capture/config-backup.ts";
import { observe } from "../../../src/platform/dcos/facts/observe.ts";
import { createTarScan } from "../../../src/action/tar-scan.ts";
import { upgradeNode } from "../../../src/platform/dcos/upgrade/upgrade-node.ts";
import { upgradeScript } from "../../../src/platform/dcos/upgrade/upgrade-script.ts";
import { zookeeperTar } from "../../../src/platform/dcos/zookeeper/tar.ts";
import type { Effect } from "../../../src/engine/ports.ts";
import { testLab, type TestLab } from "./lab.ts";
import { settle, testSteps, type TestSteps } from "./step.ts";

const TARGET = "1.11.3";

async function prepared(
  options: Parameters<typeof testLab>[0] = {},
): Promise<{ readonly lab: TestLab; readonly steps: TestSteps }> {
  const lab = testLab(options);
  const { facts } = await observe(guard(lab.remote, ALLOW), lab.inventory, { target: TARGET }, lab.clock);
  return { lab, steps: testSteps(lab, facts, TARGET) };
}

async function withScript(
  options: Parameters<typeof testLab>[0] = {},
): Promise<{ readonly lab: TestLab; readonly steps: TestSteps }> {
  const both = await prepared(options);
  const done = await upgradeScript.doIt(both.steps.context(upgradeScript, null));
  if (done.kind !== "done") throw new Error(JSON.stringify(done));
  settle(both.steps, "all/upgrade-script", done.output ?? null);
  return both;
}

function runsOf(lab: TestLab, node: string): number {
  return lab.cluster.inspect()[node]!.scriptRuns.length;
}

function problemOf(effect: Effect): string {
  return "problem" in effect ? effect.problem.code : effect.kind;
}

function evidenceOf(effect: Effect): readonly string[] {
  return "problem" in effect ? (effect.problem.evidence ?? []) : [];
}

function jsonOf(steps: TestSteps, name: string): unknown {
  return JSON.parse(steps.kept.get(name)!.bytes.toString());
}

describe("dcos/capture-state", () => {
  it("captures the whole state through the read-only guard, and a summary of it", async () => {
    const { steps } = await prepared();
    const done = await captureState.doIt(steps.context(captureState, null));
    expect(done).toMatchObject({ kind: "done", output: { missing: 0 } });
    for (const name of [
      "cluster/state.json",
      "cluster/tasks-001.json",
      "marathon/apps.json",
      "masters/m1/metrics.json",
      "masters/m3/zookeeper-mntr.txt",
      "nodes/a1/facts.txt",
      "nodes/a1/containers.txt",
      "nodes/m1/units.txt",
      "nodes/p1/journal.txt",
      "agents/a1/containers.json",
      "cluster/maintenance-schedule.json",
      "marathon/metrics.json",
      "all/capture-state/architecture.svg",
      "all/capture-state/worksheets.json",
      "summary.json",
    ])
      expect(steps.kept.has(name), name).toBe(true);
    expect(steps.recorded.toSorted()).toEqual([...steps.kept.keys()].toSorted());
    const { summary, missing } = jsonOf(steps, "summary.json") as {
      summary: { nodes: object; agents: object; leaders: { mesos: string[] }; components: { zookeeper: object } };
      missing: unknown[];
    };
    expect(missing).toEqual([]);
    expect(Object.keys(summary.nodes)).toEqual(["a1", "a2", "a3", "m1", "m2", "m3", "p1"]);
    expect(summary.nodes).toMatchObject({ m1: { version: "1.10.8", role: "master", masterCount: 3 } });
    expect(Object.keys(summary.agents)).toHaveLength(4);
    expect(summary.leaders.mesos).toHaveLength(1);
    expect(Object.values(summary.components.zookeeper)).toEqual(["3.4.10", "3.4.10", "3.4.10"]);
  });

  it("knows whose a task is that was launched after Marathon had been asked", async () => {
    const { steps } = await prepared();
    const context = steps.context(captureState, null);
    const remote: typeof context.remote = {
      ...context.remote,
      async http(request, signal) {
        const answer = await context.remote.http(request, signal);
        if (answer.kind !== "answered" || !request.url.endsWith("/v2/tasks")) return answer;
        // Of the service Marathon's own task it is known where it is: how else would it be asked.
        const { tasks } = JSON.parse(answer.body.toString()) as { tasks: { appId: string }[] };
        const told = tasks.filter((task) => task.appId === "/ops/marathon-user");
        return { ...answer, body: Buffer.from(JSON.stringify({ tasks: told })) };
      },
    };
    await captureState.doIt({ ...context, remote });
    const { summary } = jsonOf(steps, "summary.json") as {
      summary: {
        tasks: Record<string, { app: string | null }>;
        apps: object;
        services: Record<string, { apps: object }>;
      };
    };
    const owners = new Set(Object.values(summary.tasks).map((task) => task.app));
    const ofServices = Object.entries(summary.services).flatMap(([name, { apps }]) =>
      Object.keys(apps).map((app) => `${name}:${app}`),
    );
    expect(ofServices.toSorted()).toEqual(["marathon-user:/reports/daily", "marathon-user:/reports/feed"]);
    expect([...owners].toSorted()).toEqual([...Object.keys(summary.apps), ...ofServices].toSorted());
  });

  it("finds a service Marathon by what it has just captured, and keeps its apps and tasks apart from those of the root one", async () => {
    const { steps, lab } = await prepared();
    const context = steps.context(captureState, null);
    const host = lab.inventory.nodes.find((node) => node.name === "a1")!.address;
    const mom = { id: "/mom", instances: 1, cmd: "./bin/start", container: { docker: { image: "mesosphere/marathon:v1.5.11" } } };
    const said: Readonly<Record<string, unknown>> = {
      "/v2/info": { name: "mom", version: "1.5.11", frameworkId: "F-mom" },
      "/v2/apps": { apps: [{ id: "/inner", instances: 1, constraints: [["hostname", "UNIQUE"]] }] },
      "/v2/tasks": { tasks: [{ id: "inner.1", appId: "/inner", startedAt: "2026-11-20T15:00:00Z" }] },
    };
    const remote: typeof context.remote = {
      ...context.remote,
      async http(request, signal) {
        const url = new URL(request.url);
        const answered = (body: unknown) =>
          ({ kind: "answered", status: 200, headers: {}, url: request.url, body: Buffer.from(JSON.stringify(body)) }) as const;
        if (url.port === "31005") return answered(said[url.pathname] ?? []);
        const answer = await context.remote.http(request, signal);
        if (answer.kind !== "answered" || url.port !== "8080" || !/\/v2\/(?:apps|tasks)$/.test(url.pathname)) return answer;
        const body = JSON.parse(answer.body.toString()) as Record<string, unknown[]>;
        if (url.pathname === "/v2/apps") return answered({ apps: [...(body["apps"] ?? []), mom] });
        const task = { id: "mom.1", appId: "/mom", host, ports: [31_005], startedAt: "2026-11-20T15:00:00Z" };
        return answered({ tasks: [...(body["tasks"] ?? []), task] });
      },
    };
    const done = await captureState.doIt({ ...context, remote });
    expect(done).toMatchObject({ kind: "done", output: { missing: 0 } });
    expect([...steps.kept.keys()].filter((name) => name.startsWith("services/mom/"))).toHaveLength(8);
    const { summary } = jsonOf(steps, "summary.json") as { summary: { services: Record<string, object> } };
    // The lab has one of its own.
    expect(Object.keys(summary.services)).toEqual(["marathon-user", "mom"]);
    expect(summary.services["mom"]).toEqual({
      version: "1.5.11",
      frameworkId: "F-mom",
      apps: { "/inner": { instances: 1, constraints: [["hostname", "UNIQUE"]], networks: [{ mode: "host" }] } },
    });
    expect(steps.kept.get("all/capture-state/architecture.svg")!.bytes.toString()).toContain("Service Marathon mom");
  });

  it("keeps a state of any length as it comes, and leaves nothing of one that breaks off", async () => {
    const { steps } = await prepared();
    const context = steps.context(captureState, null);
    const pieces = ['{"slaves":[', `"${"x".repeat(3_000_000)}"`, "]}\n"].map((text) => Buffer.from(text));
    const long = (url: string): boolean => /(?:\/state|:8080\/v2\/groups)$/.test(url);
    const remote: typeof context.remote = {
      ...context.remote,
      async http(request, signal) {
        if (!long(request.url) || request.take === undefined) return context.remote.http(request, signal);
        for (const piece of pieces) await request.take(piece);
        return request.url.endsWith("/groups")
          ? { kind: "no-answer", code: "reset", reason: "broke off" }
          : { kind: "answered", status: 200, headers: {}, url: request.url, body: pieces[0]!, taken: true };
      },
    };
    const done = await captureState.doIt({ ...context, remote });
    expect(done).toMatchObject({ kind: "done", output: { missing: 1 } });
    expect(steps.kept.get("cluster/state.json")?.bytes.equals(Buffer.concat(pieces))).toBe(true);
    expect(steps.kept.has("marathon/groups.json")).toBe(false);
    expect(steps.recorded).toContain("cluster/state.json");
  });

  it("says that the disk is full while a state comes, not that the cluster gave none", async () => {
    const { steps } = await prepared();
    const context = steps.context(captureState, null);
    const full = new Error("no space is left");
    const remote: typeof context.remote = {
      ...context.remote,
      async http(request, signal) {
        if (!request.url.endsWith("/state") || request.take === undefined) return context.remote.http(request, signal);
        await Promise.resolve(request.take(Buffer.from("{"))).catch(() => undefined);
        return { kind: "no-answer", code: "failed", reason: "no space is left" };
      },
    };
    const artifacts: typeof context.artifacts = {
      ...context.artifacts,
      sink: async (meta) => ({ ...(await context.artifacts.sink(meta)), write: () => Promise.reject(full) }),
    };
    await expect(captureState.doIt({ ...context, remote, artifacts })).rejects.toBe(full);
  });

  it("gives the same summary twice on a quiet cluster", async () => {
    const { steps, lab } = await prepared();
    await captureState.doIt(steps.context(captureState, null));
    const first = steps.kept.get("summary.json")!.bytes.toString();
    await lab.clock.sleep(60_000);
    await captureState.doIt(steps.context(captureState, null));
    expect(steps.kept.get("summary.json")!.bytes.toString()).toBe(first);
  });
});

describe("dcos/zookeeper-tar", () => {
  it("streams a verified, sealed archive and says what is in it", async () => {
    const { steps } = await prepared();
    const done = await zookeeperTar.doIt(steps.context(zookeeperTar, "m1"));
    expect(done).toMatchObject({ kind: "done" });
    const archive = steps.kept.get("zookeeper/m1.tar")!;
    expect(archive.meta.sealed).toBe(true);
    const scan = createTarScan();
    scan.write(archive.bytes);
    expect(scan.finish()).toMatchObject({ ended: true, damage: null });
    const entries = jsonOf(steps, "zookeeper/m1.entries.json") as { zxid: { before: string }; files: { name: string }[] };
    expect(entries.zxid.before).toMatch(/^0x/);
    expect(entries.files.map((file) => file.name)).toContain("var/lib/dcos/exhibitor/zookeeper/snapshot/myid");
  });

  it("leaves nothing behind when the entries a restore needs are missing", async () => {
    const { steps, lab } = await prepared();
    await lab.cluster.nodes.find((node) => node.name === "m1")!.fs.rm("/var/lib/dcos/exhibitor/zookeeper/snapshot/myid");
    const done = await zookeeperTar.doIt(steps.context(zookeeperTar, "m1"));
    expect(problemOf(done)).toBe("tar-incomplete");
    expect(steps.kept.has("zookeeper/m1.tar")).toBe(false);
  });
});

describe("dcos/config-backup", () => {
  it("keeps every different content once, sealed, with an index of who had what", async () => {
    const { steps } = await prepared();
    const done = await configBackup.doIt(steps.context(configBackup, null));
    expect(done).toMatchObject({ kind: "done" });
    const index = jsonOf(steps, "config/index.json") as { target: string; path: string; sha256: string }[];
    expect(new Set(index.map((one) => one.target))).toEqual(new Set(["m1", "m2", "m3", "a1", "a2", "a3", "p1", "bootstrap"]));
    expect(index.filter((one) => one.path.endsWith("user.config.yaml")).length).toBe(7);
    const configs = [...steps.kept.values()].filter(
      (one) => one.meta.name.startsWith("config/") && one.meta.name !== "config/index.json",
    );
    expect(configs.every((one) => one.meta.sealed === true)).toBe(true);
    expect(configs).toHaveLength(new Set(index.map((one) => one.sha256)).size);
  });
});

describe("dcos/upgrade-script", () => {
  it("generates on the bootstrap machine, fetches as a node does, and records versions and digest", async () => {
    const { steps } = await prepared();
    const done = await upgradeScript.doIt(steps.context(upgradeScript, null));
    expect(done).toMatchObject({ kind: "done", output: { from: "1.10.8", to: TARGET } });
    const { url, sha256 } = (done as unknown as { output: { url: string; sha256: string } }).output;
    expect(url).toMatch(/^http:.*\/upgrade\/[0-9a-f]{32}\/dcos_node_upgrade\.sh$/);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(steps.kept.get("dcos_node_upgrade.sh")!.bytes.toString()).toMatch(/^#!\/bin\/bash\n/);
  });

  it("takes up its own job again instead of generating twice", async () => {
    const { steps } = await prepared();
    const first = await upgradeScript.doIt(steps.context(upgradeScript, null));
    expect(await upgradeScript.probe!(steps.context(upgradeScript, null))).toMatchObject({ kind: "running" });
    const again = await upgradeScript.doIt(steps.context(upgradeScript, null));
    expect(again).toEqual(first);
  });

  it("refuses a prepared script of another hop or another digest", async () => {
    const { steps, lab } = await withScript();
    const made = steps.records.get("all/upgrade-script")!.output as { url: string; sha256: string };
    const other = { ...lab, inventory: { ...lab.inventory, scripts: { [TARGET]: { url: made.url, sha256: "0".repeat(64) } } } };
    const { facts } = await observe(guard(lab.remote, ALLOW), lab.inventory, { target: TARGET }, lab.clock);
    const refused = testSteps(other, facts, TARGET);
    const answer = await upgradeScript.doIt(refused.context(upgradeScript, null));
    expect(problemOf(answer)).toBe("script-digest");
    // What was served is kept, not as the script that nodes run.
    expect(evidenceOf(answer)).toEqual([`artifacts/${made.sha256}`]);
    expect([...refused.kept.keys()]).toEqual(["all/upgrade-script/refused-script.txt"]);
    const wrong = { ...lab, inventory: { ...lab.inventory, scripts: { "1.12.5": made } } };
    expect(
      problemOf(
        await upgradeScript.doIt(testSteps(wrong, facts, "1.12.5").context(upgradeScript, null, { with: { target: "1.12.5" } })),
      ),
    ).toBe("script-wrong-versions");
  });

  it("says what the inventory lacks where the script has no source", async () => {
    const { steps } = await prepared();
    const answer = await upgradeScript.doIt(steps.context(upgradeScript, null, { with: { target: "1.13.9" } }));
    expect(problemOf(answer)).toBe("no-script-source");
    const kept = steps.kept.get("all/upgrade-script/problem.json")!;
    expect(evidenceOf(answer)).toEqual([`artifacts/${createHash("sha256").update(kept.bytes).digest("hex")}`]);
    expect(JSON.parse(kept.bytes.toString("utf8"))).toMatchObject({ code: "no-script-source" });
  });
});

describe("dcos/upgrade-node", () => {
  it("upgrades a master and an agent, each with one run of the script", async () => {
    const { steps, lab } = await withScript();
    for (const node of ["m1", "a1"]) {
      expect(await upgradeNode.doIt(steps.context(upgradeNode, node))).toMatchObject({ kind: "done" });
      expect(lab.cluster.inspect()[node]).toMatchObject({ version: TARGET });
      expect(runsOf(lab, node)).toBe(1);
      expect(steps.kept.get(`all/${node}/upgrade-node/stdout.txt`)!.bytes.toString()).toContain("Upgrading DC/OS");
    }
    expect(steps.said.some((line) => line.includes("Upgrading DC/OS"))).toBe(true);
  });

  it("never runs the script a second time: neither again, nor on resume, nor on a retry of an upgraded node", async () => {
    const { steps, lab } = await withScript();
    await upgradeNode.doIt(steps.context(upgradeNode, "a1"));
    expect(await upgradeNode.probe!(steps.context(upgradeNode, "a1"))).toMatchObject({ kind: "done" });
    expect(await upgradeNode.doIt(steps.context(upgradeNode, "a1"))).toMatchObject({ kind: "done" });
    expect(await upgradeNode.doIt(steps.context(upgradeNode, "a1", { attempts: 2 }))).toMatchObject({
      kind: "done",
      note: "the node is at 1.11.3 already (found so); the gates verify",
    });
    expect(runsOf(lab, "a1")).toBe(1);
  });

  it("is not begun before its job exists, and running while it runs", async () => {
    const { steps, lab } = await withScript();
    expect(await upgradeNode.probe!(steps.context(upgradeNode, "a1"))).toEqual({ kind: "not-begun" });
    const running = upgradeNode.doIt(steps.context(upgradeNode, "a1"));
    await lab.clock.sleep(4_000);
    expect(await upgradeNode.probe!(steps.context(upgradeNode, "a1"))).toMatchObject({ kind: "running" });
    const joined = upgradeNode.doIt(steps.context(upgradeNode, "a1", { attempts: 2 }));
    expect(await running).toMatchObject({ kind: "done" });
    expect(await joined).toMatchObject({ kind: "done" });
    expect(runsOf(lab, "a1")).toBe(1);
  });

  it("script-fails: failed, with what the node says; a retry is another run", async () => {
    const { steps, lab } = await withScript({ faults: ["script-fails@a1"] });
    const effect = await upgradeNode.doIt(steps.context(upgradeNode, "a1"));
    expect(effect).toMatchObject({ kind: "failed", problem: { node: "a1" } });
    expect(await upgradeNode.probe!(steps.context(upgradeNode, "a1"))).toMatchObject({ kind: "failed" });
    lab.cluster.heal();
    expect(await upgradeNode.doIt(steps.context(upgradeNode, "a1", { attempts: 2 }))).toMatchObject({ kind: "done" });
    expect(runsOf(lab, "a1")).toBe(2);
  });

  it("script-lies: done as far as the script goes, the gates must find out", async () => {
    const { steps, lab } = await withScript({ faults: ["script-lies@a1"] });
    expect(await upgradeNode.doIt(steps.context(upgradeNode, "a1"))).toMatchObject({
      kind: "done",
      note: expect.stringMatching(/^the script ended with 0; the gates decide; look /),
    });
    expect(lab.cluster.inspect()["a1"]).toMatchObject({ version: "1.10.8" });
  });

  it("ssh-drop: the job goes on, contact is taken up again and journaled", async () => {
    const { steps, lab } = await withScript({ faults: ["ssh-drop@a1:during"] });
    expect(await upgradeNode.doIt(steps.context(upgradeNode, "a1"))).toMatchObject({ kind: "done" });
    expect(steps.reattached).toHaveLength(1);
    expect(runsOf(lab, "a1")).toBe(1);
  });

  it("ssh-hang: unknown, never failed, never repeated", async () => {
    const { steps, lab } = await withScript({ faults: ["ssh-hang@a1:during"] });
    const effect = await upgradeNode.doIt(steps.context(upgradeNode, "a1"));
    expect(effect.kind).toBe("unknown");
    expect(problemOf(effect)).toMatch(/^contact-lost\./);
    expect(runsOf(lab, "a1")).toBe(1);
  });

  it("bootstrap-down: failed before anything was started", async () => {
    const { steps, lab } = await withScript({ faults: ["bootstrap-down@a1:during"] });
    const effect = await upgradeNode.doIt(steps.context(upgradeNode, "a1"));
    expect(effect.kind).toBe("failed");
    expect(lab.cluster.inspect()["a1"]).toMatchObject({ version: "1.10.8" });
  });

  it("needs a recorded script for its own target", async () => {
    const { steps } = await prepared();
    expect(problemOf(await upgradeNode.doIt(steps.context(upgradeNode, "a1")))).toBe("no-script");
    settle(steps, "all/upgrade-script", { url: "http://x/y", sha256: "0".repeat(64), from: "1.10.8", to: "1.12.5" });
    steps.context(upgradeScript, null);
    settle(steps, "all/upgrade-script", { url: "http://x/y", sha256: "0".repeat(64), from: "1.10.8", to: "1.12.5" });
    expect(problemOf(await upgradeNode.doIt(steps.context(upgradeNode, "a1")))).toBe("script-wrong-versions");
  });
});
