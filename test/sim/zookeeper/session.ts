import { connect } from "node:net";
import type { ByteStream } from "../../../src/engine/ports.ts";
import { createFrames, frame } from "../../../src/zookeeper/frames.ts";
import { createReader, encode, type Codec } from "../../../src/zookeeper/jute.ts";
import {
  connectRequest,
  connectResponse,
  OPERATIONS,
  replyHeader,
  requestHeader,
  type Acl,
  type OperationName,
  type ReplyOf,
  type RequestOf,
  type Stat,
} from "../../../src/zookeeper/records.ts";

/** What a server said to one request. */
export interface Said<T> {
  readonly err: number;
  readonly zxid: bigint;
  /** Null where it refused. */
  readonly value: T | null;
}

/** The plainest client there is: one request after another, the bytes as the protocol has them. */
export interface PlainSession {
  readonly id: bigint;
  readonly timeoutMs: number;
  readonly passwd: Buffer;
  ask<N extends OperationName>(name: N, request: RequestOf<N>): Promise<Said<ReplyOf<N>>>;
  /** Any code with any bytes behind the header. */
  raw(code: number, body: Buffer): Promise<Said<Buffer>>;
  readonly ended: Promise<void>;
  destroy(): void;
}

export async function plainSession(
  stream: ByteStream,
  again: { readonly id?: bigint; readonly passwd?: Buffer; readonly zxid?: bigint; readonly timeoutMs?: number } = {},
): Promise<PlainSession> {
  const frames = createFrames();
  const come: Buffer[] = [];
  let wake: () => void = () => undefined;
  let over = false;
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      over = true;
      wake();
      resolve();
    };
    stream.on("end", end);
    stream.on("close", end);
    stream.on("error", end);
  });
  stream.on("data", (chunk: Buffer) => {
    come.push(...frames.push(chunk).map((one) => Buffer.from(one)));
    wake();
  });
  const next = async (): Promise<Buffer> => {
    for (;;) {
      const found = come.shift();
      if (found !== undefined) return found;
      if (over) throw new Error("the server closed the connection");
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  const { id = 0n, passwd = Buffer.alloc(16), zxid = 0n, timeoutMs = 30_000 } = again;
  const hello = { protocolVersion: 0, lastZxidSeen: zxid, timeoutMs, sessionId: id, passwd, readOnly: false };
  stream.write(frame(encode(connectRequest, hello)));
  const welcome = connectResponse.read(createReader(await next()));
  let xid = 0;
  const raw = async (code: number, body: Buffer): Promise<Said<Buffer>> => {
    xid += 1;
    stream.write(frame(encode(requestHeader, { xid, type: code }), body));
    const from = createReader(await next());
    const header = replyHeader.read(from);
    if (header.xid !== xid) throw new Error(`answer ${header.xid} to request ${xid}`);
    return { err: header.err, zxid: header.zxid, value: from.bytes.subarray(from.at) };
  };
  return {
    id: welcome.sessionId,
    timeoutMs: welcome.timeoutMs,
    passwd: welcome.passwd ?? Buffer.alloc(0),
    raw,
    async ask(name, request) {
      const operation = OPERATIONS[name];
      const said = await raw(operation.code, encode(operation.request as Codec<typeof request>, request));
      const reply = operation.reply as Codec<ReplyOf<typeof name>>;
      return { ...said, value: said.err === 0 ? reply.read(createReader(said.value ?? Buffer.alloc(0))) : null };
    },
    ended,
    destroy: () => void stream.destroy(),
  };
}

/** A connection to a server of this machine. */
export function dial(host: string, port: number): Promise<ByteStream> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    socket.once("connect", () => resolve(socket));
    socket.once("error", reject);
  });
}

/** What a server tells of a znode: data as hex (null: none), numbers, access list. */
export interface Told {
  readonly data: string | null;
  readonly stat: Stat;
  readonly acl: readonly Acl[];
}

/** Everything a server tells of every znode, by path. */
export async function everything(session: PlainSession): Promise<ReadonlyMap<string, Told>> {
  const found = new Map<string, Told>();
  const walk = async (path: string): Promise<void> => {
    const data = (await session.ask("getData", { path, watch: false })).value;
    const below = (await session.ask("getChildren2", { path, watch: false })).value;
    const acl = (await session.ask("getACL", { path })).value;
    if (data === null || below === null || acl === null) throw new Error(`no answer about ${path}`);
    found.set(path, { data: data.data?.toString("hex") ?? null, stat: data.stat, acl: acl.acl });
    for (const child of below.children.toSorted()) await walk(`${path === "/" ? "" : path}/${child}`);
  };
  await walk("/");
  return found;
}
