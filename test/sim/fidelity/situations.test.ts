import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ask, elected, get, lab, metrics, slaves, until, type Lab } from "../model/support.ts";
import { differencesAt, MASTER, systemctl, wipeLog } from "./moments.ts";
import { RECORDED } from "./real.ts";

/** Mesos 1.8, the nearest to the recorded 1.11; as many agents as there were then. Its leader is m3, the next one m1. */
const cluster = (privateAgents = 3): Lab => lab({ version: "1.13.9", privateAgents, publicAgents: 2 });
const active = async (one: Lab, leader: string): Promise<number> => (await metrics(one, leader))["master/slaves_active"] ?? 0;

describe("the model in the situations of the recorded cluster answers as that did", () => {
  it("when the leader was killed: stale redirects, the election, agents coming back", async () => {
    const one = cluster();
    const names = { m1: "m3", m2: "m1", m3: "m2", a1: "a1", a4: "p1" };
    await systemctl(one, "m3", "stop", MASTER);
    await one.clock.sleep(1_000);
    expect(await differencesAt(one, "leader-killed/01-1s-stale-leader", { names })).toEqual([]);
    await until(one, 15_000, 20, async () => (await redirectOf(one, "m1")) === one.at("m1"));
    // Recorded a moment apart: the state before the registry was read, the list of agents right after.
    expect(
      await differencesAt(one, "leader-killed/02-just-elected", {
        names,
        paths: ["/state", "/state-summary", "/redirect", "/health"],
      }),
    ).toEqual([]);
    await until(one, 2_000, 20, async () => (await slaves(one, "m1")).recovered_slaves.length > 0);
    expect(await differencesAt(one, "leader-killed/02-just-elected", { names, paths: ["/slaves"] })).toEqual([]);
    await until(one, 3_000, 20, async () => (await slaves(one, "m1")).slaves.length > 0);
    expect(await differencesAt(one, "leader-killed/03-reregister-0", { names, underway: true })).toEqual([]);
    await until(one, 5_000, 100, async () => (await active(one, "m1")) === 5);
    expect(await differencesAt(one, "leader-killed/04-reregister-1", { names })).toEqual([]);
    expect(await differencesAt(one, "leader-killed/05-settled", { names })).toEqual([]);
  });

  it("when a master was down and came back with an empty disk, into a healthy quorum", async () => {
    const one = cluster();
    const names = { m1: "m1", m2: "m3", m3: "m2" };
    await systemctl(one, "m2", "stop", MASTER);
    await one.clock.sleep(2_000);
    expect(await differencesAt(one, "master-down-wiped-rejoin/01-master-down-2s", { names, sameHistory: false })).toEqual([]);
    await one.clock.sleep(10_000);
    expect(await differencesAt(one, "master-down-wiped-rejoin/02-master-down-12s", { names, sameHistory: false })).toEqual([]);
    await wipeLog(one, "m2");
    await systemctl(one, "m2", "start", MASTER);
    await one.clock.sleep(2_500);
    for (const moment of ["03-rejoin-0", "04-rejoin-1", "05-rejoin-2", "06-rejoin-3"])
      expect(await differencesAt(one, `master-down-wiped-rejoin/${moment}`, { names, sameHistory: false })).toEqual([]);
  });

  it("when the quorum was lost: the leader alone, a wiped master that cannot recover, the quorum back", async () => {
    const one = cluster();
    const names = { m1: "m1", m2: "m3", m3: "m2" };
    for (const name of ["m1", "m2"]) await systemctl(one, name, "stop", MASTER);
    await one.clock.sleep(2_000);
    expect(await differencesAt(one, "quorum-lost/01-leader-alone-2s", { names, sameHistory: false })).toEqual([]);
    await one.clock.sleep(11_000);
    expect(await differencesAt(one, "quorum-lost/02-leader-alone-13s", { names, sameHistory: false })).toEqual([]);
    await wipeLog(one, "m2");
    await systemctl(one, "m2", "start", MASTER);
    await one.clock.sleep(200);
    expect(
      await differencesAt(one, "quorum-lost/03-http-just-up", { names, sameHistory: false, paths: ["/health", "/redirect"] }),
    ).toEqual([]);
    await one.clock.sleep(10_000);
    expect(await differencesAt(one, "quorum-lost/04-wiped-recovering-10s", { names, sameHistory: false })).toEqual([]);
    await systemctl(one, "m1", "start", MASTER);
    await until(one, 10_000, 100, async () => (await metrics(one, "m2"))["registrar/log/recovered"] === 1);
    await one.clock.sleep(1_000);
    expect(await differencesAt(one, "quorum-lost/05-healed", { names, sameHistory: false })).toEqual([]);
  });

  it("when two of three masters began with empty logs, and when the third did", async () => {
    const one = cluster();
    for (const name of ["m1", "m2", "m3"]) {
      await systemctl(one, name, "stop", MASTER);
      await wipeLog(one, name);
    }
    await one.clock.sleep(12_000);
    await systemctl(one, "m1", "start", MASTER);
    await one.clock.sleep(3_000);
    await systemctl(one, "m2", "start", MASTER);
    await one.clock.sleep(4_000);
    const names = { m1: "m1", m2: "m2" };
    expect(await differencesAt(one, "boot-three/01-two-of-three-empty", { names })).toEqual([]);
    expect(
      await ask(one.cluster, one.at("m1"), 5050, "/api/v1", { method: "POST", body: '{"type":"GET_HEALTH"}' }),
    ).toMatchObject({ status: 503, body: "Master has not finished recovery" });
    await systemctl(one, "m3", "start", MASTER);
    await until(one, 20_000, 100, async () => (await active(one, "m1")) === 5);
    expect(await differencesAt(one, "boot-three/02-agents-registering", { names, sameHistory: false })).toEqual([]);
  });

  it("when an agent was killed: inactive at once, gone and counted as unreachable after its pings, back when started", async () => {
    const one = cluster(4);
    const names = { m2: "m3", a3: "a3" };
    const ghosts = 1;
    await systemctl(one, "a3", "stop", "dcos-mesos-slave");
    await one.clock.sleep(300);
    expect(await differencesAt(one, "agent-killed/01-inactive-0.3s", { names, sameHistory: false, ghosts })).toEqual([]);
    await one.clock.sleep(6_000);
    expect(await differencesAt(one, "agent-killed/02-inactive-6s", { names, sameHistory: false, ghosts })).toEqual([]);
    // 85 s there (5 pings of 15 s), five minutes with the 20 pings DC/OS sets (dcos.md 3.3).
    await until(one, 310_000, 1_000, async () => (await metrics(one, "m3"))["master/slaves_unreachable"] === 1);
    expect(await differencesAt(one, "agent-killed/03-unreachable", { names, sameHistory: false, ghosts })).toEqual([]);
    expect(await differencesAt(one, "agent-killed/04-recovering", { names, sameHistory: false, ghosts })).toEqual([]);
    await systemctl(one, "a3", "start", "dcos-mesos-slave");
    await until(one, 10_000, 100, async () => (await active(one, "m3")) === 6);
    expect(await differencesAt(one, "agent-killed/05-back", { names, sameHistory: false, ghosts })).toEqual([]);
  });

  it("when ZooKeeper was down altogether: the leader goes on for ten seconds, nobody leads, the dead one is believed in again", async () => {
    const one = cluster(4);
    const names = { m1: "m1", m2: "m2", m3: "m3", a1: "a1" };
    for (const name of ["m1", "m2", "m3"]) await systemctl(one, name, "stop", "dcos-exhibitor");
    await one.clock.sleep(4_000);
    expect(await differencesAt(one, "zookeeper-all-down/01-zk-down-4s", { names, sameHistory: false })).toEqual([]);
    await one.clock.sleep(7_000);
    await systemctl(one, "m3", "stop", MASTER);
    expect(await differencesAt(one, "zookeeper-all-down/02-leader-exited", { names, sameHistory: false })).toEqual([]);
    await one.clock.sleep(10_000);
    expect(await differencesAt(one, "zookeeper-all-down/03-leader-exited-10s", { names, sameHistory: false })).toEqual([]);
    for (const name of ["m1", "m2", "m3"]) await systemctl(one, name, "start", "dcos-exhibitor");
    await until(one, 20_000, 100, async () => (await redirectOf(one, "m1")) !== null);
    await one.clock.sleep(2_000);
    expect(await differencesAt(one, "zookeeper-all-down/04-zk-back-4s", { names, sameHistory: false })).toEqual([]);
    await until(one, 20_000, 100, async () => (await elected(one)) === "m1" && (await active(one, "m1")) === 6);
    expect(await differencesAt(one, "zookeeper-all-down/05-recovered", { names, sameHistory: false, ghosts: 1 })).toEqual([]);
  });

  it("when the leader hung: its port takes connections and nothing answers; when it wakes up it ends", async () => {
    const one = cluster(4);
    await systemctl(one, "m3", "kill", "-s", "STOP", MASTER);
    await one.clock.sleep(3_000);
    expect(await differencesAt(one, "leader-hung/01-hung-3s", { names: { m3: "m3" } })).toEqual([]);
    await until(one, 15_000, 100, async () => (await elected(one).catch(() => "")) === "m1");
    await until(one, 5_000, 100, async () => (await active(one, "m1")) === 6);
    expect(await differencesAt(one, "leader-hung/02-just-elected", { names: { m1: "m1" }, ghosts: 1 })).toEqual([]);
    await systemctl(one, "m3", "kill", "-s", "CONT", MASTER);
    await one.clock.sleep(100);
    expect(await differencesAt(one, "leader-hung/03-resumed-0", { names: { m1: "m1", m3: "m3" } })).toEqual([]);
  });

  it("when an agent of the registry never returned: waited for ten minutes, then counted as unreachable", async () => {
    const one = cluster(5);
    await systemctl(one, "a5", "stop", "dcos-mesos-slave");
    await systemctl(one, "m3", "stop", MASTER);
    await until(one, 15_000, 100, async () => (await elected(one)) === "m1");
    await systemctl(one, "m3", "start", MASTER);
    await until(one, 10_000, 100, async () => (await active(one, "m1")) === 6);
    await one.clock.sleep(3_000);
    const names = { m1: "m1" };
    expect(await differencesAt(one, "recovered-agent-never-returns/01-waiting", { names, sameHistory: false })).toEqual([]);
    const waited = await until(one, 620_000, 1_000, async () => (await slaves(one, "m1")).recovered_slaves.length === 0);
    expect(waited).toBeGreaterThan(580_000);
    expect(
      await differencesAt(one, "recovered-agent-never-returns/02-reregister-timeout-passed", { names, sameHistory: false }),
    ).toEqual([]);
  });

  it("when machines were scheduled for maintenance, down, and up again", async () => {
    const one = cluster(4);
    const names = { m1: "m3", a1: "a1", a4: "p1" };
    const machine = (name: string): object => ({ hostname: one.at(name), ip: one.at(name) });
    const post = async (path: string, body: unknown): Promise<readonly [number, string]> => {
      const said = await ask(one.cluster, one.at("m3"), 5050, path, { method: "POST", body: JSON.stringify(body) });
      return said.kind === "answered" ? [said.status, said.body.toString()] : [0, said.kind];
    };
    const unavailability = { duration: { nanoseconds: 3_600_000_000_000 }, start: { nanoseconds: 1 } };
    for (const done of RECORDED.filter((it) => it.moment.endsWith("01-action-answers")))
      expect([done.status, done.body]).toEqual([200, ""]);
    expect(
      await post("/maintenance/schedule", { windows: [{ machine_ids: [machine("a1"), machine("p1")], unavailability }] }),
    ).toEqual([200, ""]);
    expect(await differencesAt(one, "maintenance-and-drain/02-draining-mode", { names, sameHistory: false, ghosts: 1 })).toEqual(
      [],
    );
    expect((await post("/machine/down", [machine("a2")]))[0], "a machine without a window").toBe(400);
    expect(await post("/machine/down", [machine("a1")])).toEqual([200, ""]);
    expect(await differencesAt(one, "maintenance-and-drain/07-machine-down", { names, sameHistory: false, ghosts: 1 })).toEqual(
      [],
    );
    await one.clock.sleep(60_000);
    expect(await active(one, "m3"), "not before it is up").toBe(5);
    expect(await post("/machine/up", [machine("a1")])).toEqual([200, ""]);
    expect(await differencesAt(one, "maintenance-and-drain/08-machine-up", { names, sameHistory: false, ghosts: 1 })).toEqual([]);
    expect(await active(one, "m3")).toBe(6);
  });

  it("when masters ask for credentials: none, wrong ones, right ones that may not read metrics", async () => {
    const one = lab({
      version: "1.13.9",
      masters: 1,
      privateAgents: 0,
      publicAgents: 0,
      authentication: { principal: "ops", secret: "s3cret", metrics: false },
    });
    const names = { m4: "m1" };
    const basic = (secret: string): Readonly<Record<string, string>> => ({
      Authorization: `Basic ${Buffer.from(`ops:${secret}`).toString("base64")}`,
    });
    expect(await differencesAt(one, "auth-enabled/01-no-credentials", { names })).toEqual([]);
    expect(await differencesAt(one, "auth-enabled/02-wrong-password", { names, headers: basic("guess") })).toEqual([]);
    expect(
      await differencesAt(one, "auth-enabled/03-basic-ok-acl-denies-endpoints", { names, headers: basic("s3cret") }),
    ).toEqual([]);
  });

  it("and no recorded moment is left out but drained agents, which Mesos has since 1.9 and no DC/OS of the model carries", async () => {
    const [text = ""] = readFileSync(import.meta.filename, "utf8").split("and no recorded moment");
    const moments = [...new Set(RECORDED.map((it) => it.moment))].filter((it) => !it.includes("steady/"));
    const left = moments.filter(
      (it) =>
        !it
          .split("/")
          .slice(-2)
          .every((part) => text.includes(part)),
    );
    expect(left.map((it) => it.split("/").at(-1))).toEqual([
      "03-drain-just-asked",
      "04-drained",
      "05-deactivated",
      "06-reactivated",
    ]);
    const one = cluster();
    const said = await ask(one.cluster, one.at("m3"), 5050, "/api/v1", { method: "POST", body: '{"type":"DRAIN_AGENT"}' });
    expect(said).toMatchObject({ kind: "answered", status: 400 });
  });
});

/** The address a master's `/redirect` names; null where it names nobody. */
async function redirectOf(one: Lab, name: string): Promise<string | null> {
  return /^\/\/([\d.]+):5050$/.exec((await get(one.cluster, one.at(name), 5050, "/redirect")).location ?? "")?.[1] ?? null;
}
