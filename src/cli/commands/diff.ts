import { Command } from "commander";
import { basename } from "node:path";
import { readArtifact } from "../../artifact/store.ts";
import { PawlError } from "../../domain/errors.ts";
import type { Json, JsonRecord } from "../../domain/json.ts";
import { readJournal } from "../../journal/read.ts";
import { findRun } from "../../journal/runs.ts";
import { compareSnapshots, differenceText, type SnapshotDifference } from "../../report/snapshot-difference.ts";
import { speaksUnicode, printable } from "../../view/paper.ts";
import { clean, count } from "../../view/text.ts";
import type { Io } from "../io.ts";
import { DEFAULT_OUTPUT } from "../places.ts";

/** Two snapshots beside each other. */
export interface RunComparison {
  readonly before: string;
  readonly after: string;
  readonly differences: readonly SnapshotDifference[];
  /** What neither side captured: nothing can be said about it. */
  readonly notCompared: readonly string[];
}

/**
 * `pawl diff A B`: what differs between two snapshots. Exits 0 when they are equal, 1 when they differ or one of them holds
 * no summary.
 */
export function diffCommand(io: Io): Command {
  return new Command("diff")
    .description("compare two snapshots")
    .argument("<before>", "run folder or name of the earlier snapshot")
    .argument("<after>", "run folder or name of the later one, or latest")
    .option("--output-dir <folder>", "where evidence goes", DEFAULT_OUTPUT)
    .option("--json", "one JSON document")
    .action(async (before: string, after: string, options: { readonly outputDir: string; readonly json?: true }) => {
      const folders = [
        await findRun(options.outputDir, before, io.cwd),
        await findRun(options.outputDir, after, io.cwd),
      ] as const;
      const comparison = await compareRuns(...folders);
      const { differences } = comparison;
      if (options.json === true) io.out(JSON.stringify({ equal: differences.length === 0, ...comparison }));
      else io.out(printable(clean(renderComparison(comparison)), { unicode: speaksUnicode(io.env) }));
      io.exit(differences.length === 0 ? "ok" : "said-no");
    });
}

/** Compares the summaries of two snapshot runs. Throws PawlError `said-no` where one has none or it was changed. */
export async function compareRuns(before: string, after: string): Promise<RunComparison> {
  const [earlier, later] = [await summaryOf(before), await summaryOf(after)];
  const absent = new Set(uncaptured(later));
  return {
    before,
    after,
    differences: compareSnapshots(earlier, later),
    notCompared: uncaptured(earlier).filter((name) => absent.has(name)),
  };
}

function uncaptured(summary: JsonRecord): readonly string[] {
  return Object.entries(summary).flatMap(([name, value]) => (value === null ? [name] : []));
}

/** The comparison as lines, one a difference. */
export function renderComparison(comparison: RunComparison): string {
  const { differences, notCompared } = comparison;
  const between = `${basename(comparison.before)} and ${basename(comparison.after)}`;
  const head =
    differences.length === 0
      ? `No difference between ${between}.`
      : `${count(differences.length, "difference")} between ${between}:`;
  const note = notCompared.length === 0 ? [] : [`Captured by neither, so not compared: ${notCompared.join(", ")}.`];
  return [head, ...differences.map((one) => `  ${differenceText(one)}`), ...note].join("\n");
}

function isRecord(value: Json): value is JsonRecord {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** The summary with what stands beside it (cluster, what could not be captured) on one level. */
async function summaryOf(folder: string): Promise<JsonRecord> {
  const { events } = await readJournal(folder);
  const found = events.findLast(
    (event) => event.type === "artifact.recorded" && /(?:^|\/)summary\.json$/.test(event.name) && !event.sealed,
  );
  if (found?.type !== "artifact.recorded") {
    throw new PawlError("said-no", "no-summary", `${folder} holds no summary to compare`, {
      expected: "a run of pawl snapshot that came to its end",
      next: "pawl runs",
    });
  }
  try {
    const document = JSON.parse((await readArtifact(folder, found)).toString("utf8")) as Json;
    if (!isRecord(document)) throw new SyntaxError("not an object");
    const { summary = {}, ...beside } = document;
    return isRecord(summary) ? { ...beside, ...summary } : document;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new PawlError("said-no", "bad-summary", `the summary in ${folder} is not JSON`, {
      evidence: [`${folder}/artifacts/${found.sha256}`],
      next: `pawl verify ${folder}`,
      cause,
    });
  }
}
