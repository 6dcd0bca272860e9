import { readdirSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeSwarm, startSwarm, type Swarm } from "../real/swarm.ts";
import { begun, Desk, finish } from "./pawl.ts";

interface ListedNode {
  readonly ID: string;
  readonly Spec: { readonly Availability: string; readonly Role: string; readonly Labels: Readonly<Record<string, string>> };
  readonly Description: { readonly Hostname: string };
}

interface ListedTask {
  readonly NodeID?: string;
  readonly ServiceID: string;
  readonly DesiredState: string;
  readonly Status: { readonly State: string };
}

describeSwarm("maintenance of a node of a real Swarm", () => {
  let swarm: Swarm;
  let desk: Desk;
  let inventory: string;

  beforeAll(async () => {
    swarm = await startSwarm({ nodes: 5, managers: 3 });
    desk = await Desk.create();
    inventory = swarm.writeInventory("inventory.yaml");
    swarm.docker("node1", "node", "update", "--label-add", "zone=a", "--label-add", "disk=ssd", "node4");
    create("web", "--replicas", "4", "--constraint", "node.role==worker", "pawl/ping:1.0");
    create("everywhere", "--mode", "global", "pawl/ping:1.0");
  }, 300_000);
  afterAll(async () => {
    await desk.clear();
    await swarm.stop();
  }, 60_000);

  const create = (name: string, ...words: readonly string[]): string =>
    swarm.docker("node1", "service", "create", "--quiet", "--no-resolve-image", "--name", name, ...words);

  const node = (name: string): ListedNode => {
    const found = (swarm.api("node2", "/v1.41/nodes") as readonly ListedNode[]).find((one) => one.Description.Hostname === name);
    if (found === undefined) throw new Error(`no node ${name}`);
    return found;
  };

  /** Tasks of a service that run on a node. */
  const running = (service: string, on?: string): number => {
    const [{ ID } = { ID: "" }] = (
      swarm.api("node2", "/v1.41/services") as readonly { readonly ID: string; readonly Spec: { readonly Name: string } }[]
    ).filter((one) => one.Spec.Name === service);
    const id = on === undefined ? null : node(on).ID;
    return (swarm.api("node2", "/v1.41/tasks") as readonly ListedTask[]).filter(
      (task) =>
        task.ServiceID === ID &&
        task.DesiredState === "running" &&
        task.Status.State === "running" &&
        (id === null || task.NodeID === id),
    ).length;
  };

  const maintain = (...words: readonly string[]): readonly string[] => [
    ...["run", "swarm-node-maintenance", "-i", inventory, ...words.flatMap((word) => ["--set", word]), "--yes"],
  ];

  it("drains with its tasks moving, does the work, and gives the node back without their return, its labels as they were", async () => {
    const before = node("node4").Spec;
    expect(running("web", "node4")).toBeGreaterThan(0);
    const ran = await desk.json(
      ...maintain("node=node4", "command=hostname > /var/tmp/worked && docker ps -q | wc -l >> /var/tmp/worked"),
    );
    expect(ran.code, ran.err).toBe(0);
    // The work was done on the node while nothing ran there.
    expect(swarm.exec("node4", "cat", "/var/tmp/worked").trim().split("\n")).toEqual(["node4", "0"]);
    expect(node("node4").Spec).toEqual(before);
    expect([running("web"), running("web", "node4"), running("web", "node5")]).toEqual([4, 0, 4]);
    expect([running("everywhere"), running("everywhere", "node4")]).toEqual([5, 1]);
    const notes = ran.events.flatMap((event) => (event.type === "step.moved" && event.note !== null ? [event.note] : []));
    expect(notes).toContain("active again; tasks that have gone do not come back by themselves");
    expect(swarm.exec("node4", "sh", "-c", "ls /var/tmp/pawl-jobs 2>/dev/null || true")).toBe("");
  }, 240_000);

  it("refuses where a task has nowhere to go: says which and why, and changes nothing", async () => {
    create("pinned", "--constraint", "node.hostname==node5", "pawl/ping:1.0");
    const refused = await desk.pawl(...maintain("node=node5"));
    expect(refused.code, refused.err).toBe(1);
    expect(refused.out.replace(/\s+/g, " ")).toContain(
      "pinned.1 would have nowhere to go: node1 does not meet node.hostname==node5",
    );
    expect(refused.err).toContain("Nothing was changed");
    expect(node("node5").Spec.Availability).toBe("active");
    swarm.docker("node1", "service", "rm", "pinned");
  }, 120_000);

  it("goes on after a kill in mid-drain: the node is looked at, not set again, and the availability of before comes back", async () => {
    // Healthy after six seconds: so long its tasks take to be whole elsewhere.
    create("slow", "--replicas", "2", "--constraint", "node.role==worker", "pawl/ping:late");
    expect(running("web", "node5")).toBe(4);
    const child = desk.start(maintain("node=node5"));
    const ended = finish(child);
    while (node("node5").Spec.Availability !== "drain") {
      expect(child.exitCode, "pawl ended before it drained").toBeNull();
      await pause(100);
    }
    child.kill("SIGKILL");
    await ended;
    const [run = ""] = readdirSync(desk.path("backups", "lab")).toSorted().slice(-1);
    const folder = desk.path("backups", "lab", run);
    expect(begun(await desk.journal(folder))).toEqual(["drain/drain"]);

    const resumed = await desk.pawl("resume", folder, "--yes");
    expect(resumed.code, resumed.out + resumed.err).toBe(0);
    const journal = await desk.journal(folder);
    expect(begun(journal).filter((step) => step === "drain/drain")).toHaveLength(1);
    expect(node("node5").Spec.Availability).toBe("active");
    expect([running("web"), running("web", "node5"), running("slow")]).toEqual([4, 0, 2]);
    expect((await desk.pawl("verify", folder)).code).toBe(0);
  }, 240_000);
});
