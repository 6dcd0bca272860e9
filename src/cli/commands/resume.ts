import { Command } from "commander";
import { existsSync } from "node:fs";
import { PawlError, EXIT, exitName, type ExitName } from "../../domain/errors.ts";
import { leadsOn, type Plan } from "../../domain/plan.ts";
import { accessOptions, type AccessOptions } from "../access.ts";
import type { Cluster } from "../cluster.ts";
import type { Io } from "../io.ts";
import { limitsOf, type RunOptions } from "../options.ts";
import { CHECKS, DEFAULT_OUTPUT, shownFolder, stateDir } from "../places.ts";

export interface ResumeOptions extends AccessOptions {
  readonly inventory?: string;
  readonly outputDir: string;
  readonly json?: true;
  readonly yes?: true;
  readonly approve: readonly string[];
  readonly stopAfter?: string;
  readonly until?: string;
}

function stale(what: string, plan: Plan): PawlError {
  return new PawlError(
    "refused",
    "stale-plan",
    `the ${what} is not the one the plan was made from; a resume executes the plan as it is`,
    {
      expected: `the ${what} with the fingerprint in plan.json`,
      observed: "another fingerprint",
      next: `Put it back as it was, or start a new run: pawl upgrade -i ${plan.sources.inventory} --to ${plan.journey?.goal ?? "VERSION"}`,
    },
  );
}

/** Why a document of the plan cannot be read, with the way on: it may have moved since. */
function moved(error: unknown, what: string, path: string, next: string): unknown {
  if (!(error instanceof PawlError) || error.code !== "document.unreadable") return error;
  return new PawlError(error.exit, error.code, error.message, {
    expected: `the ${what} where it was when the run was planned: ${path}`,
    next,
    cause: error,
  });
}

/** Goes on with a run in this process, and then with the hops after it. */
async function takeUp(io: Io, folder: string, options: ResumeOptions): Promise<ExitName> {
  const { readPlan } = await import("../../journal/plan-file.ts");
  const { openCluster } = await import("../cluster.ts");
  io.began(folder);
  const plan = await readPlan(folder);
  const file = options.inventory ?? plan.sources.inventory;
  const checks = plan.sources.checks === "" ? CHECKS : plan.sources.checks;
  const cluster = await openCluster(io, file, checks, options).catch((error: unknown) => {
    const again = `pawl resume ${shownFolder(io, folder)} -i FILE, where FILE is the same inventory at its new place`;
    throw options.inventory === undefined && !existsSync(file) ? moved(error, "inventory", file, again) : error;
  });
  try {
    return await goOn(io, cluster, folder, options);
  } finally {
    await cluster.close();
  }
}

/**
 * Takes a run up on its cluster: executes what is left of its plan, then plans and runs the hops after it. Throws PawlError
 * `refused` where a document is not the one the plan was made from.
 */
export async function goOn(io: Io, cluster: Cluster, folder: string, options: ResumeOptions): Promise<ExitName> {
  const { readPlan } = await import("../../journal/plan-file.ts");
  const { historyOf } = await import("../history.ts");
  const { execute, tellEnd } = await import("../execute.ts");
  const { resultLine } = await import("../result-line.ts");
  const { isSealed } = await import("../../journal/seal.ts");
  const { openRun } = await import("../run-folder.ts");
  const { upgrade } = await import("../upgrade-flow.ts");
  const { needValidWaivers } = await import("../waivers.ts");
  const { isSurveyOnRecord, neverBegun } = await import("../begun.ts");
  const { usedChecksFingerprint } = await import("../fingerprints.ts");
  const { loadPolicy, loadRunbook } = await import("../../document/load.ts");
  const plan = await readPlan(folder);
  if (cluster.inventory.sha256 !== plan.fingerprints.inventory) throw stale("inventory", plan);
  const runbook = await loadRunbook(plan.sources.runbook).catch((error: unknown) => {
    throw moved(error, "runbook", plan.sources.runbook, "Put the runbook back there; a resume executes the plan as it is.");
  });
  // Which checks a plan pins is told by its runbook: with another one, a weaker check would go unseen.
  if (runbook.sha256 !== plan.fingerprints.runbook) throw stale("runbook", plan);
  if (usedChecksFingerprint(runbook.document, cluster.checkDocuments) !== plan.fingerprints.checks)
    throw stale("set of checks", plan);
  needValidWaivers(plan, cluster.clock.now());
  const presence = { json: options.json === true, yes: options.yes === true, approve: options.approve };
  const limits = limitsOf(options, plan, cluster.clock.now(), historyOf(io, options.outputDir, cluster, plan));
  const record = await openRun(io, folder, plan, cluster.clock);
  const state = record.state();
  try {
    if (!(await isSurveyOnRecord(folder, plan, record.journal.events))) throw neverBegun(record.run, plan);
  } catch (error) {
    await record.close();
    throw error;
  }
  // The journey has one ticket: a hop begun from here belongs to it as the one before does.
  const ticket = record.journal.events.find((event) => event.type === "run.created")?.ticket ?? null;
  if (state.phase === "completed") {
    // It may have been killed, or had no room, while it was sealed.
    const sealed = await isSealed(folder, record.journal.events.length);
    try {
      if (!sealed) await record.journal.seal();
    } finally {
      await record.close();
    }
    if (state.exit === EXIT.ok && leadsOn(plan)) return await onward([folder]);
    if (!sealed) {
      const exit = exitName(state.exit ?? 0);
      if (presence.json) io.out(resultLine(exit, [folder]));
      else io.out(`Run ${record.run} was complete (${exit}); its record is sealed now.`);
      return exit;
    }
    throw new PawlError("usage", "nothing-to-resume", `run ${record.run} is complete (${exitName(state.exit ?? 0)})`, {
      next: `pawl status ${folder}`,
    });
  }
  const result = await execute(io, cluster, record, {
    presence,
    limits,
  });
  tellEnd(io, record, result, presence);
  const planned = result.halt?.exit === "stopped-as-asked";
  if (result.exit === "ok" && !planned && leadsOn(plan)) return await onward([folder]);
  if (presence.json) io.out(resultLine(result.exit, [folder]));
  return result.exit;

  async function onward(done: readonly string[]): Promise<ExitName> {
    const policy = await loadPolicy(plan.journey?.policy ?? "");
    const goal = plan.journey?.goal ?? "";
    const { target: _target, ...given } = plan.inputs;
    const runOptions: RunOptions = {
      ...options,
      inventory: options.inventory ?? plan.sources.inventory,
      only: [],
      waive: [],
      set: [],
      ...(ticket === null ? {} : { ticket }),
    };
    return upgrade(io, cluster, { runbook, policy, goal, given, options: runOptions }, presence, done);
  }
}

/** `pawl resume`: a paused live run proceeds; a halted or crashed one is taken up here: looked at first, then gone on with. */
export function resumeCommand(io: Io): Command {
  return accessOptions(new Command("resume"))
    .argument("[run]", "run folder, name, or latest", "latest")
    .option("-i, --inventory <file>", "the inventory, where it moved since")
    .option("--output-dir <folder>", "where evidence goes", DEFAULT_OUTPUT)
    .option("--json", "one event a line")
    .option("--yes", "approve everything the plan announces")
    .option(
      "--approve <phase>",
      "approve one announced stop (repeatable)",
      (value: string, before: readonly string[]) => [...before, value],
      [],
    )
    .option("--stop-after <step|phase>", "end, as planned, after this step or phase")
    .option("--until <HH:MM>", "start no node that is not expected to be finished by then")
    .action(async (run: string, options: ResumeOptions) => {
      const { findRun, findRunToActOn } = await import("../../journal/runs.ts");
      const { sendControl } = await import("../../journal/control-client.ts");
      // A journey may have been cut between two hops: its last run is complete, and the next one is still to come.
      const folder = await findRunToActOn(options.outputDir, run, io.cwd).catch((error: unknown) => {
        if (error instanceof PawlError && error.code === "nothing-unfinished") return findRun(options.outputDir, run, io.cwd);
        throw error;
      });
      const live = await sendControl(
        { stateDir: stateDir(io.env), runFolder: folder },
        { verb: "resume", target: null, reason: null, answers: null, actor: io.actor },
      );
      if (live.kind === "answered") {
        io.out(live.text);
        io.exit(live.ok ? "ok" : "said-no");
      } else {
        io.exit(await takeUp(io, folder, options));
      }
    });
}
