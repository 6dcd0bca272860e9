import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { createSimRemote } from "../../../src/sim/remote.ts";
import { describeReal } from "../../real/requires.ts";
import { startEnsemble, type Ensemble } from "../../real/zookeeper.ts";
import { ask, get, lab, until, upgrade, type Lab } from "../model/support.ts";
import { dial, everything, plainSession, type Told } from "./session.ts";

const FOLDER = "/var/lib/dcos/exhibitor/zookeeper";

/** Everything a master's own server tells. */
async function told(one: Lab, node: string): Promise<ReadonlyMap<string, Told>> {
  const opened = await createSimRemote(one.cluster).open?.(node, "127.0.0.1", 2181);
  if (opened?.kind !== "open") throw new Error(JSON.stringify(opened));
  const session = await plainSession(opened.stream);
  const found = await everything(session);
  session.destroy();
  return found;
}

/** Snapshots, logs and epochs of a master, in one folder as a server with one has them. */
async function copyFiles(one: Lab, node: string, folder: string): Promise<readonly string[]> {
  const { fs } = one.node(node);
  mkdirSync(join(folder, "version-2"));
  const names: string[] = [];
  for (const from of [`${FOLDER}/snapshot/version-2`, `${FOLDER}/transactions/version-2`])
    for (const name of await fs.readdir(from)) {
      writeFileSync(join(folder, "version-2", name), await fs.readFileBuffer(`${from}/${name}`));
      names.push(name);
    }
  return names.toSorted();
}

const PARENTS_OF_EPHEMERALS = /^\/mesos(?:\/log_replicas)?$|\/leader-curator$/;
/** Znodes every newer server makes for itself. */
const OWN_OF_NEWER = ["/zookeeper/config"];

/**
 * What is told of all znodes, without what a newer server changes by having some of its own. On a machine so slow that the sessions in
 * the files are over, ephemerals and their parents have gone and changed: `lasting` leaves those out.
 */
function comparable(found: ReadonlyMap<string, Told>, lasting: boolean): ReadonlyMap<string, unknown> {
  const ephemeral = [...found].filter(([, { stat }]) => stat.ephemeralOwner !== 0n).map(([path]) => path);
  const moved = new Set(ephemeral);
  return new Map(
    [...found]
      .filter(([path]) => !OWN_OF_NEWER.includes(path) && !(lasting && (moved.has(path) || PARENTS_OF_EPHEMERALS.test(path))))
      .map(([path, znode]) => [path, path === "/zookeeper" ? "its own" : znode]),
  );
}

/** Whether everybody's session is still there. */
function sessionsLive(found: ReadonlyMap<string, Told>): boolean {
  return [...found.keys()].filter((path) => path.startsWith("/mesos/json.info_")).length === 3;
}

describeReal("a real ZooKeeper on the files of the embedded cluster", ["zookeeper"], () => {
  let ensemble: Ensemble | null = null;
  afterEach(async () => {
    await ensemble?.stop();
    ensemble = null;
  });

  it("serves exactly the embedded tree, after elections, a deployment and an upgraded master", { timeout: 120_000 }, async () => {
    const one = lab({ version: "1.10.8" });
    await get(one.cluster, one.at("m1"), 8181, "/exhibitor/v1/cluster/restart");
    await one.clock.sleep(60_000);
    const app = JSON.stringify({ id: "/late", cmd: "sleep 1000", instances: 2, cpus: 0.1, mem: 32 });
    expect(await ask(one.cluster, one.at("m2"), 8080, "/v2/apps", { method: "POST", body: app })).toMatchObject({ status: 201 });
    await one.clock.sleep(60_000);
    const upgraded = upgrade(one, "m2", "1.10.8", "1.11.3");
    await one.clock.sleep(300_000);
    await upgraded;
    await until(one, 120_000, 1_000, async () => {
      const said = await one.cluster.tcp(one.at("m2"), 2181, "srvr");
      return said.kind === "answered" && said.body.includes("Mode: follower");
    });
    const before = await told(one, "m3");
    expect([...before.keys()].filter((path) => path.includes("/late.marathon-"))).toHaveLength(2);

    const listed: (readonly string[])[] = [];
    ensemble = await startEnsemble(["127.0.0.1", "127.0.0.2", "127.0.0.3"], {
      lay: async (folder, index) => {
        listed[index] = await copyFiles(one, ["m1", "m2", "m3"][index] ?? "", folder);
      },
    });
    // Every server has its own past: it has written what it saw, from when it began to serve to when it ceased.
    expect(new Set(listed.map((names) => names.join(" "))).size).toBeGreaterThan(1);
    const served = await Promise.all(
      ensemble.servers.map(async (server) => {
        const session = await plainSession(await dial(server.host, server.clientPort));
        const found = await everything(session);
        session.destroy();
        return found;
      }),
    );
    for (const found of served) {
      const lasting = !sessionsLive(found);
      expect(comparable(found, lasting)).toEqual(comparable(before, lasting));
    }
  });
});
