import { chmod, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { backupOfFolder } from "../../src/zookeeper/backup-folder.ts";
import type { ReadClient } from "../../src/zookeeper/client.ts";
import { comparedOf, type Trees } from "../../src/zookeeper/compare.ts";
import { drill } from "../../src/zookeeper/drill.ts";
import { faultsOf, proveDump, treesOf } from "../../src/zookeeper/prove.ts";
import { readTree } from "../../src/zookeeper/read-tree.ts";
import { OPEN_ACL, type Stat } from "../../src/zookeeper/records.ts";
import { createScratch } from "../../src/zookeeper/scratch-server.ts";
import { createTree, noSpool, openSpool } from "../../src/zookeeper/tree.ts";
import { writeDump } from "../../src/zookeeper/write-dump.ts";
import { memoryScratch } from "../sim/zookeeper/restored.ts";

async function* each(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}

const STAT: Stat = {
  czxid: 1n,
  mzxid: 1n,
  ctime: 0n,
  mtime: 0n,
  version: 0,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: 0n,
  dataLength: 0,
  numChildren: 1,
  pzxid: 1n,
};

/** A server that names these children below the root, and none elsewhere. */
function serverNaming(children: readonly string[]): ReadClient {
  let asked = 0;
  const answer = (name: string, path: string): unknown => {
    asked += 1;
    if (asked > 500) throw new Error("it goes round and round");
    const stat = { ...STAT, numChildren: path === "/" ? children.length : 0 };
    const of: Readonly<Record<string, unknown>> = {
      sync: { path },
      getData: { data: null, stat },
      getACL: { acl: OPEN_ACL, stat },
      getChildren2: { children: path === "/" ? children : [], stat },
      exists: { stat },
    };
    return of[name];
  };
  return {
    ask: (name: string, request: { readonly path: string }) =>
      Promise.resolve({ ok: true, zxid: 7n, value: answer(name, request.path) }),
    bulk: () => Promise.reject(new Error("not asked")),
    zxid: () => 7n,
    span: () => ({ from: 7n, to: 7n }),
    onEvent: () => undefined,
    bytes: () => 0,
    close: () => Promise.resolve(),
  } as unknown as ReadClient;
}

const READ = { spool: noSpool(), features: { bulk: false, watch: false } };

describe("a reading of the tree", () => {
  it.each([[""], ["."], [".."], ["a/b"], ["/etc"], ["a\u0000b"]])(
    "ends where a server calls a child %j: it is no name",
    async (name) => {
      await expect(readTree(serverNaming(["mesos", name]), READ)).rejects.toThrow("a child of / named");
    },
  );

  it("takes every other name", async () => {
    const { tree } = await readTree(serverNaming(["...", "_znode", "a b", "\u00fc"]), READ);
    expect([...tree.nodes.keys()].toSorted()).toEqual(["/", "/...", "/_znode", "/a b", "/\u00fc"]);
  });
});

async function dumpOf(names: readonly string[]): Promise<readonly Buffer[]> {
  const tree = createTree(await openSpool());
  const acl = JSON.stringify(["world", "anyone", 31]);
  const paths = ["/", "/zookeeper", "/zookeeper/quota", ...names];
  for (const path of paths) {
    const data = path === "/zookeeper/quota" || path === "/" || path === "/zookeeper";
    tree.nodes.set(path, {
      stat: STAT,
      acl,
      sha256: data ? "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" : null,
      data: data ? { kind: "kept", offset: 0, length: 0 } : { kind: "null" },
    });
  }
  const consistency = {
    kind: "exact",
    method: "one-zxid",
    text: "",
    from: "0x7",
    to: "0x7",
    passes: 1,
    rounds: 0,
    changed: 0,
    changedPaths: [],
  } as const;
  const chunks: Buffer[] = [];
  await writeDump(
    { tree, consistency },
    { node: "m1", version: "3.4.10", readAt: "2026-11-20T15:00:00.000Z" },
    (chunk) => void chunks.push(chunk),
  );
  await tree.spool.close();
  return chunks;
}

describe("a proof", () => {
  it("of a tree that only has what every server makes by itself proves nothing, and says so", async () => {
    const proof = await proveDump(memoryScratch(), "dump of m1", each(await dumpOf([])), treesOf);
    expect(faultsOf(proof)).toEqual([expect.stringContaining("nothing is proven")]);
  });

  it("of one znode that somebody made is one", async () => {
    const proof = await proveDump(memoryScratch(), "dump of m1", each(await dumpOf(["/cluster-id"])), treesOf);
    expect(faultsOf(proof)).toEqual([]);
  });

  it("in which nothing came back is none, however well every difference is explained", async () => {
    const young = { ...STAT, czxid: 1_000n };
    const reference: Trees = new Map([
      ["/", comparedOf({ stat: STAT, acl: "", sha256: null, data: { kind: "null" } })],
      ["/mesos", { ...comparedOf({ stat: young, acl: "", sha256: null, data: { kind: "null" } }), kind: "persistent" }],
    ]);
    const proof = await proveDump(memoryScratch(), "dump of m1", each(await dumpOf([])), () => reference);
    expect(faultsOf(proof)).toContain("none of 1 znodes came back as it was read: nothing is proven");
  });
});

describe("a drill", () => {
  it("of an archive that nothing tells for a backup is refused, and where a person says what it is, not passed", async () => {
    const folder = await mkdtemp(join(tmpdir(), "pawl-drill-"));
    try {
      await writeFile(join(folder, "backup.tar"), Buffer.alloc(10_240));
      await expect(backupOfFolder(folder)).rejects.toThrow(/backup\.tar is no backup pawl knows/);
      await rename(join(folder, "backup.tar"), join(folder, "backup.guano.tar"));
      const backup = await backupOfFolder(folder);
      const { proven, faults } = await drill(memoryScratch(), backup, { at: "2026-11-20T15:00:00.000Z" });
      expect([proven, faults]).toEqual([false, [expect.stringContaining("nothing is proven")]]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe("a scratch server", () => {
  it("is the one that was started: another one at its port is not taken for it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "pawl-java-"));
    try {
      const java = join(folder, "java");
      const script = `
        const config = require("node:fs").readFileSync(process.argv.at(-1), "utf8");
        const port = Number(/^clientPort=(.*)$/m.exec(config)[1]);
        const said = { srvr: "Zookeeper version: 3.4.10\\nZxid: 0x7\\nMode: standalone\\n", conf: "dataDir=/var/lib/another/version-2\\n" };
        require("node:net").createServer((socket) => socket.once("data", (word) => socket.end(said[word] ?? ""))).listen(port, "127.0.0.1");
      `;
      await writeFile(java, `#!/bin/sh\nexec "${process.execPath}" -e '${script}' -- "$@"\n`);
      await chmod(java, 0o700);
      const scratch = await createScratch({ java, library: folder }).folder();
      const folders = { data: join(scratch.path, "data"), logs: join(scratch.path, "logs") };
      await expect(scratch.start(folders)).rejects.toThrow("another server answers");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 30_000);
});
