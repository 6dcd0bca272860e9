import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FIXTURE, get, lab, parse, slaves, until, type Lab, type Metrics } from "../model/support.ts";
import { MASTER, systemctl, wipeLog } from "./moments.ts";

/** Seconds at which the recorded event's log says this. */
function recorded(event: string, mark: RegExp): number {
  const lines = readFileSync(join(FIXTURE, "mesos-real", event, "timeline.jsonl"), "utf8")
    .trim()
    .split("\n");
  const found = lines
    .map((line) => parse<{ readonly t: number; readonly mark?: string }>(line))
    .find((line) => mark.test(line.mark ?? ""));
  if (found === undefined) throw new Error(`${event}: nothing says ${mark.source}`);
  return found.t;
}

/** Seconds between two marks of an event. */
function between(event: string, from: RegExp, to: RegExp): number {
  return recorded(event, to) - recorded(event, from);
}

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8] as const;

/** The model's times in seconds over several seeds, smallest and largest. */
async function over(
  measure: (one: Lab) => Promise<number>,
  privateAgents = 3,
): Promise<{ readonly low: number; readonly high: number }> {
  const times: number[] = [];
  for (const seed of SEEDS) times.push((await measure(lab({ version: "1.13.9", seed, privateAgents, publicAgents: 2 }))) / 1_000);
  return { low: Math.min(...times), high: Math.max(...times) };
}

/** Whom a master's redirect names; empty where it names nobody or does not answer. */
async function redirectOf(one: Lab, name: string): Promise<string> {
  return /^\/\/([\d.]+):/.exec((await get(one.cluster, one.at(name), 5050, "/redirect")).location ?? "")?.[1] ?? "";
}

/** The master that all redirects of the living ones name and that is not the old leader; null: none yet. */
async function successor(one: Lab, old: string, asked: readonly string[]): Promise<string | null> {
  const named = new Set(await Promise.all(asked.map((name) => redirectOf(one, name))));
  const [only = ""] = named;
  return named.size === 1 && only !== "" && only !== one.at(old) ? only : null;
}

async function leaderOf(one: Lab): Promise<string> {
  for (const name of ["m1", "m2", "m3"]) {
    const said = await get(one.cluster, one.at(name), 5050, "/metrics/snapshot");
    if (said.status === 200 && parse<Metrics>(said.body)["master/elected"] === 1) return name;
  }
  return "";
}

function others(leader: string): readonly string[] {
  return ["m1", "m2", "m3"].filter((name) => name !== leader);
}

function nameOf(one: Lab, address: string): string {
  return ["m1", "m2", "m3"].find((name) => one.at(name) === address) ?? "";
}

describe("the model's times beside the recorded ones, in simulated time", () => {
  it("an election after the leader was killed takes as long as the session lasts: 8.3 s recorded, 7 to 10 s by its time-out", async () => {
    const real = between("leader-killed", /SIGKILL/, /new leader/);
    const took = await over(async (one) => {
      const leader = await leaderOf(one);
      await systemctl(one, leader, "stop", MASTER);
      return until(one, 15_000, 50, async () => (await successor(one, leader, others(leader))) !== null);
    });
    expect(took.low).toBeGreaterThan(7);
    expect(took.high).toBeLessThan(10);
    expect(real).toBeGreaterThan(took.low - 0.5);
    expect(real).toBeLessThan(took.high + 0.5);
  });

  it("agents are back soon after an election (1.2 s recorded): first none, then all as recovered, then one after the other", async () => {
    const real = between("leader-killed", /new leader/, /agents active on new leader/);
    const orders = new Set<string>();
    const took = await over(async (one) => {
      const leader = await leaderOf(one);
      await systemctl(one, leader, "stop", MASTER);
      await until(one, 15_000, 20, async () => (await successor(one, leader, others(leader))) !== null);
      const next = nameOf(one, (await successor(one, leader, others(leader))) ?? "");
      const seen: string[] = [];
      const back = await until(one, 10_000, 20, async () => {
        const { slaves: known, recovered_slaves: waiting } = await slaves(one, next);
        const state = known.length === 5 ? "all" : known.length > 0 ? "some" : waiting.length === 5 ? "recovered" : "none";
        if (seen.at(-1) !== state) seen.push(state);
        return state === "all";
      });
      orders.add(seen.join(" "));
      return back;
    });
    expect([...orders]).toEqual(["none recovered some all"]);
    expect(took.low).toBeGreaterThan(real / 4);
    expect(took.high).toBeLessThan(real + 2);
  });

  it("a hung leader is followed as fast as a dead one, and ends at once when it wakes up", async () => {
    const real = between("leader-hung", /SIGSTOP/, /new leader/);
    const took = await over(async (one) => {
      const leader = await leaderOf(one);
      await systemctl(one, leader, "kill", "-s", "STOP", MASTER);
      const taken = await until(one, 15_000, 50, async () => (await successor(one, leader, others(leader))) !== null);
      await systemctl(one, leader, "kill", "-s", "CONT", MASTER);
      expect((await get(one.cluster, one.at(leader), 5050, "/health")).body).toBe("refused");
      return taken;
    });
    expect(Math.abs(real - took.low)).toBeLessThan(3);
    expect(took.high).toBeLessThan(10);
  });

  it("after a total outage of ZooKeeper a leader answers 12.5 s after it was started again; until then everybody names the dead one", async () => {
    const outage = between("zookeeper-all-down", /servers killed/, /exited/);
    const real = between("zookeeper-all-down", /ZooKeeper restarted/, /new leader/);
    const ends: number[] = [];
    const took = await over(async (one) => {
      const leader = await leaderOf(one);
      for (const name of ["m1", "m2", "m3"]) await systemctl(one, name, "stop", "dcos-exhibitor");
      ends.push(
        (await until(one, 15_000, 100, async () => (await get(one.cluster, one.at(leader), 5050, "/health")).status === 0)) /
          1_000,
      );
      await systemctl(one, leader, "stop", MASTER);
      await one.clock.sleep(11_000);
      for (const name of others(leader)) expect(await redirectOf(one, name)).toBe("");
      for (const name of ["m1", "m2", "m3"]) await systemctl(one, name, "start", "dcos-exhibitor");
      const named: string[] = [];
      const back = await until(one, 30_000, 100, async () => {
        const [first = "m1"] = others(leader);
        const name = nameOf(one, await redirectOf(one, first));
        if (named.at(-1) !== name) named.push(name);
        return name !== "" && name !== leader;
      });
      expect([named[0], named[1]]).toEqual(["", leader]);
      return back;
    });
    expect(Math.max(...ends)).toBeLessThan(outage + 2);
    expect(Math.min(...ends)).toBeGreaterThan(outage - 2);
    expect(took.low).toBeGreaterThan(real - 3);
    expect(took.high).toBeLessThan(real + 4);
  });

  it("an empty log learns from a quorum in under a second, and waits for one as long as it takes", async () => {
    const real = between("quorum-lost", /m1 recovered=1/, /m3 recovered=1/);
    const waited = await over(async (one) => {
      const leader = await leaderOf(one);
      const [wiped = "", intact = ""] = others(leader);
      for (const name of [wiped, intact]) await systemctl(one, name, "stop", MASTER);
      await wipeLog(one, wiped);
      await systemctl(one, wiped, "start", MASTER);
      const recovered = async (name: string): Promise<number | undefined> =>
        parse<Metrics>((await get(one.cluster, one.at(name), 5050, "/metrics/snapshot")).body)["registrar/log/recovered"];
      await one.clock.sleep(11_000);
      expect(await recovered(wiped)).toBe(0);
      await systemctl(one, intact, "start", MASTER);
      await until(one, 5_000, 50, async () =>
        (await get(one.cluster, one.at(intact), 5050, "/metrics/snapshot")).body.includes('"registrar/log/recovered":1.0'),
      );
      return until(one, 5_000, 50, async () => (await recovered(wiped)) === 1);
    });
    expect(waited.high).toBeLessThan(real + 1);
  });

  it("the first log of all needs the third master, and then two or three seconds", async () => {
    const real = between("boot-three", /m3 started/, /m3 recovered=1/);
    const took = await over(async (one) => {
      for (const name of ["m1", "m2", "m3"]) {
        await systemctl(one, name, "stop", MASTER);
        await wipeLog(one, name);
      }
      await one.clock.sleep(12_000);
      for (const name of ["m1", "m2"]) await systemctl(one, name, "start", MASTER);
      await one.clock.sleep(6_000);
      await systemctl(one, "m3", "start", MASTER);
      return until(one, 10_000, 50, async () => {
        const all = await Promise.all(
          ["m1", "m2", "m3"].map((name) => get(one.cluster, one.at(name), 5050, "/metrics/snapshot")),
        );
        return all.every((said) => said.body.includes('"registrar/log/recovered":1.0'));
      });
    });
    expect(took.low).toBeGreaterThan(1.5);
    expect(took.high).toBeLessThan(real + 2.5);
  });

  it("an agent that died is given up when its pings have run out: 84.7 s with 5 of them recorded, five minutes with the 20 of DC/OS", async () => {
    const real = between("agent-killed", /SIGKILL/, /state-summary: \(0/);
    const perPing = real / 5;
    const took = await over(async (one) => {
      await systemctl(one, "a3", "stop", "dcos-mesos-slave");
      return until(one, 400_000, 500, async () => (await slaves(one, await leaderOf(one))).slaves.length === 4);
    });
    expect(took.low / 20).toBeGreaterThan(perPing * 0.85);
    expect(took.high / 20).toBeLessThan(perPing * 1.15);
  });
});
