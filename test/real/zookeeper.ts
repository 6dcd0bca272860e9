import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
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
  stop(): Promise<void>;
}

/** Where Debian's package puts the library; its manifest names what else it needs. */
const CLASSPATH = "/usr/share/java/zookeeper.jar";
const WORDS = "ruok,srvr,mntr,stat,conf,isro";

/** Starts a real ensemble of Debian's ZooKeeper on the given loopback addresses and waits until it has a leader and followers. */
export async function startEnsemble(hosts: readonly string[]): Promise<Ensemble> {
  const folder = mkdtempSync(join(tmpdir(), "pawl-zookeeper-"));
  const members = await Promise.all(
    hosts.map(async (host, index) => {
      const [clientPort, peerPort, electionPort] = await Promise.all([freePort(host), freePort(host), freePort(host)]);
      return { id: index + 1, host, clientPort, peerPort, electionPort };
    }),
  );
  const servers = await Promise.all(
    members.map(async ({ id, host, clientPort }): Promise<ZooKeeperServer> => {
      const data = join(folder, `server-${String(id)}`);
      mkdirSync(data);
      writeFileSync(join(data, "myid"), `${String(id)}\n`);
      const config = join(folder, `zoo-${String(id)}.cfg`);
      writeFileSync(
        config,
        [
          "tickTime=500",
          "initLimit=20",
          "syncLimit=10",
          `dataDir=${data}`,
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
  return { servers, folder, connect: servers.map((server) => `${server.host}:${String(server.clientPort)}`).join(","), stop };
}
