/** A command on a node: an argument list. Adapters quote every word; `sh -c TEXT name args…` is how scripts are sent. */
export interface Command {
  readonly argv: readonly string[];
  readonly stdin?: string;
  readonly sudo?: boolean;
  /** Wall-clock limit. */
  readonly timeoutMs: number;
  /** Output kept per stream; more is counted and cut in the middle. Default 1 MiB. */
  readonly maxOutputBytes?: number;
}

/** Three outcomes, because "it failed" and "we do not know" lead to different pages of the workbook. */
export type Outcome =
  | { readonly kind: "exited"; readonly code: number; readonly stdout: string; readonly stderr: string }
  | { readonly kind: "timed-out"; readonly afterMs: number; readonly stdout: string; readonly stderr: string }
  /** `sent` false: the command certainly never began (refused, unreachable, host key mismatch). */
  | { readonly kind: "lost"; readonly reason: string; readonly code: string; readonly sent: boolean };

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** How many redirects to follow; scheme-relative Locations are understood. */
  readonly followRedirects: number;
  /** Nobody else may answer in the asked node's place. Where it says nothing: true exactly where no redirect is followed. */
  readonly thisNodeOnly?: boolean;
  readonly maxBytes?: number;
  /** A page for people may be the answer: without it one from a component of the cluster is that of a login or a proxy. */
  readonly page?: true;
  /** Takes a long body (over 1 MiB) of a good answer (2xx); a promise holds the sender back. An adapter may give the whole body instead. */
  readonly take?: (chunk: Buffer) => void | Promise<void>;
}

export type HttpAnswer =
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      /** The whole of it; only its beginning where all of it was `taken` by the request's `take`. */
      readonly body: Buffer;
      readonly taken?: true;
      readonly url: string;
    }
  | { readonly kind: "no-answer"; readonly code: string; readonly reason: string };

export type TcpAnswer =
  | { readonly kind: "answered"; readonly body: Buffer }
  | { readonly kind: "no-answer"; readonly code: string; readonly reason: string };

/** Bytes both ways: what a Duplex of Node is. */
export type ByteStream = NodeJS.ReadWriteStream & { destroy(error?: Error): unknown };

export type StreamAnswer =
  | { readonly kind: "open"; readonly stream: ByteStream }
  | { readonly kind: "no-answer"; readonly code: string; readonly reason: string };

/** Everything pawl can do to the outside. Product code gets it only behind a guard (check/guard.ts). */
export interface Remote {
  /** `target` is a node's name, or `bootstrap`. One connection per target is kept and reused. */
  run(target: string, command: Command, signal?: AbortSignal): Promise<Outcome>;
  /** Like `run`, with stdout given away as it comes; a promise returned by `onChunk` holds the sender back. */
  stream(
    target: string,
    command: Command,
    onChunk: (chunk: Buffer) => void | Promise<void>,
    signal?: AbortSignal,
  ): Promise<Outcome>;
  http(request: HttpRequest, signal?: AbortSignal): Promise<HttpAnswer>;
  /** Connects to host:port, sends the text, reads to the end of the stream. */
  tcp(host: string, port: number, send: string, timeoutMs: number, signal?: AbortSignal): Promise<TcpAnswer>;
  /**
   * A stream to host:port as the target reaches it, for a protocol of many questions. Behind the guard only where the platform reads along
   * (AllowList.inspect). Whoever opened it destroys it, and does not sleep before that: on a lab time stands still while it
   * is open. An adapter without streams leaves it out.
   */
  open?(target: string, host: string, port: number, signal?: AbortSignal): Promise<StreamAnswer>;
  /** How many established connections to the target broke so far. An adapter reconnects by itself, so only this tells of a loss between two commands. */
  losses?(target: string): number;
  close(): Promise<void>;
}
