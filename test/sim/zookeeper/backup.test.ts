import { describe, expect, it } from "vitest";
import type { Remote } from "../../../src/engine/ports.ts";
import { createSimRemote } from "../../../src/sim/remote.ts";
import { openReader } from "../../../src/zookeeper/client.ts";
import { comparedOf, type Trees } from "../../../src/zookeeper/compare.ts";
import { faultsOf, proveDump, proveFolders } from "../../../src/zookeeper/prove.ts";
import { featuresOf, readTree, type TreeReading } from "../../../src/zookeeper/read-tree.ts";
import { openSpool } from "../../../src/zookeeper/tree.ts";
import { writeDump } from "../../../src/zookeeper/write-dump.ts";
import { lab, type Lab } from "../model/support.ts";
import { memoryScratch } from "./restored.ts";

async function* each(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}

async function readFrom(one: Lab, remote: Remote, node: string): Promise<TreeReading> {
  const opened = await remote.open?.(node, one.at(node), 2181);
  if (opened?.kind !== "open") throw new Error(JSON.stringify(opened));
  const client = await openReader(opened.stream);
  const reading = await readTree(client, { spool: await openSpool(), features: featuresOf("3.4.10") });
  await client.close();
  return reading;
}

async function tarOf(remote: Remote, node: string): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  const argv = ["tar", "-cf", "-", "-C", "/", "var/lib/dcos/exhibitor"];
  const done = await remote.stream(node, { argv, sudo: true, timeoutMs: 10_000 }, (chunk) => void chunks.push(chunk));
  expect(done).toMatchObject({ kind: "exited", code: 0 });
  return chunks;
}

async function zxidOf(one: Lab, node: string): Promise<bigint> {
  const said = await one.cluster.tcp(one.at(node), 2181, "srvr");
  return BigInt(/^Zxid: (0x[0-9a-f]+)/m.exec(said.kind === "answered" ? said.body : "")?.[1] ?? "0");
}

function treesOf(reading: TreeReading): Trees {
  return new Map([...reading.tree.nodes].map(([path, znode]) => [path, comparedOf(znode)]));
}

describe("a backup of the embedded ZooKeeper", () => {
  it("is proven from a master's folders and from a dump: the same znodes come back", async () => {
    const one = lab();
    const remote = createSimRemote(one.cluster);
    const begun = await zxidOf(one, "m2");
    const tar = await tarOf(remote, "m2");
    const reading = await readFrom(one, remote, "m2");
    expect(reading.consistency.kind).toBe("exact");
    const reference = { trees: treesOf(reading), read: BigInt(reading.consistency.from) };
    const folders = await proveFolders(memoryScratch(), "m2", each(tar), reference, begun);
    expect([faultsOf(folders), folders.znodes]).toEqual([[], reading.tree.nodes.size]);
    const dump: Buffer[] = [];
    const made = { node: "m2", version: "3.4.10", readAt: "2026-11-20T15:00:00.000Z" };
    await writeDump(reading, made, (chunk) => void dump.push(chunk));
    const restored = await proveDump(memoryScratch(), "dump of m2", each(dump), () => treesOf(reading));
    expect(faultsOf(restored)).toEqual([]);
    await reading.tree.spool.close();
  });
});
