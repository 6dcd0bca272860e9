import { Command, Option } from "commander";
import type { Io } from "../io.ts";
import { DEFAULT_OUTPUT } from "../places.ts";

/**
 * `pawl report RUN`: the run as Markdown (or `--html`, `--json`), made from plan, journal and artifacts, on standard output.
 * Writes nothing: the reports in the run folder belong to its sealed record.
 */
export function reportCommand(io: Io): Command {
  return new Command("report")
    .description("a run as Markdown, HTML or JSON, made from its record")
    .argument("[run]", "run folder, name, or latest", "latest")
    .option("--output-dir <folder>", "where evidence goes", DEFAULT_OUTPUT)
    .option("--html", "one HTML page that needs no script and no network")
    .addOption(new Option("--json", "one JSON document").conflicts("html"))
    .addHelpText("after", "\nExample:\n  pawl report latest --html > report.html")
    .action(async (run: string, options: { readonly outputDir: string; readonly html?: true; readonly json?: true }) => {
      const { findRun } = await import("../../journal/runs.ts");
      const { readPlan } = await import("../../journal/plan-file.ts");
      const { foldJournal, readJournal } = await import("../../journal/read.ts");
      const { manifestOf } = await import("../../journal/manifest.ts");
      const { readArtifact } = await import("../../artifact/store.ts");
      const { reportHtml, reportMarkdown, reportOf } = await import("../../report/files.ts");
      const folder = await findRun(options.outputDir, run, io.cwd);
      const plan = await readPlan(folder);
      const { events } = await readJournal(folder);
      // A journal that cannot be folded is told as what it is.
      foldJournal(folder, events);
      const manifest = manifestOf(events, events.length);
      const report = await reportOf(events, plan, manifest, (artifact) => readArtifact(folder, artifact));
      if (options.json === true) io.out(JSON.stringify(report.account));
      else io.out((options.html === true ? reportHtml(report) : reportMarkdown(report)).trimEnd());
      io.exit("ok");
    });
}
