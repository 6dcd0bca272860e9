import { Command } from "commander";
import type { Io } from "../io.ts";
import { clusterOptions, type ClusterOptions } from "../options.ts";

interface ScheduleOptions extends ClusterOptions {
  readonly cron: string;
  readonly timezone: string;
  readonly keep: string;
  readonly once?: true;
}

/** `pawl schedule`: snapshots by cron, never overlapping, with retention and a drift report against the one before. */
export function scheduleCommand(io: Io): Command {
  return clusterOptions(new Command("schedule"))
    .option("--cron <expression>", "when, in cron's five fields", "0 2 * * *")
    .option("--timezone <zone>", "time zone of the expression", "UTC")
    .option("--keep <n>", "snapshots kept per cluster; the last good one always is", "14")
    .option("--once", "take one now and end (for systemd timers and cron)")
    .addHelpText("after", "\nExample:\n  pawl schedule -i production.yaml --cron '30 1 * * *' --timezone Europe/Berlin --keep 30")
    .action(async (options: ScheduleOptions) => {
      const { runSnapshots } = await import("../snapshots.ts");
      io.exit(await runSnapshots(io, options));
    });
}
