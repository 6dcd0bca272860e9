import { Command } from "commander";
import { resolve } from "node:path";
import { EXIT, exitName } from "../../domain/errors.ts";
import type { RunSummary } from "../../journal/runs.ts";
import type { Io } from "../io.ts";
import { DEFAULT_OUTPUT } from "../places.ts";

/** `pawl runs`: every run under the output folder, newest first. Runs that cannot be read are listed as such. */
export function runsCommand(io: Io): Command {
  return new Command("runs")
    .description("list the runs, newest first")
    .argument("[cluster]", "only runs of this cluster (its folder's name)")
    .option("--output-dir <folder>", "where evidence goes", DEFAULT_OUTPUT)
    .option("--json", "one JSON document")
    .action(async (cluster: string | undefined, options: { readonly outputDir: string; readonly json?: true }) => {
      const { listRuns } = await import("../../journal/runs.ts");
      const all = await listRuns(resolve(io.cwd, options.outputDir));
      const runs = all.filter((run) => cluster === undefined || run.cluster === cluster).toReversed();
      if (options.json === true) io.out(JSON.stringify({ runs }));
      else if (runs.length === 0) io.out(`No runs in ${options.outputDir}${cluster === undefined ? "" : ` for ${cluster}`}.`);
      else await show(io, runs);
      io.exit("ok");
    });
}

async function show(io: Io, runs: readonly RunSummary[]): Promise<void> {
  const { inkOf, printable, speaksUnicode } = await import("../../view/paper.ts");
  const { renderTable } = await import("../../view/table.ts");
  const { oneLine } = await import("../../view/text.ts");
  const { formatDuration } = await import("../../domain/duration.ts");
  const paper = { columns: io.columns, colour: io.colour, unicode: speaksUnicode(io.env) };
  const ink = inkOf(paper);
  const rows = runs.map((run) => {
    const outcome = outcomeOf(run);
    const tookMs = Date.parse(run.lastAt) - Date.parse(run.startedAt);
    const trouble = run.phase === "halted" || run.phase === "unreadable";
    return [
      run.run,
      run.cluster,
      trouble
        ? ink.trouble(outcome)
        : run.phase === "completed" && !run.awaitsAcceptance
          ? ink.proven(outcome)
          : ink.waiting(outcome),
      Number.isFinite(tookMs) ? formatDuration(Math.max(0, tookMs)) : "",
      oneLine(run.startedBy),
      oneLine(run.accepted === null ? (run.note ?? "") : `accepted by ${run.accepted.by}: ${run.accepted.reason}`),
    ];
  });
  const columns = [
    { title: "RUN" },
    { title: "CLUSTER" },
    { title: "OUTCOME" },
    { title: "TOOK" },
    { title: "BY" },
    { title: "NOTE", flexible: true },
  ];
  io.out(printable(renderTable(columns, rows, paper.columns, { head: (text) => ink.quiet(text) }), paper));
}

/** One word for where a run stands; a run without an end is at work or was interrupted, which its journal alone cannot tell. */
function outcomeOf(run: RunSummary): string {
  switch (run.phase) {
    case "unreadable":
      return "unreadable";
    case "created":
      return "not begun";
    case "open":
      return "no end yet";
    case "halted":
      return run.exit === null ? run.phase : exitName(run.exit);
    case "completed": {
      const ended = run.exit === null ? run.phase : exitName(run.exit);
      if (run.awaitsAcceptance) return `${run.exit === EXIT.ok ? "complete" : ended}, not accepted`;
      return run.accepted === null ? ended : `${ended}, accepted`;
    }
  }
}
