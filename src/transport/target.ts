import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { isAbsolute, join } from "node:path";
import { PawlError } from "../domain/errors.ts";
import { plainAddress, type Inventory, type SshSettings } from "../domain/inventory.ts";
import { jumpOf, type JumpHop } from "./jump.ts";
import { expand, sshOptionsFor, type SshConfig, type SshOptions } from "./ssh-config.ts";

/** Everything needed to reach one machine by SSH. */
export interface SshTarget {
  /** A node's name, or `bootstrap`; for a jump host as it was written. */
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
  /** Only keys that were named: of the agent's, those that belong to a named file. */
  readonly identitiesOnly: boolean;
  /** The first one is where an accepted key would be written. */
  readonly knownHostsFiles: readonly string[];
  /** The name to look up in known_hosts instead of the host. */
  readonly hostKeyAlias: string | null;
  /** The machine the connection goes through; null: directly. */
  readonly via: SshTarget | null;
  /** The user's own shell line whose input and output are the connection (ProxyCommand); null: none. */
  readonly proxyCommand: string | null;
}

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's home folder: `~`, ~/.ssh. */
  readonly home: string;
  /** Where ssh_config and ssh_known_hosts of the machine are; /etc/ssh unless given. */
  readonly etc?: string;
}

const DEFAULT_KEYS = ["id_ed25519", "id_ecdsa", "id_rsa"];
/** A longer chain is a circle that changes its names. */
const LONGEST_CHAIN = 8;

/** What all targets of an inventory are made from. */
interface Origin {
  readonly inventory: Inventory;
  readonly config: SshConfig;
  readonly around: Surroundings;
}

/** A machine as it is about to be resolved: its own settings, and who asked for it. */
interface Wanted {
  readonly name: string;
  readonly address: string;
  readonly ssh: SshSettings;
  /** Machines in between that are already decided; undefined: its own settings and ~/.ssh/config say. */
  readonly hops?: readonly string[];
  /** Machines that are to be reached through this one, for circles. */
  readonly behind: readonly string[];
  /** A machine nobody lists: what ~/.ssh/config says about it comes before the inventory's `ssh`. */
  readonly stranger?: JumpHop;
}

/**
 * The targets of an inventory: its nodes by name, and `bootstrap`. What a node says wins over the inventory's `ssh`, that over
 * ~/.ssh/config, that over OpenSSH's defaults. A node's `address` is the name ~/.ssh/config is asked for. Without a word about
 * sudo, commands that need root use it exactly when the user is not root. Throws PawlError for jump hosts that lead in a circle.
 */
export function sshTargets(inventory: Inventory, config: SshConfig, around: Surroundings): ReadonlyMap<string, SshTarget> {
  const origin = { inventory, config, around };
  return new Map(machinesOf(inventory).map((machine) => [machine.name, resolve(origin, { ...machine, behind: [] })]));
}

function machinesOf(
  inventory: Inventory,
): readonly { readonly name: string; readonly address: string; readonly ssh: SshSettings }[] {
  const machines = inventory.nodes.map(({ name, address, ssh }) => ({ name, address, ssh }));
  if (inventory.bootstrap === undefined) return machines;
  return [...machines, { name: "bootstrap", address: inventory.bootstrap.address, ssh: inventory.bootstrap.ssh }];
}

function resolve(origin: Origin, wanted: Wanted): SshTarget {
  const { inventory, config, around } = origin;
  const { name, address, stranger } = wanted;
  if (wanted.behind.includes(name) || wanted.behind.length > LONGEST_CHAIN) throw circle([...wanted.behind, name]);
  const ssh = stranger === undefined ? { ...inventory.ssh, ...wanted.ssh } : {};
  const localUser = around.env["USER"] ?? around.env["LOGNAME"] ?? "root";
  const options = sshOptionsFor(config, address, localUser, decidedBy(ssh, wanted));
  const user = stranger?.user ?? ssh.user ?? options.user ?? wanted.ssh.user ?? localUser;
  const host = plainAddress(options.hostName ?? address);
  const port = stranger?.port ?? ssh.port ?? options.port ?? 22;
  const jumps = wanted.hops ?? hopsOf({ ...wanted, port }, inventory.ssh, options);
  const proxyJump = (options.proxyJump ?? []).join(",");
  const tokens: Readonly<Record<string, string>> = {
    "%%": "%",
    "%C": createHash("sha1")
      .update(`${hostname()}${host}${String(port)}${user}${proxyJump}`)
      .digest("hex"),
    "%d": around.home,
    "%h": host,
    "%i": String(process.getuid?.() ?? ""),
    "%j": proxyJump,
    "%k": options.hostKeyAlias ?? host,
    "%L": hostname().split(".")[0] ?? "",
    "%l": hostname(),
    "%n": address,
    "%p": String(port),
    "%r": user,
    "%u": localUser,
  };
  const filled = (text: string): string => text.replace(/%[%CdhijkLlnpru]/g, (token) => tokens[token] ?? token);
  const configured = (text: string): string =>
    expand(filled(text.replace(/\$\{(\w+)\}/g, (whole, variable: string) => around.env[variable] ?? whole)), around.home);
  const own = (text: string | undefined): readonly string[] => {
    if (text === undefined) return [];
    const full = expand(text, around.home);
    return [isAbsolute(full) ? full : join(inventory.folder, full)];
  };
  const named =
    ssh.identityFile === undefined
      ? [...options.identityFiles.filter((one) => one.toLowerCase() !== "none").map(configured), ...own(wanted.ssh.identityFile)]
      : own(ssh.identityFile);
  const defaults = DEFAULT_KEYS.map((file) => join(around.home, ".ssh", file));
  return {
    name,
    host,
    port,
    user,
    sudo: ssh.sudo ?? user !== "root",
    identityFiles:
      named.length > 0
        ? [...new Set(named)].map((one) => ({ path: one, wanted: true }))
        : defaults.map((one) => ({ path: one, wanted: false })),
    agent: agentOf(options.identityAgent, around, configured),
    identitiesOnly: options.identitiesOnly,
    knownHostsFiles:
      ssh.knownHosts === undefined
        ? [...own(wanted.ssh.knownHosts), ...usersKnownHosts(options, around, configured)]
        : own(ssh.knownHosts),
    hostKeyAlias: options.hostKeyAlias ?? null,
    via: viaOf(origin, jumps, [...wanted.behind, name], settingsOfStrangers(wanted, inventory.ssh)),
    proxyCommand:
      jumps.length > 0 || ssh.jump !== undefined || options.proxyCommand === undefined ? null : filled(options.proxyCommand),
  };
}

/** Keywords of ~/.ssh/config that cannot change anything for this machine. */
function decidedBy(ssh: SshSettings, wanted: Wanted): ReadonlySet<string> {
  const { stranger } = wanted;
  return new Set([
    ...(ssh.user === undefined && stranger?.user === undefined ? [] : ["user"]),
    ...(ssh.port === undefined && stranger?.port === undefined ? [] : ["port"]),
    ...(ssh.identityFile === undefined ? [] : ["identityfile"]),
    ...(ssh.knownHosts === undefined ? [] : ["userknownhostsfile", "globalknownhostsfile"]),
    ...(ssh.jump === undefined && wanted.hops === undefined ? [] : ["proxyjump", "proxycommand"]),
  ]);
}

/** The machines in between, first to last: the machine's own word, the inventory's (of which it may itself be one), ~/.ssh/config. */
function hopsOf(wanted: Wanted & { readonly port: number }, common: SshSettings, options: SshOptions): readonly string[] {
  if (wanted.stranger !== undefined) return options.proxyJump ?? [];
  if (wanted.ssh.jump !== undefined) return wanted.ssh.jump;
  if (common.jump === undefined) return options.proxyJump ?? [];
  const own = common.jump.findIndex((spec) => {
    const hop = jumpOf(spec);
    // Behind one address there may be several machines, by port.
    const same = hop !== null && plainAddress(hop.host) === plainAddress(wanted.address);
    return spec === wanted.name || (same && (hop.port ?? wanted.port) === wanted.port);
  });
  return own === -1 ? common.jump : common.jump.slice(0, own);
}

/** A jump host the inventory names is reached as its nodes are; one that ~/.ssh/config names, as OpenSSH would. Both may be known in the inventory's known_hosts. */
function settingsOfStrangers(wanted: Wanted, common: SshSettings): SshSettings {
  if (wanted.stranger !== undefined) return wanted.ssh;
  if (wanted.hops !== undefined || wanted.ssh.jump !== undefined || common.jump !== undefined)
    return { ...common, ...wanted.ssh };
  return common.knownHosts === undefined ? {} : { knownHosts: common.knownHosts };
}

function viaOf(origin: Origin, hops: readonly string[], behind: readonly string[], strangers: SshSettings): SshTarget | null {
  const last = hops.at(-1);
  if (last === undefined) return null;
  const before = hops.slice(0, -1);
  const machine = machinesOf(origin.inventory).find((one) => one.name === last);
  if (machine !== undefined) {
    // The first of a chain is reached the way it is reached anyhow.
    if (before.length > 0) return resolve(origin, { ...machine, hops: before, behind });
    return resolve(origin, { ...machine, behind });
  }
  const stranger = jumpOf(last);
  if (stranger === null)
    throw new PawlError("invalid-document", "jump-unreadable", `${last} does not name a jump host.`, {
      expected: "[user@]host[:port], or the name of a machine of the inventory",
      observed: last,
      next: "Correct jump in the inventory, or ProxyJump in ~/.ssh/config.",
    });
  const hop = { name: last, address: stranger.host, ssh: strangers, behind, stranger };
  return resolve(origin, before.length > 0 ? { ...hop, hops: before } : hop);
}

function circle(names: readonly string[]): PawlError {
  return new PawlError("invalid-document", "jump-loop", "The jump hosts lead in a circle.", {
    expected: "a chain of jump hosts that begins at a machine reached directly",
    observed: names.toReversed().join(" → "),
    next: "Leave the jump host out of the pattern (Host * !bastion), or say jump: none for it in the inventory.",
  });
}

function usersKnownHosts(options: SshOptions, around: Surroundings, configured: (text: string) => string): readonly string[] {
  const folder = join(around.home, ".ssh");
  const own = options.userKnownHostsFiles?.filter((one) => one.toLowerCase() !== "none").map(configured);
  const all = options.globalKnownHostsFiles?.filter((one) => one.toLowerCase() !== "none").map(configured);
  return [
    ...(own ?? [join(folder, "known_hosts"), join(folder, "known_hosts2")]),
    ...(all ?? [join(around.etc ?? "/etc/ssh", "ssh_known_hosts")]),
  ];
}

function agentOf(configured: string | undefined, around: Surroundings, path: (text: string) => string): string | null {
  const usual = around.env["SSH_AUTH_SOCK"];
  if (configured === "none") return null;
  if (configured !== undefined && configured !== "SSH_AUTH_SOCK")
    return configured.startsWith("$") && !configured.startsWith("${")
      ? (around.env[configured.slice(1)] ?? null)
      : path(configured);
  return usual === undefined || usual === "" ? null : usual;
}
