import { createHash } from "node:crypto";
import type { Loaded, Runbook } from "../domain/documents.ts";
import { EXIT, PawlError, type ExitName } from "../domain/errors.ts";
import { renderFindings } from "../view/findings.ts";
import { speaksUnicode } from "../view/paper.ts";
import { renderPlan } from "../view/plan-tree.ts";
import { askPeople } from "./ask-people.ts";
import type { Cluster } from "./cluster.ts";
import { execute, tellEnd, type Presence } from "./execute.ts";
import { beforeOf, historyOf } from "./history.ts";
import { isEffective } from "./locks.ts";
import type { Io } from "./io.ts";
import { limitsOf, paperOf, type RunOptions } from "./options.ts";
import { resultLine } from "./result-line.ts";
import { createRun, tellEvents } from "./run-folder.ts";
import { refusalLines, waiversOf } from "./waivers.ts";
import { proveChecks, survey, type Survey } from "./survey.ts";
import { shownFolder } from "./places.ts";

export interface GenericRun {
  readonly runbook: Loaded<Runbook>;
  readonly given: Readonly<Record<string, string>>;
  readonly options: RunOptions;
  /** First word of the run's folder name. */
  readonly what: string;
  readonly quiet: boolean;
}

/**
 * Whether a runbook goes on although the platform finds trouble: one that changes nothing, and asks for no check of its own, is
 * wanted most just then. Its findings are in the record like any others. Which cluster it is must be known.
 */
function mayLook(runbook: Runbook, { plan, observation, exit }: Survey): boolean {
  return (
    exit === "said-no" &&
    plan !== null &&
    !isEffective(plan) &&
    runbook.preflight.length === 0 &&
    observation.facts.clusterId !== ""
  );
}

/** Any runbook that is a whole of its own: observe, preflight, plan, run. The cluster is closed by the time the record is sealed. */
export async function runRunbook(
  io: Io,
  cluster: Cluster,
  wanted: GenericRun,
  presence: Presence,
): Promise<{ readonly exit: ExitName; readonly folder: string | null }> {
  const { runbook, options } = wanted;
  if (runbook.document.platform !== cluster.platform.name) {
    throw new PawlError(
      "invalid-document",
      "platform.mismatch",
      `runbook ${runbook.document.name} is for ${runbook.document.platform}, the inventory is ${cluster.platform.name}`,
    );
  }
  const none = createHash("sha256").update("no policy").digest("hex");
  const look = async (): Promise<Survey> =>
    survey(cluster, {
      runbook,
      given: wanted.given,
      policySha256: none,
      journey: null,
      only: options.only,
      observation: null,
      hop: null,
      waivers: waiversOf(io, options),
      before: (clusterId) => beforeOf(io, options.outputDir, cluster, clusterId),
      proof: await proveChecks(cluster, runbook.document),
      extra: [],
    });
  const first = await look();
  const found = (await askPeople(io, cluster, first.open, presence)) ? await look() : first;
  const paper = paperOf(io, speaksUnicode(io.env));
  const end = (exit: ExitName, folder: string | null): { readonly exit: ExitName; readonly folder: string | null } => {
    if (presence.json) io.out(resultLine(exit, folder === null ? [] : [folder]));
    return { exit, folder };
  };
  if (found.plan === null || (found.exit !== "ok" && !mayLook(runbook.document, found))) {
    if (presence.json)
      io.out(
        JSON.stringify({
          type: "preflight",
          exit: EXIT[found.exit],
          name: found.exit,
          findings: found.findings,
          waivers: { refused: found.refusals },
        }),
      );
    else {
      io.out(renderFindings(found.findings, paper));
      for (const line of refusalLines(found.refusals)) io.out(line);
      io.err("Nothing was changed: the preflight says no.");
    }
    return end(found.exit, null);
  }
  const troubles = found.findings.filter((one) => one.verdict !== "pass" && one.severity !== "advisory");
  if (!presence.json && found.exit !== "ok")
    io.err(`The cluster is in trouble; it is looked at all the same: ${troubles.map((one) => one.id).join(", ")}.`);
  if (!presence.json && !wanted.quiet)
    io.out(
      `${renderFindings(found.findings, paper)}\n\n${renderPlan(found.plan, { ...paper, estimate: historyOf(io, options.outputDir, cluster, found.plan).estimate })}`,
    );
  const limits = limitsOf(options, found.plan, cluster.clock.now(), historyOf(io, options.outputDir, cluster, found.plan));
  const record = await createRun(io, cluster.clock, {
    outputDir: options.outputDir,
    what: wanted.what,
    plan: found.plan,
    observation: found.observation,
    findings: found.findings,
    ticket: options.ticket ?? null,
    locked: isEffective(found.plan),
    acceptedKeys: cluster.acceptedKeys,
  });
  if (presence.json) tellEvents(io, record);
  else if (!wanted.quiet) io.out(`\nRun ${shownFolder(io, record.folder)}`);
  const result = await execute(io, cluster, record, {
    presence,
    limits,
    last: true,
  });
  tellEnd(io, record, result, presence);
  return end(result.exit, record.folder);
}
