import { describe, expect, it } from "vitest";
import type { Json, JsonRecord } from "../../../src/domain/json.ts";
import type { Looking, LookingWorld, Sheet } from "../../../src/engine/ports.ts";
import { parseTasks } from "../../../src/platform/swarm/entries/task-entry.ts";
import { crashLoops } from "../../../src/platform/swarm/looking/history.ts";
import { looking } from "../../../src/platform/swarm/looking/looking.ts";
import { cells } from "../../../src/view/text.ts";
import { renderSheet } from "../../../src/view/sheet.ts";
import { good, infoOf, inventoryOf, NO_LEADER, recorded, recordedRemote, standingClock } from "./recorded.ts";

/** What a Swarm of recordings answers. */
interface Scene {
  readonly nodes: Json;
  readonly services?: Json;
  readonly tasks?: Json;
  readonly at?: string;
}

function worldOf({ nodes, services = [], tasks = [], at }: Scene): LookingWorld {
  const inventory = inventoryOf(nodes);
  const { reader } = recordedRemote(inventory, (node, path) => {
    if (path === "/info") return good(infoOf(nodes, node));
    if (path === "/nodes") return good(nodes);
    return path.startsWith("/services") ? good(services) : path === "/tasks" ? good(tasks) : undefined;
  });
  return { reader, inventory, clock: standingClock(at) };
}

const shown = (sheet: Sheet): string => renderSheet(sheet, { columns: 80, colour: false });

/** The screen of 80 columns: nothing is wider. */
async function see(scene: Scene, look: (looking: Looking, world: LookingWorld) => Promise<Sheet>): Promise<readonly string[]> {
  const lines = shown(await look(looking, worldOf(scene))).split("\n");
  expect(lines.filter((line) => cells(line) > 80)).toEqual([]);
  return lines;
}

describe("pawl nodes of a recorded Swarm", () => {
  it("tells role, state, availability, manager and engine of each, and what the managers can bear", async () => {
    expect(await see({ nodes: recorded("nodes-mixed-versions") }, (one, world) => one.nodes(world))).toEqual([
      "NODE   ROLE     STATE  AVAILABILITY  MANAGER    ENGINE          TASKS",
      "node1  manager  ready  active        reachable  20.10.24+dfsg1      0",
      "node2  manager  ready  active        leader     20.10.24+dfsg1      0",
      "node3  manager  ready  active        reachable  20.10.24+dfsg1      0",
      "node4  worker   ready  active                   20.10.24+dfsg1      0",
      "node5  worker   ready  active                   20.10.5+dfsg1       0",
      "",
      "3 managers, 3 reachable, quorum 2: one more may be away.",
      "Engines of 2 versions.",
    ]);
  });

  it("names a node that is down with what the Swarm says of it, and a single manager for what it is", async () => {
    const lines = await see({ nodes: recorded("nodes-down"), tasks: recorded("tasks-node-down") }, (one, world) =>
      one.nodes(world),
    );
    expect(lines).toContain("1 manager, 1 reachable, quorum 1: none may be away.");
    expect(lines.find((line) => line.startsWith("node2 "))).toMatch(/^node2 +worker +down +active .* 0$/);
    expect(lines).toContain("node2: heartbeat failure");
  });

  it("says that nobody answers, where no manager has a leader", async () => {
    const inventory = inventoryOf(recorded("nodes-three-managers"));
    const { reader } = recordedRemote(inventory, () => NO_LEADER);
    await expect(looking.nodes({ reader, inventory, clock: standingClock() })).rejects.toMatchObject({
      exit: "said-no",
      code: "no-manager-answers",
    });
  });
});

const PAUSED: Scene = {
  nodes: recorded("nodes"),
  services: [recorded("service-paused")],
  tasks: recorded("tasks-failing"),
  at: "2026-11-20T15:31:32Z",
};

describe("pawl service of a recorded Swarm", () => {
  it("lists services by the tasks that serve, with the newest error of one that is short", async () => {
    expect(await see(PAUSED, (one, world) => one.services(world))).toEqual([
      "SERVICE  MODE        TASKS  UPDATE  IMAGE",
      "ping     replicated    2/4  paused  pawl/ping:bugged",
      "",
      "ping: task: non-zero exit (1)",
    ]);
  });

  it("shows both groups of settings, the update's own words, and what a rollback goes to", async () => {
    const lines = await see(PAUSED, (one, world) => one.service(world, "ping"));
    expect(lines).toContain("  state          paused");
    expect(lines).toContain("  rolls back to  pawl/ping:1.1");
    expect(lines.join(" ")).toContain("update paused due to failure or early termination of task");
    expect(lines).toContain("update    2        3s     pause       4s       0      stop-first");
    expect(lines).toContain("rollback  2        0s     pause       4s       0      stop-first");
    expect(lines.join("\n")).toMatch(/newest error +task: non-zero exit \(1\) \(\d/);
  });

  it("warns where only one of the two groups was ever said", async () => {
    const paused = recorded("service-paused") as JsonRecord;
    const { RollbackConfig: _none, ...spec } = paused["Spec"] as JsonRecord;
    const lines = await see({ ...PAUSED, services: [{ ...paused, Spec: spec }] }, (one, world) => one.service(world, "ping"));
    expect(lines.at(-1)).toBe("Only updates have settings of their own; for rollbacks Docker's defaults hold.");
  });

  it("shows Docker's defaults as what holds where nothing was said", async () => {
    const { stored } = recorded("service-defaults") as Readonly<Record<string, Json>>;
    const service = (stored ?? recorded("service-created")) as JsonRecord;
    const name = (service["Spec"] as JsonRecord)["Name"] as string;
    const lines = await see({ ...PAUSED, services: [service], tasks: [] }, (one, world) => one.service(world, name));
    expect(lines.filter((line) => line.startsWith("update ") || line.startsWith("rollback "))).toHaveLength(2);
  });

  it("tells the history of each place, newest first, with each error in full", async () => {
    const lines = await see(PAUSED, (one, world) => one.history(world, "ping"));
    expect(lines[0]).toMatch(/^TASK +IMAGE +NODE +DESIRED +STATE +ERROR$/);
    const places = lines.filter((line) => /^ping\.\d +ping:/.test(line)).map((line) => line.split(/\s+/)[0]);
    expect(places).toEqual(["ping.1", "ping.2", "ping.3", "ping.4"]);
    expect(lines.filter((line) => line.startsWith(" └─ ping.1"))[0]).toMatch(/ping:1\.\d +node\d +shutdown +shutdown/);
    expect(lines.join("\n")).toMatch(/task: non-zero exit \(1\) \(\d+ times, last \d/);
  });

  it("has no row for what was never there: a name nobody has is told with those there are", async () => {
    await expect(looking.service(worldOf(PAUSED), "pong")).rejects.toMatchObject({
      exit: "usage",
      code: "no-service",
      details: { expected: "ping" },
    });
  });

  it("counts no task of a node that is down, whatever was last heard of it", async () => {
    const scene: Scene = { nodes: recorded("nodes-down"), tasks: recorded("tasks-node-down"), at: "2026-11-20T15:38:30Z" };
    const tasks = parseTasks(scene.tasks) ?? [];
    const service = { ...(recorded("service-created") as JsonRecord), ID: tasks[0]?.serviceId ?? "" };
    const { document } = await looking.service(worldOf({ ...scene, services: [service] }), "ping");
    const stale = tasks.filter((task) => task.state === "running" && task.desired === "shutdown");
    expect(stale.length).toBeGreaterThan(0);
    expect((document["service"] as JsonRecord)["serving"]).toBe(
      tasks.filter((task) => task.state === "running" && task.desired === "running").length,
    );
  });

  it("writes for a terminal without colours and letters beyond ASCII too", async () => {
    const sheet = await looking.history(worldOf(PAUSED), "ping");
    const text = renderSheet(sheet, { columns: 80, colour: false, unicode: false });
    expect(text).toMatch(/^ `- ping\.1/m);
    expect(text).toMatch(/^[\n\x20-\x7e]*$/);
  });
});

describe("a task that ends again and again", () => {
  const tasks = parseTasks(recorded("tasks-failing")) ?? [];
  const newest = Math.max(...tasks.map((task) => Date.parse(task.at)));
  const looping = Array.from({ length: 3 }, (_, index) => ({
    ...{ id: `t${index}`, serviceId: "s", nodeId: "n", slot: 7, image: "i", desired: "shutdown", state: "failed", message: null },
    ...{ at: new Date(newest - index * 5_000).toISOString(), createdAt: new Date(newest - index * 5_000).toISOString() },
    ...{ error: "task: non-zero exit (1)", exitCode: 1, template: {} },
  }));

  it("is a crash loop after three times within a minute, though the newest says running", () => {
    const [first] = looping;
    if (first === undefined) throw new Error("no task");
    const running = { ...first, id: "now", desired: "running", state: "running", error: null };
    expect(crashLoops([running, ...looping], newest)).toEqual(["7"]);
    expect(crashLoops([running, ...looping.slice(1)], newest)).toEqual([]);
    expect(crashLoops(looping, newest + 120_000)).toEqual([]);
  });
});
