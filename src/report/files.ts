import type { ArtifactRecord, RunEvent } from "../domain/events.ts";
import type { Plan } from "../domain/plan.ts";
import { fold } from "../domain/run-state.ts";
import { accountOf, type Account } from "./account.ts";
import { pageOf } from "./account-page.ts";
import { exhibited, exhibitSections, type Exhibit } from "./exhibits.ts";
import { renderHtml } from "./html/render-page.ts";
import { renderMarkdown } from "./markdown-page.ts";
import { monitoringOf, type PlotFile } from "./monitoring.ts";
import type { Page } from "./page.ts";

/** The bytes of an artifact of this run; throws where it is gone. */
export type ReadArtifact = (artifact: ArtifactRecord) => Promise<Buffer>;

/** An account with what it shows of the captured documents. */
interface Report {
  readonly account: Account;
  readonly page: Page;
  readonly plots: readonly PlotFile[];
}

/** Reads what a report shows. An artifact that is gone is left out: `pawl verify` is who complains. */
export async function reportOf(
  events: readonly RunEvent[],
  plan: Plan,
  manifest: { readonly artifacts: readonly ArtifactRecord[] },
  read: ReadArtifact,
): Promise<Report> {
  const account = accountOf(fold(events), events, plan, manifest);
  const exhibits: Exhibit[] = [];
  for (const artifact of exhibited(manifest.artifacts)) {
    const bytes = await read(artifact).catch(() => null);
    if (bytes !== null) exhibits.push({ artifact, text: bytes.toString("utf8") });
  }
  const { plots, sections } = await monitoringOf(account, plan, read);
  return { account, page: pageOf(account, [...sections, ...exhibitSections(exhibits)]), plots };
}

/** The three reports, and the plots that Markdown links to, as files of the run folder: what `derive` of the journal writes at every stop. */
export async function reportFiles(
  events: readonly RunEvent[],
  plan: Plan,
  manifest: { readonly artifacts: readonly ArtifactRecord[] },
  read: ReadArtifact,
): Promise<readonly { readonly name: string; readonly text: string }[]> {
  const report = await reportOf(events, plan, manifest, read);
  return [
    { name: "report.md", text: reportMarkdown(report) },
    { name: "report.html", text: reportHtml(report) },
    { name: "report.json", text: reportJson(report.account) },
    ...report.plots.map(({ file, svg }) => ({ name: file, text: svg })),
  ];
}

/** `report.md`, for a ticket. */
export function reportMarkdown({ page }: Report): string {
  return renderMarkdown(page);
}

/** `report.html`: one file that needs no script and no network. */
export function reportHtml({ account, page }: Report): string {
  return renderHtml(page, `pawl ${account.pawl}, run ${account.run}`);
}

/** `report.json`: the account as data. */
export function reportJson(account: Account): string {
  return `${JSON.stringify(account, null, 1)}\n`;
}
