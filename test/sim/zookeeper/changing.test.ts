import fc from "fast-check";
import { duplexPair } from "node:stream";
import { describe, expect, it } from "vitest";
import { serveClient } from "../../../src/sim/zookeeper/client-port.ts";
import { beginHistory, commit, creation, treeAt, type History } from "../../../src/sim/zookeeper/history.ts";
import { emptyTree, type Tree } from "../../../src/sim/zookeeper/tree.ts";
import { openReader } from "../../../src/zookeeper/client.ts";
import { featuresOf, readTree, type TreeReading } from "../../../src/zookeeper/read-tree.ts";
import { OPEN_ACL } from "../../../src/zookeeper/records.ts";
import { aclText, noSpool, sha256Of } from "../../../src/zookeeper/tree.ts";
import { alonePort } from "./restored.ts";

const AUTHOR = { session: 1n, timeMs: 0 };
const PATHS = ["/a", "/a/1", "/a/2", "/a/2/deep", "/b", "/b/1", "/c"];
const ACLS = [OPEN_ACL, [{ perms: 1, scheme: "world", id: "anyone" }]];

/** Does something to a znode, if that can be done to it now. */
function touch(history: History, kind: "make" | "drop" | "write" | "bar", path: string, round: number): void {
  const { nodes } = history.tree;
  const node = nodes.get(path);
  const above = path.slice(0, path.lastIndexOf("/")) || "/";
  const data = Buffer.from(`${path} ${String(round)}`);
  if (kind === "make" && node === undefined && nodes.has(above))
    commit(history, creation(history.tree, { path, data, acl: OPEN_ACL, ephemeral: false }), AUTHOR);
  if (node === undefined) return;
  if (kind === "drop" && node.children.size === 0) commit(history, { type: "delete", path }, AUTHOR);
  if (kind === "write") commit(history, { type: "setData", path, data, version: node.version + 1 }, AUTHOR);
  if (kind === "bar")
    commit(history, { type: "setACL", path, acl: ACLS[round % ACLS.length] ?? OPEN_ACL, version: node.aversion + 1 }, AUTHOR);
}

/** Reads a tree as from a 3.4, of which `change` may make another one before each request is answered. */
async function readWhile(
  change: (history: History, request: number) => void,
): Promise<{ readonly reading: TreeReading; readonly history: History }> {
  const history = beginHistory(emptyTree());
  for (const path of PATHS) touch(history, "make", path, 0);
  let requests = 0;
  const now = (): History => {
    requests += 1;
    change(history, requests);
    return history;
  };
  const [near, far] = duplexPair();
  serveClient(
    alonePort(now, () => 0),
    far,
  );
  const client = await openReader(near);
  const reading = await readTree(client, { spool: noSpool(), features: featuresOf("3.4.14") });
  await client.close();
  return { reading, history };
}

/** Everything a tree says: digests of data, ACLs and the zxids and versions of every znode. */
function said(tree: Tree): Readonly<Record<string, string>> {
  const entries = [...tree.nodes].map(([path, node]) => [
    path,
    `${sha256Of(node.data) ?? "null"} ${aclText(node.acl)} ${String(node.mzxid)}`,
  ]);
  return Object.fromEntries(entries) as Readonly<Record<string, string>>;
}

function found({ tree }: TreeReading): Readonly<Record<string, string>> {
  const entries = [...tree.nodes].map(([path, one]) => [path, `${one.sha256 ?? "null"} ${one.acl} ${String(one.stat.mzxid)}`]);
  return Object.fromEntries(entries) as Readonly<Record<string, string>>;
}

const changes = fc.array(
  fc.record({
    at: fc.integer({ min: 2, max: 70 }),
    kind: fc.constantFrom("make" as const, "drop" as const, "write" as const, "bar" as const),
    path: fc.constantFrom(...PATHS),
  }),
  { maxLength: 12 },
);

describe("a tree that changes while it is read from a server without watches", () => {
  it("is the tree of one moment between the two zxids it names, whatever changed in between", async () => {
    const kinds = new Set<string>();
    await fc.assert(
      fc.asyncProperty(changes, async (planned) => {
        const { reading, history } = await readWhile((now, request) => {
          for (const [index, one] of planned.entries()) if (one.at === request) touch(now, one.kind, one.path, index + 1);
        });
        const { kind, from, to } = reading.consistency;
        kinds.add(kind);
        expect(kind).not.toBe("live");
        const moments: Readonly<Record<string, string>>[] = [];
        for (let zxid = BigInt(from); zxid <= BigInt(to); zxid += 1n) moments.push(said(treeAt(history, zxid)));
        expect(moments).toContainEqual(found(reading));
      }),
      { seed: 5, numRuns: 150 },
    );
    expect([...kinds].toSorted()).toEqual(["between", "exact"]);
  });

  it("names what it read again, and how often it went through all of it", async () => {
    const { reading } = await readWhile((history, request) => {
      if (request === 22) touch(history, "write", "/a", 1);
    });
    expect(reading.consistency).toMatchObject({
      kind: "between",
      method: "double-collect",
      changed: 1,
      changedPaths: ["/a"],
    });
    expect(reading.consistency.text).toMatch(/gone through \d times, the last time unchanged; 1 znodes changed meanwhile/);
  });

  it("is called live, not one moment's, where it never keeps still", async () => {
    const { reading } = await readWhile((history, request) => touch(history, "write", "/b/1", request));
    expect(reading.consistency).toMatchObject({ kind: "live", passes: 6, changedPaths: ["/b/1"] });
    expect(reading.consistency.text).toContain("not of one moment");
  });
});
