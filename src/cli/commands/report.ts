import { Command } from "commander";
import type { Io } from "../io.ts";
import { DEFAULT_OUTPUT } from "../places.ts";

/**
 * `pawl report RUN`: the run as Markdown (or `--json`), made from plan and journal, on standard output. Writes nothing: the
 * reports in the run folder belong to its sealed record.
 */
export function reportCommand(io: Io): Command {
  return new Command("report")
    .description("a run as Markdown or JSON, made from its journal")
    .argument("[run]", "run folder, name, or latest", "latest")
    .option("--output-dir <folder>", "where evidence goes", DEFAULT_OUTPUT)
    .option("--json", "one JSON document")
    .addHelpText("after", "\nExample:\n  pawl report latest > report.md")
    .action(async (run: string, options: { readonly outputDir: string; readonly json?: true }) => {
      const { findRun } = await import("../../journal/runs.ts");
      const { readPlan } = await import("../../journal/plan-file.ts");
      const { foldJournal, readJournal } = await import("../../journal/read.ts");
      const { manifestOf } = await import("../../journal/manifest.ts");
      const { accountOf } = await import("../../report/account.ts");
      const { renderAccount } = await import("../../report/markdown.ts");
      const folder = await findRun(options.outputDir, run, io.cwd);
      const plan = await readPlan(folder);
      const { events } = await readJournal(folder);
      const account = accountOf(foldJournal(folder, events), events, plan, manifestOf(events, events.length));
      io.out(options.json === true ? JSON.stringify(account) : renderAccount(account).trimEnd());
      io.exit("ok");
    });
}
