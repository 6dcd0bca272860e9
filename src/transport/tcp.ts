import { connect } from "node:net";
import type { Duplex } from "node:stream";
import type { TcpAnswer } from "../engine/ports.ts";
import { failureOf } from "./failure.ts";
import type { Opened } from "./web-connect.ts";

/** More than any four-letter answer (`mntr`, `cons` of a busy server) needs; a peer that never stops must not fill memory. */
const LARGEST_ANSWER_BYTES = 4 * 1024 * 1024;

/** Opens a stream somewhere else than here. */
type Open = (host: string, port: number, signal?: AbortSignal) => Promise<Opened>;

/**
 * Connects (or has the stream opened by `open`), sends the text and reads until the peer ends the stream: the whole protocol of four-letter words. Never throws;
 * codes are `refused`, `reset`, `timed-out`, `not-resolved`, `unreachable`, `too-large`, `aborted`, `failed`, and those of the
 * tunnel. The text's side of the stream stays open: some servers give no answer to a client that has already ended.
 */
export function askTcp(
  host: string,
  port: number,
  send: string,
  timeoutMs: number,
  signal?: AbortSignal,
  open?: Open,
): Promise<TcpAnswer> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve({ kind: "no-answer", code: "aborted", reason: "no longer wanted" });
      return;
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    let settled = false;
    let stream: Duplex | null = null;
    const settle = (answer: TcpAnswer): void => {
      settled = true;
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      stream?.destroy();
      resolve(answer);
    };
    const fail = (code: string, reason: string): void => settle({ kind: "no-answer", code, reason });
    const failWith = (error: unknown): void => {
      const { code, reason } = failureOf(error);
      fail(code, reason);
    };
    const abort = (): void => fail("aborted", "no longer wanted");
    const timer = setTimeout(
      () => fail("timed-out", `no complete answer from ${host}:${String(port)} within ${String(timeoutMs)} ms`),
      timeoutMs,
    );
    signal?.addEventListener("abort", abort, { once: true });
    const speak = (opened: Duplex): void => {
      stream = opened;
      opened.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > LARGEST_ANSWER_BYTES)
          fail("too-large", `${host}:${String(port)} sent more than ${String(LARGEST_ANSWER_BYTES)} bytes`);
      });
      opened.on("end", () => settle({ kind: "answered", body: Buffer.concat(chunks) }));
      opened.on("error", failWith);
      opened.write(send);
    };
    if (open === undefined) {
      const socket = connect({ host, port, noDelay: true });
      stream = socket;
      socket.on("connect", () => speak(socket));
      socket.on("error", failWith);
      return;
    }
    open(host, port, signal).then((opened) => {
      if (opened.kind === "failed") fail(opened.code, opened.reason);
      else if (settled) opened.stream.destroy();
      else speak(opened.stream);
    }, failWith);
  });
}
