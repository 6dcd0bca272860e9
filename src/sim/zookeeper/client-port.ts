import type { ByteStream } from "../../engine/ports.ts";
import { createFrames, frame } from "../../zookeeper/frames.ts";
import { createReader, decode, encode, JuteError } from "../../zookeeper/jute.ts";
import { connectRequest, connectResponse, OPERATIONS, replyHeader, requestHeader } from "../../zookeeper/records.ts";
import type { Author, History } from "./history.ts";
import { answerRequest, UNKNOWN, type Client } from "./requests.ts";

/** What one server of the ensemble does for its clients. */
export interface ClientPort {
  /** The answer to a four-letter word; null: nothing listens. */
  word(word: string): string | null;
  /** What the ensemble has committed by now; null: this server does not serve. */
  history(): History | null;
  /** Begins a session. */
  openSession(timeoutMs: number): bigint;
  /** Whether a session lives. */
  knows(session: bigint): boolean;
  passwordOf(session: bigint): Buffer;
  /** The client said goodbye. */
  closeSession(session: bigint): void;
  /** The client's connection is gone: its session ends when its time is over, unless it comes back. */
  abandonSession(session: bigint): void;
  /** The session is in use on a connection again. */
  keepSession(session: bigint): void;
  author(session: bigint, cxid: number): Author;
  /** Access lists bar nobody. */
  readonly unbarred: boolean;
  /** Called with what ends the connection, which the server does when it ceases to serve; what comes back forgets it. */
  connected(end: () => void): () => void;
}

const WORD_BYTES = 4;
/** minSessionTimeout and maxSessionTimeout: 2 and 20 ticks of 2 s (dcos.md section 7). */
const TIMEOUT_MS = { least: 4_000, most: 40_000 };
const WORD = /^[a-z]{4}$/;

/**
 * Serves one connection to ZooKeeper's client port as 3.4 does: four letters and an answer, or a session. Whoever asks a server that
 * does not serve, or sends what makes no sense, is cut off.
 */
export function serveClient(port: ClientPort, stream: ByteStream): void {
  let first = Buffer.alloc(0);
  let session: ((chunk: Buffer) => void) | null = null;
  stream.on("error", () => undefined);
  stream.on("data", (chunk: Buffer) => {
    if (session !== null) {
      session(chunk);
      return;
    }
    if (first.length >= WORD_BYTES) return;
    first = Buffer.concat([first, chunk]);
    if (first.length < WORD_BYTES) return;
    const word = first.toString("latin1", 0, WORD_BYTES);
    if (WORD.test(word)) {
      const answer = port.word(word);
      if (answer === null) stream.destroy();
      else stream.end(answer);
      return;
    }
    session = speak(port, stream);
    session(first);
  });
}

/** What takes the bytes of a session's connection. */
function speak(port: ClientPort, stream: ByteStream): (chunk: Buffer) => void {
  const frames = createFrames();
  let id: bigint | null = null;
  let over = false;
  const identities = new Set<string>();
  const forget = port.connected(() => stream.destroy());
  stream.once("close", () => {
    forget();
    if (id !== null) port.abandonSession(id);
  });
  const end = (): void => {
    over = true;
    stream.end();
  };

  const greet = (history: History, bytes: Buffer): void => {
    const asked = decode(connectRequest, bytes);
    const { readOnly } = asked;
    // A client that has seen more than this server must find another.
    if (asked.lastZxidSeen > history.tree.zxid) {
      stream.destroy();
      return;
    }
    const again = asked.sessionId !== 0n;
    const timeoutMs = Math.min(TIMEOUT_MS.most, Math.max(TIMEOUT_MS.least, asked.timeoutMs));
    if (again && !(port.knows(asked.sessionId) && asked.passwd?.equals(port.passwordOf(asked.sessionId)) === true)) {
      const expired = { protocolVersion: 0, timeoutMs: 0, sessionId: 0n, passwd: Buffer.alloc(16), readOnly };
      stream.write(frame(encode(connectResponse, expired)));
      end();
      return;
    }
    id = again ? asked.sessionId : port.openSession(timeoutMs);
    port.keepSession(id);
    const welcome = { protocolVersion: 0, timeoutMs, sessionId: id, passwd: port.passwordOf(id), readOnly };
    stream.write(frame(encode(connectResponse, welcome)));
  };

  const answer = (history: History, session: bigint, bytes: Buffer): void => {
    const from = createReader(bytes);
    const { xid, type } = requestHeader.read(from);
    const client: Client = { author: port.author(session, xid), identities, unbarred: port.unbarred };
    const found = answerRequest(history, client, type, bytes.subarray(from.at));
    const closing = type === OPERATIONS.closeSession.code;
    if (closing) {
      id = null;
      port.closeSession(session);
    }
    const zxid = found === null ? 0n : history.tree.zxid;
    const { err, body } = found ?? UNKNOWN;
    const more = stream.write(frame(encode(replyHeader, { xid, zxid, err }), body));
    if (found === null || closing) end();
    else if (!more) {
      stream.pause();
      stream.once("drain", () => stream.resume());
    }
  };

  return (chunk) => {
    try {
      for (const bytes of frames.push(chunk)) {
        if (over) return;
        const history = port.history();
        if (history === null) {
          stream.destroy();
          return;
        }
        if (id === null) greet(history, bytes);
        else answer(history, id, bytes);
      }
    } catch (error) {
      if (!(error instanceof JuteError)) throw error;
      stream.destroy();
    }
  };
}
