import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { guard } from "../../src/check/guard.ts";
import type { ByteStream, Remote } from "../../src/engine/ports.ts";
import { frame } from "../../src/zookeeper/frames.ts";
import { encode } from "../../src/zookeeper/jute.ts";
import { inspectReads } from "../../src/zookeeper/reads-only.ts";
import { connectRequest, OPERATIONS, requestHeader, type OperationName } from "../../src/zookeeper/records.ts";

const HELLO = frame(
  encode(connectRequest, {
    protocolVersion: 0,
    lastZxidSeen: 0n,
    timeoutMs: 30_000,
    sessionId: 0n,
    passwd: Buffer.alloc(16),
    readOnly: false,
  }),
);

function request(name: OperationName): Buffer {
  return frame(encode(requestHeader, { xid: 1, type: OPERATIONS[name].code }), Buffer.from("whatever follows"));
}

/** A guarded stream to a server of the cluster, and the bytes that came through. */
async function opened(): Promise<{ readonly stream: ByteStream; readonly sent: () => string }> {
  const wire = new PassThrough();
  const came: Buffer[] = [];
  wire.on("data", (chunk: Buffer) => came.push(chunk));
  wire.on("error", () => undefined);
  const remote = { open: () => Promise.resolve({ kind: "open", stream: wire }) } as unknown as Remote;
  const reader = guard(
    remote,
    { http: [], commands: [], fourLetter: [], inspect: inspectReads },
    { hosts: new Set(["10.0.0.1"]) },
  );
  const answer = await reader.open?.("m1", "10.0.0.1", 2181);
  if (answer?.kind !== "open") throw new Error("not opened");
  return { stream: answer.stream, sent: () => Buffer.concat(came).toString("hex") };
}

const WRITES = (Object.keys(OPERATIONS) as OperationName[]).filter((name) => OPERATIONS[name].writes);

describe("a stream to the cluster's ZooKeeper", () => {
  it("lets through what only reads, in whatever pieces it comes", async () => {
    const { stream, sent } = await opened();
    const all = Buffer.concat([HELLO, request("getData"), request("getACL"), request("sync")]);
    for (const byte of all) stream.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent()).toBe(all.toString("hex"));
  });

  it.each(WRITES)("never carries %s, written or sent with the end", async (name) => {
    const first = await opened();
    first.stream.write(HELLO);
    expect(() => first.stream.write(request(name))).toThrow("does not only read");
    const second = await opened();
    second.stream.write(HELLO);
    expect(() => second.stream.end(request(name))).toThrow("does not only read");
    await new Promise((resolve) => setImmediate(resolve));
    for (const one of [first, second]) expect(HELLO.toString("hex")).toContain(one.sent());
  });

  it("carries nothing at all that is no ZooKeeper request, and leads nowhere else", async () => {
    const { stream } = await opened();
    expect(() => stream.write("stop ")).toThrow("does not only read");
    const remote = { open: () => Promise.reject(new Error("asked")) } as unknown as Remote;
    const reader = guard(remote, { http: [], commands: [], fourLetter: [], inspect: inspectReads }, { hosts: new Set() });
    await expect(reader.open?.("m1", "10.9.9.9", 2181)).rejects.toThrow("a stream to 10.9.9.9:2181");
  });
});
