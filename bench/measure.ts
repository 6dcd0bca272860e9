import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";

/** What one run of a program cost. */
export interface Cost {
  readonly wallS: number;
  /** User and system time of the program and everything it started, background processes included. */
  readonly cpuS: number;
  /** The largest sum of resident memory seen over those processes, sampled ten times a second. */
  readonly peakMiB: number;
}

export interface Program {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

const SAMPLE_MS = 100;
const TICKS_PER_S = 100;
const PAGE_KIB = 4;
const MARK = "PAWL_BENCH_RUN";

/**
 * Runs a program to its end and measures it. Processes that outlive it (ControlMaster's) are found by a mark in their
 * environment; their time so far counts, and they are ended by their process id. Throws, with what it wrote, where it does not end with 0.
 */
export async function measure(program: Program): Promise<Cost & { readonly stdout: string }> {
  const mark = randomUUID();
  const [file = "", ...args] = program.argv;
  const begun = process.hrtime.bigint();
  // The shell waits for its children, so its `time` knows their times too.
  const child = spawn("bash", ["-c", 'TIMEFORMAT="%U %S"; time "$0" "$@" 2>&3', file, ...args], {
    cwd: program.cwd,
    env: { ...process.env, ...program.env, [MARK]: mark, LC_ALL: "C" },
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const text = { stdout: "", times: "", stderr: "" };
  child.stdout?.on("data", (chunk: Buffer) => (text.stdout += chunk.toString("utf8")));
  child.stderr?.on("data", (chunk: Buffer) => (text.times += chunk.toString("utf8")));
  child.stdio[3]?.on("data", (chunk: Buffer) => (text.stderr += chunk.toString("utf8")));
  let peakKiB = 0;
  const sampler = setInterval(() => (peakKiB = Math.max(peakKiB, treeKiB(child.pid ?? 0))), SAMPLE_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    // `exit`, not `close`: what stays in the background keeps the pipes open.
    child.once("exit", (status) => resolve(status));
  });
  const wallS = Number(process.hrtime.bigint() - begun) / 1e9;
  clearInterval(sampler);
  const left = marked(mark);
  for (const stream of [child.stdout, child.stderr]) stream?.destroy();
  const lingering = left.map(statOf).filter((stat) => stat !== null);
  for (const pid of left) process.kill(pid, "SIGTERM");
  if (code !== 0)
    throw new Error(`${program.argv.join(" ")} ended with ${String(code)}: ${(text.stderr || text.stdout).slice(-2000)}`);
  const [user = Number.NaN, system = Number.NaN] = (text.times.trim().split("\n").at(-1) ?? "").split(" ").map(Number);
  const background = lingering.reduce((sum, stat) => sum + stat.cpuS, 0);
  const backgroundKiB = lingering.reduce((sum, stat) => sum + stat.residentKiB, 0);
  return {
    wallS,
    cpuS: user + system + background,
    peakMiB: (peakKiB + backgroundKiB) / 1024,
    stdout: text.stdout,
  };
}

/** Resident memory of a process and all below it. */
function treeKiB(pid: number): number {
  const below = childrenOf(pid);
  return (statOf(pid)?.residentKiB ?? 0) + below.reduce((sum, child) => sum + treeKiB(child), 0);
}

function childrenOf(pid: number): readonly number[] {
  try {
    const tasks = readdirSync(`/proc/${pid}/task`);
    return tasks.flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "utf8")
        .split(" ")
        .filter((word) => word !== "")
        .map(Number),
    );
  } catch {
    return [];
  }
}

function statOf(pid: number): { readonly cpuS: number; readonly residentKiB: number } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return {
      cpuS: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S,
      residentKiB: Number(fields[21]) * PAGE_KIB,
    };
  } catch {
    return null;
  }
}

function marked(mark: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, "utf8").includes(`${MARK}=${mark}`);
      } catch {
        return false;
      }
    });
}
