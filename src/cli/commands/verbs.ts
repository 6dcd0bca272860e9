import { Command } from "commander";
import { basename } from "node:path";
import { PawlError } from "../../domain/errors.ts";
import type { Verb } from "../../domain/events.ts";
import type { Plan } from "../../domain/plan.ts";
import { accessOptions, type AccessOptions } from "../access.ts";
import type { Io } from "../io.ts";
import { DEFAULT_OUTPUT, stateDir } from "../places.ts";
import { spellOf } from "../spell.ts";

interface VerbOptions extends AccessOptions {
  readonly outputDir: string;
  readonly reason?: string;
  readonly answers?: string;
  readonly json?: true;
}

/** Whether the step's own probe says that its effect has happened; asked of the cluster for force-complete only. */
async function probeSaysDone(io: Io, plan: Plan, folder: string, verb: Verb, access: AccessOptions): Promise<boolean> {
  if (verb.verb !== "force-complete") return false;
  const { openCluster } = await import("../cluster.ts");
  const { probeStep } = await import("../probe.ts");
  const cluster = await openCluster(io, plan.sources.inventory, plan.sources.checks, access);
  try {
    return await probeStep(cluster, plan, { run: basename(folder), spell: spellOf(io, folder) }, verb.target ?? "");
  } finally {
    await cluster.close();
  }
}

/** On a run without a live engine the command takes the lock, appends, and releases (design section 5). */
async function act(io: Io, folder: string, verb: Verb, answers: number | null, access: AccessOptions): Promise<string> {
  const { readPlan } = await import("../../journal/plan-file.ts");
  const { openRun } = await import("../run-folder.ts");
  const { createClock } = await import("../../transport/clock.ts");
  const { judgeVerb } = await import("../../engine/verbs.ts");
  const { loadPlatform } = await import("../platforms.ts");
  const plan = await readPlan(folder);
  const platform = await loadPlatform(plan.platform);
  const probed = await probeSaysDone(io, plan, folder, verb, access);
  const record = await openRun(io, folder, plan, createClock());
  try {
    const answer = judgeVerb(plan, record.state(), platform.contract, verb, answers, probed);
    if (!answer.ok) throw new PawlError("said-no", "verb-refused", answer.text, { next: `pawl status ${folder}` });
    for (const event of answer.events) await record.journal.append(event, io.actor);
    await record.journal.seal();
    return answer.text;
  } finally {
    await record.close();
  }
}

async function send(io: Io, run: string, verb: Verb, options: VerbOptions): Promise<void> {
  const { findRunToActOn } = await import("../../journal/runs.ts");
  const { sendControl } = await import("../../journal/control-client.ts");
  const folder = await findRunToActOn(options.outputDir, run, io.cwd);
  const answers = options.answers === undefined ? null : Number(options.answers);
  const live = await sendControl({ stateDir: stateDir(io.env), runFolder: folder }, { ...verb, answers, actor: io.actor });
  if (live.kind === "no-answer")
    throw new PawlError("outcome-unknown", "no-answer", `the engine of this run did not answer: ${live.reason}`, {
      next: `pawl status ${folder}`,
    });
  const said =
    live.kind === "answered"
      ? live
      : {
          ok: true,
          text: `${await act(io, folder, verb, answers, options)}. Nothing runs now; go on with: ${spellOf(io, folder)("resume")}`,
        };
  if (options.json === true) io.out(JSON.stringify({ ok: said.ok, text: said.text, live: live.kind === "answered" }));
  else if (said.ok) io.out(said.text);
  else io.err(said.text);
  io.exit(said.ok ? "ok" : "said-no");
}

function base(name: string): Command {
  return new Command(name)
    .option("--output-dir <folder>", "where evidence goes", DEFAULT_OUTPUT)
    .option("--reason <text>", "why; journaled with who")
    .option("--answers <seq>", "the question this answers; a stale one is refused")
    .option("--json", "one JSON document");
}

const RUN = ["[run]", "run folder, name, or latest", "latest"] as const;

/** `pawl pause|stop|approve [RUN] [STEP]`. */
export function runVerb(verb: "pause" | "stop" | "approve"): (io: Io) => Command {
  return (io) => {
    const command = base(verb).argument(...RUN);
    if (verb === "approve") command.argument("[step]", "the planned stop; the open one where none is named");
    return command.action((run: string, second: string | VerbOptions, third: VerbOptions | Command) => {
      const target = typeof second === "string" ? second : null;
      const options = (verb === "approve" ? third : second) as VerbOptions;
      return send(io, run, { verb, target, reason: options.reason ?? null }, options);
    });
  };
}

/** `pawl retry|set-aside|force-complete|skip RUN STEP`; the run may be left out. */
export function stepVerb(verb: "retry" | "set-aside" | "force-complete" | "skip"): (io: Io) => Command {
  // Only that one looks at the cluster.
  const command = (): Command => (verb === "force-complete" ? accessOptions(base(verb)) : base(verb));
  return (io) =>
    command()
      .argument(
        "<run-or-target>",
        verb === "set-aside" ? "a node (of the latest run), or a run" : "a step address (of the latest run), or a run",
      )
      .argument("[target]", verb === "set-aside" ? "the node" : "the step")
      .action((first: string, second: string | undefined, options: VerbOptions) => {
        const [run, target] = second === undefined ? ["latest", first] : [first, second];
        if (["set-aside", "force-complete", "skip"].includes(verb) && (options.reason ?? "").trim() === "") {
          throw new PawlError("usage", "no-reason", `${verb} needs a reason`, { next: `pawl ${verb} ${target} --reason TEXT` });
        }
        return send(io, run, { verb, target, reason: options.reason ?? null }, options);
      });
}
