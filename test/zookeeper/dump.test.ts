import fc from "fast-check";
import { execFileSync } from "node:child_process";
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { drill } from "../../src/zookeeper/drill.ts";
import { persistentByCounters } from "../../src/zookeeper/dump-layout.ts";
import { DumpError, readDump, readGuano, type DumpedZnode } from "../../src/zookeeper/read-dump.ts";
import { inspectReads } from "../../src/zookeeper/reads-only.ts";
import type { Consistency } from "../../src/zookeeper/read-tree.ts";
import { frame } from "../../src/zookeeper/frames.ts";
import { encode } from "../../src/zookeeper/jute.ts";
import { connectRequest, OPEN_ACL, OPERATIONS, requestHeader, type OperationName } from "../../src/zookeeper/records.ts";
import { aclText, createTree, openSpool, sha256Of, type Tree } from "../../src/zookeeper/tree.ts";
import { writeDump } from "../../src/zookeeper/write-dump.ts";
import { memoryScratch } from "../sim/zookeeper/restored.ts";

const GUANO = join(import.meta.dirname, "../fixture/guano");
const META = { node: "m1", version: "3.4.10", readAt: "2026-11-20T15:00:00.000Z" };
const EXACT: Consistency = {
  kind: "exact",
  method: "one-zxid",
  text: "",
  from: "0x1",
  to: "0x1",
  passes: 1,
  rounds: 0,
  changed: 0,
  changedPaths: [],
};
const folder = mkdtempSync(join(tmpdir(), "pawl-dump-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A tree of these znodes; a path that begins with `!` is ephemeral. */
async function treeOf(znodes: Readonly<Record<string, Buffer | null>>): Promise<Tree> {
  const tree = createTree(await openSpool());
  for (const [name, data] of Object.entries(znodes)) {
    const ephemeral = name.startsWith("!");
    const numbers = { version: 0, cversion: 0, aversion: 0, dataLength: data?.length ?? 0, numChildren: 0 };
    const stat = { ...numbers, czxid: 1n, mzxid: 1n, pzxid: 1n, ctime: 0n, mtime: 0n, ephemeralOwner: ephemeral ? 0x10000n : 0n };
    const offset = data === null ? 0 : await tree.spool.keep(data);
    tree.nodes.set(ephemeral ? name.slice(1) : name, {
      stat,
      acl: aclText(OPEN_ACL),
      sha256: sha256Of(data),
      data: data === null ? { kind: "null" } : { kind: "kept", offset, length: data.length },
    });
  }
  return tree;
}

const ZNODES = {
  "/": Buffer.alloc(0),
  "/a": Buffer.from("own data"),
  "/a/b": Buffer.from([0, 1, 255]),
  "/a/empty": Buffer.alloc(0),
  "/a/none": null,
  "/a/null": Buffer.from("null"),
  "/a/_znode": Buffer.from("a child of that name"),
  [`/a/${"n".repeat(300)}`]: Buffer.from("long"),
  "!/a/session": Buffer.from("ephemeral"),
};

async function dumped(): Promise<{ readonly bytes: Buffer; readonly counted: number; readonly indexSha256: string }> {
  const chunks: Buffer[] = [];
  const tree = await treeOf(ZNODES);
  const { counted, indexSha256 } = await writeDump(
    { tree, consistency: EXACT },
    META,
    (chunk) => void chunks.push(Buffer.from(chunk)),
  );
  await tree.spool.close();
  return { bytes: Buffer.concat(chunks), counted, indexSha256 };
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield await Promise.resolve(bytes);
}

describe("a dump of pawl's", () => {
  it("gives every znode back, parents first, null data told from empty data and from the text null", async () => {
    const found: DumpedZnode[] = [];
    const { bytes } = await dumped();
    await readDump(
      once(bytes),
      () => undefined,
      (znode) => void found.push(znode),
    );
    const seen = new Set<string>();
    for (const { path } of found) {
      if (path !== "/") expect(seen).toContain(path.slice(0, Math.max(path.lastIndexOf("/"), 1)));
      seen.add(path);
    }
    const shape = found.map(({ path, known }) => [path, known?.bytes === null ? null : known?.sha256]);
    const wanted = Object.entries(ZNODES).map(([path, data]) => [path.replace("!", ""), sha256Of(data)]);
    expect(Object.fromEntries(shape)).toEqual(Object.fromEntries(wanted));
    const byPath = new Map(Object.entries(ZNODES).map(([path, data]) => [path.replace("!", ""), data]));
    for (const { path, data } of found) if (data !== null) expect(data).toEqual(byPath.get(path));
  });

  it("is a tar that GNU tar reads, with guano's layout below tree/ and nothing of sessions in it", async () => {
    const { bytes, counted } = await dumped();
    const file = join(folder, "dump.tar");
    writeFileSync(file, bytes);
    const names = execFileSync("tar", ["-tf", file], { encoding: "utf8" }).trim().split("\n");
    const tree = names.filter((name) => name.startsWith("tree/"));
    expect(tree).toEqual(
      expect.arrayContaining(["tree/", "tree/a/", "tree/a/_znode", "tree/a/b", "tree/a/empty/", "tree/a/none/", "tree/a/null"]),
    );
    expect(tree.some((name) => name.includes("session"))).toBe(false);
    expect(counted).toBe(tree.filter((name) => !name.endsWith("/_znode")).length);
    expect(execFileSync("tar", ["-xOf", file, "tree/a/_znode"], { encoding: "utf8" })).toBe("own data");
  });

  it("is the same bytes for the same tree", async () => {
    expect((await dumped()).bytes.equals((await dumped()).bytes)).toBe(true);
  });

  it("is refused where it is cut anywhere, or has no index", async () => {
    const { bytes } = await dumped();
    for (let at = 0; at < bytes.length; at += 512) {
      const reading = readDump(
        once(bytes.subarray(0, at)),
        () => undefined,
        () => undefined,
      );
      await expect(reading, `cut at ${String(at)}`).rejects.toThrow(DumpError);
    }
    const guano = readFileSync(join(GUANO, "3.4.10-dump-root.tar"));
    await expect(
      readDump(
        once(guano),
        () => undefined,
        () => undefined,
      ),
    ).rejects.toThrow(/no dump of pawl's/);
  });
});

describe("a dump of which a disk has changed one byte", () => {
  it("is never a reason for pawl to break, and never proven where the byte is in its index or in a znode's data", async () => {
    const { bytes, indexSha256 } = await dumped();
    const [first, last] = [bytes.indexOf('{"format"'), bytes.indexOf('{"end"')];
    const ownData = bytes.indexOf("own data");
    const where = fc.oneof(
      fc.integer({ min: first, max: last }),
      fc.integer({ min: ownData, max: ownData + 7 }),
      fc.nat(bytes.length - 1),
    );
    const trial = async (at: number, bit: number, known: string | null): Promise<boolean> => {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ (1 << bit);
      const dump = { name: "dump", indexSha256: known, open: () => once(changed) };
      const { proven, faults } = await drill(memoryScratch(), { dump, folders: [], guano: [] }, { at: "" });
      expect(proven).toBe(faults.length === 0);
      return proven;
    };
    await fc.assert(
      fc.asyncProperty(where, fc.nat(7), fc.boolean(), async (at, bit, known) => {
        const proven = await trial(at, bit, known ? indexSha256 : null);
        const matters = (known && at >= first && at <= last) || (at >= ownData && at < ownData + 8);
        if (matters) expect(proven).toBe(false);
      }),
      { seed: 3, numRuns: 250 },
    );
  });
});

describe("a dump of real guano's (captured with 3.4.10)", () => {
  const rows = readFileSync(join(GUANO, "3.4.10-znodes.tsv"), "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split("\t"));
  const counters = new Map(
    readFileSync(join(GUANO, "3.4.10-mntr.txt"), "utf8")
      .split("\n")
      .map((line) => line.split("\t") as [string, string]),
  );

  it("has the znodes that the server's counters say, but for the leaf that holds the text null", async () => {
    const { counted } = await readGuano(createReadStream(join(GUANO, "3.4.10-dump-root.tar")), () => undefined);
    const persistent = persistentByCounters(Number(counters.get("zk_znode_count")), Number(counters.get("zk_ephemerals_count")));
    const lost = rows.filter(([path, length]) => path === "/marathon/state/apps/nulltext" && length === "4");
    expect(persistent - counted).toBe(lost.length);
    expect(counted).toBe(22);
  });

  it("has every persistent znode of the listing with its length, and no ephemeral one", async () => {
    const found = new Map<string, number>();
    await readGuano(createReadStream(join(GUANO, "3.4.10-dump-root.tar")), ({ path, data }) => {
      if (data !== null || !found.has(path)) found.set(path, data?.length ?? 0);
    });
    const wanted = rows
      .filter(([path, , kind]) => kind === "persistent" && path !== "/marathon/state/apps/nulltext")
      .map(([path = "", length]) => [path, Math.max(Number(length), 0)]);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(wanted));
  });
});

describe("what a reader sends", () => {
  const hello = frame(
    encode(connectRequest, { protocolVersion: 0, lastZxidSeen: 0n, timeoutMs: 1, sessionId: 0n, passwd: null, readOnly: false }),
  );
  const asking = (name: OperationName): Buffer => frame(encode(requestHeader, { xid: 1, type: OPERATIONS[name].code }));

  it("is read along: what changes something does not leave, whoever wrote it", () => {
    for (const name of ["create", "create2", "delete", "setData", "setACL"] as const) {
      const inspect = inspectReads();
      inspect(hello);
      inspect(asking("getData"));
      expect(() => inspect(asking(name)), name).toThrow(new RegExp(`request ${name}\\b`));
    }
  });

  it("is refused where it is no ZooKeeper request, or one pawl does not know", () => {
    expect(() => inspectReads()(Buffer.from("GET /exhibitor/v1/cluster/stop HTTP/1.1"))).toThrow(/no ZooKeeper request/);
    const inspect = inspectReads();
    inspect(hello);
    expect(() => inspect(frame(encode(requestHeader, { xid: 1, type: 14 })))).toThrow(/operation 14/);
  });
});
