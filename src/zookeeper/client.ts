import type { ByteStream } from "../engine/ports.ts";
import { createFrames, frame } from "./frames.ts";
import { createReader, createWriter, encode, ended, JuteError, written, type Codec } from "./jute.ts";
import { bulkReply, bulkRequest, type BulkAnswer, type BulkRead } from "./multi-read.ts";
import {
  connectRequest,
  connectResponse,
  errorName,
  ERRORS,
  MULTI,
  OPERATIONS,
  replyHeader,
  requestHeader,
  watcherEvent,
  XID,
  type OperationName,
  type ReplyOf,
  type RequestOf,
  type WatcherEvent,
} from "./records.ts";

/** The connection is over, or was never what it seemed. `code`: `closed`, `silent`, `not-zookeeper`, `expired`, `went-back`, `auth-failed`, `refused`. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** One answer. `zxid`: the last one the server had seen when it answered. */
export type Reply<T> =
  | { readonly ok: true; readonly zxid: bigint; readonly value: T }
  | { readonly ok: false; readonly zxid: bigint; readonly err: number };

/** Operations that change nothing. */
export type ReadName = Exclude<OperationName, "create" | "create2" | "delete" | "setData" | "setACL" | "auth" | "closeSession">;

/** A session with one server that cannot change anything: a request that would is refused here, before it is sent. */
export interface ReadClient {
  /** Rejects with ConnectionError; an error the server answers with is a reply. At most `inFlight` are out at once. */
  ask<N extends ReadName>(name: N, request: RequestOf<N>): Promise<Reply<ReplyOf<N>>>;
  /** Many reads in one request: servers from 3.6 on. */
  bulk(reads: readonly BulkRead[]): Promise<Reply<readonly BulkAnswer[]>>;
  /** Highest zxid of any reply so far. */
  zxid(): bigint;
  /** Lowest and highest zxid of the replies since the last call. */
  span(): { readonly from: bigint; readonly to: bigint } | null;
  /** Events of watches, in the order in which the server sent them, before the replies that follow them. */
  onEvent(listener: (event: WatcherEvent) => void): void;
  /** Bytes that came so far. */
  bytes(): number;
  /** Ends the session, so that the server forgets it at once. Never rejects. */
  close(): Promise<void>;
}

/** A session that may write: only a scratch server gets one. */
export interface WriteClient extends Omit<ReadClient, "ask"> {
  ask<N extends Exclude<OperationName, "auth" | "closeSession">>(name: N, request: RequestOf<N>): Promise<Reply<ReplyOf<N>>>;
}

export interface ClientOptions {
  /** Wanted session time-out; a server that is silent for so long is given up. Default 30 s. */
  readonly timeoutMs?: number;
  /** Requests out at once. Default 256. */
  readonly inFlight?: number;
  /** Bytes of requests out at once. Default 4 MiB. */
  readonly inFlightBytes?: number;
  /** Who asks, by scheme: `digest` with `user:password`. */
  readonly auth?: readonly { readonly scheme: string; readonly secret: string }[];
}

interface Waiting {
  readonly xid: number;
  readonly bytes: Buffer;
  settle(reply: { readonly err: number; readonly zxid: bigint; readonly body: Buffer }): void;
  fail(error: ConnectionError): void;
}

const TIMEOUT_MS = 30_000;
const IN_FLIGHT = 256;
const IN_FLIGHT_BYTES = 4 * 1024 * 1024;
const CLOSE_MS = 2_000;
/** Looked this often whether a ping is due. */
const BEAT_MS = 500;
const AUTH_XID = XID.auth;

/** A session that only reads, on a stream that is connected. Rejects with ConnectionError. */
export function openReader(stream: ByteStream, options: ClientOptions = {}): Promise<ReadClient> {
  return open(stream, options, false);
}

/** A session that may write. Rejects with ConnectionError. */
export function openWriter(stream: ByteStream, options: ClientOptions = {}): Promise<WriteClient> {
  return open(stream, options, true);
}

async function open(stream: ByteStream, options: ClientOptions, mayWrite: boolean): Promise<WriteClient> {
  const session = createSession(stream, options, mayWrite);
  try {
    await session.connected;
    for (const { scheme, secret } of options.auth ?? []) await session.authenticate(scheme, secret);
  } catch (error) {
    session.drop(new ConnectionError("closed", "given up"));
    throw error;
  }
  return session.client;
}

interface Session {
  readonly connected: Promise<void>;
  readonly client: WriteClient;
  authenticate(scheme: string, secret: string): Promise<void>;
  drop(error: ConnectionError): void;
}

function createSession(stream: ByteStream, options: ClientOptions, mayWrite: boolean): Session {
  const { timeoutMs = TIMEOUT_MS, inFlight = IN_FLIGHT, inFlightBytes = IN_FLIGHT_BYTES } = options;
  const frames = createFrames();
  const waiting: Waiting[] = [];
  const queue: Waiting[] = [];
  const listeners: ((event: WatcherEvent) => void)[] = [];
  let greeted: { resolve(): void; reject(error: ConnectionError): void } | null = null;
  let over: ConnectionError | null = null;
  let closing = false;
  let nextXid = 1;
  let out = 0;
  let outBytes = 0;
  let zxid = 0n;
  let lowest: bigint | null = null;
  let received = 0;
  /** What the server grants may be less than was asked for: it forgets who is silent for so long. */
  let grantedMs = timeoutMs;
  let heardMs = performance.now();
  let sentMs = performance.now();

  const drop = (error: ConnectionError): void => {
    if (over !== null) return;
    over = error;
    clearInterval(beat);
    stream.destroy();
    greeted?.reject(error);
    for (const one of [...waiting.splice(0), ...queue.splice(0)]) one.fail(error);
  };

  const see = (seen: bigint): void => {
    // Replies to authentications and events carry none.
    if (seen <= 0n) return;
    if (seen < zxid) {
      const [then, now] = [zxid, seen].map((one) => `0x${one.toString(16)}`);
      drop(new ConnectionError("went-back", `the server answered as of ${now ?? ""}, after an answer as of ${then ?? ""}`));
      return;
    }
    zxid = seen;
    lowest ??= seen;
  };

  const take = (bytes: Buffer): void => {
    const from = createReader(bytes);
    if (greeted !== null) {
      const { resolve } = greeted;
      const answer = connectResponse.read(from);
      if (answer.timeoutMs <= 0) drop(new ConnectionError("expired", "the server gave no session"));
      else grantedMs = Math.min(answer.timeoutMs, timeoutMs);
      greeted = null;
      resolve();
      return;
    }
    const header = replyHeader.read(from);
    if (header.xid === XID.notification) {
      const event = watcherEvent.read(from);
      for (const listener of listeners) listener(event);
      return;
    }
    if (header.xid === XID.ping) return;
    const first = waiting[0];
    if (first?.xid !== header.xid) {
      const expected = first === undefined ? "none" : String(first.xid);
      drop(new ConnectionError("not-zookeeper", `an answer to request ${String(header.xid)}, where ${expected} was due`));
      return;
    }
    see(header.zxid);
    if (over !== null) return;
    waiting.shift();
    out -= 1;
    outBytes -= first.bytes.length;
    first.settle({ err: header.err, zxid: header.zxid, body: bytes.subarray(from.at) });
    pump();
  };

  stream.on("data", (chunk: Buffer) => {
    heardMs = performance.now();
    received += chunk.length;
    try {
      for (const one of frames.push(chunk)) if (over === null) take(one);
    } catch (error) {
      if (!(error instanceof JuteError)) throw error;
      drop(new ConnectionError("not-zookeeper", `the answer is not ZooKeeper's: ${error.message}`));
    }
  });
  const gone = (why: string) => (): void => drop(new ConnectionError("closed", why));
  stream.on("error", (error: Error) => drop(new ConnectionError("closed", error.message)));
  stream.on("end", gone("the server closed the connection"));
  stream.on("close", gone("the connection was closed"));

  let sending: Buffer[] = [];
  /** What is asked in one go leaves in one go: a system call for every request costs more than the request. */
  const flush = (): void => {
    const batch = Buffer.concat(sending);
    sending = [];
    if (over === null) stream.write(batch);
  };
  const send = (bytes: Buffer): void => {
    sentMs = performance.now();
    if (sending.push(bytes) === 1) setImmediate(flush);
  };

  /** Sends what may be out, in the order of the calls: a znode is created before its children. */
  const pump = (): void => {
    for (let next = queue[0]; next !== undefined; next = queue[0]) {
      if (out >= inFlight || (out > 0 && outBytes + next.bytes.length > inFlightBytes)) return;
      queue.shift();
      out += 1;
      outBytes += next.bytes.length;
      waiting.push(next);
      send(next.bytes);
    }
  };

  const beat = setInterval(
    () => {
      const now = performance.now();
      if (now - heardMs > timeoutMs) drop(new ConnectionError("silent", `no answer for ${String(timeoutMs)} ms`));
      else if (greeted === null && !closing && now - sentMs > grantedMs / 3)
        send(frame(encode(requestHeader, { xid: XID.ping, type: OPERATIONS.ping.code })));
    },
    Math.max(Math.min(timeoutMs / 6, BEAT_MS), 20),
  );
  beat.unref();

  const request = async <Q, R>(
    type: number,
    codec: Codec<Q>,
    value: Q,
    reply: Codec<R>,
    fixedXid: number | null = null,
  ): Promise<Reply<R>> => {
    const to = createWriter();
    const xid = fixedXid ?? nextXid;
    if (fixedXid === null) nextXid = nextXid === 0x7fffffff ? 1 : nextXid + 1;
    requestHeader.write(to, { xid, type });
    codec.write(to, value);
    const bytes = frame(written(to));
    if (over !== null) throw over;
    const answer = new Promise<{ readonly err: number; readonly zxid: bigint; readonly body: Buffer }>((settle, fail) => {
      queue.push({ xid, bytes, settle, fail });
    });
    pump();
    const { err, zxid: seen, body } = await answer;
    if (err !== ERRORS.ok) return { ok: false, zxid: seen, err };
    const from = createReader(body);
    try {
      const found = reply.read(from);
      ended(from);
      return { ok: true, zxid: seen, value: found };
    } catch (error) {
      if (!(error instanceof JuteError)) throw error;
      const unlike = new ConnectionError("not-zookeeper", `an answer that cannot be read: ${error.message}`);
      drop(unlike);
      throw unlike;
    }
  };

  const connected = new Promise<void>((resolve, reject) => {
    greeted = { resolve, reject };
  });
  connected.catch(() => undefined);
  send(
    frame(
      encode(connectRequest, {
        protocolVersion: 0,
        lastZxidSeen: 0n,
        timeoutMs,
        sessionId: 0n,
        passwd: Buffer.alloc(16),
        readOnly: false,
      }),
    ),
  );

  const client: WriteClient = {
    ask(name, value) {
      const operation = OPERATIONS[name];
      if (operation.writes && !mayWrite)
        return Promise.reject(new ConnectionError("refused", `${name} changes something; this session only reads`));
      return request(operation.code, operation.request as Codec<unknown>, value, operation.reply as Codec<never>);
    },
    bulk: (reads) => request(MULTI.multiRead, bulkRequest, reads, bulkReply),
    zxid: () => zxid,
    span() {
      const from = lowest;
      lowest = null;
      return from === null ? null : { from, to: zxid };
    },
    onEvent: (listener) => void listeners.push(listener),
    bytes: () => received,
    async close() {
      if (over !== null) return;
      closing = true;
      const timer = setTimeout(() => drop(new ConnectionError("closed", "the server did not say good-bye")), CLOSE_MS);
      const { closeSession } = OPERATIONS;
      await request(closeSession.code, closeSession.request, null, closeSession.reply).catch(() => undefined);
      clearTimeout(timer);
      drop(new ConnectionError("closed", "closed"));
    },
  };
  return {
    connected,
    client,
    drop,
    async authenticate(scheme, secret) {
      const { auth } = OPERATIONS;
      const answer = await request(auth.code, auth.request, { type: 0, scheme, auth: Buffer.from(secret) }, auth.reply, AUTH_XID);
      if (!answer.ok)
        throw new ConnectionError("auth-failed", `the server refused the ${scheme} credentials (${errorName(answer.err)})`);
    },
  };
}
