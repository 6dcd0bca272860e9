import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { parseArgs } from "node:util";
import { buildApp } from "./app.ts";
import { FULL, QUICK, type Bench, type Benchmark } from "./bench.ts";
import { backup } from "./backup.ts";
import { oneCommandFew, oneCommandMany, tenSteps } from "./commands.ts";
import type { Outcome } from "./compare.ts";
import { startFleet, type Fleet } from "./fleet.ts";
import { preflight } from "./preflight.ts";
import { append, state, verify } from "./records.ts";
import { start } from "./start.ts";
import { outcomeJson, renderOutcome } from "./table.ts";
import { zookeeperDump } from "./zookeeper.ts";

const BENCHMARKS: readonly Benchmark[] = [
  oneCommandFew,
  oneCommandMany,
  tenSteps,
  backup,
  preflight,
  append,
  verify,
  state,
  zookeeperDump,
  start,
];

function find(program: string): string | null {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const paths = folders.map((folder) => join(folder, program));
  return paths.find((path) => isExecutable(path)) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false }, json: { type: "boolean", default: false } },
});
const unknown = positionals.find((name) => !BENCHMARKS.some((one) => one.name === name));
if (unknown !== undefined) {
  process.stderr.write(`there is no benchmark ${unknown}; there are: ${BENCHMARKS.map(({ name }) => name).join(", ")}\n`);
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), "pawl-bench-"));
let fleet: Promise<Fleet> | null = null;
const sizes = values.quick ? QUICK : FULL;

async function clear(): Promise<void> {
  await (await fleet)?.stop();
  rmSync(folder, { recursive: true, force: true });
}
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void clear().then(() => process.exit(130)));

try {
  const bench: Bench = {
    folder,
    sizes,
    ...(await buildApp(join(folder, "app"))),
    fleet: () => (fleet ??= startFleet(join(folder, "fleet"), Math.max(sizes.few, sizes.many))),
    find,
  };
  for (const benchmark of BENCHMARKS) {
    if (positionals.length > 0 && !positionals.includes(benchmark.name)) continue;
    const outcome: Outcome = { benchmark: benchmark.name, title: benchmark.title, ...(await benchmark.run(bench)) };
    process.stdout.write(`${values.json ? JSON.stringify(outcomeJson(outcome)) : renderOutcome(outcome)}\n`);
  }
} finally {
  await clear();
}
