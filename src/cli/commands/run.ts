import { Command } from "commander";
import { resolve } from "node:path";
import type { Io } from "../io.ts";
import { inputsOf, runOptions, type RunOptions } from "../options.ts";
import { CHECKS, runbookFile } from "../places.ts";

/** `pawl run FILE`: the same engine for any runbook. */
export function runCommand(io: Io): Command {
  return runOptions(new Command("run").argument("<runbook>", "a runbook file"))
    .option("--checks <path>", "file or folder of checks of your own, beside those that come with pawl")
    .addHelpText("after", "\nExample:\n  pawl run runbooks/dcos-snapshot.yaml -i production.yaml --yes")
    .action(async (file: string, options: RunOptions & { readonly checks?: string }) => {
      const { openCluster } = await import("../cluster.ts");
      const { loadRunbook } = await import("../../document/load.ts");
      const { runRunbook } = await import("../generic-run.ts");
      const runbook = await loadRunbook(runbookFile(file, io.cwd));
      const cluster = await openCluster(
        io,
        options.inventory,
        options.checks === undefined ? CHECKS : resolve(io.cwd, options.checks),
        options,
      );
      try {
        const presence = { json: options.json === true, yes: options.yes === true, approve: options.approve };
        io.exit(
          (
            await runRunbook(
              io,
              cluster,
              { runbook, given: inputsOf(options.set), options, what: runbook.document.name, quiet: false },
              presence,
            )
          ).exit,
        );
      } finally {
        await cluster.close();
      }
    });
}
