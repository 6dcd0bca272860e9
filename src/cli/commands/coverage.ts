import { Command } from "commander";
import { join } from "node:path";
import { gapsOf, type Catalogue, type CatalogueGap, type CatalogueItem } from "../../domain/catalogue.ts";
import { PawlError } from "../../domain/errors.ts";
import type { Check, Loaded, Runbook } from "../../domain/documents.ts";
import { findingIdOf } from "../../domain/question.ts";
import type { ItemCoverage } from "../../report/coverage.ts";
import type { Io } from "../io.ts";
import { CHECKS, DEFAULT_OUTPUT, ROOT, runbookFile } from "../places.ts";

interface CoverageOptions {
  readonly catalogue: string;
  readonly outputDir: string;
  readonly json?: true;
}

/** Runbooks that come with pawl. */
const RUNBOOKS = join(ROOT, "runbooks");

const SHIPPED = "catalogue/dcos-workbook.yaml";

interface Covered {
  readonly item: CatalogueItem;
  readonly run: ItemCoverage | null;
}

/** What each item of a catalogue is to one run. */
async function coverRun(io: Io, run: string, options: CoverageOptions, catalogue: Catalogue): Promise<readonly Covered[]> {
  const { findRun } = await import("../../journal/runs.ts");
  const { readPlan } = await import("../../journal/plan-file.ts");
  const { foldJournal, readJournal } = await import("../../journal/read.ts");
  const { manifestOf } = await import("../../journal/manifest.ts");
  const { accountOf } = await import("../../report/account.ts");
  const { coverageOf } = await import("../../report/coverage.ts");
  const { loadChecks } = await import("../../document/load.ts");
  const folder = await findRun(options.outputDir, run, io.cwd);
  const plan = await readPlan(folder);
  if (plan.platform !== catalogue.platform)
    throw new PawlError("usage", "coverage.platform", `run ${run} is of platform ${plan.platform}`, {
      expected: `a run of ${catalogue.platform}, which catalogue ${catalogue.name} is about`,
      next: "--catalogue FILE",
    });
  const { events } = await readJournal(folder);
  const state = foldJournal(folder, events);
  const account = accountOf(state, events, plan, manifestOf(events, events.length));
  const checks = await loadChecks(join(CHECKS, catalogue.platform));
  const { OWN_OCCASIONAL } = await import("../known-names.ts");
  const { loadPlatform } = await import("../platforms.ts");
  const { occasional = [] } = await loadPlatform(catalogue.platform);
  const bound = boundNames(await runbooksOf(catalogue.platform), checks, [...OWN_OCCASIONAL, ...occasional]);
  return catalogue.items.map((item) => ({ item, run: coverageOf(item, { plan, state, account, bound }) }));
}

/** Names that are asked before some hops, or of some clusters, only. */
function boundNames(
  runbooks: readonly Runbook[],
  checks: readonly Loaded<Check>[],
  occasional: readonly string[],
): ReadonlySet<string> {
  return new Set([
    ...occasional,
    ...checks.filter((one) => one.document.when !== undefined).map((one) => one.document.name),
    ...runbooks.flatMap((one) => [
      ...one.byHand.filter((by) => by.when !== undefined).map((by) => by.name),
      ...one.questions.filter((question) => question.when !== undefined).map(findingIdOf),
    ]),
  ]);
}

/** The runbooks of a platform that come with pawl. */
async function runbooksOf(platform: string): Promise<readonly Runbook[]> {
  const { loadDocuments } = await import("../../document/load.ts");
  const { documents } = await loadDocuments([RUNBOOKS]);
  return documents.flatMap((one) => (one.kind === "Runbook" && one.document.platform === platform ? [one.document] : []));
}

async function shippedGaps(catalogue: Catalogue): Promise<readonly CatalogueGap[]> {
  const { loadChecks } = await import("../../document/load.ts");
  const { knownNames } = await import("../known-names.ts");
  const { loadPlatform } = await import("../platforms.ts");
  const platform = await loadPlatform(catalogue.platform);
  const runbooks = await runbooksOf(platform.name);
  return gapsOf(catalogue, knownNames(platform, runbooks, await loadChecks(join(CHECKS, platform.name))));
}

/** `pawl coverage [RUN]`: what the workbook asks for, item by item, and where it is done; for a run, the evidence. */
export function coverageCommand(io: Io): Command {
  return new Command("coverage")
    .description("what the workbook asks for, item by item: which step, check or command does it, or why none does")
    .argument("[run]", "a run folder, name, or latest: what its record shows of each item")
    .option("--catalogue <file>", "the catalogue", SHIPPED)
    .option("--output-dir <folder>", "where evidence goes", DEFAULT_OUTPUT)
    .option("--json", "one JSON document")
    .addHelpText("after", "\nExamples:\n  pawl coverage\n  pawl coverage latest")
    .action(async (run: string | undefined, options: CoverageOptions) => {
      const { loadCatalogue } = await import("../../document/load.ts");
      const { document: catalogue } = await loadCatalogue(runbookFile(options.catalogue, io.cwd));
      const gaps = [...(await shippedGaps(catalogue))];
      const covered: readonly Covered[] =
        run === undefined ? catalogue.items.map((item) => ({ item, run: null })) : await coverRun(io, run, options, catalogue);
      for (const one of covered)
        if (one.run?.state === "missing")
          gaps.push({ id: one.item.id, text: "was due, and the record of this run shows nothing of it" });
      if (options.json === true) io.out(JSON.stringify(asJson(catalogue, covered, gaps)));
      else await show(io, catalogue, covered, gaps);
      io.exit(gaps.length > 0 ? "said-no" : "ok");
    });
}

function asJson(catalogue: Catalogue, covered: readonly Covered[], gaps: readonly CatalogueGap[]): object {
  return {
    catalogue: catalogue.name,
    source: catalogue.source,
    items: covered.map(({ item, run }) => ({ ...item, ...(run === null ? {} : { run }) })),
    gaps,
  };
}

/** Where an item is done, in words. */
function whereWords(item: CatalogueItem): string {
  const part = (label: string, names: readonly string[]): readonly string[] =>
    names.length === 0 ? [] : [`${label} ${names.join(", ")}`];
  return [
    ...part(item.steps.length === 1 ? "step" : "steps", item.steps),
    ...part("asked by", item.checks),
    ...part("captured as", item.captures),
    ...part("on request: pawl", item.commands),
  ].join("; ");
}

const MARKS = { shown: "ok", "not-due": "pending", elsewhere: "dot", missing: "bad" } as const;

async function show(io: Io, catalogue: Catalogue, covered: readonly Covered[], gaps: readonly CatalogueGap[]): Promise<void> {
  const { inkOf, printable, speaksUnicode, symbolsOf } = await import("../../view/paper.ts");
  const { beside, count, oneLine } = await import("../../view/text.ts");
  const paper = { columns: io.columns, colour: io.colour, unicode: speaksUnicode(io.env) };
  const ink = inkOf(paper);
  const symbols = symbolsOf(paper);
  const lines: string[] = [];
  const wide = Math.max(...covered.map(({ item }) => item.id.length)) + 4;
  for (const section of catalogue.sections) {
    lines.push("", ink.strong(section.title));
    for (const { item, run } of covered.filter((one) => one.item.section === section.name)) {
      const mark = run === null ? " " : symbols[MARKS[run.state]];
      lines.push(...beside(`${mark} ${item.id}`, wide, oneLine(item.words), paper.columns));
      const under = (text: string): void => {
        if (text !== "") lines.push(...beside("", wide, oneLine(text), paper.columns, (line) => ink.quiet(line)));
      };
      under(whereWords(item));
      if (item.reason !== null) under(`why: ${item.reason}`);
      if (run !== null) under(runWords(run));
    }
  }
  io.out(printable(lines.join("\n").trimStart(), paper));
  io.out("");
  for (const gap of gaps) io.err(ink.trouble(`gap: ${gap.id} ${gap.text}`));
  const reasons = covered.filter(({ item }) => whereWords(item) === "").length;
  io.out(
    `${count(covered.length, "item")} of ${catalogue.title}: ${covered.length - reasons} done or asked, ${reasons} left out with a reason, ${count(gaps.length, "gap")}.`,
  );
  if (covered.some(({ run }) => run !== null)) {
    const of = (state: ItemCoverage["state"]): number => covered.filter(({ run }) => run?.state === state).length;
    io.out(
      `This run shows ${of("shown")}; ${of("not-due")} not due in it, ${of("elsewhere")} nothing that a run shows, ${of("missing")} missing.`,
    );
  }
}

function runWords(run: ItemCoverage): string {
  if (run.state === "not-due") return "not due in this run";
  const all = run.evidence.map((one) => `${one.kind} ${one.name} (${one.says})`);
  const more = run.more > 0 ? [`and ${run.more} more`] : [];
  return run.evidence.length === 0
    ? ""
    : `evidence: ${[...all.slice(0, 4), ...(all.length > 4 ? [`and ${all.length - 4 + run.more} more`] : more)].join("; ")}`;
}
