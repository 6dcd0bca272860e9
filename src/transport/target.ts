import { isAbsolute, join } from "node:path";
import { PawlError } from "../domain/errors.ts";
import type { Inventory, SshSettings } from "../domain/inventory.ts";
import { expand, sshOptionsFor, type SshConfig } from "./ssh-config.ts";

/** Everything needed to reach one machine by SSH. */
export interface SshTarget {
  /** A node's name, or `bootstrap`. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Put `sudo -n --` before commands that need root. */
  readonly sudo: boolean;
  /** Private keys; `wanted` ones were named by somebody and must be usable. */
  readonly identityFiles: readonly { readonly path: string; readonly wanted: boolean }[];
  /** Socket of the ssh-agent to ask, if any. */
  readonly agent: string | null;
  /** Keys only from the agent that a named identity file could not give. */
  readonly identitiesOnly: boolean;
  readonly knownHostsFiles: readonly string[];
  /** The name to look up in known_hosts instead of the host. */
  readonly hostKeyAlias: string | null;
}

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's home folder: `~`, ~/.ssh. */
  readonly home: string;
}

const DEFAULT_KEYS = ["id_ed25519", "id_ecdsa", "id_rsa"];

/**
 * The targets of an inventory: its nodes by name, and `bootstrap`. What a node says wins over the inventory's `ssh`, that over
 * ~/.ssh/config, that over OpenSSH's defaults. A node's `address` is the name ~/.ssh/config is asked for. Without a word about
 * sudo, commands that need root use it exactly when the user is not root. Throws PawlError where a proxy would be needed.
 */
export function sshTargets(inventory: Inventory, config: SshConfig, around: Surroundings): ReadonlyMap<string, SshTarget> {
  const machines = inventory.nodes.map(({ name, address, ssh }) => ({ name, address, ssh }));
  if (inventory.bootstrap !== undefined)
    machines.push({ name: "bootstrap", address: inventory.bootstrap.address, ssh: inventory.bootstrap.ssh });
  return new Map(
    machines.map(({ name, address, ssh }) => [
      name,
      targetOf(name, address, { ...inventory.ssh, ...ssh }, inventory.folder, config, around),
    ]),
  );
}

function targetOf(
  name: string,
  address: string,
  ssh: SshSettings,
  folder: string,
  config: SshConfig,
  around: Surroundings,
): SshTarget {
  const options = sshOptionsFor(config, address);
  if (options.proxy !== undefined) {
    throw new PawlError(
      "invalid-document",
      "ssh-proxy",
      `${name} (${address}) is reached through a proxy, which pawl does not do: it connects to every node directly.`,
      {
        node: name,
        expected: "nodes that accept SSH connections from this machine",
        observed: `${options.proxy} in ~/.ssh/config`,
        next: "Run pawl on a machine inside the network, for example the bootstrap node.",
      },
    );
  }
  const user = ssh.user ?? options.user ?? around.env["USER"] ?? around.env["LOGNAME"] ?? "root";
  const host = options.hostName ?? address;
  const port = ssh.port ?? options.port ?? 22;
  const path = (text: string): string => {
    const full = expand(text, around.home);
    return isAbsolute(full) ? full : join(folder, full);
  };
  const tokens: Readonly<Record<string, string>> = {
    "%%": "%",
    "%d": around.home,
    "%h": host,
    "%r": user,
    "%p": String(port),
    "%n": address,
    "%u": around.env["USER"] ?? user,
  };
  const configured = (text: string): string =>
    expand(
      text.replace(/%[%dhrpnu]/g, (token) => tokens[token] ?? token),
      around.home,
    );
  const named = ssh.identityFile === undefined ? options.identityFiles.map(configured) : [path(ssh.identityFile)];
  const defaults = DEFAULT_KEYS.map((file) => join(around.home, ".ssh", file));
  const knownHosts =
    ssh.knownHosts === undefined
      ? (options.userKnownHostsFiles?.map(configured) ?? [
          join(around.home, ".ssh/known_hosts"),
          join(around.home, ".ssh/known_hosts2"),
        ])
      : [path(ssh.knownHosts)];
  return {
    name,
    host,
    port,
    user,
    sudo: ssh.sudo ?? user !== "root",
    identityFiles:
      named.length > 0
        ? named.map((one) => ({ path: one, wanted: true }))
        : defaults.map((one) => ({ path: one, wanted: false })),
    agent: agentOf(options.identityAgent, around, configured),
    identitiesOnly: options.identitiesOnly,
    knownHostsFiles: ssh.knownHosts === undefined ? [...knownHosts, "/etc/ssh/ssh_known_hosts"] : knownHosts,
    hostKeyAlias: options.hostKeyAlias ?? null,
  };
}

function agentOf(configured: string | undefined, around: Surroundings, path: (text: string) => string): string | null {
  const usual = around.env["SSH_AUTH_SOCK"];
  if (configured === "none") return null;
  if (configured !== undefined && configured !== "SSH_AUTH_SOCK") return path(configured);
  return usual === undefined || usual === "" ? null : usual;
}
