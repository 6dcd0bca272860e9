import { describe, expect, it } from "vitest";
import {
  elected,
  exhibitorStatus,
  get,
  json,
  lab,
  marathonApps,
  marathonTasks,
  mesosTasks,
  metrics,
  run,
  slaves,
  until,
  upgrade,
  versionOn,
  type Lab,
  type Slave,
} from "./support.ts";

const exhibitor = async (one: Lab, asked: string, about: string): Promise<string | undefined> =>
  (await exhibitorStatus(one, asked)).find((it) => it.hostname === one.at(about))?.description;

/** Upgrades m2 from 1.10.8 to 1.11.3 with the fault planned for afterwards, and waits for the dust to settle. */
async function upgraded(fault: string, node = "m2"): Promise<Lab> {
  const one = lab({ version: "1.10.8", faults: [fault] });
  expect((await upgrade(one, node, "1.10.8", "1.11.3", { words: ["--verbose"] })).code).toBe(0);
  await one.clock.sleep(150_000);
  return one;
}

/** Everything a healthy cluster says of itself. */
async function isHealthy(one: Lab): Promise<boolean> {
  const leader = await elected(one);
  if (!/^m\d$/.test(leader)) return false;
  for (const name of ["m1", "m2", "m3"]) {
    const values = await metrics(one, name);
    if (values["registrar/log/recovered"] !== 1 || values["registrar/log/ensemble_size"] !== 3) return false;
    if ((await exhibitor(one, "m1", name)) !== "serving") return false;
    if ((await get(one.cluster, one.at(name), 5050, "/redirect")).location !== `//${one.at(leader)}:5050`) return false;
  }
  return (
    (await metrics(one, leader))["master/slaves_active"] === 7 &&
    (await get(one.cluster, one.at("m2"), 8080, "/v2/leader")).status === 200
  );
}

describe("faults at a master", () => {
  it("replog-not-recovered: this master's log stays 0 while every other sign is green", async () => {
    const one = await upgraded("replog-not-recovered@m2");
    expect((await metrics(one, "m2"))["registrar/log/recovered"]).toBe(0);
    expect((await metrics(one, "m1"))["registrar/log/recovered"]).toBe(1);
    expect(await exhibitor(one, "m1", "m2")).toBe("serving");
    expect((await get(one.cluster, one.at("m2"), 5050, "/health")).status).toBe(200);
    await one.clock.sleep(1_800_000);
    expect((await metrics(one, "m2"))["registrar/log/recovered"]).toBe(0);
    one.cluster.heal();
    expect((await metrics(one, "m2"))["registrar/log/recovered"]).toBe(1);
  });

  it("exhibitor-not-serving: its ZooKeeper runs, says imok and serves nobody", async () => {
    const one = await upgraded("exhibitor-not-serving@m2");
    expect(await exhibitor(one, "m3", "m2")).toBe("not serving");
    expect(await one.cluster.tcp(one.at("m2"), 2181, "ruok")).toEqual({ kind: "answered", body: "imok" });
    expect(await one.cluster.tcp(one.at("m2"), 2181, "mntr")).toMatchObject({
      body: "This ZooKeeper instance is not currently serving requests\n",
    });
    one.cluster.heal();
    await until(one, 120_000, 1_000, () => isHealthy(one));
  });

  it("master-out-of-quorum: the log says recovered, but the others miss a replica and it knows no leader", async () => {
    const one = await upgraded("master-out-of-quorum@m2");
    expect((await metrics(one, "m2"))["registrar/log/recovered"]).toBe(1);
    expect((await metrics(one, "m1"))["registrar/log/ensemble_size"]).toBe(2);
    expect(await get(one.cluster, one.at("m2"), 5050, "/redirect")).toMatchObject({ status: 503, body: "No leader elected" });
    expect(await exhibitor(one, "m1", "m2")).toBe("serving");
    one.cluster.heal();
    await until(one, 120_000, 1_000, () => isHealthy(one));
  });

  it.each([
    ["two-leaders@m2", async (one: Lab) => expect((await elected(one)).split("+")).toHaveLength(2)],
    [
      "no-leader@m2",
      async (one: Lab) =>
        expect([await elected(one), (await get(one.cluster, one.at("m1"), 5050, "/state")).status]).toEqual(["", 503]),
    ],
    ["marathon-down@m2", async (one: Lab) => expect((await get(one.cluster, one.at("m1"), 8080, "/v2/leader")).status).toBe(503)],
    ["zk-quorum-lost@m2", async (one: Lab) => expect(await exhibitor(one, "m1", "m3")).toBe("not serving")],
  ])("%s is seen, and healed", async (fault, seen) => {
    const one = await upgraded(fault);
    await seen(one);
    one.cluster.heal();
    await until(one, 240_000, 1_000, () => isHealthy(one));
  });

  it("is there before anything is read when it is planned for the start", async () => {
    const one = lab({ faults: ["replog-not-recovered@m1:start", "exhibitor-not-serving@m2:start"] });
    await one.clock.sleep(60_000);
    expect((await metrics(one, "m1"))["registrar/log/recovered"]).toBe(0);
    expect(await exhibitor(one, "m1", "m2")).toBe("not serving");
  });

  it("waits for its hop: one planned for the second fires after the second target's script only", async () => {
    const one = lab({ version: "1.10.7", privateAgents: 1, publicAgents: 0, faults: ["replog-not-recovered@m2:2"] });
    await upgrade(one, "m2", "1.10.7", "1.10.8");
    await one.clock.sleep(120_000);
    expect((await metrics(one, "m2"))["registrar/log/recovered"]).toBe(1);
    await upgrade(one, "m2", "1.10.8", "1.11.3");
    await one.clock.sleep(120_000);
    expect((await metrics(one, "m2"))["registrar/log/recovered"]).toBe(0);
  });
});

describe("faults of the script", () => {
  it("script-fails: exit 1 in the fetch, the node untouched, and the next run works", async () => {
    const one = lab({ version: "1.10.8", faults: ["script-fails@a2"] });
    const ran = await upgrade(one, "a2", "1.10.8", "1.11.3", { words: ["--verbose"] });
    expect([ran.code, await versionOn(one, "a2")]).toEqual([1, "1.10.8"]);
    expect(ran.err).toContain("Unable to fetch package");
    expect((await get(one.cluster, one.at("a2"), 5051, "/health")).status).toBe(200);
    expect((await upgrade(one, "a2", "1.10.8", "1.11.3")).code).toBe(0);
    expect(one.cluster.inspect()["a2"]?.scriptRuns.map((it) => it.exit)).toEqual([1, 0]);
  });

  it("script-lies: says everything, ends with 0, and nothing has changed", async () => {
    const one = lab({ version: "1.12.5", faults: ["script-lies@m1"] });
    const ran = await upgrade(one, "m1", "1.12.5", "1.13.9", { words: ["--verbose"] });
    expect(ran.code).toBe(0);
    expect(ran.out).toContain("Upgrading DC/OS master 1.12.5 -> 1.13.9");
    expect(ran.out).toContain("\rFetched: mesos--");
    expect(await versionOn(one, "m1")).toBe("1.12.5");
    expect((await json<{ readonly version: string }>(one.cluster, one.at("m1"), 5050, "/version")).version).toBe("1.7.3");
  });

  it("ssh-drop: cuts the node's connections once, about a third into the script, which goes on", async () => {
    const one = lab({ version: "1.12.5", faults: ["ssh-drop@a2"] });
    const cuts: [string, number][] = [];
    one.cluster.onDrop((node) => cuts.push([node, one.clock.now()]));
    expect((await upgrade(one, "a2", "1.12.5", "1.13.9")).code).toBe(0);
    expect(cuts.map(([node]) => node)).toEqual(["a2"]);
    const [ran] = one.cluster.inspect()["a2"]?.scriptRuns ?? [];
    const share = (cuts[0]![1] - ran!.startedMs) / (ran!.endedMs! - ran!.startedMs);
    expect(share).toBeGreaterThan(0.2);
    expect(share).toBeLessThan(0.45);
  });

  it.each([
    ["disk-full@a2:during", "No space left on device"],
    ["bootstrap-down@a2:during", "Unable to fetch"],
  ])("%s ends the fetch with exit 1", async (fault, text) => {
    const one = lab({ version: "1.12.5", faults: [fault] });
    const ran = await upgrade(one, "a2", "1.12.5", "1.13.9");
    expect([ran.code, await versionOn(one, "a2")]).toEqual([1, "1.12.5"]);
    expect(ran.err).toContain(text);
  });
});

describe("faults at an agent", () => {
  const entry = async (one: Lab, name: string): Promise<Slave | undefined> =>
    (await slaves(one, await elected(one))).slaves.find((it) => it.hostname === one.at(name));

  it("agent-never: the process does not come back; heal brings it back with its id", async () => {
    const one = lab({ version: "1.11.3", faults: ["agent-never@a2"] });
    const id = one.cluster.inspect()["a2"]?.agentId;
    expect((await upgrade(one, "a2", "1.11.3", "1.12.5")).code).toBe(0);
    await one.clock.sleep(240_000);
    expect((await get(one.cluster, one.at("a2"), 5051, "/health")).status).toBe(0);
    expect((await entry(one, "a2"))?.active).toBe(false);
    one.cluster.heal();
    await until(one, 60_000, 1_000, async () => (await entry(one, "a2"))?.active === true);
    expect((await entry(one, "a2"))?.id).toBe(id);
  });

  it("agent-late: comes back within five minutes, with its id and its tasks", async () => {
    const one = lab({ version: "1.11.3", faults: ["agent-late@a2"] });
    const tasks = async (): Promise<readonly string[]> => (await marathonTasks(one)).map((it) => it.id).toSorted();
    const before = await tasks();
    await upgrade(one, "a2", "1.11.3", "1.12.5");
    await one.clock.sleep(60_000);
    expect((await entry(one, "a2"))?.active).toBe(false);
    const took = await until(one, 300_000, 1_000, async () => (await entry(one, "a2"))?.active === true);
    expect(took).toBeLessThan(230_000);
    expect(await tasks()).toEqual(before);
  });

  it("tasks-lost: the agent comes back under a new id, its tasks are lost and started again elsewhere or there", async () => {
    const one = lab({ version: "1.11.3", faults: ["tasks-lost@a2"] });
    const id = one.cluster.inspect()["a2"]?.agentId;
    const old = (await marathonTasks(one)).filter((it) => it.slaveId === id).map((it) => it.id);
    expect(old.length).toBeGreaterThan(0);
    await upgrade(one, "a2", "1.11.3", "1.12.5");
    await one.clock.sleep(60_000);
    expect((await entry(one, "a2"))?.id).not.toBe(id);
    expect((await metrics(one, await elected(one)))["master/tasks_lost"]).toBe(old.length);
    const now = (await marathonTasks(one)).map((it) => it.id);
    expect(now.filter((it) => old.includes(it))).toEqual([]);
    const lost = (await mesosTasks(one, await elected(one), "?limit=500"))
      .filter((it) => it.state === "TASK_LOST")
      .map((it) => it.id);
    expect(lost.toSorted()).toEqual(old.toSorted());
  });
});

describe("faults that are there from the start", () => {
  it("are seen where a preflight looks", async () => {
    const one = lab({
      faults: [
        "disk-full@a1:start",
        "clock-skew@a2:start",
        "config-differs@a3:start",
        "wrong-role@a4:start",
        "constraint-broken@a5:start",
        "bootstrap-down@bootstrap:start",
      ],
    });
    expect((await run(one.node("a1"), ["df", "-Pk", "/var"])).out).toMatch(/ 0\s+100% \/\n$/);
    const seconds = Number((await run(one.node("a2"), ["date", "+%s"])).out);
    expect(seconds - one.clock.now() / 1000).toBe(8);
    const config = (name: string) => one.node(name).fs.readFile("/opt/mesosphere/etc/user.config.yaml");
    expect(await config("a3")).not.toBe(await config("a1"));
    expect(await one.node("a4").fs.readdir("/etc/mesosphere/roles")).toEqual(["slave_public"]);
    const apps = await marathonApps(one);
    expect(apps.some((it) => it.constraints.some((constraint) => constraint[2] === "*"))).toBe(true);
    expect((await run(one.node("a1"), ["curl", "-sS", "http://127.83.12.5:8090/bootstrap.latest"])).code).toBe(7);
    one.cluster.heal();
    expect(await config("a3")).toBe(await config("a1"));
    expect(await one.node("a4").fs.readdir("/etc/mesosphere/roles")).toEqual(["slave"]);
    expect((await run(one.node("a1"), ["curl", "-sS", "http://127.83.12.5:8090/bootstrap.latest"])).code).toBe(0);
  });

  it("tells the wire what to do to SSH of a node", () => {
    const one = lab({ faults: ["ssh-hang@a1:start", "hostkey-changed@a2:start"] });
    expect(["a1", "a2", "a3"].map((it) => one.cluster.sshAilment(it))).toEqual(["hang", "hostkey-changed", "fine"]);
  });
});
