import type { Finding } from "../domain/plan.ts";
import { inkOf, printable, symbolsOf, type Paper } from "./paper.ts";
import { foldNames, sortNames } from "./ranges.ts";
import { beside, cells, clean, clip, count, oneLine, pad } from "./text.ts";

export interface FindingsPaper extends Paper {
  /** Every pass on a line of its own with what was observed. */
  readonly verbose?: boolean;
}

/** How many findings there are of each sort. `saidNo`: mandatory or waivable ones that did not pass. */
export interface FindingCounts {
  readonly all: number;
  readonly passed: number;
  /** Did not pass, and somebody lets them stand. */
  readonly waived: number;
  readonly mandatory: number;
  readonly waivable: number;
  readonly advisory: number;
  readonly refusals: number;
}

/** Counts what did not pass by severity. Inconclusive is not a pass (design rule 4). */
export function countFindings(findings: readonly Finding[]): FindingCounts {
  const bad = findings.filter((one) => one.verdict !== "pass" && one.waived === undefined);
  const of = (severity: Finding["severity"]): number => bad.filter((one) => one.severity === severity).length;
  return {
    all: findings.length,
    passed: findings.filter((one) => one.verdict === "pass").length,
    waived: findings.filter((one) => one.waived !== undefined).length,
    mandatory: of("mandatory"),
    waivable: of("waivable"),
    advisory: of("advisory"),
    refusals: bad.filter((one) => one.refusal).length,
  };
}

const WEIGHT: Readonly<Record<Finding["severity"], number>> = { mandatory: 1, waivable: 2, advisory: 3 };

/** Worst first: refusals, then mandatory, waivable, advisory; failures before what could not be told; else as asked. */
function weight(finding: Finding): number {
  return (finding.refusal ? 0 : WEIGHT[finding.severity]) * 2 + (finding.verdict === "inconclusive" ? 1 : 0);
}

function blockOf(finding: Finding, paper: FindingsPaper): readonly string[] {
  const ink = inkOf(paper);
  const { bad, unknown, dash } = symbolsOf(paper);
  const paint = finding.severity === "advisory" ? (text: string) => ink.waiting(text) : (text: string) => ink.trouble(text);
  const told = finding.verdict === "inconclusive" ? "could not be told" : finding.refusal ? "refused by policy" : "failed";
  const { waived, print } = finding;
  const waive =
    waived !== undefined
      ? `by ${waived.person} until ${waived.until}: ${waived.reason}`
      : print !== undefined
        ? `--waive ${finding.id}@${print} --reason TEXT --waive-until DATE, for exactly this value`
        : "";
  const [head = "", ...more] = beside(
    `${paint(finding.verdict === "inconclusive" ? unknown : bad)} `,
    2,
    oneLine(finding.title),
    paper.columns,
    (text) => ink.strong(text),
  );
  const fact = (label: string, text: string, tint: (text: string) => string = (one) => one): readonly string[] =>
    text === "" ? [] : beside(`  ${ink.quiet(label)}`, 12, clean(text), paper.columns, tint);
  return [
    head,
    ...more,
    `  ${ink.quiet(`${finding.id}, ${finding.severity}, ${told}`)}`,
    ...fact("expected", finding.expected),
    ...fact("observed", finding.observed, (text) => ink.strong(text)),
    ...fact("nodes", foldNames(sortNames(finding.nodes), dash)),
    ...fact("remedy", finding.remedy, (text) => ink.active(text)),
    ...fact(waived === undefined ? "waive" : "waived", waive),
    "",
  ];
}

function passLines(passes: readonly Finding[], paper: FindingsPaper): readonly string[] {
  const ink = inkOf(paper);
  const { ok, ellipsis } = symbolsOf(paper);
  if (passes.length === 0) return [];
  if (paper.verbose !== true)
    return beside(
      `${ink.proven(ok)} `,
      cells(ok) + 1,
      `${passes.length} passed: ${passes.map((one) => one.id).join(", ")}`,
      paper.columns,
    );
  const width = Math.max(...passes.map((one) => cells(one.id)));
  return passes.map((one) =>
    clip(`${ink.proven(ok)} ${pad(one.id, width)}  ${ink.quiet(oneLine(one.observed))}`, paper.columns, ellipsis),
  );
}

/** What only a person can look after: a line or two each, with what to do about it when asked for everything. */
function byHandLines(byHand: readonly Finding[], paper: FindingsPaper): readonly string[] {
  const ink = inkOf(paper);
  const { unknown } = symbolsOf(paper);
  if (byHand.length === 0) return [];
  return [
    ...beside("", 0, "Not evaluated, because nothing can be asked about them; look at these yourself:", paper.columns),
    ...byHand.flatMap((one) => [
      ...beside(`${ink.waiting(unknown)} `, 2, `${oneLine(one.title)} (${one.id})`, paper.columns),
      ...(paper.verbose === true ? beside("  ", 2, one.remedy, paper.columns, (text) => ink.active(text)) : []),
    ]),
    "",
  ];
}

/** The answers of a preflight: what did not pass first, each with expected, observed, nodes and remedy; passes folded; a summary line. */
export function renderFindings(all: readonly Finding[], paper: FindingsPaper): string {
  const byHand = all.filter((one) => one.byHand === true);
  const findings = all.filter((one) => one.byHand !== true);
  const troubled = findings.filter((one) => one.verdict !== "pass").toSorted((a, b) => weight(a) - weight(b));
  const passes = findings.filter((one) => one.verdict === "pass");
  const lines = [
    ...troubled.flatMap((one) => blockOf(one, paper)),
    ...byHandLines(byHand, paper),
    ...passLines(passes, paper),
    summaryLine(findings, paper),
  ];
  return printable(lines.join("\n"), paper);
}

function summaryLine(findings: readonly Finding[], paper: Paper): string {
  const ink = inkOf(paper);
  const counts = countFindings(findings);
  if (counts.all === 0) return ink.waiting("Nothing was checked.");
  const parts = [
    counts.mandatory > 0 ? `${counts.mandatory} mandatory` : "",
    counts.waivable > 0 ? `${counts.waivable} waivable` : "",
    counts.advisory > 0 ? `${counts.advisory} advisory` : "",
    counts.waived > 0 ? `${counts.waived} waived` : "",
  ].filter((part) => part !== "");
  const said = `${counts.passed} of ${count(counts.all, "finding")} passed`;
  if (parts.length === 0) return ink.proven(`${said}.`);
  const paint =
    counts.mandatory + counts.waivable > 0 ? (text: string) => ink.trouble(text) : (text: string) => ink.waiting(text);
  return `${said}; ${paint(`not passed: ${parts.join(", ")}`)}.`;
}
