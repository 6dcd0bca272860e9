import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openReader, type ReadClient } from "../../src/zookeeper/client.ts";
import { comparedOf, type Trees } from "../../src/zookeeper/compare.ts";
import { faultsOf, proveDump, proveFolders, type CopyProof } from "../../src/zookeeper/prove.ts";
import { proofDocument } from "../../src/zookeeper/proof-document.ts";
import { featuresOf, readTree, type TreeReading } from "../../src/zookeeper/read-tree.ts";
import { createScratch } from "../../src/zookeeper/scratch-server.ts";
import { noSpool, openSpool } from "../../src/zookeeper/tree.ts";
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

  it("is not proven by an archive of the folders that was cut: between two blocks too, where tar readers see nothing", async () => {
    const whole = Buffer.concat(folders);
    const cut = whole.subarray(0, Math.floor(whole.length / 1024) * 512);
    await expect(proofOfFolders([cut])).rejects.toThrow(/cut short|damaged/);
  }, 60_000);

  it("names what an archive without its youngest transaction logs lacks: the zxid it ends at, and the znodes", async () => {
    const place = mkdtempSync(join(tmpdir(), "pawl-copy-"));
    try {
      const tar = join(place, "copy.tar");
      writeFileSync(tar, Buffer.concat(folders));
      execFileSync("tar", ["-xf", tar, "-C", place]);
      const logs = join(place, "var/lib/dcos/exhibitor/zookeeper/transactions/version-2");
      for (const name of readdirSync(logs)) rmSync(join(logs, name));
      const proof = await proofOfFolders(await tarOf(place));
      expect(proof.troubles).toEqual([expect.stringMatching(/it ends at zxid 0x[0-9a-f]+, but its server was at 0x[0-9a-f]+/)]);
      const missing = faultsOf(proof).flatMap((fault) => (typeof fault === "string" ? [] : [`${fault.what} ${fault.path}`]));
      expect(missing).toContain("missing /secrets/key");
      expect(missing.length).toBeGreaterThan(15_000);
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  }, 60_000);

  it("names a znode that was removed, an ACL that was changed and a byte that was changed in the dump, and nothing else", async () => {
    const nodes = new Map(reading.tree.nodes);
    nodes.delete("/odd/parent of null/child");
    const near = nodes.get("/near");
    if (near === undefined) throw new Error("no such znode");
    nodes.set("/near", { ...near, acl: nodes.get("/odd")?.acl ?? "" });
    const chunks: Buffer[] = [];
    const meta = { node: "m1", version: "3.8.0", readAt: "2026-11-20T15:00:00.000Z" };
    await writeDump({ ...reading, tree: { ...reading.tree, nodes } }, meta, (chunk) => void chunks.push(chunk));
    const bytes = Buffer.concat(chunks);
    bytes[bytes.indexOf("very hidden") + 3] = 0x21;
    const proof = await proveDump(createScratch({}), "dump", each([bytes]), () => trees());
    expect(
      faultsOf(proof)
        .map((fault) => (typeof fault === "string" ? fault : `${fault.what} ${fault.path}`))
        .toSorted(),
    ).toEqual(["acl /near", "data /secrets/key", "missing /odd/parent of null/child"]);
    const told = JSON.stringify(proofDocument([proof], { at: "", tool: "", reference: null }).document);
    expect(told).not.toContain("hidden");
  }, 60_000);

  it("is told apart from one without credentials: what an ACL hides is not left out in silence", async () => {
    const { host, port } = follower();
    const client = await openReader(connect({ host, port }));
    const { tree } = await readTree(client, { spool: noSpool(), features: featuresOf("3.8.0") });
    await client.close();
    expect([...tree.unreadable.keys()]).toEqual(expect.arrayContaining(["/secrets", "/readable"]));
    expect(tree.unreadable.get("/secrets")).toMatchObject({ what: "data" });
  }, 60_000);

  it("is read from a 3.4 by requests of their own, and says the moment it is of once nobody writes", async () => {
    const client = await readerOf();
    const { tree, consistency } = await readTree(client, { spool: noSpool(), features: featuresOf("3.4.10") });
    await client.close();
    expect(consistency.kind).not.toBe("live");
    expect(tree.nodes.size).toBeGreaterThan(20_000);
    expect(tree.nodes.get("/odd/no data")?.sha256).toBeNull();
    expect(tree.nodes.get("/odd/empty")?.sha256).toMatch(/^e3b0c442/);
  }, 60_000);
});
