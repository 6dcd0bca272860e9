import { Command } from "commander";
import type { RecordFinding, Verification } from "../../journal/verify.ts";
import type { Io } from "../io.ts";
import { DEFAULT_OUTPUT } from "../places.ts";

const MARKS: Readonly<Record<RecordFinding["level"], string>> = { broken: "broken  ", unproven: "unproven", note: "note    " };

/**
 * `pawl verify RUN`: proves a run's record offline. Exits 0 when it is whole, 1 when something was changed or cannot be
 * shown to be whole. Changes nothing.
 */
export function verifyCommand(io: Io): Command {
  return new Command("verify")
    .description("prove a run's record, offline: hash chain, artifacts, manifest, plan, SHA256SUMS")
    .argument("[run]", "run folder, name, or latest", "latest")
    .option("--output-dir <folder>", "where evidence goes", DEFAULT_OUTPUT)
    .option("--json", "one JSON document")
    .action(async (run: string, options: { readonly outputDir: string; readonly json?: true }) => {
      const { findRun } = await import("../../journal/runs.ts");
      const { verifyRun } = await import("../../journal/verify.ts");
      const result = await verifyRun(await findRun(options.outputDir, run, io.cwd));
      if (options.json === true) io.out(JSON.stringify(result));
      else await show(io, result);
      io.exit(result.ok ? "ok" : "said-no");
    });
}

async function show(io: Io, result: Verification): Promise<void> {
  const { inkOf } = await import("../../view/paper.ts");
  const { clean, count, sizeText } = await import("../../view/text.ts");
  const ink = inkOf(io);
  for (const { level, file, line, text } of result.findings) {
    const sentence = clean(`${MARKS[level]}  ${file}${line === null ? "" : `:${line}`} ${text}`);
    if (level === "note") io.out(ink.quiet(sentence));
    else io.err(ink.trouble(sentence));
  }
  const what = `${count(result.events, "event")}, ${count(result.artifacts, "artifact")} (${sizeText(result.artifactBytes)}), ${count(result.files, "file")} compared`;
  if (result.ok) io.out(`${ink.proven("The record is whole.")} ${what}.`);
  else {
    const broken = result.findings.some((finding) => finding.level === "broken");
    io.err(ink.trouble(broken ? "The record was changed or damaged." : "The record cannot be shown to be whole.") + ` ${what}.`);
    if (!broken) io.err(`Once the run has come to a stop, ask again: pawl verify ${result.folder}`);
  }
  io.out(`Head ${result.head} at event ${result.events}: keep it elsewhere, and this record can be told from any other.`);
}
