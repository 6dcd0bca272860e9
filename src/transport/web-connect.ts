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
  /** Certificate and private key to show to servers that want to see one, PEM. */
  readonly client: { readonly cert: string; readonly key: string } | null;
  /** Opens connections somewhere else; null, or null for an address: here. */
  readonly tunnel: ((host: string, port: number, signal: AbortSignal) => Promise<Opened> | null) | null;
  /** Told the origin of every connection that is made. */
  readonly made: (origin: string) => void;
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
    ...(options.client ?? {}),
  });
  return (asked, given) => {
    const callback = withHonestResets((...answer) => {
      if (answer[0] === null) options.made(`${asked.protocol}//${asked.host ?? asked.hostname}`);
      given(...answer);
    });
    const port = asked.port === "" ? (asked.protocol === "https:" ? 443 : 80) : Number(asked.port);
    const elsewhere = tunnel?.(asked.hostname, port, options.life) ?? null;
    if (elsewhere === null) {
      connect(asked, callback);
      return;
    }
    void elsewhere.then(
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
