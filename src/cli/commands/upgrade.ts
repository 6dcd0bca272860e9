import { Command } from "commander";
import { PawlError } from "../../domain/errors.ts";
import type { Cluster } from "../cluster.ts";
import type { Io } from "../io.ts";
import { inputsOf, runOptions, type RunOptions } from "../options.ts";
import { CHECKS, policyFile, POLICIES, runbookFile } from "../places.ts";
import type { UpgradeRequest } from "../upgrade-flow.ts";

export interface UpgradeOptions extends RunOptions {
  readonly to: string;
  readonly policy: string;
  readonly runbook: string;
  readonly dryRun?: true;
  readonly verbose?: true;
}

export function upgradeOptions(command: Command): Command {
  return runOptions(command)
    .requiredOption("--to <version>", "the version every node shall have in the end")
    .option("--policy <name|file>", "which way is qualified: workbook, published, docker-engine, or a file", "workbook")
    .option("--runbook <file>", "the runbook", "runbooks/dcos-upgrade.yaml")
    .option("-v, --verbose", "every pass, every command of every node");
}

/** Opens cluster, runbook and policy, and hands them over; closes the cluster afterwards. */
export async function withUpgrade<T>(
  io: Io,
  options: UpgradeOptions,
  act: (parts: { readonly cluster: Cluster; readonly request: UpgradeRequest }) => Promise<T>,
): Promise<T> {
  const { openCluster } = await import("../cluster.ts");
  const { loadPolicy, loadRunbook } = await import("../../document/load.ts");
  const runbook = await loadRunbook(runbookFile(options.runbook, io.cwd));
  const policy = await loadPolicy(policyFile(io, POLICIES, options.policy));
  const given = inputsOf(options.set);
  if ("target" in given) throw new PawlError("usage", "set.target", "the target is given with --to, not with --set");
  const cluster = await openCluster(io, options.inventory, CHECKS, options);
  try {
    return await act({ cluster, request: { runbook, policy, goal: options.to, given, options } });
  } finally {
    await cluster.close();
  }
}

/** `pawl upgrade`: the plan, executed hop by hop with the operator at the stops. */
export function upgradeCommand(io: Io): Command {
  return upgradeOptions(new Command("upgrade"))
    .option("--dry-run", "everything a preflight does, and the plan; changes nothing")
    .addHelpText(
      "after",
      "\nExamples:\n  pawl upgrade -i production.yaml --to 1.11.3\n  pawl upgrade -i production.yaml --to 1.11.3 --stop-after masters --ticket CHG-1234\n  pawl upgrade -i production.yaml --to 1.11.3 --only a17,a31 --yes",
    )
    .action(async (options: UpgradeOptions) => {
      if (options.dryRun === true) {
        const { preflight } = await import("./preflight.ts");
        return preflight(io, options);
      }
      const { upgrade } = await import("../upgrade-flow.ts");
      const presence = { json: options.json === true, yes: options.yes === true, approve: options.approve };
      io.exit(await withUpgrade(io, options, ({ cluster, request }) => upgrade(io, cluster, request, presence, [])));
    });
}
