import pLimit, { type LimitFunction } from "p-limit";
import type { AnyAuthMethod } from "ssh2";
import { PawlError } from "../domain/errors.ts";
import type { Command, Outcome } from "../engine/ports.ts";
import type { KnownHostsLine } from "./known-hosts.ts";
import { commandLine } from "./quote.ts";
import { dial, type Dialled } from "./ssh-connection.ts";
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
/** Pauses before a refused channel is asked for again while none of ours is open: sessions of others may end. */
const CHANNEL_PAUSES_MS = [100, 200, 400, 800, 1_600];

interface Call {
  readonly command: Command;
  readonly signal: AbortSignal | undefined;
  readonly sink: ChunkSink | undefined;
}

interface Host {
  readonly peer: SshPeer;
  readonly channels: LimitFunction;
  /** The connection, or the attempt to make one; null when there is none. */
  dialling: Promise<Dialled> | null;
  losses: number;
  /** Channels that are open now, and who waits for one of them to end. */
  open: number;
  readonly waiting: Set<() => void>;
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
  const life = new AbortController();

  const hostOf = (name: string): Host => {
    const known = hosts.get(name);
    if (known !== undefined) return known;
    const peer = peers.get(name);
    if (peer === undefined) {
      throw new PawlError("internal", "unknown-target", `There is no machine named ${name} in the inventory.`, { expected: [...peers.keys()].join(", "), observed: name });
    }
    const fresh: Host = { peer, channels: pLimit(CHANNELS_PER_HOST), dialling: null, losses: 0, open: 0, waiting: new Set() };
    hosts.set(name, fresh);
    return fresh;
  };

  const connection = (host: Host): Promise<Dialled> => {
    if (host.dialling !== null) return host.dialling;
    const forget = (): void => {
      if (host.dialling === dialling) host.dialling = null;
    };
    const onClose = (): void => {
      // A connection that was given up is not a lost one.
      if (host.dialling === dialling && !life.signal.aborted) host.losses++;
      forget();
    };
    const dialling = dial({ ...host.peer, timeoutMs: connectTimeoutMs, handshake, onClose, signal: life.signal }).then((dialled) => {
      // A failure is told to everyone who waits for it, and tried afresh by the next one.
      if (dialled.kind === "failed") forget();
      return dialled;
    });
    host.dialling = dialling;
    return dialling;
  };

  const attempt = async (host: Host, { command, signal, sink }: Call): Promise<Attempt> => {
    if (life.signal.aborted) return { kind: "lost", reason: "pawl has closed its connections", code: "closed", sent: false };
    if (signal?.aborted === true) return { kind: "lost", reason: "no longer wanted", code: "aborted", sent: false };
    const dialling = connection(host);
    const dialled = await within(dialling, command.timeoutMs, signal);
    if (dialled === "late") return { kind: "lost", reason: `no connection to ${host.peer.target.host}:${String(host.peer.target.port)} within ${String(command.timeoutMs)} ms`, code: "unreachable", sent: false };
    if (dialled === "aborted") return { kind: "lost", reason: "no longer wanted", code: "aborted", sent: false };
    if (dialled.kind === "failed") return { kind: "lost", reason: dialled.reason, code: dialled.code, sent: false };
    const line = commandLine(command.argv, { sudo: command.sudo === true && host.peer.target.sudo });
    const result = await commands(async () => {
      host.open++;
      try {
        return await execute(dialled.connection, { line, command, signal, ...(sink === undefined ? {} : { sink }) });
      } finally {
        host.open--;
        for (const wake of [...host.waiting]) wake();
      }
    });
    // Only this connection: somebody else may have made a new one meanwhile.
    if (result.kind === "not-begun" && result.because === "connection-gone" && host.dialling === dialling) host.dialling = null;
    return result;
  };

  /**
   * The node lets in no more sessions for now. While channels of ours are open, one of them will end. Without any, sessions of
   * commands that were given up may still count against the connection (sshd keeps them until their process ends): a new
   * connection starts at none, so the old one is let go once.
   */
  const makeRoom = async (host: Host, call: Call, refused: number): Promise<boolean> => {
    if (host.open > 0) {
      const freed = new Promise<void>((resolve) => host.waiting.add(resolve));
      return (await within(freed, call.command.timeoutMs, call.signal)) === undefined;
    }
    const old = host.dialling;
    if (refused === 1 && old !== null) {
      host.dialling = null;
      const dialled = await old;
      if (dialled.kind === "open") await dialled.connection.close();
      return true;
    }
    const pauseMs = CHANNEL_PAUSES_MS[refused - 2];
    if (pauseMs === undefined) return false;
    await within(new Promise(() => undefined), pauseMs, call.signal);
    return true;
  };

  return {
    async run(target, command, signal, sink) {
      const host = hostOf(target);
      const call: Call = { command, signal, sink };
      return host.channels(async () => {
        let reconnects = 0;
        let refused = 0;
        for (;;) {
          const result = await attempt(host, call);
          if (result.kind !== "not-begun") return result;
          if (result.because === "channel-refused" && host.open === 0) refused++;
          const again = result.because === "connection-gone" ? ++reconnects === 1 : await makeRoom(host, call, refused);
          if (!again) return { kind: "lost", reason: result.reason, code: result.because, sent: false };
        }
      });
    },
    losses: (target) => hosts.get(target)?.losses ?? 0,
    async close() {
      life.abort();
      const open = [...hosts.values()].map(async (host) => {
        const dialled = await host.dialling;
        if (dialled?.kind === "open") await dialled.connection.close();
      });
      await Promise.all(open);
    },
  };
}

/** The promise, or which of time and signal came first. Transport time-outs are wall time, on a lab too. */
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
