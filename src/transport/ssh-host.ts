import pLimit from "p-limit";
import type { AnyAuthMethod } from "ssh2";
import type { Command, Outcome, SocketPlace } from "../engine/ports.ts";
import type { HostTrust } from "./host-trust.ts";
import { reachByProxyCommand } from "./proxy-command.ts";
import { commandLine } from "./quote.ts";
import { reachDirectly, type Reached } from "./reach.ts";
import { dial, type Dialled, type OpenConnection } from "./ssh-connection.ts";
import { dialOut } from "./ssh-dial.ts";
import { execute, type Attempt, type ChunkSink } from "./ssh-exec.ts";
import { openTunnel, type Tunnel, type TunnelAttempt, type TunnelOptions } from "./ssh-tunnel.ts";
import type { SshTarget } from "./target.ts";

/** A target with what it takes to trust it and to be trusted by it. */
export interface SshPeer {
  readonly target: SshTarget;
  readonly trust: HostTrust;
  readonly methods: readonly AnyAuthMethod[];
  /** The machine it is reached through. */
  readonly via: SshPeer | null;
}

/** What all hosts of a pool share. */
export interface SshShared {
  /** Bounds handshakes and commands over all hosts. */
  readonly handshake: <T>(work: () => Promise<T>) => Promise<T>;
  readonly commands: <T>(work: () => Promise<T>) => Promise<T>;
  readonly connectTimeoutMs: number;
  /** The user's own shell, for a ProxyCommand. */
  readonly shell: string;
  /** Aborts when the pool closes. */
  readonly life: AbortSignal;
}

/** One command for a host. */
export interface SshCall {
  readonly command: Command;
  readonly signal: AbortSignal | undefined;
  readonly sink: ChunkSink | undefined;
}

/** One machine: its connection, made when needed and kept, and the commands that share it. */
export interface SshHost {
  run(call: SshCall): Promise<Outcome>;
  /** A stream to an address as this machine reaches it, through the kept connection. */
  tunnel(host: string, port: number, signal: AbortSignal | undefined): Promise<Tunnel>;
  /** A stream to a socket file of this machine, or to what a command of it makes of one. */
  socket(place: SocketPlace, signal: AbortSignal | undefined): Promise<Tunnel>;
  /** Established connections that broke. */
  losses(): number;
  close(): Promise<void>;
}

/** Opens a stream on a connection. */
type OpenStream = (connection: OpenConnection, options: Omit<TunnelOptions, "to">) => Promise<TunnelAttempt>;

/** A connection, or the attempt to make one. */
interface Link {
  readonly dialled: Promise<Dialled>;
  /** Commands that may touch it, from before they know whether it came about. */
  users: number;
  /** Channels open on it, and who waits for one of them to end. */
  open: number;
  readonly waiting: (() => void)[];
  /** Takes no new commands, and goes when its last one has ended. */
  retired: boolean;
}

/** Real sshd allow ten sessions a connection (MaxSessions); below that nobody is refused. */
const CHANNELS = 6;
/**
 * What is tried, in this order, when a node lets in no session although none of ours is open. Pauses in ms: sshd counts a session
 * until it has buried its process. Then a new connection, which starts at none: sessions of commands that were given up count
 * against the old one for as long as their processes live.
 */
const ROOM = [50, 100, 200, "new connection", 200, 400, 800] as const;

/**
 * The host of a peer. A command that certainly had not begun when its connection went is sent once more on a new one; one that
 * may have begun never is.
 */
export function createSshHost(peer: SshPeer, shared: SshShared, via: SshHost | null): SshHost {
  const { target } = peer;
  const { life, connectTimeoutMs } = shared;
  const channels = pLimit(CHANNELS);
  let current: Link | null = null;
  let losses = 0;

  const reach = async (to: SshTarget, timeoutMs: number, signal: AbortSignal): Promise<Reached> => {
    if (to.proxyCommand !== null) return reachByProxyCommand(to, to.proxyCommand, shared.shell);
    if (via === null) return reachDirectly(to, timeoutMs, signal);
    const tunnel = await via.tunnel(to.host, to.port, signal);
    return tunnel.kind === "open" ? tunnel : behindJump(to, tunnel);
  };

  const connect = (): Link => {
    if (current !== null) return current;
    const forget = (): void => {
      if (current === link) current = null;
    };
    const onClose = (): void => {
      // A connection that was let go is not a lost one.
      if (!link.retired && !life.aborted) losses++;
      forget();
    };
    const { handshake } = shared;
    const dialled = dial({ ...peer, timeoutMs: connectTimeoutMs, reach, handshake, onClose, signal: life });
    const link: Link = { dialled, users: 0, open: 0, waiting: [], retired: false };
    current = link;
    // A failure is told to everyone who waits for it, and tried afresh by the next one.
    void dialled.then(({ kind }) => {
      if (kind === "failed") forget();
    });
    return link;
  };

  const leave = (link: Link): void => {
    link.users--;
    if (!link.retired || link.users > 0) return;
    void link.dialled.then((dialled) => (dialled.kind === "open" ? dialled.connection.close() : undefined));
  };

  const retire = (link: Link): void => {
    link.retired = true;
    if (current === link) current = null;
    link.users++;
    leave(link);
  };

  const attempt = async (link: Link, { command, signal, sink }: SshCall): Promise<Attempt> => {
    const unsent = (code: string, reason: string): Outcome => ({ kind: "lost", reason, code, sent: false });
    const dialled = await within(link.dialled, command.timeoutMs, signal);
    if (dialled === "aborted") return unsent("aborted", "no longer wanted");
    if (dialled === "late") {
      return unsent(
        "unreachable",
        `no connection to ${target.host}:${String(target.port)} within ${String(command.timeoutMs)} ms`,
      );
    }
    if (dialled.kind === "failed") return unsent(dialled.code, dialled.reason);
    const line = commandLine(command.argv, { sudo: command.sudo === true && target.sudo });
    let opened = 0;
    const onOpened = (): void => {
      opened++;
      link.open++;
    };
    try {
      const options = { line, command, signal, onOpened, ...(sink === undefined ? {} : { sink }) };
      return await shared.commands(() => execute(dialled.connection, options));
    } finally {
      link.open -= opened;
      if (opened > 0) for (const wake of link.waiting.splice(0)) wake();
    }
  };

  /** The node let in no further session: waits for one of ours to end, or tries what `ROOM` says. False: nothing is left. */
  const makeRoom = async (link: Link, call: SshCall, tries: { refused: number }): Promise<boolean> => {
    if (link !== current) return true;
    if (link.open > 0) {
      const freed = new Promise<void>((resolve) => void link.waiting.push(resolve));
      return (await within(freed, call.command.timeoutMs, call.signal)) === undefined;
    }
    const next = ROOM[tries.refused++];
    if (next === undefined) return false;
    if (next === "new connection") retire(link);
    else await within(new Promise(() => undefined), next, call.signal);
    return true;
  };

  const carry = async (call: SshCall): Promise<Outcome> => {
    const tries = { refused: 0, reconnects: 0 };
    for (;;) {
      if (life.aborted) return { kind: "lost", reason: "pawl has closed its connections", code: "closed", sent: false };
      if (call.signal?.aborted === true) return { kind: "lost", reason: "no longer wanted", code: "aborted", sent: false };
      const link = connect();
      link.users++;
      const result = await attempt(link, call).finally(() => leave(link));
      if (result.kind !== "not-begun") return result;
      const gone = result.because === "connection-gone";
      // Only this connection: somebody else may have made a new one meanwhile.
      if (gone && current === link) current = null;
      const again = gone ? ++tries.reconnects === 1 : await makeRoom(link, call, tries);
      if (!again) return { kind: "lost", reason: result.reason, code: result.because, sent: false };
    }
  };

  /** A stream on the kept connection; made anew, once, where it turns out to be gone. */
  const openOn = async (open: OpenStream, signal: AbortSignal | undefined): Promise<Tunnel> => {
    for (let tries = 1; ; tries++) {
      if (life.aborted) return { kind: "failed", reason: "pawl has closed its connections", code: "closed" };
      const link = connect();
      link.users++;
      const dialled = await within(link.dialled, connectTimeoutMs, signal);
      if (dialled === "aborted" || dialled === "late" || dialled.kind === "failed") {
        leave(link);
        if (dialled === "aborted") return { kind: "failed", code: "aborted", reason: "no longer wanted" };
        if (dialled === "late")
          return {
            kind: "failed",
            code: "unreachable",
            reason: `no connection to ${target.name} within ${String(connectTimeoutMs)} ms`,
          };
        return dialled;
      }
      let left = false;
      const onClose = (): void => {
        if (!left) leave(link);
        left = true;
      };
      const opened = await open(dialled.connection, { through: target.name, timeoutMs: connectTimeoutMs, signal, onClose });
      if (opened.kind !== "not-begun") return opened;
      if (current === link) current = null;
      if (tries > 1) return { kind: "failed", code: "connection-lost", reason: opened.reason };
    }
  };

  const tunnel: SshHost["tunnel"] = (host, port, signal) =>
    openOn((connection, options) => openTunnel(connection, { ...options, to: { kind: "address", host, port } }), signal);

  let opensSockets = false;
  const socket: SshHost["socket"] = async (place, signal) => {
    const to = { kind: "socket", path: place.path } as const;
    const opened = await openOn((connection, options) => openTunnel(connection, { ...options, to }), signal);
    if (opened.kind === "open") opensSockets = true;
    // A server that has opened it before does not forbid it: nobody listens there now. One that was not reached is not asked again.
    const wayRefused = opened.kind === "failed" && (opened.beyond === true || opened.code === "forwarding-refused");
    if (opensSockets || !wayRefused) return opened;
    const line = commandLine(place.dial(place.path), { sudo: target.sudo });
    return openOn((connection, options) => dialOut(connection, { ...options, line }), signal);
  };

  return {
    run: (call) => channels(() => carry(call)),
    tunnel,
    socket,
    losses: () => losses,
    async close() {
      const dialled = await current?.dialled;
      if (dialled?.kind === "open") await dialled.connection.close();
    },
  };
}

/**
 * A failure of the way to a machine, told as such. A host key that is not trusted keeps its code: nobody goes on there by itself.
 * What the jump host itself said about the machine (refused, not resolved) is about the machine.
 */
function behindJump(target: SshTarget, failure: Extract<Tunnel, { kind: "failed" }>): Reached {
  const { code, reason } = failure;
  const jump = target.via?.name ?? "";
  if (code === "closed" || code === "aborted" || failure.beyond === true) return failure;
  if (code === "forwarding-refused" || code.startsWith("host-key-") || code.startsWith("jump-"))
    return { ...failure, reason: `jump host ${jump} of ${target.name}: ${reason}` };
  return { kind: "failed", code: `jump-${code}`, reason: `jump host ${jump} of ${target.name} is not reached: ${reason}` };
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
