import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { Inventory, InventoryNode, SshSettings } from "../../src/domain/inventory.ts";
import { eventually, startProgram, type Started } from "./process.ts";
import { listens } from "./listens.ts";
import { startWire, type Wire } from "./wire.ts";

/** One OpenSSH server, reached over a wire that can be cut. */
export interface RealNode {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly wire: Wire;
  /** A folder of its own. */
  readonly folder: string;
  /** Gives the server another host key; known_hosts keeps the old one. */
  changeHostKey(): Promise<void>;
}

/** Some OpenSSH servers of this machine on loopback addresses of their own. */
export interface Fleet {
  readonly nodes: readonly RealNode[];
  readonly folder: string;
  readonly user: string;
  readonly identityFile: string;
  readonly knownHosts: string;
  /** An inventory of these servers; `ssh` adds to how they are reached. */
  inventory(ssh?: SshSettings): Inventory;
  stop(): Promise<void>;
}

let fleets = 0;

/** Further lines of sshd_config: for all, or by the server's number from 1. */
type SshdOptions = readonly string[] | ((number: number) => readonly string[]);

/** Starts `count` real sshd with host keys, a client key and known_hosts in a temporary folder. Linux only (127.x addresses). */
export async function startFleet(
  count: number,
  sshdOptions: SshdOptions = [],
  options: {
    readonly wrap?: readonly string[];
    readonly user?: string;
    /** Where a server listens, by its number from 1, instead of a loopback address of its own. */
    readonly address?: (number: number) => string;
  } = {},
): Promise<Fleet> {
  const folder = mkdtempSync(join(tmpdir(), "pawl-fleet-"));
  // Other users than the tester's must find their authorized keys here.
  chmodSync(folder, 0o755);
  const user = options.user ?? userInfo().username;
  // sshd's place for its unprivileged half is compiled in.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  const identityFile = makeKey(join(folder, "id_ed25519"));
  const knownHosts = join(folder, "known_hosts");
  const second = 100 + (process.pid % 100);
  const third = fleets++;
  const started = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      startNode({
        name: `n${String(index + 1)}`,
        address: options.address?.(index + 1) ?? `127.${String(second)}.${String(third)}.${String(index + 1)}`,
        folder,
        identityFile,
        wrap: options.wrap ?? [],
        sshdOptions: typeof sshdOptions === "function" ? sshdOptions(index + 1) : sshdOptions,
      }),
    ),
  );
  const hostKeys = started.map(
    ({ node, hostKey }) =>
      `[${node.address}]:${String(node.port)} ${readFileSync(`${hostKey}.pub`, "utf8").split(" ").slice(0, 2).join(" ")}\n`,
  );
  writeFileSync(knownHosts, hostKeys.join(""));
  const nodes = started.map(({ node }) => node);
  return {
    nodes,
    folder,
    user,
    identityFile,
    knownHosts,
    inventory: (ssh = {}) => ({
      name: "real",
      platform: "toy",
      folder,
      ssh: { user, identityFile, knownHosts, ...ssh },
      ports: {},
      scripts: {},
      hooks: {},
      siteSteps: [],
      settings: {},
      nodes: nodes.map((node): InventoryNode => ({
        name: node.name,
        address: node.address,
        role: "node",
        critical: false,
        ssh: { port: node.port },
      })),
    }),
    async stop() {
      await Promise.all(started.map(({ stop }) => stop()));
      // Given-up commands may write a last time.
      rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}

/** Makes an OpenSSH key pair; a passphrase encrypts it. Returns the private key's path. */
export function makeKey(file: string, options: { readonly type?: string; readonly passphrase?: string } = {}): string {
  execFileSync("ssh-keygen", [
    "-q",
    "-t",
    options.type ?? "ed25519",
    "-N",
    options.passphrase ?? "",
    "-C",
    "pawl-test",
    "-f",
    file,
  ]);
  return file;
}

interface NodeOptions {
  readonly name: string;
  readonly address: string;
  readonly folder: string;
  readonly identityFile: string;
  readonly sshdOptions: readonly string[];
  /** What sshd is started by. */
  readonly wrap: readonly string[];
}

async function startNode(
  options: NodeOptions,
): Promise<{ readonly node: RealNode; readonly hostKey: string; readonly stop: () => Promise<void> }> {
  const { name, address } = options;
  const folder = join(options.folder, name);
  mkdirSync(folder);
  const port = await freePort(address);
  const hostKey = makeKey(join(folder, "host_key"));
  let key = hostKey;
  const start = async (): Promise<Started> => {
    const config = join(folder, "sshd_config");
    const lines = [
      `ListenAddress ${address}`,
      `Port ${String(port)}`,
      `HostKey ${key}`,
      "PidFile none",
      `AuthorizedKeysFile ${options.identityFile}.pub`,
      "StrictModes no",
      "UsePAM no",
      "UseDNS no",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "PermitRootLogin prohibit-password",
      "PrintMotd no",
      "PrintLastLog no",
      "LogLevel ERROR", // SHLVL: without it a bash reads the tester's own ~/.bashrc for every command.
      `SetEnv PAWL_NODE=${name} SHLVL=1`,
      ...options.sshdOptions,
      "",
    ];
    writeFileSync(config, lines.join("\n"));
    const started = await startProgram([...options.wrap, "/usr/sbin/sshd", "-D", "-e", "-f", config], { cwd: folder });
    await eventually(
      () => listens(address, port),
      () => `sshd of ${name} does not listen: ${started.log()}`,
    );
    return started;
  };
  let sshd = await start();
  const wire = await startWire({ host: address, port }, { host: address });
  const node: RealNode = {
    name,
    address,
    port: wire.port,
    wire,
    folder,
    async changeHostKey() {
      await sshd.stop();
      key = makeKey(join(folder, `host_key_${String(Date.now())}`));
      wire.cut();
      sshd = await start();
    },
  };
  const stop = async (): Promise<void> => {
    await wire.close();
    await sshd.stop();
  };
  return { node, hostKey, stop };
}

/** A port nobody listens on at this address now. */
export async function freePort(host: string): Promise<number> {
  const wire = await startWire({ host, port: 1 }, { host });
  await wire.close();
  return wire.port;
}
