import { setMaxListeners } from "node:events";
import type { Duplex } from "node:stream";
import type { buildConnector } from "undici";
import type { Failure } from "./failure.ts";
import { WayError } from "./web-failure.ts";

/** A stream to host:port, or why there is none. */
export type Opened = { readonly kind: "open"; readonly stream: Duplex } | ({ readonly kind: "failed" } & Failure);

/** How connections are made. */
export interface ConnectOptions {
  /** Reaching a server and agreeing on TLS with it. */
  readonly timeoutMs: number;
  /** Certificates to trust instead of the system's, PEM. */
  readonly ca: string | null;
  /** Opens every connection somewhere else; null: here. */
  readonly tunnel: ((host: string, port: number, signal: AbortSignal) => Promise<Opened>) | null;
  /** Ends what is still being opened. */
  readonly life: AbortSignal;
}

/**
 * A connector for undici: directly or through a tunnel, with TLS on top where the address says https. Certificates are always
 * verified, on every connection anew (no session is resumed): authority, dates, and the address that was asked for.
 */
export function createConnector(build: typeof buildConnector, options: ConnectOptions): buildConnector.connector {
  setMaxListeners(0, options.life);
  const { tunnel } = options;
  const connect = build({
    timeout: options.timeoutMs,
    maxCachedSessions: 0,
    rejectUnauthorized: true,
    ...(options.ca === null ? {} : { ca: options.ca }),
  });
  if (tunnel === null) return (asked, callback) => connect(asked, withHonestResets(callback));
  return (asked, given) => {
    const callback = withHonestResets(given);
    const port = asked.port === "" ? (asked.protocol === "https:" ? 443 : 80) : Number(asked.port);
    void tunnel(asked.hostname, port, options.life).then(
      (opened) => {
        if (opened.kind === "failed") callback(new WayError(opened), null);
        // A tunnel is all of a socket that undici and TLS use of one.
        else if (asked.protocol !== "https:") callback(null, opened.stream as Parameters<typeof callback>[1] & Duplex);
        else connect({ ...asked, httpSocket: opened.stream as never }, callback);
      },
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
    );
  };
}

/**
 * undici takes a connection that was reset in the middle of an answer of unknown length for the end of that answer. Half an answer
 * is none: its error gets a code that undici does not treat so.
 */
function withHonestResets(callback: buildConnector.Callback): buildConnector.Callback {
  return (...made) => {
    const [, socket] = made;
    socket?.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNRESET") error.code = "EPIPE";
    });
    callback(...made);
  };
}
