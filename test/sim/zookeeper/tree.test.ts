import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { adler32 } from "../../../src/sim/zookeeper/disk-format.ts";
import { beginHistory, commit, creation, treeAt, type History } from "../../../src/sim/zookeeper/history.ts";
import { countsOf, emptyTree, statOf } from "../../../src/sim/zookeeper/tree.ts";
import { OPEN_ACL } from "../../../src/zookeeper/records.ts";
import { restoreTree } from "./restored.ts";
import { FIXTURE, get, lab, until } from "../model/support.ts";

const SESSION = 7n;

function create(history: History, znode: string, bytes: number | null = 0, ephemeral = false): void {
  const made = { path: znode, data: bytes === null ? null : Buffer.alloc(bytes), acl: OPEN_ACL, ephemeral };
  commit(history, creation(history.tree, made), { session: SESSION, timeMs: 1_000 });
}

describe("a tree of znodes", () => {
  it("counts znodes, ephemerals and bytes as a recorded server did", () => {
    const read = (name: string): string => readFileSync(path.join(FIXTURE, "guano", name), "utf8");
    const history = beginHistory(emptyTree());
    for (const line of read("3.4.10-znodes.tsv").trim().split("\n").slice(1)) {
      const [znode = "", length = "", kind] = line.split("\t");
      if (znode !== "/" && !znode.startsWith("/zookeeper"))
        create(history, znode, length === "-1" ? null : Number(length), kind === "ephemeral");
    }
    const said = new Map(
      read("3.4.10-mntr.txt")
        .split("\n")
        .map((line) => line.split("\t") as [string, string]),
    );
    expect(countsOf(history.tree)).toEqual({
      znodes: Number(said.get("zk_znode_count")),
      ephemerals: Number(said.get("zk_ephemerals_count")),
      bytes: Number(said.get("zk_approximate_data_size")),
    });
    expect(countsOf(emptyTree()).znodes, "an empty server says 4 (dcos.md 7.1)").toBe(4);
  });

  it("tells numbers as a server does: children are counted when they come and when they go", () => {
    const history = beginHistory(emptyTree());
    for (const znode of ["/a", "/a/b", "/a/c"]) create(history, znode);
    commit(history, { type: "delete", path: "/a/b" }, { session: SESSION, timeMs: 2_000 });
    commit(history, { type: "setData", path: "/a", data: Buffer.from("x"), version: 1 }, { session: SESSION, timeMs: 3_000 });
    const node = history.tree.nodes.get("/a");
    expect(node === undefined ? null : statOf(node)).toEqual({
      czxid: 1n,
      mzxid: 5n,
      ctime: 1_000n,
      mtime: 3_000n,
      version: 1,
      cversion: 3,
      aversion: 0,
      ephemeralOwner: 0n,
      dataLength: 1,
      numChildren: 1,
      pzxid: 4n,
    });
  });

  it("loses a session's ephemerals with the session, and can be had as it was before", () => {
    const history = beginHistory(emptyTree());
    create(history, "/a");
    create(history, "/a/gone", 1, true);
    const before = history.tree.zxid;
    commit(history, { type: "closeSession" }, { session: SESSION, timeMs: 4_000 });
    expect([...history.tree.nodes.keys()]).not.toContain("/a/gone");
    expect([...treeAt(history, before).nodes.keys()]).toContain("/a/gone");
    expect(history.tree.nodes.get("/a")?.pzxid).toBe(before + 1n);
  });

  it("has the checksum of RFC 1950 on disk, also where sums are reduced many times", () => {
    // Values of zlib.
    expect(adler32(Buffer.from("Wikipedia"))).toBe(0x11e60398);
    expect(adler32(Buffer.alloc(20_000, 0xff))).toBe(0x9f51d664);
  });
});

describe("the files of an embedded ZooKeeper", () => {
  const FOLDER = "/var/lib/dcos/exhibitor/zookeeper";

  it("are a snapshot that never changes and a log that grows, byte for byte the same on two equal clusters", async () => {
    const [one, other] = [lab(), lab()];
    const files = async (of: typeof one): Promise<ReadonlyMap<string, Buffer>> => {
      const { fs } = of.node("m3");
      const paths = fs.getAllPaths().filter((file) => /version-2\/(?:snapshot|log)\./.test(file));
      return new Map(await Promise.all(paths.map(async (file) => [file, Buffer.from(await fs.readFileBuffer(file))] as const)));
    };
    const before = await files(one);
    expect(await files(other)).toEqual(before);
    await get(one.cluster, one.at("m1"), 8181, "/exhibitor/v1/cluster/restart");
    await one.clock.sleep(60_000);
    const after = await files(one);
    for (const [file, bytes] of before) if (file.includes("snapshot.")) expect(after.get(file)).toEqual(bytes);
    expect(after.size).toBe(before.size + 2);
    const log = [...after.keys()].find((file) => file.includes("log.4")) ?? "";
    expect((await one.node("m3").fs.stat(log)).size).toBe(65_536);
  });

  it("give the same tree back, and less where the log is cut: as a server that starts on them", async () => {
    const one = lab();
    await get(one.cluster, one.at("m1"), 8181, "/exhibitor/v1/cluster/restart");
    await one.clock.sleep(60_000);
    const folder = mkdtempSync(path.join(tmpdir(), "pawl-restored-"));
    try {
      const { fs } = one.node("m3");
      for (const half of ["snapshot", "transactions"]) {
        mkdirSync(path.join(folder, half, "version-2"), { recursive: true });
        for (const name of await fs.readdir(`${FOLDER}/${half}/version-2`))
          writeFileSync(
            path.join(folder, half, "version-2", name),
            await fs.readFileBuffer(`${FOLDER}/${half}/version-2/${name}`),
          );
      }
      const folders = { data: path.join(folder, "snapshot"), logs: path.join(folder, "transactions") };
      const whole = await restoreTree(folders);
      const said = await one.cluster.tcp(one.at("m3"), 2181, "mntr");
      const counts = countsOf(whole);
      expect(said.kind === "answered" ? said.body : "").toContain(`zk_znode_count\t${counts.znodes}\nzk_watch_count`);
      const log = readdirSync(path.join(folders.logs, "version-2")).toSorted().at(-1) ?? "";
      const file = path.join(folders.logs, "version-2", log);
      truncateSync(file, 60);
      expect((await restoreTree(folders)).zxid).toBeLessThan(whole.zxid);
      const snapshots = readdirSync(path.join(folders.data, "version-2")).filter((name) => name.startsWith("snapshot."));
      for (const name of snapshots) truncateSync(path.join(folders.data, "version-2", name), 5_000);
      await expect(restoreTree(folders)).rejects.toThrow("no snapshot is whole");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("are purged when a server starts: the five newest snapshots stay, and the logs they need", async () => {
    const one = lab();
    for (let round = 0; round < 7; round += 1) {
      await get(one.cluster, one.at("m2"), 8181, "/exhibitor/v1/cluster/restart");
      await until(one, 60_000, 1_000, async () => {
        const said = await one.cluster.tcp(one.at("m2"), 2181, "srvr");
        return said.kind === "answered" && said.body.includes("Mode: follower");
      });
    }
    const { fs } = one.node("m2");
    const names = async (folder: string, prefix: string): Promise<readonly bigint[]> =>
      (await fs.readdir(`${FOLDER}/${folder}/version-2`))
        .filter((name) => name.startsWith(prefix))
        .map((name) => BigInt(`0x${name.slice(prefix.length)}`))
        .sort((a, b) => (a < b ? -1 : 1));
    const [snapshots, logs] = [await names("snapshot", "snapshot."), await names("transactions", "log.")];
    // One was written since the last purge.
    expect(snapshots).toHaveLength(6);
    expect(logs[0]! <= snapshots[0]! && logs[1]! > snapshots[0]!).toBe(true);
  });
});
