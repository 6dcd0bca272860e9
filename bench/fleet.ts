import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { listens } from "../test/real/listens.ts";

/** One OpenSSH server on a loopback address of its own. */
export interface FleetNode {
  readonly name: string;
  readonly address: string;
}

/** Some OpenSSH servers, and what clients need to reach them. All of them run until `stop`. */
export interface Fleet {
  readonly nodes: readonly FleetNode[];
  readonly port: number;
  readonly identityFile: string;
  readonly knownHosts: string;
  /** A client configuration for ssh and clush that changes nothing else about them. */
  readonly sshConfig: string;
  stop(): Promise<void>;
}

const SSHD = "/usr/sbin/sshd";
const PORT = 22_022;

function keygen(file: string): void {
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "pawl-bench", "-f", file]);
}

function addressOf(index: number): string {
  return `127.77.${1 + Math.floor(index / 250)}.${1 + (index % 250)}`;
}

/**
 * Starts `count` servers (up to 5,000) with one host key each in `folder`. Each is the real thing: listener, re-execution and
 * privilege separation. Throws where a server does not come up within half a minute.
 */
export async function startFleet(folder: string, count: number): Promise<Fleet> {
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  mkdirSync(folder, { recursive: true });
  const identityFile = join(folder, "id_ed25519");
  keygen(identityFile);
  const nodes = Array.from({ length: count }, (_, index) => ({
    name: `n${String(index + 1).padStart(4, "0")}`,
    address: addressOf(index),
  }));
  const servers: ChildProcess[] = nodes.map(({ name, address }) => startServer(folder, name, address, identityFile));
  const knownHosts = join(folder, "known_hosts");
  const keyOf = (name: string): string =>
    readFileSync(join(folder, `${name}.key.pub`), "utf8")
      .split(" ")
      .slice(0, 2)
      .join(" ");
  writeFileSync(knownHosts, nodes.map(({ name, address }) => `[${address}]:${PORT} ${keyOf(name)}\n`).join(""));
  const sshConfig = join(folder, "ssh_config");
  writeFileSync(
    sshConfig,
    [
      "Host 127.77.*",
      `  Port ${PORT}`,
      `  IdentityFile ${identityFile}`,
      "  IdentitiesOnly yes",
      `  UserKnownHostsFile ${knownHosts}`,
      "  GlobalKnownHostsFile /dev/null",
      "  StrictHostKeyChecking yes",
      "  BatchMode yes",
      "  LogLevel ERROR",
      "",
    ].join("\n"),
  );
  const stop = async (): Promise<void> => {
    const gone = servers.map((server) =>
      server.exitCode !== null || server.signalCode !== null
        ? Promise.resolve()
        : new Promise<void>((resolve) => server.once("exit", () => resolve())),
    );
    for (const server of servers) server.kill("SIGTERM");
    await Promise.all(gone);
  };
  try {
    await Promise.all(nodes.map(({ name, address }) => untilItListens(folder, name, address)));
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes, port: PORT, identityFile, knownHosts, sshConfig, stop };
}

function startServer(folder: string, name: string, address: string, identityFile: string): ChildProcess {
  const key = join(folder, `${name}.key`);
  keygen(key);
  const config = join(folder, `${name}.conf`);
  const lines = [
    `ListenAddress ${address}`,
    `Port ${PORT}`,
    `HostKey ${key}`,
    "PidFile none",
    `AuthorizedKeysFile ${identityFile}.pub`,
    "StrictModes no",
    "UsePAM no",
    "UseDNS no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
    "PrintMotd no",
    "PrintLastLog no",
    "LogLevel ERROR",
    // SHLVL: without it a bash reads its owner's ~/.bashrc for every command, and that is what would be measured.
    `SetEnv BENCH_NODE=${name} SHLVL=1`,
    "",
  ];
  writeFileSync(config, lines.join("\n"));
  return spawn(SSHD, ["-D", "-f", config, "-E", join(folder, `${name}.log`)], { stdio: "ignore" });
}

async function untilItListens(folder: string, name: string, address: string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (await listens(address, PORT)) return;
    await sleep(100);
  }
  throw new Error(
    `the sshd of ${name} does not listen on ${address}:${PORT}: ${readFileSync(join(folder, `${name}.log`), "utf8")}`,
  );
}
