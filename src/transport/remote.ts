import type { Inventory } from "../domain/inventory.ts";
import type { Remote, WebProduct } from "../engine/ports.ts";
import { createHostTrust, type AcceptedHostKey } from "./host-trust.ts";
import { createIdentities, type AskPassphrase, type Identities } from "./identities.ts";
import { createSshPool, jumpPeers, type SshPool } from "./ssh.ts";
import type { SshPeer } from "./ssh-host.ts";
import { readSshConfigs } from "./ssh-config.ts";
import { sshTargets, type SshTarget, type Surroundings } from "./target.ts";
import { createWebAccess } from "./web-access.ts";

/** The outside of a real cluster (or of a lab's wire: nothing here asks which). */
export interface WiredRemote extends Remote {
  /** The public key known_hosts holds for a target, as `type base64`; ed25519 where there are several. Null: none. */
  hostKeyOf(target: string): string | null;
  /** A stream to host:port as the target reaches it, through the target's own kept connection (SshPool.tunnel). */
  tunnel: SshPool["tunnel"];
  /** SshPool.giveSudoPassword; the password is masked from then on. */
  giveSudoPassword: SshPool["giveSudoPassword"];
}

/** What a remote is made of. */
export interface RemoteOptions extends Surroundings {
  readonly inventory: Inventory;
  readonly connectTimeoutMs?: number;
  /** The product's ports by service, and how its web servers are reached where security is on. */
  readonly ports?: Readonly<Record<string, number>>;
  readonly web?: WebProduct | undefined;
  /** Told every secret as soon as it is known, so that it can be masked wherever it turns up. */
  readonly secret?: (value: string) => void;
  /** Told every host key that is accepted, once it is written; without it none is accepted. */
  readonly accept?: ((accepted: AcceptedHostKey) => void) | undefined;
  /** The user's password for sudo, for nodes that ask for one. */
  readonly sudoPassword?: string | undefined;
  /** Key files somebody has unlocked. */
  readonly identities?: Identities;
}

/**
 * The `Remote` of an inventory: its nodes and `bootstrap` by SSH, anything by HTTP and TCP, as the inventory's `http` says. Reads ~/.ssh/config, known_hosts
 * and key files now, once; connects later. Throws PawlError for a key file that cannot be used.
 */
export function createRemote(options: RemoteOptions): WiredRemote {
  const { inventory } = options;
  const identities = options.identities ?? createIdentities();
  const trust = createHostTrust(options.accept ?? null);
  const peers = new Map<string, SshPeer>();
  const peerOf = (target: SshTarget): SshPeer => ({
    target,
    trust,
    methods: identities.methodsFor(target),
    via: target.via === null ? null : peerOf(target.via),
  });
  for (const [name, target] of targetsOf(options)) peers.set(name, peerOf(target));
  // Jump hosts are machines of their own for `http: { through: { ssh: NAME } }`, by the name or the host they are given.
  const jumps = new Set<string>();
  for (const peer of [...peers.values()])
    for (let jump = peer.via; jump !== null; jump = jump.via)
      for (const name of [jump.target.name, jump.target.host]) {
        if (peers.has(name)) continue;
        peers.set(name, jump);
        jumps.add(name);
      }
  if (options.sudoPassword !== undefined) options.secret?.(options.sudoPassword);
  const ssh = createSshPool(peers, {
    sudoPassword: options.sudoPassword,
    jumps,
    ...(options.connectTimeoutMs === undefined ? {} : { connectTimeoutMs: options.connectTimeoutMs }),
    ...(options.env["SHELL"] === undefined ? {} : { shell: options.env["SHELL"] }),
  });
  const web = createWebAccess({
    inventory,
    ports: options.ports ?? {},
    web: options.web ?? null,
    env: options.env,
    tunnel: (target, host, port, signal) => ssh.tunnel(target, host, port, signal),
    socket: (target, place, signal) => ssh.socket(target, place, signal),
    targets: new Set([...peers.keys(), ...jumpPeers(peers).keys()]),
    secret: options.secret ?? (() => undefined),
  });
  return {
    run: (target, command, signal) => ssh.run(target, command, signal),
    stream: (target, command, onChunk, signal) => ssh.run(target, command, signal, onChunk),
    http: (request, signal) => web.ask(request, signal),
    tcp: (host, port, send, timeoutMs, signal) => web.tcp(host, port, send, timeoutMs, signal),
    tunnel: (target, host, port, signal) => ssh.tunnel(target, host, port, signal),
    async open(target, host, port, signal) {
      const opened = await ssh.tunnel(target, host, port, signal);
      return opened.kind === "open" ? opened : { kind: "no-answer", code: opened.code, reason: opened.reason };
    },
    giveSudoPassword(password) {
      options.secret?.(password);
      return ssh.giveSudoPassword(password);
    },
    losses: (target) => ssh.losses(target),
    async close() {
      await Promise.all([ssh.close(), web.close()]);
    },
    hostKeyOf(target) {
      const peer = peers.get(target);
      const trusted = (peer === undefined ? [] : trust.linesFor(peer.target)).filter((line) => !line.revoked);
      const key = (trusted.find((line) => line.key.type === "ssh-ed25519") ?? trusted[0])?.key;
      return key === undefined ? null : `${key.type} ${key.blob.toString("base64")}`;
    },
  };
}

/** `createRemote`, after every passphrase that is needed has been asked for, once per key file. Throws PawlError where nobody can be asked. */
export async function openRemote(options: RemoteOptions & { readonly ask: AskPassphrase }): Promise<WiredRemote> {
  const identities = createIdentities();
  const chain = (target: SshTarget): readonly SshTarget[] => [...(target.via === null ? [] : chain(target.via)), target];
  await identities.unlock([...targetsOf(options).values()].flatMap(chain), options.ask);
  return createRemote({ ...options, identities });
}

function targetsOf(options: RemoteOptions): ReadonlyMap<string, SshTarget> {
  return sshTargets(options.inventory, readSshConfigs(options.home, options.etc ?? "/etc/ssh"), options);
}
