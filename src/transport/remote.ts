import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Inventory } from "../domain/inventory.ts";
import type { Remote } from "../engine/ports.ts";
import { createHttpClient } from "./http.ts";
import { createIdentities } from "./identities.ts";
import { knownHostsName, linesFor, parseKnownHosts, type KnownHostsLine } from "./known-hosts.ts";
import { createSshPool, type SshPool } from "./ssh.ts";
import type { SshPeer } from "./ssh-host.ts";
import { readSshConfig } from "./ssh-config.ts";
import { sshTargets, type SshTarget, type Surroundings } from "./target.ts";
import { askTcp } from "./tcp.ts";

/** The outside of a real cluster (or of a lab's wire: nothing here asks which). */
export interface WiredRemote extends Remote {
  /** The public key known_hosts holds for a target, as `type base64`; ed25519 where there are several. Null: none. */
  hostKeyOf(target: string): string | null;
  /** A stream to host:port as the target reaches it, through the target's own kept connection (SshPool.tunnel). */
  tunnel: SshPool["tunnel"];
}

/**
 * The `Remote` of an inventory: its nodes and `bootstrap` by SSH, anything by HTTP and TCP. Reads ~/.ssh/config, known_hosts
 * and key files now, once; connects later. Throws PawlError for a key file that cannot be used and for nodes behind a proxy.
 */
export function createRemote(
  options: { readonly inventory: Inventory; readonly connectTimeoutMs?: number } & Surroundings,
): WiredRemote {
  const { inventory, home } = options;
  const identities = createIdentities();
  const knownHosts = createKnownHosts();
  const peers = new Map<string, SshPeer>();
  for (const [name, target] of sshTargets(inventory, readSshConfig(join(home, ".ssh/config"), home), options)) {
    peers.set(name, { target, known: knownHosts(target), methods: identities(target) });
  }
  const addresses = [
    ...inventory.nodes.map((node) => node.address),
    ...(inventory.bootstrap === undefined ? [] : [inventory.bootstrap.address]),
  ];
  const http = createHttpClient(new Set(addresses));
  const ssh = createSshPool(peers, options.connectTimeoutMs === undefined ? {} : { connectTimeoutMs: options.connectTimeoutMs });
  return {
    run: (target, command, signal) => ssh.run(target, command, signal),
    stream: (target, command, onChunk, signal) => ssh.run(target, command, signal, onChunk),
    http: (request, signal) => http.ask(request, signal),
    tcp: askTcp,
    tunnel: (target, host, port, signal) => ssh.tunnel(target, host, port, signal),
    losses: (target) => ssh.losses(target),
    async close() {
      await Promise.all([ssh.close(), http.close()]);
    },
    hostKeyOf(target) {
      const trusted = (peers.get(target)?.known ?? []).filter((line) => !line.revoked);
      const key = (trusted.find((line) => line.key.type === "ssh-ed25519") ?? trusted[0])?.key;
      return key === undefined ? null : `${key.type} ${key.blob.toString("base64")}`;
    },
  };
}

/** Gives the lines about a target; every file is read once. A file that does not exist vouches for nobody. */
function createKnownHosts(): (target: SshTarget) => readonly KnownHostsLine[] {
  const files = new Map<string, readonly KnownHostsLine[]>();
  const linesOf = (file: string): readonly KnownHostsLine[] => {
    const known = files.get(file);
    if (known !== undefined) return known;
    const fresh = parseKnownHosts(textOf(file), file);
    files.set(file, fresh);
    return fresh;
  };
  return (target) =>
    linesFor(
      target.knownHostsFiles.flatMap(linesOf),
      knownHostsName(target.hostKeyAlias ?? target.host, target.hostKeyAlias === null ? target.port : 22),
    );
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
