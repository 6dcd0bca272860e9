import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import type { ByteStream } from "../../../src/engine/ports.ts";
import { createSimRemote } from "../../../src/sim/remote.ts";
import { decode } from "../../../src/zookeeper/jute.ts";
import { ERRORS, OPEN_ACL, OPERATIONS } from "../../../src/zookeeper/records.ts";
import { elected, get, lab, until, type Lab } from "../model/support.ts";
import { everything, plainSession, type PlainSession } from "./session.ts";

const streams: ByteStream[] = [];
afterEach(() => {
  for (const stream of streams.splice(0)) stream.destroy();
});

async function open(one: Lab, node = "m1"): Promise<ByteStream> {
  const opened = await createSimRemote(one.cluster).open?.(node, "127.0.0.1", 2181);
  if (opened?.kind !== "open") throw new Error(JSON.stringify(opened));
  streams.push(opened.stream);
  return opened.stream;
}

/** What is asked, and the connection is over: while it is open, no time passes. */
async function during<T>(one: Lab, node: string, ask: (session: PlainSession) => Promise<T>): Promise<T> {
  const session = await plainSession(await open(one, node));
  const answer = await ask(session);
  await session.ask("closeSession", null);
  session.destroy();
  return answer;
}

async function childrenOf(one: Lab, path: string): Promise<readonly string[]> {
  const said = await during(one, "m2", (session) => session.ask("getChildren", { path, watch: false }));
  return (said.value?.children ?? []).toSorted();
}

async function mntr(one: Lab): Promise<ReadonlyMap<string, string>> {
  const said = await one.cluster.tcp(one.at("m1"), 2181, "mntr");
  return new Map((said.kind === "answered" ? said.body : "").split("\n").map((line) => line.split("\t") as [string, string]));
}

describe("the client port of an embedded ZooKeeper", () => {
  it("gives what the cluster's processes keep, the same on every server, and as many znodes as mntr counts", async () => {
    const one = lab();
    const [first, second] = [await during(one, "m1", everything), await during(one, "m3", everything)];
    expect(second).toEqual(first);
    const counts = await mntr(one);
    const znodes = [...first.values()];
    // The root counts twice (dcos.md 7.1).
    expect(Number(counts.get("zk_znode_count"))).toBe(first.size + 1);
    expect(Number(counts.get("zk_ephemerals_count"))).toBe(znodes.filter((znode) => znode.stat.ephemeralOwner !== 0n).length);
    const bytes = [...first.keys()].reduce((sum, path) => sum + path.length, 0);
    const data = znodes.reduce((sum, znode) => sum + (znode.data?.length ?? 0) / 2, 0);
    expect(Number(counts.get("zk_approximate_data_size"))).toBe(bytes + data);
    expect(first.get("/cluster-id")).toMatchObject({
      data: Buffer.from(one.cluster.id).toString("hex"),
      acl: [{ perms: 1, scheme: "world", id: "anyone" }],
    });
    // Null and empty data are two things, and some data is no text.
    expect(first.get("/metronome/state/job-specs")).toMatchObject({ data: null });
    expect(first.get("/mesos")).toMatchObject({ data: "" });
    const secret = Buffer.from(first.get("/dcos/auth-token-secret")?.data ?? "", "hex");
    expect(Buffer.from(secret.toString("utf8"))).not.toEqual(secret);
  });

  it("names the Mesos leader by the lowest entry, and another one when its machine is gone for longer than a session", async () => {
    const one = lab();
    const leader = async (): Promise<string> => {
      const [first = ""] = (await childrenOf(one, "/mesos")).filter((name) => name.startsWith("json.info_"));
      const said = await during(one, "m2", (session) => session.ask("getData", { path: `/mesos/${first}`, watch: false }));
      const { hostname } = JSON.parse(said.value?.data?.toString() ?? "{}") as { readonly hostname: string };
      return one.cluster.nodes.find((node) => node.address === hostname)?.name ?? hostname;
    };
    const before = await leader();
    expect(before).toBe(await elected(one));
    const entries = await childrenOf(one, "/mesos/log_replicas");
    one.cluster.reboot(before);
    await until(one, 120_000, 1_000, async () => (await leader()) !== before);
    expect(await leader()).toBe(await elected(one));
    await until(one, 300_000, 5_000, async () => (await childrenOf(one, "/mesos/log_replicas")).length === 3);
    expect(await childrenOf(one, "/mesos/log_replicas")).not.toEqual(entries);
  });

  it("moves the transaction id with each session that begins and ends, and not by reading", async () => {
    const one = lab();
    const session = await plainSession(await open(one));
    const first = await session.ask("exists", { path: "/", watch: false });
    const second = await session.ask("getACL", { path: "/mesos" });
    expect([second.zxid, session.timeoutMs, session.id >> 56n]).toEqual([first.zxid, 30_000, 1n]);
    const bye = await session.ask("closeSession", null);
    expect([bye.err, bye.zxid]).toEqual([ERRORS.ok, first.zxid + 1n]);
    await session.ended;
  });

  it("refuses what is not there, not allowed or no path, and keeps answering", async () => {
    const one = lab();
    const codes = await during(one, "m1", async (session) => [
      (await session.ask("getData", { path: "/nowhere", watch: false })).err,
      (await session.ask("exists", { path: "nowhere", watch: false })).err,
      (await session.ask("setData", { path: "/cluster-id", data: null, version: -1 })).err,
      (await session.ask("delete", { path: "/mesos", version: -1 })).err,
      (await session.ask("sync", { path: "/" })).err,
      (await session.ask("ping", null)).err,
    ]);
    expect(codes).toEqual([ERRORS.noNode, ERRORS.badArguments, ERRORS.noAuth, ERRORS.notEmpty, ERRORS.ok, ERRORS.ok]);
  });

  it.each([
    ["multiRead", 22],
    ["addWatch", 106],
    ["create2", 15],
  ])("answers %s as 3.4 does: not implemented, and the connection is over", async (_name, code) => {
    const session = await plainSession(await open(lab()));
    expect((await session.raw(code, Buffer.alloc(8))).err).toBe(ERRORS.unimplemented);
    await session.ended;
  });

  it("keeps what a client writes, beside what the cluster goes on writing, and drops its ephemerals with the session", async () => {
    const one = lab();
    const made = (path: string, flags: number) => ({ path, data: Buffer.from("x"), acl: OPEN_ACL, flags });
    await during(one, "m1", async (session) => {
      expect((await session.ask("create", made("/mine", 0))).value).toEqual({ path: "/mine" });
      expect((await session.ask("create", made("/mine", 0))).err).toBe(ERRORS.nodeExists);
      expect((await session.ask("create", made("/mine/n-", 3))).value).toEqual({ path: "/mine/n-0000000000" });
      const set = await session.ask("setData", { path: "/mine", data: Buffer.from("yy"), version: 0 });
      expect(set.value?.stat).toMatchObject({ version: 1, dataLength: 2, numChildren: 1, cversion: 1 });
      expect((await session.ask("setData", { path: "/mine", data: null, version: 0 })).err).toBe(ERRORS.badVersion);
      const closed = [{ perms: 1, scheme: "digest", id: "somebody:hash" }];
      expect((await session.ask("setACL", { path: "/mine", acl: closed, version: -1 })).err).toBe(ERRORS.ok);
      expect((await session.ask("getData", { path: "/mine", watch: false })).err).toBe(ERRORS.noAuth);
    });
    await one.clock.sleep(60_000);
    const said = await during(one, "m3", (session) => session.ask("exists", { path: "/mine", watch: false }));
    // Its sequential child went with the session: one create and one delete.
    expect(said.value?.stat).toMatchObject({ numChildren: 0, cversion: 2, aversion: 1 });
  });

  it("lets a client come back to its session in time, and not later", async () => {
    const one = lab();
    const session = await plainSession(await open(one), { timeoutMs: 10_000 });
    session.destroy();
    await one.clock.sleep(6_000);
    const back = await plainSession(await open(one, "m2"), session);
    expect(back.id).toBe(session.id);
    back.destroy();
    const wrong = await plainSession(await open(one), { ...session, passwd: Buffer.alloc(16) });
    expect([wrong.id, wrong.timeoutMs]).toEqual([0n, 0]);
    wrong.destroy();
    await one.clock.sleep(12_000);
    const late = await plainSession(await open(one), session);
    expect([late.id, late.timeoutMs]).toEqual([0n, 0]);
  });

  it("cuts off a client that has seen more than it, and everybody while there is no quorum", async () => {
    const one = lab();
    await expect(plainSession(await open(one), { zxid: 1n << 40n })).rejects.toThrow("closed the connection");
    for (const stream of streams.splice(0)) stream.destroy();
    const session = await plainSession(await open(one, "m2"));
    expect((await get(one.cluster, one.at("m1"), 8181, "/exhibitor/v1/cluster/stop")).status).toBe(200);
    await session.ended;
    await expect(plainSession(await open(one, "m2"))).rejects.toThrow("closed the connection");
    // Where no server runs nobody listens.
    expect(await createSimRemote(one.cluster).open?.("m1", one.at("m1"), 2181)).toMatchObject({
      kind: "no-answer",
      code: "refused",
    });
  });

  it("takes four letters on the same port, in one piece or in four", async () => {
    const stream = await open(lab());
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    for (const letter of "ruok") stream.write(letter);
    await once(stream, "end");
    expect(Buffer.concat(chunks).toString()).toBe("imok");
  });

  it("gives a broken connection an error, and simulated time stands still while a stream is open", async () => {
    const one = lab();
    const stream = await open(one);
    const before = one.clock.now();
    let slept = false;
    const sleeping = one.clock.sleep(1_000).then(() => (slept = true));
    const session = await plainSession(stream);
    expect(
      decode(OPERATIONS.ping.reply, (await session.raw(OPERATIONS.ping.code, Buffer.alloc(0))).value ?? Buffer.alloc(0)),
    ).toBe(null);
    expect([slept, one.clock.now()]).toEqual([false, before]);
    stream.destroy();
    await sleeping;
    expect(one.clock.now()).toBe(before + 1_000);
  });
});
