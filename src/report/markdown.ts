import type { ArtifactRecord, RunEvent } from "../domain/events.ts";
import type { Plan } from "../domain/plan.ts";
import { fold, type RunState } from "../domain/run-state.ts";
import { accountOf, type Account } from "./account.ts";
import { pageOf } from "./account-page.ts";
import { renderMarkdown } from "./markdown-page.ts";

/**
 * `report.md`: what was done to the cluster, by whom, what was measured, what was decided and what is left to do, for
 * somebody who was not there. Pure: the same journal gives the same bytes, so that it can be made again at any time.
 */
export function renderReport(
  state: RunState,
  events: readonly RunEvent[],
  plan: Plan,
  manifest: { readonly artifacts: readonly ArtifactRecord[] },
): string {
  return renderAccount(accountOf(state, events, plan, manifest));
}

/** `report.json`: the same as data. */
export function renderReportJson(
  state: RunState,
  events: readonly RunEvent[],
  plan: Plan,
  manifest: { readonly artifacts: readonly ArtifactRecord[] },
): string {
  return renderAccountJson(accountOf(state, events, plan, manifest));
}

function renderAccountJson(account: Account): string {
  return `${JSON.stringify(account, null, 1)}\n`;
}

/** Both reports as files of the run folder: what `derive` of the journal writes at every stop. */
export function reportFiles(
  events: readonly RunEvent[],
  plan: Plan,
  manifest: { readonly artifacts: readonly ArtifactRecord[] },
): readonly { readonly name: string; readonly text: string }[] {
  const account = accountOf(fold(events), events, plan, manifest);
  return [
    { name: "report.md", text: renderAccount(account) },
    { name: "report.json", text: renderAccountJson(account) },
  ];
}

/** The Markdown of an account. */
export function renderAccount(account: Account): string {
  return renderMarkdown(pageOf(account));
}
