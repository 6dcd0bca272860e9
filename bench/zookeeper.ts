import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { growTree, SUPER, SUPER_DIGEST, writerTo } from "../test/zookeeper/grown-tree.ts";
import { startEnsemble } from "../test/real/zookeeper.ts";
import type { Benchmark } from "./bench.ts";
import { compare, wallRatio, type Goal } from "./compare.ts";
import { inside, insideProgram } from "./inside.ts";

const PEER = fileURLToPath(new URL("peers/zookeeper-client.js", import.meta.url));
const HOST = "127.78.1.1";
const PER_FOLDER = 100;
const MODERN = "pawl, server from 3.6 on";
const OLD = "pawl, as from a 3.4 (DC/OS)";
const MANY = "node-zookeeper-client, 128 in flight";
const MANY_OUT = "128";
const ONE = "node-zookeeper-client, one at a time";
const SECONDS = 5;
const FLAT_MIB = 64;

export const zookeeperDump: Benchmark = {
  name: "zookeeper-dump",
  title: "a dump of 20,000 znodes with ACLs, empty and null data, from a real server",
  async run(bench) {
    const server = await startEnsemble([HOST], { java: [SUPER_DIGEST, "-Xmx1g"] });
    try {
      const port = server.servers[0]?.clientPort ?? 0;
      const writer = await writerTo(HOST, port);
      await growTree(writer, Math.ceil(bench.sizes.znodes / PER_FOLDER));
      const folder = mkdtempSync(join(bench.folder, "znodes-"));
      const pawl = (version: string): string[] => [HOST, String(port), folder, version, SUPER.secret];
      const peer = (inFlight: string): string[] => [`${HOST}:${String(port)}`, join(folder, "plain"), inFlight, SUPER.secret];
      const medians = await compare(
        [
          inside(bench, MODERN, "dump-tree", pawl("3.8.0")),
          inside(bench, OLD, "dump-tree", pawl("3.4.10")),
          insideProgram(bench, MANY, PEER, peer(MANY_OUT)),
          insideProgram(bench, ONE, PEER, peer("1")),
          inside(bench, "nothing", "rest", []),
        ],
        bench.sizes.rounds,
      );
      await writer.close();
      const counts = new Set([MODERN, OLD, MANY, ONE].map((name) => medians.get(name)?.extra["znodes"]));
      if (counts.size !== 1) throw new Error(`not the same tree was dumped: ${[...counts].join(", ")} znodes`);
      const wallS = medians.get(OLD)?.wallS ?? Number.NaN;
      const above = (medians.get(OLD)?.peakMiB ?? Number.NaN) - (medians.get("nothing")?.peakMiB ?? Number.NaN);
      const goals: Goal[] = [
        { text: `at most ${SECONDS} s, from a 3.4 too`, met: wallS <= SECONDS, measured: `${wallS.toFixed(2)} s` },
        {
          text: "faster than node-zookeeper-client with 128 in flight, which verifies nothing",
          met: wallRatio(medians, MANY, MODERN) > 1,
          measured: wallRatio(medians, MANY, MODERN).toFixed(2),
        },
        {
          text: `memory at most ${FLAT_MIB} MiB above that of a process without work`,
          met: above <= FLAT_MIB,
          measured: `${above.toFixed(0)} MiB`,
        },
      ];
      return { medians, goals, notRun: [] };
    } finally {
      await server.stop();
    }
  },
};
