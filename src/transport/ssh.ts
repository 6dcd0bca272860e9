import pLimit, { type LimitFunction } from "p-limit";
import type { AnyAuthMethod } from "ssh2";
import { PawlError } from "../domain/errors.ts";
import type { Command, Outcome } from "../engine/ports.ts";
import type { KnownHostsLine } from "./known-hosts.ts";
import { commandLine } from "./quote.ts";
import { dial, type Dialled, type OpenConnection } from "./ssh-connection.ts";
import { execute, type Attempt, type ChunkSink } from "./ssh-exec.ts";
import type { SshTarget } from "./target.ts";

/** A target with what it takes to trust it and to be trusted by it. */
export interface SshPeer {
  readonly target: SshTarget;
  readonly known: readonly KnownHostsLine[];
  readonly methods: readonly AnyAuthMethod[];
}

/** Commands over SSH: one connection per target, made at the first command and kept until `close`. */
export interface SshPool {
  run(target: string, command: Command, signal?: AbortSignal, sink?: ChunkSink): Promise<Outcome>;
  /** Established connections to the target that broke, not counting those `close` ended. */
  losses(target: string): number;
  close(): Promise<void>;
}

/** Real sshd allow ten sessions a connection (MaxSessions); below that nobody is refused. */
const CHANNELS_PER_HOST = 6;
const HANDSHAKES = 48;
const COMMANDS = 100;
const CONNECT_TIMEOUT_MS = 15_000;
const CHANNEL_RETRIES = 6;
const CHANNEL_RETRY_MS = 100;

interface Host {
  readonly peer: SshPeer;
  readonly channels: LimitFunction;
  /** The connection, or the attempt to make one; null when there is none. */
  dialling: Promise<Dialled> | null;
  losses: number;
}

/**
 * A pool over the given peers. Limits: 48 handshakes, 100 commands and 6 channels per host at once; waiting for them is not
 * counted as the command's own time. A command that certainly had not begun when its connection went is sent once more on a new
 * one; one that may have begun never is. `connectTimeoutMs` bounds reaching a host (default 15 s).
 */
export function createSshPool(peers: ReadonlyMap<string, SshPeer>, options: { readonly connectTimeoutMs?: number } = {}): SshPool {
  const connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  const handshake = pLimit(HANDSHAKES);
  const commands = pLimit(COMMANDS);
  const hosts = new Map<string, Host>();
  let closed = false;

  const hostOf = (name: string): Host => {
    const known = hosts.get(name);
    if (known !== undefined) return known;
    const peer = peers.get(name);
    if (peer === undefined) {
      throw new PawlError("internal", "unknown-target", `There is no machine named ${name} in the inventory.`, { expected: [...peers.keys()].join(", "), observed: name });
    }
    const fresh: Host = { peer, channels: pLimit(CHANNELS_PER_HOST), dialling: null, losses: 0 };
    hosts.set(name, fresh);
    return fresh;
  };

  const connection = (host: Host): Promise<Dialled> => {
    if (host.dialling !== null) return host.dialling;
    const forget = (): void => {
      if (host.dialling === dialling) host.dialling = null;
    };
    const onClose = (): void => {
      if (!closed) host.losses++;
      forget();
    };
    const dialling = dial({ ...host.peer, timeoutMs: connectTimeoutMs, handshake, onClose }).then((dialled) => {
      // A failure is told to everyone who waits for it, and tried afresh by the next one.
      if (dialled.kind === "failed") forget();
      else if (closed) void dialled.connection.close();
      return dialled;
    });
    host.dialling = dialling;
    return dialling;
  };

  const attempt = async (host: Host, command: Command, signal: AbortSignal | undefined, sink: ChunkSink | undefined): Promise<Attempt> => {
    if (closed) return { kind: "lost", reason: "pawl has closed its connections", code: "closed", sent: false };
    if (signal?.aborted === true) return { kind: "lost", reason: "no longer wanted", code: "aborted", sent: false };
    const dialling = connection(host);
    const dialled = await within(dialling, command.timeoutMs, signal);
    if (dialled === "late") return { kind: "lost", reason: `no connection to ${host.peer.target.host}:${String(host.peer.target.port)} within ${String(command.timeoutMs)} ms`, code: "unreachable", sent: false };
    if (dialled === "aborted") return { kind: "lost", reason: "no longer wanted", code: "aborted", sent: false };
    if (dialled.kind === "failed") return { kind: "lost", reason: dialled.reason, code: dialled.code, sent: false };
    const open: OpenConnection = dialled.connection;
    const line = commandLine(command.argv, { sudo: command.sudo === true && host.peer.target.sudo });
    const result = await commands(() => execute(open, { line, command, signal, ...(sink === undefined ? {} : { sink }) }));
    // Only this connection: somebody else may have made a new one meanwhile.
    if (result.kind === "not-begun" && result.because === "connection-gone" && host.dialling === dialling) host.dialling = null;
    return result;
  };

  return {
    async run(target, command, signal, sink) {
      const host = hostOf(target);
      return host.channels(async () => {
        let reconnects = 0;
        for (let refused = 0; ; ) {
          const result = await attempt(host, command, signal, sink);
          if (result.kind !== "not-begun") return result;
          if (result.because === "connection-gone" ? ++reconnects > 1 : ++refused > CHANNEL_RETRIES) {
            return { kind: "lost", reason: result.reason, code: result.because, sent: false };
          }
          // The node lets in no more sessions for now; one of ours, or of somebody else's, will end.
          if (result.because === "channel-refused") await delay(CHANNEL_RETRY_MS * 2 ** refused);
        }
      });
    },
    losses: (target) => hosts.get(target)?.losses ?? 0,
    async close() {
      closed = true;
      const open = [...hosts.values()].map(async (host) => {
        const dialled = await host.dialling;
        if (dialled?.kind === "open") await dialled.connection.close();
      });
      await Promise.all(open);
    },
  };
}

/** Transport time-outs are wall time, on a lab too. */
function delay(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}

function within<T>(promise: Promise<T>, ms: number, signal: AbortSignal | undefined): Promise<T | "late" | "aborted"> {
  return new Promise((resolve, reject) => {
    const end = (value: T | "late" | "aborted"): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      resolve(value);
    };
    const abort = (): void => end("aborted");
    const timer = setTimeout(() => end("late"), ms);
    signal?.addEventListener("abort", abort, { once: true });
    promise.then(end, reject);
  });
}
