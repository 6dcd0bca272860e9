import { connect } from "node:net";
import type { TcpAnswer } from "../engine/ports.ts";
import { failureOf } from "./failure.ts";

/** More than any four-letter answer (`mntr`, `cons` of a busy server) needs; a peer that never stops must not fill memory. */
const LARGEST_ANSWER_BYTES = 4 * 1024 * 1024;

/**
 * Connects, sends the text and reads until the peer ends the stream: the whole protocol of four-letter words. Never throws;
 * codes are `refused`, `reset`, `timed-out`, `not-resolved`, `unreachable`, `too-large`, `aborted`, `failed`. The text's side
 * of the stream stays open: some servers give no answer to a client that has already ended.
 */
export function askTcp(host: string, port: number, send: string, timeoutMs: number, signal?: AbortSignal): Promise<TcpAnswer> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve({ kind: "no-answer", code: "aborted", reason: "no longer wanted" });
      return;
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    const socket = connect({ host, port, noDelay: true });
    const settle = (answer: TcpAnswer): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      socket.destroy();
      resolve(answer);
    };
    const fail = (code: string, reason: string): void => settle({ kind: "no-answer", code, reason });
    const abort = (): void => fail("aborted", "no longer wanted");
    const timer = setTimeout(
      () => fail("timed-out", `no complete answer from ${host}:${String(port)} within ${String(timeoutMs)} ms`),
      timeoutMs,
    );
    signal?.addEventListener("abort", abort, { once: true });
    socket.on("connect", () => void socket.write(send));
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > LARGEST_ANSWER_BYTES)
        fail("too-large", `${host}:${String(port)} sent more than ${String(LARGEST_ANSWER_BYTES)} bytes`);
    });
    socket.on("end", () => settle({ kind: "answered", body: Buffer.concat(chunks) }));
    socket.on("error", (error) => {
      const { code, reason } = failureOf(error);
      fail(code, reason);
    });
  });
}
