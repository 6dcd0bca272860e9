import { Command } from "commander";
import type { Io } from "../io.ts";
import { clusterOptions, type ClusterOptions } from "../options.ts";
import { CHECKS, runbookFile } from "../places.ts";
import type { ExitName } from "../../domain/errors.ts";

/** One snapshot of a cluster: everything the workbook captures, in one verified bundle. Reads only. */
export async function takeSnapshot(
  io: Io,
  options: ClusterOptions,
  quiet: boolean,
): Promise<{ readonly exit: ExitName; readonly folder: string | null }> {
  const { openCluster } = await import("../cluster.ts");
  const { loadRunbook } = await import("../../document/load.ts");
  const { runRunbook } = await import("../generic-run.ts");
  const cluster = await openCluster(io, options.inventory, CHECKS, options);
  try {
    const runbook = await loadRunbook(runbookFile(`${cluster.platform.name}-snapshot.yaml`, io.cwd));
    const run = {
      runbook,
      given: {},
      options: { ...options, approve: [], only: [], waive: [], set: [] },
      what: "snapshot",
      quiet,
    };
    return await runRunbook(io, cluster, run, { json: options.json === true, yes: true, approve: [] });
  } finally {
    await cluster.close();
  }
}

export function snapshotCommand(io: Io): Command {
  return clusterOptions(new Command("snapshot"))
    .addHelpText("after", "\nExample:\n  pawl snapshot -i production.yaml && pawl diff <yesterday> <today>")
    .action(async (options: ClusterOptions) => io.exit((await takeSnapshot(io, options, false)).exit));
}
