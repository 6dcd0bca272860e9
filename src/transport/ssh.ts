import { setMaxListeners } from "node:events";
import pLimit from "p-limit";
import { PawlError } from "../domain/errors.ts";
import type { Command, Outcome, SocketPlace } from "../engine/ports.ts";
import type { ChunkSink } from "./ssh-exec.ts";
import { runAsRoot, type RootHost } from "./sudo-host.ts";
import type { SudoState } from "./sudo.ts";
import type { SshTarget } from "./target.ts";
import type { Tunnel } from "./ssh-tunnel.ts";
import { createSshHost, type SshHost, type SshPeer } from "./ssh-host.ts";

/** Commands over SSH: one connection per target, made at the first command and kept until `close`. */
export interface SshPool {
  run(target: string, command: Command, signal?: AbortSignal, sink?: ChunkSink): Promise<Outcome>;
  /**
   * A stream to host:port as the target itself reaches it (direct-tcpip, `ssh -W`), through the target's kept connection; it takes
   * none of the sessions commands need. The failure's codes are those of connecting, and `forwarding-refused`. The stream fails
   * with ECONNRESET when the connection breaks. Rejects with PawlError for a target nobody knows.
   */
  tunnel(target: string, host: string, port: number, signal?: AbortSignal): Promise<Tunnel>;
  /**
   * A stream to a socket file of the target, through its kept connection (direct-streamlocal, `ssh -L local:PATH`); where the SSH server
   * opens none, through a command of the node that does, as root where the user is not. Rejects as `tunnel` does.
   */
  socket(target: string, place: SocketPlace, signal?: AbortSignal): Promise<Tunnel>;
  /**
   * The password for sudo, from now on, tried at once on the first machine that asks for one, and nowhere else: never on one that is
   * only passed through. What sudo said there, where it is wrong; null where it is right, or none of the first few asks or answers.
   */
  giveSudoPassword(password: string): Promise<{ readonly machine: string; readonly reason: string } | null>;
  /** Established connections to the target that broke, not counting those `close` ended. */
  losses(target: string): number;
  close(): Promise<void>;
}

/** A password is tried before it is needed on the first of so many machines that asks for one. */
const ASKED_FOR_PROOF = 5;
const HANDSHAKES = 48;
const COMMANDS = 100;
const CONNECT_TIMEOUT_MS = 15_000;

/**
 * A pool over the given peers. Limits: 48 handshakes and 100 commands at once, 6 per host; waiting for them is not counted as
 * the command's own time. `connectTimeoutMs` bounds reaching a host (default 15 s). `run` rejects with PawlError for a target
 * nobody knows, and with what the sink threw.
 */
export function createSshPool(
  peers: ReadonlyMap<string, SshPeer>,
  options: {
    readonly connectTimeoutMs?: number;
    readonly shell?: string;
    readonly sudoPassword?: string | undefined;
    /** Peers that are only passed through: nothing needs root there. */
    readonly jumps?: ReadonlySet<string>;
  } = {},
): SshPool {
  const life = new AbortController();
  // Every connection of the pool listens to its end: hundreds of listeners are right here.
  setMaxListeners(0, life.signal);
  const shared = {
    handshake: pLimit(HANDSHAKES),
    commands: pLimit(COMMANDS),
    connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    shell: options.shell ?? "/bin/sh",
    life: life.signal,
  };
  // A machine of the inventory that is also a jump host has one connection for both.
  const byWay = new Map<string, SshHost>();
  const jumpHost = (peer: SshPeer): SshHost => {
    const way = wayOf(peer.target);
    const known = byWay.get(way);
    if (known !== undefined) return known;
    const host = createSshHost(peer, shared, peer.via === null ? null : jumpHost(peer.via));
    byWay.set(way, host);
    return host;
  };
  const isJump = new Set([...peers.values()].flatMap(({ target }) => waysThrough(target)));
  const hosts = new Map<string, SshHost>(
    [...peers].map(([name, peer]) => [
      name,
      isJump.has(wayOf(peer.target))
        ? jumpHost(peer)
        : createSshHost(peer, shared, peer.via === null ? null : jumpHost(peer.via)),
    ]),
  );
  // A jump host can be named too: other connections than SSH may begin there.
  for (const [name, peer] of jumpPeers(peers)) if (!hosts.has(name)) hosts.set(name, jumpHost(peer));
  const sudo: SudoState = { password: options.sudoPassword ?? null, first: null, proven: false, wrong: null };
  const roots = new Map<string, RootHost>();
  for (const [name, { target }] of peers) {
    const host = hosts.get(name);
    if (host !== undefined && options.jumps?.has(name) !== true) roots.set(name, runAsRoot(host, target, sudo));
  }
  const hostOf = (target: string): SshHost => {
    const host = hosts.get(target);
    if (host !== undefined) return host;
    throw new PawlError("internal", "unknown-target", `There is no machine named ${target} in the inventory.`, {
      expected: [...peers.keys()].join(", "),
      observed: target,
    });
  };
  return {
    run: async (target, command, signal, sink) => (roots.get(target) ?? hostOf(target)).run({ command, signal, sink }),
    tunnel: async (target, host, port, signal) => hostOf(target).tunnel(host, port, signal),
    socket: async (target, place, signal) => hostOf(target).socket(place, signal),
    async giveSudoPassword(password) {
      Object.assign(sudo, { password, first: null, proven: false, wrong: null });
      for (const [name, root] of [...roots].slice(0, ASKED_FOR_PROOF)) {
        const found = await root.prove();
        if (found === "password") return null;
        if (typeof found === "object" && found.kind === "lost" && found.code === "sudo-password-wrong")
          return { machine: name, reason: found.reason };
      }
      return null;
    },
    losses: (target) => hosts.get(target)?.losses() ?? 0,
    async close() {
      life.abort();
      // Nodes first: the farewell to a node goes through its jump host.
      await Promise.all([...hosts.values()].map((host) => host.close()));
      await Promise.all([...byWay.values()].map((host) => host.close()));
    },
  };
}

/** The jump hosts of peers, by their host name. */
export function jumpPeers(peers: ReadonlyMap<string, SshPeer>): ReadonlyMap<string, SshPeer> {
  const behind = (peer: SshPeer): readonly SshPeer[] => (peer.via === null ? [] : [peer.via, ...behind(peer.via)]);
  return new Map([...peers.values()].flatMap(behind).map((peer) => [peer.target.host, peer]));
}

/**
 * What tells two ways to a machine apart: everything it is reached, trusted and logged in to by. A connection that was verified by
 * one known_hosts, under one name, with one key, must not carry those who trust another. Only its name and sudo say nothing here.
 */
function wayOf({ name: _name, sudo: _sudo, via, ...rest }: SshTarget): string {
  return JSON.stringify([
    Object.entries(rest).toSorted(([one], [other]) => (one < other ? -1 : 1)),
    via === null ? null : wayOf(via),
  ]);
}

function waysThrough({ via }: SshTarget): readonly string[] {
  return via === null ? [] : [wayOf(via), ...waysThrough(via)];
}
