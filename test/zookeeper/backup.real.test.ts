import { spawn } from "node:child_process";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openReader, type ReadClient } from "../../src/zookeeper/client.ts";
import { comparedOf, type Trees } from "../../src/zookeeper/compare.ts";
import { faultsOf, proveDump, proveFolders, type CopyProof } from "../../src/zookeeper/prove.ts";
import { featuresOf, readTree, type TreeReading } from "../../src/zookeeper/read-tree.ts";
import { createScratch } from "../../src/zookeeper/scratch-server.ts";
import { openSpool } from "../../src/zookeeper/tree.ts";
import { writeDump } from "../../src/zookeeper/write-dump.ts";
import { describeReal } from "../real/requires.ts";
import { startEnsemble, type Ensemble } from "../real/zookeeper.ts";
import { askTcp } from "../../src/transport/tcp.ts";
import { growTree, SUPER, SUPER_DIGEST, writerTo } from "./grown-tree.ts";
import type { WriteClient } from "../../src/zookeeper/client.ts";

const HOSTS = ["127.77.1.1", "127.77.1.2", "127.77.1.3"];
const FOLDERS = 200;

async function* each(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}

describeReal("A backup of a real ensemble of three with 20,000 znodes", ["zookeeper"], () => {
  let ensemble: Ensemble;
  let owner: WriteClient;
  let writer: WriteClient;
  let writing = true;
  let writes = 0;
  let written: Promise<void>;
  let folders: Buffer[] = [];
  let begun: bigint;
  let reading: TreeReading;
  const dump: Buffer[] = [];

  const follower = (): { readonly host: string; readonly port: number; readonly root: string } => {
    const [server] = ensemble.servers;
    if (server === undefined) throw new Error("no server");
    return { host: server.host, port: server.clientPort, root: join(ensemble.folder, "m1") };
  };
  const readerOf = async (): Promise<ReadClient> => {
    const { host, port } = follower();
    const socket = connect({ host, port, noDelay: true });
    return openReader(socket, { auth: [SUPER] });
  };
  const tarOf = (root: string): Promise<Buffer[]> =>
    new Promise((resolve, reject) => {
      const tar = spawn("tar", ["-cf", "-", "-C", root, "--", "var/lib/dcos/exhibitor"]);
      const chunks: Buffer[] = [];
      tar.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
      // 1: a file changed while it was read.
      tar.once("close", (code) => (code === 0 || code === 1 ? resolve(chunks) : reject(new Error(`tar: ${String(code)}`))));
    });

  beforeAll(async () => {
    ensemble = await startEnsemble(HOSTS, { names: ["m1", "m2", "m3"], asInDcos: true, java: [SUPER_DIGEST] });
    const { host, port } = follower();
    owner = await writerTo(host, port);
    await growTree(owner, FOLDERS);
    writer = await writerTo(HOSTS[1] ?? "", ensemble.servers[1]?.clientPort ?? 0);
    written = (async () => {
      for (; writing; writes += 1) {
        const path = `/marathon/state/apps/${(writes % FOLDERS).toString(16).padStart(2, "0")}/app-${String(writes % 99)}`;
        await writer.ask("setData", { path, data: Buffer.from(`changed ${String(writes)}`), version: -1 });
        if (writes % 10 === 0)
          await writer.ask("create", {
            path: `${path}-new`,
            data: null,
            acl: [{ perms: 31, scheme: "world", id: "anyone" }],
            flags: 0,
          });
        if (writes % 30 === 20) await writer.ask("delete", { path: `${path}-new`, version: -1 });
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    const srvr = await askTcp(host, port, "srvr", 5_000);
    begun = BigInt(/^Zxid: (0x[0-9a-f]+)/m.exec(srvr.kind === "answered" ? srvr.body.toString() : "")?.[1] ?? "0");
    folders = await tarOf(follower().root);
    const client = await readerOf();
    reading = await readTree(client, { spool: await openSpool(), features: featuresOf("3.8.0") });
    await client.close();
    await writeDump(
      reading,
      { node: "m1", version: "3.8.0", readAt: "2026-11-20T15:00:00.000Z" },
      (chunk) => void dump.push(chunk),
    );
    writing = false;
    await written;
  }, 180_000);
  afterAll(async () => {
    writing = false;
    await written;
    await reading.tree.spool.close();
    await writer.close();
    await owner.close();
    await ensemble.stop();
  });

  const trees = (): Trees => new Map([...reading.tree.nodes].map(([path, znode]) => [path, comparedOf(znode)]));
  const proofOfFolders = (chunks: readonly Buffer[], reference = trees()): Promise<CopyProof> =>
    proveFolders(createScratch({}), "m1", each(chunks), { trees: reference, read: BigInt(reading.consistency.from) }, begun);

  it("was read while a writer changed it, as of one zxid, with every kind of znode", () => {
    expect(writes).toBeGreaterThan(20);
    expect(reading.tree.unreadable.size).toBe(0);
    expect(reading.tree.nodes.size).toBeGreaterThan(20_000);
    expect(reading.consistency).toMatchObject({ kind: "exact", method: "recursive-watch" });
    expect(reading.consistency.changed).toBeGreaterThan(0);
  });

  it("comes back from the copy of a follower's folders: what differs is explained by zxids and sessions", async () => {
    const proof = await proofOfFolders(folders);
    expect(faultsOf(proof)).toEqual([]);
  }, 60_000);

  it("comes back from the dump, znode by znode; only sessions' own are left out", async () => {
    const proof = await proveDump(createScratch({}), "dump of m1", each(dump), () => trees());
    expect(faultsOf(proof)).toEqual([]);
  }, 60_000);
});
