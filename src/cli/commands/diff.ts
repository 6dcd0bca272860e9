import { Command } from "commander";
import { basename } from "node:path";
import { readArtifact } from "../../artifact/store.ts";
import { countClasses } from "../../difference/explained-document.ts";
import { compareSnapshots, differenceText } from "../../difference/snapshot-difference.ts";
import type { ExplainedDifference, UpgradeBetween } from "../../domain/difference.ts";
import { PawlError } from "../../domain/errors.ts";
import type { Json, JsonRecord } from "../../domain/json.ts";
import { readJournal } from "../../journal/read.ts";
import { findRun } from "../../journal/runs.ts";
import { speaksUnicode, printable } from "../../view/paper.ts";
import { clean, count } from "../../view/text.ts";
import type { Io } from "../io.ts";
import { DEFAULT_OUTPUT } from "../places.ts";
import { loadPlatform, PLATFORM_NAMES } from "../platforms.ts";
import { upgradesBetween } from "../upgrades-between.ts";

/** Two snapshots beside each other. */
export interface RunComparison {
  readonly before: string;
  readonly after: string;
  readonly differences: readonly ExplainedDifference[];
  /** What neither side captured: nothing can be said about it. */
  readonly notCompared: readonly string[];
  /** Upgrades on record between the two, which explain some of the differences. */
  readonly upgrades: readonly UpgradeBetween[];
}

/**
 * `pawl diff A B`: what differs between two snapshots, and why. Exits 0 where nothing differs or every difference is explained, 1
 * where one is not, or one of the two holds no summary.
 */
export function diffCommand(io: Io): Command {
  return new Command("diff")
    .description("compare two snapshots; each difference is explained, or named unexplained")
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
      const counts = countClasses(comparison.differences);
      if (options.json === true) io.out(JSON.stringify({ equal: comparison.differences.length === 0, counts, ...comparison }));
      else io.out(printable(clean(renderComparison(comparison)), { unicode: speaksUnicode(io.env) }));
      io.exit(counts.unexplained === 0 ? "ok" : "said-no");
    });
}

/**
 * Compares the summaries of two runs, and explains by the rules of their platform and the upgrades of the same cluster that ended
 * between them. Throws PawlError `said-no` where one has none or it was changed.
 */
export async function compareRuns(before: string, after: string): Promise<RunComparison> {
  const [earlier, later] = [await summaryOf(before, before === after ? "first" : "last"), await summaryOf(after, "last")];
  const platform = earlier.document["platform"];
  const explain =
    typeof platform === "string" && PLATFORM_NAMES.includes(platform) ? (await loadPlatform(platform)).explain : undefined;
  const upgrades =
    explain === undefined ? [] : await upgradesBetween({ folder: before, at: earlier.at }, { folder: after, at: later.at });
  const [left, right] = [flat(earlier.document), flat(later.document)];
  const absent = new Set(uncaptured(right));
  return {
    before,
    after,
    differences:
      explain?.(earlier.document, later.document, upgrades) ??
      compareSnapshots(left, right).map((one): ExplainedDifference => ({
        ...one,
        class: "unexplained",
        rule: null,
        reason: "no rule explains it",
        source: "",
      })),
    notCompared: uncaptured(left).filter((name) => absent.has(name)),
    upgrades,
  };
}

function uncaptured(summary: JsonRecord): readonly string[] {
  return Object.entries(summary).flatMap(([name, value]) => (value === null ? [name] : []));
}

/** The comparison as lines: what nobody can explain first, then rule by rule. */
export function renderComparison(comparison: RunComparison): string {
  const { differences, notCompared, upgrades } = comparison;
  const between = `${basename(comparison.before)} and ${basename(comparison.after)}`;
  const open = differences.filter((one) => one.rule === null);
  const rules = [...new Set(differences.flatMap((one) => one.rule ?? []))];
  const head =
    differences.length === 0
      ? `No difference between ${between}.`
      : open.length === 0
        ? `${count(differences.length, "difference")} between ${between}, all of them explained:`
        : open.length === differences.length
          ? `${count(differences.length, "difference")} between ${between}:`
          : `${count(differences.length, "difference")} between ${between}, ${open.length} unexplained:`;
  const explained = rules.flatMap((rule) => {
    const own = differences.filter((one) => one.rule === rule);
    const [first] = own;
    return first === undefined
      ? []
      : [`  ${first.class}, ${rule}: ${first.reason}`, ...own.map((one) => `    ${differenceText(one)}`)];
  });
  const note = notCompared.length === 0 ? [] : [`Captured by neither, so not compared: ${notCompared.join(", ")}.`];
  const ran = upgrades.map((one) => `Between them ran ${one.run}, to ${one.target}.`);
  return [head, ...open.map((one) => `  ${differenceText(one)}`), ...explained, ...ran, ...note].join("\n");
}

function isRecord(value: Json): value is JsonRecord {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** The summary with what stands beside it (cluster, what could not be captured) on one level. */
function flat(document: JsonRecord): JsonRecord {
  const { summary = {}, ...beside } = document;
  return isRecord(summary) ? { ...beside, ...summary } : document;
}

/** A summary of a run that holds one or, as an upgrade does, two: an upgrade compared with itself is its before and its after. */
async function summaryOf(
  folder: string,
  which: "first" | "last",
): Promise<{ readonly document: JsonRecord; readonly at: string }> {
  const { events } = await readJournal(folder);
  const recorded = events.flatMap((event) =>
    event.type === "artifact.recorded" && /(?:^|\/)summary\.json$/.test(event.name) && !event.sealed ? [event] : [],
  );
  const found = which === "first" ? recorded[0] : recorded.at(-1);
  if (found === undefined) {
    throw new PawlError("said-no", "no-summary", `${folder} holds no summary to compare`, {
      expected: "a run of pawl snapshot that came to its end",
      next: "pawl runs",
    });
  }
  try {
    const document = JSON.parse((await readArtifact(folder, found)).toString("utf8")) as Json;
    if (!isRecord(document)) throw new SyntaxError("not an object");
    return { document, at: found.time };
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new PawlError("said-no", "bad-summary", `the summary in ${folder} is not JSON`, {
      evidence: [`${folder}/artifacts/${found.sha256}`],
      next: `pawl verify ${folder}`,
      cause,
    });
  }
}
