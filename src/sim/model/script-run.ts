import type { Program, ProgramIo } from "../ports.ts";
import { fireFaults, fireNextHop, hopOf, takeFault } from "./ailments.ts";
import { runChecks } from "./checks.ts";
import { exhibitorListens } from "./exhibitor.ts";
import { packageIds, writeVersionFiles } from "./files.ts";
import { between } from "./random.ts";
import { compareVersions, findRelease, releaseOf } from "./releases.ts";
import { startServices, stopServices } from "./services.ts";
import type { Model, NodeState, ScriptRun } from "./state.ts";
import type { BakedIn } from "./upgrade-script.ts";

const PROGRESS = "/opt/mesosphere/install_progress";
/** Exit code of a program that SIGTERM ended. */
const KILLED = 143;

/** The run was killed; what it had done stays. */
class Killed extends Error {}

interface Run {
  readonly model: Model;
  readonly node: NodeState;
  readonly io: ProgramIo;
  readonly baked: BakedIn;
  readonly hop: number;
  readonly verbose: boolean;
  /** pkgpanda's stdout is thrown away from 1.11 on unless `--verbose` (dcos.md 4.6). */
  readonly loud: boolean;
  readonly skipChecks: boolean;
  /** `script-lies`: says everything, changes nothing. */
  readonly lies: boolean;
}

async function pass(run: Run, ms: number): Promise<void> {
  await run.io.sleep(ms);
  if (run.io.signal.aborted) throw new Killed();
}

/** The version as the script's textual gate reads it: the fourth quoted field of the lines that contain `version`. */
async function foundVersion(node: NodeState): Promise<string | null> {
  const text = await node.fs.readFile("/opt/mesosphere/etc/dcos-version.json").catch(() => null);
  const line = text?.split("\n").find((one) => one.includes("version"));
  return line === undefined ? null : (line.split('"')[3] ?? "");
}

async function roleOf(node: NodeState): Promise<string | null> {
  const files = await node.fs.readdir("/etc/mesosphere/roles").catch(() => []);
  const roles = files.filter((name) => ["master", "slave", "slave_public"].includes(name));
  return roles.length === 1 ? (roles[0] ?? null) : null;
}

/** Pre-checks: 1.10 and 1.11 scripts on nodes that have a check program; the 1.12 and 1.13 form asserts nothing (dcos.md 4.5). */
async function preChecks(run: Run): Promise<boolean> {
  const { model, node, baked } = run;
  const minor = Number(baked.target.split(".")[1]);
  if (run.skipChecks || minor < 10 || minor > 11 || releaseOf(node.version).minor < 10) return true;
  for (const type of ["node-poststart", "cluster"]) {
    await pass(run, 1_500);
    const result = runChecks(model, node, [type]);
    if (result.code === 0) continue;
    await run.io.out(`Cannot proceed with upgrade, ${type === "cluster" ? "cluster" : "node"} checks failed\n`);
    await run.io.err(result.stdout);
    return false;
  }
  return true;
}

async function fetchPackages(run: Run): Promise<boolean> {
  const { model, node, baked, io } = run;
  const ids = packageIds(baked.target);
  const missing = new Set<string>();
  for (const id of ids) if (!(await node.fs.exists(`/opt/mesosphere/packages/${id}/pkginfo.json`))) missing.add(id);
  const totalMs = between(model.seed, `${node.name}/fetch/${baked.target}`, 60_000, 120_000);
  const fails = takeFault(model, node, "script-fails", run.hop);
  const drops = takeFault(model, node, "ssh-drop", run.hop);
  for (const [index, id] of ids.entries()) {
    if (run.loud) await io.out(`\rFetching: ${id}`);
    if (missing.has(id)) await pass(run, totalMs / ids.length);
    const broken = fails && index === Math.floor(ids.length / 2);
    if (broken || node.ailments.diskFull || node.ailments.bootstrapCut || model.faults.bootstrapDown) {
      if (run.loud) await io.out("\n");
      const why = node.ailments.diskFull
        ? "[Errno 28] No space left on device"
        : `Unable to fetch http://${model.bootstrap.address}:8090/${baked.target}/packages/${id.split("--")[0] ?? id}/${id}.tar.xz`;
      await io.err(`Traceback (most recent call last):\nException: Unable to fetch package ${id}: ${why}\n`);
      return false;
    }
    if (!run.lies) node.fs.writeFileSync(`/opt/mesosphere/packages/${id}/pkginfo.json`, "{}\n");
    if (run.loud) await io.out(`\rFetched: ${id}\n`);
    if (drops && index === Math.floor(ids.length / 3)) for (const cut of model.drops) cut(node.name);
  }
  return true;
}

async function activate(run: Run): Promise<void> {
  const { model, node, baked } = run;
  const lengthMs = between(model.seed, `${node.name}/activate/${baked.target}`, 8_000, 13_000);
  if (run.lies) return pass(run, lengthMs);
  node.fs.writeFileSync(PROGRESS, `{"stage": "archive", "extension": ".new"}`);
  stopServices(model, node);
  await pass(run, lengthMs * 0.6);
  node.fs.writeFileSync(PROGRESS, `{"stage": "move_new", "extension": ".new"}`);
  node.version = baked.target;
  writeVersionFiles(model, node);
  await pass(run, lengthMs * 0.4);
  await node.fs.rm(PROGRESS, { force: true });
  startServices(model, node);
}

/** 1.10 and 1.11: up to 300 rounds of both check types, a second apart (dcos.md 4.5). */
async function postChecks(run: Run): Promise<boolean> {
  const { model, node, baked } = run;
  let last = "";
  for (let round = 0; round < 300; round += 1) {
    await pass(run, 1_200);
    const result = runChecks(model, node, ["node-poststart"]);
    if (result.code === 0 && round < 299) return true;
    last = result.stdout;
    await pass(run, 1_000);
  }
  // From 1.11.1 on it says so; before it ends without a word.
  if (compareVersions(baked.target, "1.11.1") >= 0) await run.io.err(`Node upgrade not successful, checks failed\n${last}`);
  return false;
}

async function afterActivation(run: Run): Promise<number> {
  const minor = Number(run.baked.target.split(".")[1]);
  if (run.lies || minor >= 12) return 0;
  if (minor === 9) {
    if (run.node.role !== "master") return 0;
    while (!exhibitorListens(run.model, run.node)) {
      await run.io.out("Waiting for Exhibitor...\n");
      await pass(run, 10_000);
    }
    return 0;
  }
  return run.skipChecks || (await postChecks(run)) ? 0 : 1;
}

async function execute(run: Run): Promise<number> {
  const { node, io, baked } = run;
  if (io.user !== "root") {
    await io.err("This script must be run as root\n");
    return 1;
  }
  const found = await foundVersion(node);
  if (found === null || findRelease(baked.target) === null) return 1;
  if (found !== baked.from) {
    await io.out(`ERROR: Expecting to upgrade DC/OS from ${baked.from} to ${baked.target}. Version found on node: ${found}\n`);
    return 1;
  }
  if (!(await preChecks(run))) return 1;
  const role = await roleOf(node);
  if (role === null) {
    await io.out(
      "ERROR: Can't determine this node's role. One of master, slave, or slave_public must be present under /etc/mesosphere/roles.\n",
    );
    return 1;
  }
  const names: Readonly<Record<string, string>> = { master: "master", slave: "agent", slave_public: "public agent" };
  await io.out(`Upgrading DC/OS ${names[role] ?? role} ${baked.from} -> ${baked.target}\n`);
  // The first script of a hop lets happen what waits for it, at whichever node.
  fireFaults(run.model, "before", run.hop, null);
  fireFaults(run.model, "during", run.hop, node);
  if (!(await fetchPackages(run))) return 1;
  await activate(run);
  return afterActivation(run);
}

/**
 * The program behind an upgrade script file: the phases of dcos.md 4.3 with their messages, streams and exit codes, in simulated
 * time. `argv` is `bash FILE [options]`. Killed: 143, and what was done stays done.
 */
export function upgradeProgram(model: Model, node: NodeState, baked: BakedIn): Program {
  return async (io) => {
    const minor = Number(baked.target.split(".")[1]);
    const hop = hopOf(model, baked.target);
    const verbose = minor >= 11 && (io.argv.includes("--verbose") || (minor >= 13 && io.argv.includes("-v")));
    const skipChecks = minor >= 10 && io.argv.includes("--skip-checks");
    const lies = takeFault(model, node, "script-lies", hop);
    const record: ScriptRun = { from: baked.from, target: baked.target, startedMs: model.clock.now(), endedMs: null, exit: null };
    node.scriptRuns.push(record);
    const finish = (exit: number): number => {
      record.endedMs = model.clock.now();
      record.exit = exit;
      fireFaults(model, "after", hop, node);
      fireNextHop(model);
      return exit;
    };
    try {
      if (verbose && minor >= 13) await io.out("Verbose mode on\n");
      return finish(await execute({ model, node, io, baked, hop, verbose, loud: minor <= 10 || verbose, skipChecks, lies }));
    } catch (error) {
      if (error instanceof Killed) return finish(KILLED);
      throw error;
    }
  };
}
