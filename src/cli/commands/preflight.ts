import { Command } from "commander";
import { EXIT } from "../../domain/errors.ts";
import type { Io } from "../io.ts";
import { upgradeOptions, withUpgrade, type UpgradeOptions } from "./upgrade.ts";
import { shownFolder } from "../places.ts";

/** Every check, read-only, all findings at once, and the exact plan that would run. Leaves its evidence in a folder of its own. */
export async function preflight(io: Io, options: UpgradeOptions): Promise<void> {
  const { showSurvey, surveyHop, surveyJson } = await import("../upgrade-flow.ts");
  const { createRun } = await import("../run-folder.ts");
  await withUpgrade(io, options, async ({ cluster, request }) => {
    const found = await surveyHop(io, cluster, request, 1);
    let folder: string | null = null;
    if (found.plan !== null) {
      const record = await createRun(io, cluster.clock, {
        outputDir: options.outputDir,
        what: `preflight-${found.hop.to ?? options.to}`,
        plan: found.plan,
        observation: found.observation,
        findings: found.findings,
        ticket: options.ticket ?? null,
        locked: false,
        acceptedKeys: cluster.acceptedKeys,
      });
      for (const answer of found.answers) {
        const meta = {
          name: `preflight/${answer.check}.json`,
          mediaType: "application/json",
          step: null,
          node: null,
          evidenceOf: `reading of ${answer.check}: ${answer.verdict}`,
        };
        await record.journal.append({ type: "artifact.recorded", ...(await record.artifacts.put(meta, answer.evidence)) });
      }
      await record.journal.append({ type: "run.completed", exit: EXIT[found.exit], setAside: [] });
      await record.journal.seal();
      await record.close();
      folder = record.folder;
    }
    if (options.json === true) io.out(JSON.stringify(surveyJson(found, folder)));
    else {
      showSurvey(io, cluster, found, options, options.verbose === true);
      if (folder !== null) io.out(`\nEvidence: ${shownFolder(io, folder)}`);
      io.out(
        found.exit === "ok"
          ? `Preflight passed. Next: pawl upgrade -i ${options.inventory} --to ${options.to}`
          : "Preflight says no. Nothing was changed.",
      );
    }
    io.exit(found.exit);
  });
}

export function preflightCommand(io: Io): Command {
  return upgradeOptions(new Command("preflight"))
    .option("--dry-run", "the same: a preflight never writes to the cluster")
    .addHelpText("after", "\nExample:\n  pawl preflight -i production.yaml --to 1.11.3")
    .action((options: UpgradeOptions) => preflight(io, options));
}
