import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { growTree, SUPER, SUPER_DIGEST, writerTo } from "../test/zookeeper/grown-tree.ts";
import { startEnsemble } from "../test/real/zookeeper.ts";
import type { Benchmark } from "./bench.ts";
import { compare, wallRatio, type Goal } from "./compare.ts";
import { inside, insideProgram } from "./inside.ts";

const PEER = fileURLToPath(new URL("peers/zookeeper-client.js", import.meta.url));
const MANY_HOST = "127.78.1.1";
const FEW_HOST = "127.78.1.2";
const PER_FOLDER = 100;
const MODERN = "pawl, server from 3.6 on";
const OLD = "pawl, as from a 3.4 (DC/OS)";
const MANY = "node-zookeeper-client, 128 in flight";
const MANY_OUT = "128";
const ONE = "node-zookeeper-client, one at a time";
const SMALL = "pawl, a tree of 30 znodes";
const SECONDS = 5;
const FLAT_MIB = 64;

export const zookeeperDump: Benchmark = {
  name: "zookeeper-dump",
  title: "a dump of 20,000 znodes with ACLs, empty and null data, from a real server",
  async run(bench) {
    const servers = await Promise.all(
      [MANY_HOST, FEW_HOST].map((host) => startEnsemble([host], { java: [SUPER_DIGEST, "-Xmx1g"] })),
    );
    const [many, few] = servers.map(({ servers: [one] }) => ({ host: one?.host ?? "", port: one?.clientPort ?? 0 }));
    try {
      if (many === undefined || few === undefined) throw new Error("no server");
      for (const [place, folders] of [
        [many, Math.ceil(bench.sizes.znodes / PER_FOLDER)],
        [few, 0],
      ] as const) {
        const writer = await writerTo(place.host, place.port);
        await growTree(writer, folders);
        await writer.close();
      }
      const folder = mkdtempSync(join(bench.folder, "znodes-"));
      const pawl = (from: typeof many, version: string): string[] => [
        from.host,
        String(from.port),
        folder,
        version,
        SUPER.secret,
      ];
      const peer = (inFlight: string): string[] => [`${many.host}:${many.port}`, join(folder, "plain"), inFlight, SUPER.secret];
      const medians = await compare(
        [
          inside(bench, MODERN, "dump-tree", pawl(many, "3.8.0")),
          inside(bench, OLD, "dump-tree", pawl(many, "3.4.10")),
          insideProgram(bench, MANY, PEER, peer(MANY_OUT)),
          insideProgram(bench, ONE, PEER, peer("1")),
          inside(bench, SMALL, "dump-tree", pawl(few, "3.4.10")),
        ],
        bench.sizes.rounds,
      );
      const counts = new Set([MODERN, OLD, MANY, ONE].map((name) => medians.get(name)?.extra["znodes"]));
      if (counts.size !== 1) throw new Error(`not the same tree was dumped: ${[...counts].join(", ")} znodes`);
      const wallS = medians.get(OLD)?.wallS ?? Number.NaN;
      const above = (medians.get(OLD)?.peakMiB ?? Number.NaN) - (medians.get(SMALL)?.peakMiB ?? Number.NaN);
      const goals: Goal[] = [
        { text: `at most ${SECONDS} s, from a 3.4 too`, met: wallS <= SECONDS, measured: `${wallS.toFixed(2)} s` },
        {
          text: "faster than node-zookeeper-client with 128 in flight, which verifies nothing",
          met: wallRatio(medians, MANY, MODERN) > 1,
          measured: wallRatio(medians, MANY, MODERN).toFixed(2),
        },
        {
          text: `memory at most ${FLAT_MIB} MiB above that of a dump of 30 znodes`,
          met: above <= FLAT_MIB,
          measured: `${above.toFixed(0)} MiB`,
        },
      ];
      return { medians, goals, notRun: [] };
    } finally {
      await Promise.all(servers.map((server) => server.stop()));
    }
  },
};
