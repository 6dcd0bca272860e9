import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Bench, Benchmark } from "./bench.ts";
import { compare, wallRatio, type Contender, type Goal, type Medians } from "./compare.ts";
import { STEP_COMMAND, writeInventory, writeLoopTask, writeRunbook } from "./documents.ts";
import type { Fleet } from "./fleet.ts";
import { measure, type Cost } from "./measure.ts";

const LOOP = fileURLToPath(new URL("peers/ssh2-loop.js", import.meta.url));
const PAWL = "pawl run";
const BARE = "bare ssh2 loop";
const MASTER = "clush, ControlMaster";

interface Work {
  readonly nodes: number;
  readonly steps: number;
}

function pawl(bench: Bench, fleet: Fleet, work: Work, folder: string): Contender {
  const nodes = fleet.nodes.slice(0, work.nodes);
  const inventory = writeInventory(folder, fleet, nodes);
  const runbook = writeRunbook(folder, work.steps);
  return {
    name: PAWL,
    async run() {
      const output = join(folder, "backups");
      rmSync(output, { recursive: true, force: true });
      const argv = [process.execPath, bench.pawl, "run", runbook, "-i", inventory, "--yes", "--output-dir", output];
      return measure({ argv, cwd: folder, env: { PAWL_STATE_DIR: join(folder, "state"), NO_COLOR: "1" } });
    },
  };
}

function loop(fleet: Fleet, work: Work, folder: string): Contender {
  const task = writeLoopTask(folder, fleet, fleet.nodes.slice(0, work.nodes), work.steps);
  return { name: BARE, run: () => measure({ argv: [process.execPath, LOOP, task], cwd: folder }) };
}

/** One invocation for each step, as an operator types them. */
function clush(program: string, fleet: Fleet, work: Work, folder: string, name: string, options: readonly string[]): Contender {
  const nodes = fleet.nodes
    .slice(0, work.nodes)
    .map(({ address }) => address)
    .join(",");
  return {
    name,
    async run(): Promise<Cost> {
      const line = `${[program, "-f", "50", "-l", "root", "-o", ["-F", fleet.sshConfig, ...options].join(" "), "-w", nodes]
        .map((word) => `'${word}'`)
        .join(" ")} '${STEP_COMMAND}'`;
      const script = Array.from({ length: work.steps }, () => line).join(" >/dev/null && ");
      return measure({ argv: ["bash", "-c", `${script} >/dev/null`], cwd: folder });
    },
  };
}

/** ControlMaster sockets of one run only: each round makes its connections anew, as every other contender does. */
function clushWithMaster(program: string, fleet: Fleet, work: Work, folder: string): Contender {
  let round = 0;
  return {
    name: MASTER,
    run() {
      const options = ["-o ControlMaster=auto", `-o ControlPath=${folder}/${++round}-%%h`, "-o ControlPersist=60"];
      return clush(program, fleet, work, folder, MASTER, options).run();
    },
  };
}

async function compareWork(
  bench: Bench,
  work: Work,
  folderName: string,
): Promise<{ readonly medians: Medians; readonly notRun: readonly string[] }> {
  const fleet = await bench.fleet();
  const folder = join(bench.folder, folderName);
  const program = bench.find("clush");
  const contenders = [pawl(bench, fleet, work, folder), loop(fleet, work, folder)];
  if (program !== null) {
    if (work.steps === 1) contenders.push(clush(program, fleet, work, folder, "clush", []));
    const curve = ["-o KexAlgorithms=curve25519-sha256"];
    if (work.steps === 1) contenders.push(clush(program, fleet, work, folder, "clush, curve25519", curve));
    if (work.steps > 1) contenders.push(clushWithMaster(program, fleet, work, folder));
  }
  return {
    medians: await compare(contenders, bench.sizes.rounds),
    notRun: program === null ? ["clush: package clustershell is not installed"] : [],
  };
}

export const oneCommandFew: Benchmark = {
  name: "one-command-50",
  title: "one command on 50 nodes, with journal, artifacts and a preflight",
  async run(bench) {
    return { ...(await compareWork(bench, { nodes: bench.sizes.few, steps: 1 }, "one-few")), goals: [] };
  },
};

export const oneCommandMany: Benchmark = {
  name: "one-command-200",
  title: "one command on 200 nodes, with journal, artifacts and a preflight",
  async run(bench) {
    return { ...(await compareWork(bench, { nodes: bench.sizes.many, steps: 1 }, "one-many")), goals: [] };
  },
};

export const tenSteps: Benchmark = {
  name: "ten-steps",
  title: "ten steps on 50 nodes, with journal and artifacts",
  async run(bench) {
    const { medians, notRun } = await compareWork(bench, { nodes: bench.sizes.few, steps: bench.sizes.steps }, "ten-steps");
    const bare = wallRatio(medians, PAWL, BARE);
    const goals: Goal[] = [
      { text: "at most 1.15 of the bare ssh2 loop's wall time, with all evidence", met: bare <= 1.15, measured: bare.toFixed(2) },
    ];
    if (medians.has(MASTER)) {
      const master = wallRatio(medians, MASTER, PAWL);
      goals.push({
        text: "clush with ControlMaster takes at least 3 times as long",
        met: master >= 3,
        measured: master.toFixed(2),
      });
    }
    return { medians, goals, notRun };
  },
};
