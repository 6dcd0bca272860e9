import { describe, expect, it } from "vitest";
import { ask, captures, get, lab, mesosTasks, metrics, slaves, type Lab, type MesosTask } from "./support.ts";
import { differences, shapeOf } from "./shape.ts";

/** DC/OS 1.13 (Mesos 1.8) is the nearest to the recorded Mesos 1.11. */
const newest = (): Lab => lab({ version: "1.13.9" });

function recorded(file: string, node: string, target: string): string {
  const found = captures(file).find((one) => one.node === node && one.path === target && one.status === 200);
  if (found === undefined) throw new Error(`no recorded ${target} of ${node}`);
  return found.body;
}

/** What the recorded 1.11 has and Mesos up to 1.8 has not, or what depends on the flags of a cluster. */
const LATER = [
  /\.git_tag$/,
  /\.deactivated$/,
  /\.offer_constraints$/,
  /\.flags\./,
  /^missing \.attributes\.|^missing .*attributes\.zone$/,
  /\.roles\[\]\.(quota|allocated|offered|reserved)$/,
  /\.allocation_info$/,
  /^missing .*_resources_full\[\]/,
  /^missing \.roles\[\]\.resources\./,
];
/** What DC/OS adds to what was recorded: published captures have it (shared fixtures: master-state-1.2.0, state-summary-1.7.1). */
const DCOS = [
  /^extra .*\.(pid|principal)$/,
  /^extra .*\.ports$/,
  /^extra .*attributes\.(?:public_ip|rack)$/,
  /^extra .*\.healthy$/,
  /^extra .*\.(mem|cpus|disk|gpus)$/,
  /^extra .*\.reregistered_time$/,
];

function unexplained(file: string, node: string, target: string, modelled: string): readonly string[] {
  const known = [...LATER, ...DCOS];
  return differences(shapeOf(recorded(file, node, target)), shapeOf(modelled)).filter(
    (one) => !known.some((pattern) => pattern.test(one)),
  );
}

describe("the model's Mesos answers, field by field beside those of a real cluster", () => {
  it.each([
    "/state",
    "/state-summary",
    "/slaves",
    "/frameworks",
    "/tasks",
    "/roles",
    "/version",
    "/flags",
    "/maintenance/status",
    "/system/stats.json",
  ])("has the leader's %s", async (target) => {
    const one = newest();
    const body = (await get(one.cluster, one.at("m3"), 5050, target)).body;
    expect(unexplained("steady/01-leader.json", "m1", target, body)).toEqual([]);
  });

  it.each(["/state", "/version", "/flags"])("has an agent's %s", async (target) => {
    const one = newest();
    const body = (await get(one.cluster, one.at("a1"), 5051, target)).body;
    expect(unexplained("steady/03-agent.json", "a3", target, body)).toEqual([]);
  });

  it("names only metrics a real master has, as doubles, and all that a gate reads", async () => {
    const one = newest();
    for (const [name, real] of [
      ["m3", "m1"],
      ["m1", "m2"],
    ] as const) {
      const body = (await get(one.cluster, one.at(name), 5050, "/metrics/snapshot")).body;
      const shape = shapeOf(body) as Record<string, string>;
      const known = new Set(
        Object.keys(
          shapeOf(recorded(real === "m1" ? "steady/01-leader.json" : "steady/02-non-leader.json", real, "/metrics/snapshot")),
        ),
      );
      // The overlay module of DC/OS has a log of its own (recorded line in the shared fixtures).
      expect(Object.keys(shape).filter((key) => !known.has(key) && !key.startsWith("overlay/"))).toEqual([]);
      expect(new Set(Object.values(shape))).toEqual(new Set(["double"]));
      for (const gate of [
        "registrar/log/recovered",
        "registrar/log/ensemble_size",
        "master/elected",
        "master/uptime_secs",
        "master/slaves_active",
        "master/slaves_unreachable",
        "master/tasks_lost",
        "master/slave_removals",
        "master/recovery_slave_removals",
      ])
        expect(shape).toHaveProperty([gate]);
    }
    const agent = shapeOf((await get(one.cluster, one.at("a1"), 5051, "/metrics/snapshot")).body) as Record<string, string>;
    const known = new Set(Object.keys(shapeOf(recorded("steady/03-agent.json", "a3", "/metrics/snapshot"))));
    expect(Object.keys(agent).filter((key) => !known.has(key))).toEqual([]);
  });

  it("redirects, refuses and misses as recorded: same status, Location form and text", async () => {
    const one = newest();
    const leader = one.at("m3");
    for (const capture of [
      ...captures("steady/02-non-leader.json").filter((it) => it.node === "m2"),
      ...captures("steady/04-alt-path.json"),
    ]) {
      if (capture.path.includes("/metrics/")) continue;
      const said = await ask(one.cluster, capture.node === "m1" ? leader : one.at("m1"), 5050, capture.path);
      if (said.kind !== "answered") throw new Error(`${capture.path} was refused`);
      expect([capture.path, said.status]).toEqual([capture.path, capture.status]);
      const location = /Location: \/\/127\.0\.21\.1(.*)/.exec(capture.head ?? "")?.[1]?.trim();
      expect([capture.path, said.headers["Location"]]).toEqual([
        capture.path,
        location === undefined ? undefined : `//${leader}${location}`,
      ]);
      if (said.status !== 200) expect([capture.path, said.body]).toEqual([capture.path, capture.body]);
    }
  });

  it("answers the operator API as recorded, on the leader and elsewhere", async () => {
    const one = newest();
    for (const capture of captures("steady/05-operator-api.json").filter((it) =>
      ["GET_HEALTH", "GET_VERSION", "GET_MAINTENANCE_STATUS", "GET_MASTER"].includes(it.call?.type ?? ""),
    )) {
      const said = await ask(one.cluster, one.at(capture.node === "m1" ? "m3" : "m1"), 5050, "/api/v1", {
        method: "POST",
        body: JSON.stringify(capture.call),
      });
      if (said.kind !== "answered") throw new Error("refused");
      expect([capture.call?.type, said.status]).toEqual([capture.call?.type, capture.status]);
      if (capture.status === 200)
        expect(
          differences(shapeOf(capture.body), shapeOf(said.body.toString())).filter(
            (it) => !/git_tag|start_time|elected_time|capabilities/.test(it),
          ),
        ).toEqual([]);
    }
  });

  it("escapes slashes and prints whole metrics with a fraction before Mesos 1.7, and not the slashes after", async () => {
    const old = lab({ version: "1.11.3" });
    const body = (await get(old.cluster, old.at("m1"), 5050, "/metrics/snapshot")).body;
    expect(body).toContain('"registrar\\/log\\/recovered":1.0');
    expect(body).toContain('"overlay\\/log\\/recovered":1.0');
    const young = lab({ version: "1.12.5" });
    expect((await get(young.cluster, young.at("m1"), 5050, "/metrics/snapshot")).body).toContain('"registrar/log/recovered":1.0');
  });

  it("has `ensemble_size` from Mesos 1.4 on, and the .json aliases up to DC/OS 1.12", async () => {
    const nine = lab({ version: "1.9.9" });
    expect(await metrics(nine, "m1")).not.toHaveProperty(["registrar/log/ensemble_size"]);
    expect((await get(nine.cluster, nine.at("m3"), 5050, "/state.json")).status).toBe(200);
    const ten = lab({ version: "1.10.0" });
    expect((await metrics(ten, "m1"))["registrar/log/ensemble_size"]).toBe(3);
    const thirteen = newest();
    expect((await get(thirteen.cluster, thirteen.at("m3"), 5050, "/state.json")).status).toBe(404);
  });

  it("pages /tasks at 100 and gives the rest by offset, newest first", async () => {
    const one = lab({ privateAgents: 150 });
    const tasks = (query: string): Promise<readonly MesosTask[]> => mesosTasks(one, "m3", query);
    const first = await tasks("");
    const all = await tasks("?limit=5000");
    expect(first).toHaveLength(100);
    expect(all.length).toBeGreaterThan(300);
    expect((await tasks("?limit=7&offset=100")).map((task) => task.id)).toEqual(all.slice(100, 107).map((task) => task.id));
    const times = all.map((task) => task.statuses.at(-1)?.timestamp ?? 0);
    expect(times).toEqual(times.toSorted((a, b) => b - a));
  });

  it("reserves everything of a public agent for slave_public, and marks it", async () => {
    const one = newest();
    const open = (await slaves(one, "m3")).slaves.filter((it) => it.attributes.public_ip === "true");
    expect(open).toHaveLength(2);
    for (const slave of open)
      expect([slave.reserved_resources["slave_public"]?.cpus, slave.unreserved_resources.cpus]).toEqual([4, 0]);
  });

  it("answers metrics twice a second per process; the fourth request of a moment waits", async () => {
    const one = newest();
    const begin = one.clock.now();
    const ends = await Promise.all(
      Array.from({ length: 10 }, async () => {
        await get(one.cluster, one.at("m1"), 5050, "/metrics/snapshot");
        return one.clock.now() - begin;
      }),
    );
    expect(ends[0]).toBe(0);
    // Recorded: of ten at once the last one took 4.5 s.
    expect(Math.max(...ends)).toBe(4_500);
  });
});
