import { execFile, spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createScaledClock } from "../../../src/sim/clock.ts";
import { chooseNetwork, startLab, type Lab } from "../../../src/sim/lab.ts";
import type { SimListener } from "../../../src/sim/ports.ts";
import { toyCluster, type ToyCluster } from "../toy-cluster.ts";

export interface ClientRun {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface ToyLab {
  readonly cluster: ToyCluster;
  readonly lab: Lab;
  /** Runs a program of this machine to its end. */
  readonly client: (argv: readonly string[], stdin?: Buffer | string) => Promise<ClientRun>;
  readonly ssh: (node: string, line: string, stdin?: Buffer | string) => Promise<ClientRun>;
  readonly spawnSsh: (args: readonly string[]) => ChildProcessWithoutNullStreams;
  readonly stop: () => Promise<void>;
}

/** A toy cluster on the wire, with m1 listening on 5050 (HTTP) and 2181 (four-letter words). */
export async function toyLab(nodes: readonly string[] = ["m1", "a1"], scale = 1000): Promise<ToyLab> {
  const folder = await mkdtemp(join(tmpdir(), "pawl-lab-"));
  const network = await chooseNetwork();
  const cluster = toyCluster(network, nodes, createScaledClock({ startMs: Date.UTC(2026, 10, 21), scale }));
  const host = cluster.nodes[0]?.address ?? "";
  const listeners: SimListener[] = [
    { host, port: 5050, protocol: "http" },
    { host, port: 2181, protocol: "stream" },
  ];
  cluster.listeners = listeners;
  const lab = await startLab({ cluster, folder, timeScale: scale });
  const client: ToyLab["client"] = (argv, stdin = "") =>
    new Promise((resolve) => {
      const [file = "", ...args] = argv;
      const child = execFile(file, args, { encoding: "buffer", maxBuffer: 256 * 1024 * 1024 }, (_error, stdout, stderr) =>
        resolve({ code: child.exitCode, stdout, stderr: stderr.toString() }),
      );
      child.stdin?.on("error", () => undefined);
      child.stdin?.end(stdin);
    });
  return {
    cluster,
    lab,
    client,
    ssh: (node, line, stdin) => client(["ssh", "-F", lab.sshConfigFile, node, line], stdin),
    spawnSsh: (args) => spawn("ssh", ["-F", lab.sshConfigFile, ...args]),
    stop: async () => {
      await lab.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
