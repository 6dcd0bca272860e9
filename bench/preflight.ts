import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { loadInventory } from "../src/document/load.ts";
import { factsCommand } from "../src/platform/dcos/facts/facts-script.ts";
import { commandLine } from "../src/transport/quote.ts";
import type { Bench, Benchmark } from "./bench.ts";
import { compare, type Goal } from "./compare.ts";
import { measure } from "./measure.ts";

const LOOP = fileURLToPath(new URL("peers/ssh2-loop.js", import.meta.url));
const MASTERS = 3;

interface Lab {
  readonly inventory: string;
  stop(): Promise<void>;
}

/** An embedded cluster of that many nodes, in a process of its own. */
async function startLab(bench: Bench, folder: string, nodes: number): Promise<Lab> {
  mkdirSync(folder, { recursive: true });
  const inventory = join(folder, "inventory.yaml");
  const agents = Math.max(1, nodes - MASTERS);
  const args = [
    "lab",
    "up",
    "--masters",
    String(MASTERS),
    "--private",
    String(agents),
    "--public",
    "0",
    "--inventory-out",
    inventory,
  ];
  const lab = spawn(process.execPath, [bench.pawl, ...args], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => lab.once("exit", () => resolve()));
  lab.stdout.resume();
  for (let tries = 0; !existsSync(inventory); tries++) {
    if (tries > 600 || lab.exitCode !== null) throw new Error("the embedded cluster did not come up");
    await sleep(100);
  }
  return {
    inventory,
    async stop() {
      lab.kill("SIGTERM");
      await ended;
    },
  };
}

export const preflight: Benchmark = {
  name: "preflight",
  title: "preflight of 200 embedded nodes: facts of every node, all checks, evidence",
  async run(bench) {
    const folder = join(bench.folder, "preflight");
    const lab = await startLab(bench, folder, bench.sizes.many);
    try {
      const { document } = await loadInventory(lab.inventory);
      const [first] = document.nodes;
      if (first === undefined) throw new Error("the embedded cluster has no node");
      const task = join(folder, "loop.json");
      writeFileSync(
        task,
        JSON.stringify({
          hosts: document.nodes.map(({ address }) => address),
          port: first.ssh.port ?? document.ssh.port ?? 22,
          user: document.ssh.user,
          identityFile: document.ssh.identityFile,
          knownHosts: document.ssh.knownHosts,
          steps: [commandLine(factsCommand(document, first).argv, { sudo: false })],
          concurrency: 50,
        }),
      );
      const ours = "pawl preflight";
      const argv = [
        process.execPath,
        bench.pawl,
        "preflight",
        "-i",
        lab.inventory,
        "--to",
        "1.9.9",
        "--output-dir",
        join(folder, "out"),
      ];
      const env = { PAWL_STATE_DIR: join(folder, "state"), NO_COLOR: "1" };
      const medians = await compare(
        [
          { name: ours, run: () => measure({ argv, cwd: folder, env }) },
          { name: "bare ssh2 loop, facts only", run: () => measure({ argv: [process.execPath, LOOP, task], cwd: folder }) },
        ],
        bench.sizes.rounds,
      );
      const found = medians.get(ours);
      const [wallS, peak] = [found?.wallS ?? Number.NaN, found?.peakMiB ?? Number.NaN];
      const goals: Goal[] = [
        { text: "at most 30 s (the bound for 500 agents)", met: wallS <= 30, measured: `${wallS.toFixed(1)} s` },
        { text: "at most 512 MiB", met: peak <= 512, measured: `${peak.toFixed(0)} MiB` },
      ];
      return { medians, goals, notRun: [] };
    } finally {
      await lab.stop();
    }
  },
};
