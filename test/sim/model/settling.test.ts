import { describe, expect, it } from "vitest";
import { ask, elected, exhibitorStatus, get, lab, metrics, parse, slaves, until, upgrade, type Lab } from "./support.ts";

async function mode(one: Lab, name: string): Promise<string> {
  const said = await one.cluster.tcp(one.at(name), 2181, "srvr");
  return said.kind === "answered" ? (/^Mode: (\w+)$/m.exec(said.body)?.[1] ?? "not serving") : said.kind;
}

describe("the ensemble of the model", () => {
  it("elects another leader when its leader is stopped, in a new epoch that everybody writes down", async () => {
    const one = lab();
    expect(await mode(one, "m1")).toBe("leader");
    expect((await get(one.cluster, one.at("m1"), 8181, "/exhibitor/v1/cluster/stop")).body).toBe(
      '{"message":"OK","succeeded":true}',
    );
    expect(await mode(one, "m2"), "nobody serves while a leader is looked for").toBe("not serving");
    await until(one, 30_000, 500, async () => (await mode(one, "m3")) === "leader");
    expect(await mode(one, "m2")).toBe("follower");
    const epochOf = (name: string): Promise<string> =>
      one.node(name).fs.readFile("/var/lib/dcos/exhibitor/zookeeper/snapshot/version-2/currentEpoch");
    expect(await Promise.all(["m1", "m2", "m3"].map(epochOf))).toEqual(["3", "4", "4"]);
    expect((await one.node("m3").fs.readdir("/var/lib/dcos/exhibitor/zookeeper/transactions/version-2")).toSorted()).toEqual([
      "log.300000001",
      "log.400000001",
    ]);
    await get(one.cluster, one.at("m1"), 8181, "/exhibitor/v1/cluster/start");
    await until(one, 60_000, 500, async () => (await mode(one, "m1")) === "follower");
    expect(await epochOf("m1")).toBe("4");
  });

  it("shows the own entry of an Exhibitor as its monitor last saw it, up to thirty seconds old", async () => {
    const one = lab();
    await get(one.cluster, one.at("m2"), 8181, "/exhibitor/v1/cluster/stop");
    const own = async (): Promise<number | undefined> =>
      (await exhibitorStatus(one, "m2")).find((it) => it.hostname === one.at("m2"))?.code;
    expect(await mode(one, "m2")).toBe("refused");
    expect(await own()).toBe(3);
    const took = await until(one, 40_000, 1_000, async () => (await own()) === 1);
    expect(took).toBeLessThanOrEqual(30_000);
    await get(one.cluster, one.at("m2"), 8181, "/exhibitor/v1/cluster/start");
  });

  it("does not disturb Mesos and Marathon when it is without a leader for less than a session", async () => {
    const one = lab();
    const before = [await elected(one), (await get(one.cluster, one.at("m1"), 8080, "/v2/leader")).body];
    await get(one.cluster, one.at("m1"), 8181, "/exhibitor/v1/cluster/restart");
    await one.clock.sleep(30_000);
    expect([await elected(one), (await get(one.cluster, one.at("m1"), 8080, "/v2/leader")).body]).toEqual(before);
  });
});

describe("a cluster without a ZooKeeper quorum", () => {
  it("keeps its Mesos leader for ten seconds, then nobody leads; when it is back, somebody does", async () => {
    const one = lab({ faults: ["zk-quorum-lost@m1:start"] });
    await one.clock.sleep(5_000);
    expect(await elected(one)).toBe("m3");
    await one.clock.sleep(8_000);
    expect(await elected(one)).toBe("");
    expect(await get(one.cluster, one.at("m1"), 5050, "/redirect")).toMatchObject({ status: 503, body: "No leader elected" });
    one.cluster.heal();
    const took = await until(one, 60_000, 500, async () => /^m\d$/.test(await elected(one)));
    expect(took).toBeGreaterThan(2_000);
    await until(one, 60_000, 1_000, async () => (await metrics(one, await elected(one)))["master/slaves_active"] === 7);
  });
});

describe("a leader that cannot read its registry", () => {
  it("answers 200 with nobody in it, but 503 to GET_HEALTH, and gives up after a minute", async () => {
    const one = lab({ version: "1.12.5", faults: ["replog-not-recovered@m1:start", "replog-not-recovered@m2:start"] });
    // m3 leads and is upgraded, so that a master without a recovered log is elected.
    const running = upgrade(one, "m3", "1.12.5", "1.13.9");
    await until(one, 300_000, 500, async () => ["m1", "m2"].includes(await elected(one)));
    await one.clock.sleep(5_000);
    const leader = await elected(one);
    expect(await slaves(one, leader)).toEqual({ slaves: [], recovered_slaves: [] });
    expect(
      parse<{ readonly slaves: readonly object[] }>((await get(one.cluster, one.at(leader), 5050, "/state")).body).slaves,
    ).toEqual([]);
    const health = await ask(one.cluster, one.at(leader), 5050, "/api/v1", { method: "POST", body: '{"type":"GET_HEALTH"}' });
    expect(health).toMatchObject({ status: 503, body: "Master has not finished recovery" });
    await until(one, 90_000, 1_000, async () => (await get(one.cluster, one.at(leader), 5050, "/health")).status === 0);
    await running;
    one.cluster.heal();
    await until(one, 240_000, 1_000, async () => {
      const now = await elected(one);
      return /^m\d$/.test(now) && (await metrics(one, now))["master/slaves_active"] === 7;
    });
  });
});

describe("two models with the same seed", () => {
  it("are the same cluster, and another seed is another one", async () => {
    const state = async (seed: number): Promise<string> => {
      const one = lab({ seed });
      await upgrade(one, "a1", "1.10.8", "1.11.3");
      return JSON.stringify([
        one.cluster.id,
        one.cluster.inspect(),
        one.clock.now(),
        (await get(one.cluster, one.at(await elected(one)), 5050, "/slaves")).body,
      ]);
    };
    expect(await state(7)).toBe(await state(7));
    expect(await state(7)).not.toBe(await state(8));
  });
});
