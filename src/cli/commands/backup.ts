import { Command } from "commander";
import type { Io } from "../io.ts";
import { clusterOptions, type ClusterOptions } from "../options.ts";
import { CHECKS, runbookFile } from "../places.ts";

/** `pawl backup zookeeper`: ZooKeeper's folders and znodes, proven, as a run with a record. Reads only. */
export function backupCommand(io: Io): Command {
  const zookeeper = clusterOptions(new Command("zookeeper"))
    .description("copy ZooKeeper's folders and znodes, and prove that each copy comes back")
    .addHelpText("after", "\nExample:\n  pawl backup zookeeper -i production.yaml && pawl restore zookeeper --drill latest")
    .action(async (options: ClusterOptions) => {
      const { openCluster } = await import("../cluster.ts");
      const { loadRunbook } = await import("../../document/load.ts");
      const { runRunbook } = await import("../generic-run.ts");
      const cluster = await openCluster(io, options.inventory, CHECKS, options);
      try {
        const runbook = await loadRunbook(runbookFile(`${cluster.platform.name}-backup-zookeeper.yaml`, io.cwd));
        const run = {
          runbook,
          given: {},
          options: { ...options, approve: [], only: [], waive: [], set: [] },
          what: "backup-zookeeper",
          quiet: false,
        };
        io.exit((await runRunbook(io, cluster, run, { json: options.json === true, yes: true, approve: [] })).exit);
      } finally {
        await cluster.close();
      }
    });
  return new Command("backup").description("make a backup and prove it").addCommand(zookeeper);
}
