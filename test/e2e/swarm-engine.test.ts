import { readFileSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeSwarm, startSwarm, type Swarm } from "../real/swarm.ts";
import { begun, Desk } from "./pawl.ts";

const [FROM, TO] = ["20.10.24", "26.1.5"] as const;
const RUNBOOK = resolve(import.meta.dirname, "../../runbooks/swarm-engine-upgrade.yaml");

/**
 * The shipped runbook with fewer waits: soaks may be short, and the gates that hold besides the one that decides about a restart are left
 * out. Every step and the order of them stay.
 */
function quickRunbook(file: string): string {
  const replaced = [
    [/, floor: 5m/g, ""],
    [/^ {8}gates: \[services-whole\]\n/gm, ""],
    [/^ {8}gates: \[node-back, services-whole\]\n/gm, ""],
    [/gates: \[node-back, nodes-whole\]/g, "gates: [node-back]"],
    [/(name: soak.*), gates: \[[^\]]*\]/g, "$1"],
    [/gates: \[\{ check: engine-at-target, span: 30s \}.*\]/g, "gates: [engine-at-target, node-back, nodes-whole]"],
  ] as const;
  const text = replaced.reduce(
    (whole, [pattern, by]) => {
      expect(whole).toMatch(pattern);
      return whole.replace(pattern, by);
    },
    readFileSync(RUNBOOK, "utf8"),
  );
  writeFileSync(file, text);
  return file;
}

interface ListedNode {
  readonly Spec: { readonly Role: string; readonly Availability: string };
  readonly Description: { readonly Hostname: string; readonly Engine: { readonly EngineVersion: string } };
  readonly Status: { readonly State: string };
  readonly ManagerStatus?: { readonly Leader?: boolean; readonly Reachability: string };
}

interface Listed {
  readonly ID: string;
  readonly NodeID?: string;
  readonly DesiredState: string;
  readonly Status: { readonly State: string; readonly Err?: string };
}

/** One answer of an engine's socket, or null. */
async function ask(socketPath: string, path: string): Promise<unknown> {
  return new Promise((done) => {
    const request = get({ socketPath, path, timeout: 10_000 }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => (text += chunk));
      answer.on("end", () => done(answer.statusCode === 200 ? JSON.parse(text) : null));
      answer.on("error", () => done(null));
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => done(null));
  });
}

interface Sample {
  /** Managers whose engine answers; what it knows of the Swarm it does not say during an election. */
  readonly active: number;
  /** Managers that a list names unreachable, the most that any list did. */
  readonly unreachable: number;
  /** Nodes that are neither ready nor unknown (an election) by any list. */
  readonly down: readonly string[];
}

/** Looks at every manager's own socket, past pawl, until it is told to stop. */
function watchQuorum(swarm: Swarm): { readonly stop: () => Promise<readonly Sample[]> } {
  const managers = swarm.nodes.filter((node) => node.role === "manager");
  const samples: Sample[] = [];
  const wanted = new AbortController();
  const loop = (async () => {
    while (!wanted.signal.aborted) {
      const [versions, lists] = await Promise.all([
        Promise.all(managers.map(async ({ socket }) => ask(socket, "/version"))),
        Promise.all(managers.map(async ({ socket }) => ask(socket, "/v1.41/nodes"))),
      ]);
      const heard = lists.flatMap((one) => (one === null ? [] : [one as readonly ListedNode[]]));
      samples.push({
        active: versions.filter((one) => one !== null).length,
        unreachable: Math.max(
          0,
          ...heard.map((list) => list.filter((node) => node.ManagerStatus?.Reachability === "unreachable").length),
        ),
        down: heard.flatMap((list) =>
          list.filter((node) => node.Status.State === "down").map((node) => node.Description.Hostname),
        ),
      });
      await pause(300);
    }
  })();
  return {
    async stop() {
      wanted.abort();
      await loop;
      return samples;
    },
  };
}

describeSwarm(
  `upgrading the engines of a real Swarm of three managers and two workers from ${FROM} to ${TO}`,
  () => {
    let swarm: Swarm;
    let desk: Desk;

    beforeAll(async () => {
      swarm = await startSwarm({ nodes: 5, managers: 3, engine: FROM });
      desk = await Desk.create();
    }, 300_000);
    afterAll(async () => {
      await desk.clear();
      await swarm.stop();
    }, 60_000);

    const nodes = (): readonly ListedNode[] => swarm.api("node2", "/v1.41/nodes") as readonly ListedNode[];

    it("brings every engine to the target with the leader last, never without quorum, and loses no task beyond the drains", async () => {
      const inventory = swarm.writeInventory("inventory.yaml");
      swarm.docker("node1", "node", "update", "--availability", "pause", "--label-add", "zone=b", "node3");
      const create = ["service", "create", "--quiet", "--no-resolve-image"];
      swarm.docker("node1", ...create, "--name", "web", "--replicas", "4", "--constraint", "node.role==worker", "pawl/ping:1.0");
      swarm.docker("node1", ...create, "--name", "everywhere", "--mode", "global", "pawl/ping:1.0");
      const leader = nodes().find((node) => node.ManagerStatus?.Leader === true)?.Description.Hostname;
      expect(new Set(nodes().map((node) => node.Description.Engine.EngineVersion.replace(/\+.*/, "")))).toEqual(new Set([FROM]));

      const quorum = watchQuorum(swarm);
      const soaks = ["managers", "canary", "waves"].flatMap((name) => ["--set", `soak-${name}=2s`]);
      const ran = await desk.json(
        ...["upgrade", "-i", inventory, "--runbook", quickRunbook(desk.path("quick.yaml")), "--policy", "docker-engine"],
        ...["--to", TO, ...soaks, "--yes"],
      );
      const samples = await quorum.stop();
      expect(ran.code, ran.err).toBe(0);

      // Every engine at the target, by the word of a manager, each with the availability it had.
      const after = nodes();
      expect(after.map((node) => node.Description.Engine.EngineVersion.replace(/\+.*/, ""))).toEqual(Array(5).fill(TO));
      expect(after.map((node) => node.Status.State)).toEqual(Array(5).fill("ready"));
      expect(Object.fromEntries(after.map((node) => [node.Description.Hostname, node.Spec.Availability]))).toEqual({
        node1: "active",
        node2: "active",
        node3: "pause",
        node4: "active",
        node5: "active",
      });
      expect(after.find((node) => node.Description.Hostname === "node3")?.Spec).toMatchObject({ Labels: { zone: "b" } });

      // Managers one at a time before any worker, who led at the beginning last.
      const order = begun(ran.events).flatMap((step) => /^([a-z]+)[-0-9]*\/(node\d)\/upgrade$/.exec(step)?.slice(1) ?? []);
      const upgraded = order.filter((word) => word.startsWith("node"));
      expect(order.filter((word) => !word.startsWith("node"))).toEqual([
        "managers",
        "managers",
        "managers",
        "workers",
        "workers",
      ]);
      expect(upgraded[2]).toBe(leader);

      // Sampled all the time at the managers' own sockets: two of three were always there, and no worker was ever given up.
      expect(samples.length).toBeGreaterThan(50);
      expect(Math.min(...samples.map((sample) => sample.active))).toBeGreaterThanOrEqual(2);
      expect(Math.max(...samples.map((sample) => sample.unreachable))).toBeLessThanOrEqual(1);
      expect(samples.flatMap((sample) => sample.down)).toEqual([]);

      // What ended was ended by a drain; everything runs.
      const tasks = swarm.api("node2", "/v1.41/tasks") as readonly Listed[];
      expect(tasks.filter((task) => !["running", "shutdown"].includes(task.Status.State))).toEqual([]);
      const services = swarm.api("node2", "/v1.41/services?status=true") as readonly { readonly ServiceStatus: unknown }[];
      expect(services.map((service) => service.ServiceStatus)).toEqual(
        expect.arrayContaining([expect.objectContaining({ RunningTasks: 4, DesiredTasks: 4 })]),
      );

      // A proven, sealed backup of each manager, none left on the nodes.
      const journal = await desk.journal(ran.value.run ?? "");
      const backups = journal.filter((event) => event.type === "artifact.recorded" && event.name.endsWith("/back-up-raft.tar"));
      expect(backups).toHaveLength(3);
      for (const backup of backups) expect(backup).toMatchObject({ sealed: true, mediaType: "application/x-tar" });
      for (const { name } of swarm.nodes)
        expect(swarm.exec(name, "sh", "-c", "ls /var/tmp/pawl-jobs 2>/dev/null || true")).toBe("");
      expect((await desk.pawl("verify", ran.value.run ?? "")).code).toBe(0);
    }, 900_000);
  },
  [FROM, TO],
);
