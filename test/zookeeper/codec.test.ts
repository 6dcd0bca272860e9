import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFrames, frame } from "../../src/zookeeper/frames.ts";
import { decode, encode, JuteError, type Codec } from "../../src/zookeeper/jute.ts";
import { bulkReply, bulkRequest, type BulkAnswer, type BulkRead } from "../../src/zookeeper/multi-read.ts";
import {
  connectRequest,
  connectResponse,
  errorName,
  OPERATIONS,
  replyHeader,
  requestHeader,
  watcherEvent,
} from "../../src/zookeeper/records.ts";

const SETTINGS = { seed: 7, numRuns: 60 } as const;

const int = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const text = fc.string({ unit: "grapheme", maxLength: 40 });
const data = fc.option(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  { nil: null },
);
const acls = fc.array(fc.record({ perms: int, scheme: text, id: text }), { maxLength: 4 });
const stat = fc.record({
  czxid: long,
  mzxid: long,
  ctime: long,
  mtime: long,
  version: int,
  cversion: int,
  aversion: int,
  ephemeralOwner: long,
  dataLength: int,
  numChildren: int,
  pzxid: long,
});
const watched = fc.record({ path: text, watch: fc.boolean() });
const pathOnly = fc.record({ path: text });
const children = fc.array(text, { maxLength: 6 });
const create = fc.record({ path: text, data, acl: acls, flags: int });
const none = fc.constant(null);

/** A property of one record: what is written is read again, and nothing is left. */
function roundTrip<T>(name: string, codec: Codec<T>, values: fc.Arbitrary<T>): void {
  it(`${name} comes back as it was sent`, () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(decode(codec, encode(codec, value))).toEqual(value);
      }),
      SETTINGS,
    );
  });
  it(`${name} that is cut short, or that something follows, is no ${name}`, () => {
    fc.assert(
      fc.property(values, fc.nat(), (value, at) => {
        const bytes = encode(codec, value);
        if (bytes.length > 0) {
          const cut = at % bytes.length;
          // A field that older peers leave out may be missing.
          const optional = codec === (connectRequest as unknown) || codec === (connectResponse as unknown);
          if (!optional || cut < bytes.length - 1) expect(() => decode(codec, bytes.subarray(0, cut))).toThrow(JuteError);
        }
        const more = optionalTailIsFull(value) ? Buffer.concat([bytes, Buffer.from([0])]) : null;
        if (more !== null) expect(() => decode(codec, more)).toThrow(JuteError);
      }),
      SETTINGS,
    );
  });
}

function optionalTailIsFull(value: unknown): boolean {
  return !(typeof value === "object" && value !== null && "readOnly" in value && value.readOnly === null);
}

describe("a record of ZooKeeper's protocol", () => {
  const connect = {
    protocolVersion: int,
    timeoutMs: int,
    sessionId: long,
    passwd: data,
    readOnly: fc.option(fc.boolean(), { nil: null }),
  };
  roundTrip("a connect request", connectRequest, fc.record({ ...connect, lastZxidSeen: long }));
  roundTrip("a connect response", connectResponse, fc.record(connect));
  roundTrip("a request header", requestHeader, fc.record({ xid: int, type: int }));
  roundTrip("a reply header", replyHeader, fc.record({ xid: int, zxid: long, err: int }));
  roundTrip("an event", watcherEvent, fc.record({ type: int, state: int, path: text }));
  const { create: creates, exists, getData, setData, getACL, setACL, getChildren, getChildren2, auth, addWatch } = OPERATIONS;
  roundTrip("a create", creates.request, create);
  roundTrip("a created path", creates.reply, pathOnly);
  roundTrip("a create2", OPERATIONS.create2.reply, fc.record({ path: text, stat }));
  roundTrip("a delete", OPERATIONS.delete.request, fc.record({ path: text, version: int }));
  roundTrip("an exists", exists.request, watched);
  roundTrip("a stat", exists.reply, fc.record({ stat }));
  roundTrip("a znode's data", getData.reply, fc.record({ data, stat }));
  roundTrip("new data", setData.request, fc.record({ path: text, data, version: int }));
  roundTrip("an ACL", getACL.reply, fc.record({ acl: acls, stat }));
  roundTrip("a new ACL", setACL.request, fc.record({ path: text, acl: acls, version: int }));
  roundTrip("children", getChildren.reply, fc.record({ children }));
  roundTrip("children with a stat", getChildren2.reply, fc.record({ children, stat }));
  roundTrip("an authentication", auth.request, fc.record({ type: int, scheme: text, auth: data }));
  roundTrip("a watch", addWatch.request, fc.record({ path: text, mode: int }));
  roundTrip("a ping", OPERATIONS.ping.request, none);
  const reads: fc.Arbitrary<BulkRead> = fc
    .constantFrom("getData" as const, "getChildren" as const)
    .chain((op) => watched.map((request) => ({ op, request })));
  const answers: fc.Arbitrary<BulkAnswer> = fc.oneof(
    fc.record({ op: fc.constant("getData" as const), data, stat }),
    fc.record({ op: fc.constant("getChildren" as const), children }),
    fc.record({ op: fc.constant("error" as const), err: int }),
  );
  roundTrip("a bulk read", bulkRequest, fc.array(reads, { maxLength: 5 }));
  roundTrip("a bulk answer", bulkReply, fc.array(answers, { maxLength: 5 }));
});

describe("null and empty", () => {
  it("data that is null, empty, and the text null are three different things", () => {
    const { request } = OPERATIONS.setData;
    const forms = [null, Buffer.alloc(0), Buffer.from("null")].map((bytes) =>
      encode(request, { path: "/a", data: bytes, version: -1 }).toString("hex"),
    );
    expect(new Set(forms).size).toBe(3);
  });

  it("a null list, as servers send for a znode without ACL, is an empty one", () => {
    expect(decode(OPERATIONS.getChildren.reply, Buffer.from("ffffffff", "hex"))).toEqual({ children: [] });
  });

  it("a list longer than its frame is refused before anything is allocated", () => {
    expect(() => decode(OPERATIONS.getChildren.reply, Buffer.from("7fffffff", "hex"))).toThrow(JuteError);
  });
});

describe("frames", () => {
  it("come out whole however the stream is cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }),
        (bodies, cuts) => {
          const stream = Buffer.concat(bodies.map((body) => frame(Buffer.from(body))));
          const frames = createFrames();
          const found: string[] = [];
          let at = 0;
          for (let turn = 0; at < stream.length; turn += 1) {
            const size = cuts[turn % cuts.length] ?? 1;
            for (const one of frames.push(stream.subarray(at, at + size))) found.push(one.toString("hex"));
            at += size;
          }
          expect(found).toEqual(bodies.map((body) => Buffer.from(body).toString("hex")));
        },
      ),
      SETTINGS,
    );
  });

  it("of an impossible length are refused: this is no ZooKeeper", () => {
    expect(() => createFrames().push(Buffer.from("HTTP/1.1 400 Bad Request"))).toThrow(/a frame of 1213486160 bytes/);
    expect(() => createFrames().push(Buffer.from("ffffffff", "hex"))).toThrow(/a frame of -1 bytes/);
  });
});

describe("an error code", () => {
  it("has the name that people look up", () => {
    expect([errorName(-101), errorName(-102), errorName(-6), errorName(-777)]).toEqual([
      "noNode",
      "noAuth",
      "unimplemented",
      "error -777",
    ]);
  });
});

describe("Data longer than the room a writer begins with", () => {
  it.each([200, 256, 1_000, 70_000])("comes back whole, %i bytes of it", (bytes) => {
    const request = { path: "/a", data: Buffer.alloc(bytes, 7), version: -1 };
    expect(decode(OPERATIONS.setData.request, encode(OPERATIONS.setData.request, request))).toEqual(request);
  });
});
