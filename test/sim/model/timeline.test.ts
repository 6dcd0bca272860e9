import { describe, expect, it } from "vitest";
import {
  elected,
  exhibitorStatus,
  get,
  json,
  lab,
  marathonApps,
  metrics,
  parse,
  run,
  slaves,
  until,
  upgrade,
  type Lab,
  type Metrics,
  type Slave,
} from "./support.ts";

async function duringUpgrade(one: Lab, name: string, from: string, target: string, look: () => Promise<void>): Promise<void> {
  const running = upgrade(one, name, from, target);
  // An upgrade of the lab with its services takes less than five minutes.
  for (let count = 0; count < 300; count += 1) {
    await look();
    await one.clock.sleep(1_000);
  }
  await running;
}

describe("a leading master that goes down", () => {
  it("is followed by another after its session expired; until then the others redirect to it", async () => {
    const one = lab({ version: "1.12.5" });
    const seen: { at: number; who: string; redirect: string | null; status: number }[] = [];
    let downAt = 0;
    await duringUpgrade(one, "m3", "1.12.5", "1.13.9", async () => {
      const refused = (await get(one.cluster, one.at("m3"), 5050, "/health")).status === 0;
      if (downAt === 0 && refused) downAt = one.clock.now();
      const said = await get(one.cluster, one.at("m2"), 5050, "/redirect");
      if (downAt > 0)
        seen.push({
          at: (one.clock.now() - downAt) / 1000,
          who: await elected(one),
          redirect: said.location,
          status: said.status,
        });
    });
    const first = seen.find((it) => it.who !== "");
    // Recorded: 8.3 s after the kill, 7 to 10 s by the session time-out.
    expect(first?.who).toBe("m1");
    expect(first?.at).toBeGreaterThanOrEqual(7);
    expect(first?.at).toBeLessThanOrEqual(11);
    const stale = seen.filter((it) => it.at < (first?.at ?? 0));
    expect(stale.length).toBeGreaterThan(4);
    expect(new Set(stale.map((it) => it.redirect))).toEqual(new Set([`//${one.at("m3")}:5050`]));
    expect(
      seen.every((it) => it.status === 307),
      "never 503 in between",
    ).toBe(true);
  });

  it("gives every agent back within seconds, first as `recovered_slaves`", async () => {
    const one = lab({ version: "1.12.5" });
    const counts: string[] = [];
    await duringUpgrade(one, "m3", "1.12.5", "1.13.9", async () => {
      const leader = await elected(one);
      if (leader === "" || leader === "m3") return;
      const said = await get(one.cluster, one.at(leader), 5050, "/slaves");
      if (said.status !== 200) return;
      const { slaves: known, recovered_slaves: recovered } = parse<{
        readonly slaves: readonly object[];
        readonly recovered_slaves: readonly object[];
      }>(said.body);
      counts.push(`${known.length}+${recovered.length}`);
    });
    // In the instant before the registry is read nobody is listed; from then on nobody is ever missing.
    const read = counts.filter((it, index) => it !== "0+0" || index > 0);
    expect(new Set(read.map((it) => it.split("+").reduce((sum, part) => sum + Number(part), 0)))).toEqual(new Set([7]));
    expect(counts.at(-1)).toBe("7+0");
    const { slaves: back } = await slaves(one, "m1");
    expect(back.every((it) => it.reregistered_time !== undefined && it.reregistered_time >= it.registered_time)).toBe(true);
  });

  it("has no routes and no own metrics in its first second, then its log at once", async () => {
    const one = lab({ version: "1.10.8" });
    const seen = new Set<string>();
    const running = upgrade(one, "m2", "1.10.8", "1.11.3");
    for (let count = 0; count < 1_500; count += 1) {
      const answer = await get(one.cluster, one.at("m2"), 5050, "/metrics/snapshot");
      const health = await get(one.cluster, one.at("m2"), 5050, "/health");
      if (answer.status === 200)
        seen.add(`${health.status} ${parse<Metrics>(answer.body)["registrar/log/recovered"] ?? "absent"}`);
      else seen.add("refused");
      await one.clock.sleep(200);
    }
    await running;
    expect([...seen]).toEqual(["200 1", "refused", "404 absent", "200 1"].filter((it, index, all) => all.indexOf(it) === index));
  });
});

describe("Exhibitor after a restart", () => {
  it("shows the master as down, then what its monitor last saw, and serving within two minutes", async () => {
    const one = lab({ version: "1.12.5" });
    const seen: number[] = [];
    await duringUpgrade(one, "m2", "1.12.5", "1.13.9", async () => {
      const code = (await exhibitorStatus(one, "m1")).find((it) => it.hostname === one.at("m2"))?.code ?? -1;
      if (seen.at(-1) !== code) seen.push(code);
    });
    expect(seen[0]).toBe(3);
    expect(seen[1]).toBe(1);
    expect(seen.at(-1)).toBe(3);
  });

  it("may show no leader or two while the ensemble's leader is replaced, and one in the end", async () => {
    const one = lab({ version: "1.12.5" });
    const leaders = new Set<number>();
    let last = 0;
    await duringUpgrade(one, "m1", "1.12.5", "1.13.9", async () => {
      last = (await exhibitorStatus(one, "m2")).filter((it) => it.isLeader).length;
      leaders.add(last);
    });
    expect([...leaders].some((it) => it !== 1)).toBe(true);
    expect(last).toBe(1);
  });
});

describe("an agent that stops answering", () => {
  it("is inactive at once, unreachable and off the list after five minutes, and Marathon replaces its tasks", async () => {
    const one = lab({ version: "1.12.5", faults: ["agent-never@a2:start"] });
    const listed = async (): Promise<Slave | undefined> =>
      (await slaves(one, "m3")).slaves.find((it) => it.hostname === one.at("a2"));
    expect(await metrics(one, "m3")).toMatchObject({
      "master/slaves_active": 6,
      "master/slaves_inactive": 1,
      "master/slaves_disconnected": 1,
      "master/slaves_unreachable": 0,
    });
    expect((await listed())?.active).toBe(false);
    await one.clock.sleep(299_000);
    expect(await listed()).toBeDefined();
    await one.clock.sleep(2_000);
    expect(await listed()).toBeUndefined();
    expect(await metrics(one, "m3")).toMatchObject({
      "master/slaves_active": 6,
      "master/slaves_inactive": 0,
      "master/slaves_unreachable": 1,
      "master/slave_removals": 1,
      "master/tasks_lost": 0,
    });
    expect(
      (await json<{ readonly unreachable_slaves: number }>(one.cluster, one.at("m3"), 5050, "/state")).unreachable_slaves,
    ).toBe(1);
    await one.clock.sleep(60_000);
    const apps = await marathonApps(one);
    expect(apps.filter((it) => it.tasksRunning < it.instances).map((it) => it.id)).toEqual([]);
    one.cluster.heal();
    await until(one, 60_000, 1_000, async () => (await metrics(one, "m3"))["master/slaves_active"] === 7);
    const after = await marathonApps(one);
    expect(
      after.every((it) => it.tasksRunning === it.instances),
      "those that came back too late are killed",
    ).toBe(true);
  });

  it("is removed at most once in twenty minutes before 1.12", async () => {
    const one = lab({ version: "1.11.3", faults: ["agent-never@a2:start", "agent-never@a3:start"] });
    const unreachable = async (): Promise<number | undefined> => (await metrics(one, "m3"))["master/slaves_unreachable"];
    await one.clock.sleep(310_000);
    expect(await unreachable()).toBe(1);
    await one.clock.sleep(1_200_000);
    expect(await unreachable()).toBe(2);
  });
});

describe("a node of the model", () => {
  it("reports its units as activating while they start, and counts nothing as active too early", async () => {
    const one = lab({ version: "1.12.5" });
    await upgrade(one, "m2", "1.12.5", "1.13.9");
    const show = async (): Promise<string> =>
      (
        await run(one.node("m2"), [
          "systemctl",
          "show",
          "-p",
          "Id",
          "-p",
          "ActiveState",
          "-p",
          "SubState",
          "-p",
          "NRestarts",
          "dcos-exhibitor.service",
          "dcos-mesos-master.service",
        ])
      ).out;
    expect(await show()).toMatch(/Id=dcos-mesos-master\.service\nActiveState=activating\nSubState=auto-restart\n/);
    await one.clock.sleep(200_000);
    expect(await show()).toBe(
      "NRestarts=0\nId=dcos-exhibitor.service\nActiveState=active\nSubState=running\n\nNRestarts=0\nId=dcos-mesos-master.service\nActiveState=active\nSubState=running\n",
    );
    // One of them is enough for real systemctl: test/sim/fidelity/systemd.test.ts.
    expect((await run(one.node("m2"), ["systemctl", "is-active", "dcos-marathon", "dcos-nope"])).code).toBe(0);
  });
});
