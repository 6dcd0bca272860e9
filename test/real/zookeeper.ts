import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askTcp } from "../../src/transport/tcp.ts";
import { eventually, startProgram, type Started } from "./process.ts";
import { freePort } from "./sshd.ts";

/** One server of a real ensemble. */
interface ZooKeeperServer {
  readonly id: number;
  readonly host: string;
  readonly clientPort: number;
  /** Its data folder, with `myid` and `version-2`. */
  readonly folder: string;
  /** Ends the server. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export interface Ensemble {
  readonly servers: readonly ZooKeeperServer[];
  readonly folder: string;
  /** `host:port,…` for clients. */
  readonly connect: string;
  /** One command of ZooKeeper's own client; what it printed. */
  client(...words: readonly string[]): string;
  stop(): Promise<void>;
}

/** Where Debian's package puts the library; its manifest names what else it needs. */
const CLASSPATH = "/usr/share/java/zookeeper.jar";
const WORDS = "ruok,srvr,mntr,stat,conf,isro";

export interface EnsembleOptions {
  /** Names of the data folders, in the order of the hosts; `server-1` and so on by default. */
  readonly names?: readonly string[];
  /** All servers listen for clients on the same port, as the servers of a cluster do. */
  readonly samePort?: boolean;
  /** Lays data into a server's folder (`version-2` with snapshots, logs and epochs) before it starts for the first time. */
  readonly lay?: (folder: string, index: number) => Promise<void>;
  /** Snapshots and transaction logs in the two folders DC/OS has for them, below `<name>/var/lib/dcos/exhibitor/zookeeper`. */
  readonly asInDcos?: boolean;
  /** Further Java options. */
  readonly java?: readonly string[];
}

/** A port nobody listens on at any of these addresses now. */
async function freePortOnAll(hosts: readonly string[]): Promise<number> {
  for (;;) {
    const port = await freePort(hosts[0] ?? "127.0.0.1");
    const rest = await Promise.all(hosts.slice(1).map((host) => isFree(host, port)));
    if (rest.every(Boolean)) return port;
  }
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host, port }, () => server.close(() => resolve(true)));
  });
}

/** Starts a real ensemble of Debian's ZooKeeper on the given loopback addresses and waits until it has a leader and followers. */
export async function startEnsemble(hosts: readonly string[], options: EnsembleOptions = {}): Promise<Ensemble> {
  const folder = mkdtempSync(join(tmpdir(), "pawl-zookeeper-"));
  const shared = options.samePort === true ? await freePortOnAll(hosts) : null;
  const members = await Promise.all(
    hosts.map(async (host, index) => {
      const [clientPort, peerPort, electionPort] = await Promise.all([freePort(host), freePort(host), freePort(host)]);
      return { id: index + 1, host, clientPort: shared ?? clientPort, peerPort, electionPort };
    }),
  );
  const servers = await Promise.all(
    members.map(async ({ id, host, clientPort }, index): Promise<ZooKeeperServer> => {
      const top = join(folder, options.names?.[id - 1] ?? `server-${String(id)}`);
      const exhibitor = join(top, "var/lib/dcos/exhibitor/zookeeper");
      const data = options.asInDcos === true ? join(exhibitor, "snapshot") : top;
      mkdirSync(data, { recursive: true });
      writeFileSync(join(data, "myid"), `${String(id)}\n`);
      await options.lay?.(data, index);
      const config = join(folder, `zoo-${String(id)}.cfg`);
      writeFileSync(
        config,
        [
          "tickTime=500",
          "initLimit=20",
          "syncLimit=10",
          `dataDir=${data}`,
          ...(options.asInDcos === true ? [`dataLogDir=${join(exhibitor, "transactions")}`] : []),
          `clientPort=${String(clientPort)}`,
          `clientPortAddress=${host}`,
          `4lw.commands.whitelist=${WORDS}`,
          "admin.enableServer=false",
          "maxClientCnxns=0",
          "standaloneEnabled=false",
          "forceSync=no",
          ...members.map(
            (member) => `server.${String(member.id)}=${member.host}:${String(member.peerPort)}:${String(member.electionPort)}`,
          ),
          "",
        ].join("\n"),
      );
      const argv = [
        "java",
        "-Xmx96m",
        "-Xms32m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        // Transaction logs grow by 8 MiB at once instead of 64.
        "-Dzookeeper.preAllocSize=8192",
        ...(options.java ?? []),
        "-cp",
        CLASSPATH,
        "org.apache.zookeeper.server.quorum.QuorumPeerMain",
        config,
      ];
      const launch = (): Promise<Started> => startProgram(argv, { cwd: folder });
      let running: Started | null = await launch();
      return {
        id,
        host,
        clientPort,
        folder: data,
        async stop() {
          await running?.stop();
          running = null;
        },
        async start() {
          running ??= await launch();
        },
      };
    }),
  );
  const modes = async (): Promise<string> => {
    const answers = await Promise.all(servers.map((server) => askTcp(server.host, server.clientPort, "srvr", 1_000)));
    return answers
      .map((answer) => (answer.kind === "answered" ? (/^Mode: (\w+)/m.exec(answer.body.toString())?.[1] ?? "none") : answer.code))
      .sort()
      .join(" ");
  };
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  };
  let last = "";
  const wanted = hosts
    .map((_, index) => (index === hosts.length - 1 ? "leader" : "follower"))
    .sort()
    .join(" ");
  try {
    await eventually(
      async () => (last = await modes()) === wanted,
      () => `the ensemble is ${last}`,
      55_000,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  const connect = servers.map((server) => `${server.host}:${String(server.clientPort)}`).join(",");
  const client = (...words: readonly string[]): string =>
    execFileSync(
      "java",
      [
        "-Xmx64m",
        "-XX:TieredStopAtLevel=1",
        "-cp",
        CLASSPATH,
        "org.apache.zookeeper.ZooKeeperMain",
        "-server",
        connect,
        ...words,
      ],
      {
        cwd: folder,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
  return { servers, folder, connect, client, stop };
}
