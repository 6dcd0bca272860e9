import { Command } from "commander";
import { isAcceptable } from "../../domain/acceptance.ts";
import { PawlError } from "../../domain/errors.ts";
import type { Plan } from "../../domain/plan.ts";
import type { RunState } from "../../domain/run-state.ts";
import type { Io } from "../io.ts";
import { DEFAULT_OUTPUT } from "../places.ts";

interface AcceptOptions {
  readonly outputDir: string;
  readonly reason?: string;
  readonly json?: true;
}

/** Throws PawlError said-no for a run that nobody can accept now. */
function needAcceptable(state: RunState, plan: Plan, folder: string): void {
  const refuse = (code: string, text: string, observed: string): PawlError =>
    new PawlError("said-no", code, text, {
      expected: "a complete run that changed something, and that nobody has accepted yet",
      observed,
      next: `pawl status ${folder}`,
    });
  if (state.phase !== "completed")
    throw refuse("not-complete", `run ${state.run} is not complete: there is nothing to accept yet`, state.phase);
  if (!isAcceptable(state, plan))
    throw refuse("nothing-to-accept", `run ${state.run} changed nothing: there is nothing to accept`, plan.runbook.name);
  const { accepted } = state;
  if (accepted !== null)
    throw refuse(
      "accepted-already",
      `run ${state.run} is accepted already`,
      `${accepted.by} at ${accepted.at}: ${accepted.reason}`,
    );
}

async function accept(io: Io, run: string, options: AcceptOptions): Promise<void> {
  const reason = (options.reason ?? "").trim();
  if (reason === "")
    throw new PawlError("usage", "no-reason", "accept needs a sentence: what was looked at, and that it is good", {
      next: `pawl accept ${run} --reason TEXT`,
    });
  const { findRun } = await import("../../journal/runs.ts");
  const { readPlan } = await import("../../journal/plan-file.ts");
  const { foldJournal, readJournal } = await import("../../journal/read.ts");
  const { createClock } = await import("../../transport/clock.ts");
  const { openRun } = await import("../run-folder.ts");
  const folder = await findRun(options.outputDir, run, io.cwd);
  const plan = await readPlan(folder);
  // Looked at before the lock is taken: what is refused leaves no trace.
  needAcceptable(foldJournal(folder, (await readJournal(folder)).events), plan, folder);
  const record = await openRun(io, folder, plan, createClock());
  try {
    needAcceptable(record.state(), plan, folder);
    await record.journal.append({ type: "run.accepted", reason }, io.actor);
    await record.journal.seal();
  } finally {
    await record.close();
  }
  const { accepted } = record.state();
  if (options.json === true) io.out(JSON.stringify({ run: record.run, folder, accepted }));
  else io.out(`Run ${record.run} is accepted by ${io.actor}: ${accepted?.reason ?? reason}`);
  io.exit("ok");
}

/** `pawl accept RUN --reason TEXT`: a person takes a complete run as good; journaled with who and why. */
export function acceptCommand(io: Io): Command {
  return new Command("accept")
    .description("take a complete run as good, in a sentence; recorded with who and when")
    .argument("<run>", "run folder, name, or latest")
    .option("--reason <text>", "what was looked at, and that it is good")
    .option("--output-dir <folder>", "where evidence goes", DEFAULT_OUTPUT)
    .option("--json", "one JSON document")
    .addHelpText(
      "after",
      '\nExample:\n  pawl accept latest --reason "error rates as before for a day; agreed with the shop team"',
    )
    .action((run: string, options: AcceptOptions) => accept(io, run, options));
}
