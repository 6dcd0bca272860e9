import { Command } from "commander";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { embeddedOptions, startEmbedded, type EmbeddedOptions } from "../embedded.ts";
import type { Io } from "../io.ts";
import { DEFAULT_OUTPUT } from "../places.ts";

interface DemoOptions extends EmbeddedOptions {
  readonly to: string;
  readonly yes?: true;
  readonly approve: readonly string[];
  readonly json?: true;
  readonly outputDir: string;
  readonly set: readonly string[];
  readonly stopAfter?: string;
}

/** `pawl demo`: an embedded cluster, upgraded end to end by the same code that upgrades a real one. */
export function demoCommand(io: Io): Command {
  return embeddedOptions(new Command("demo"), 12_000)
    .option("--to <version>", "the version to go to", "1.11.3")
    .option("--yes", "approve everything the printed plan announces")
    .option(
      "--approve <phase>",
      "approve one announced stop (repeatable)",
      (value: string, before: readonly string[]) => [...before, value],
      [],
    )
    .option(
      "--set <name=value>",
      "an input of the runbook (repeatable)",
      (value: string, before: readonly string[]) => [...before, value],
      [],
    )
    .option("--stop-after <step|phase>", "end, as planned, after this step or phase")
    .option("--output-dir <folder>", "where evidence goes", DEFAULT_OUTPUT)
    .option("--json", "one event a line")
    .addHelpText(
      "after",
      "\nExamples:\n  pawl demo --yes\n  pawl demo --yes --fault replog-not-recovered@m2\n  pawl demo --private 500 --public 0 --to 1.9.9 --yes",
    )
    .action(async (options: DemoOptions) => {
      const { withUpgrade } = await import("./upgrade.ts");
      const { upgrade } = await import("../upgrade-flow.ts");
      const folder = await mkdtemp(join(tmpdir(), "pawl-demo-"));
      const { lab } = await startEmbedded(io, options, folder, "demo");
      try {
        if (options.json !== true) {
          io.out(
            `An embedded DC/OS ${options.version} cluster: ${options.masters} masters, ${options.private} private and ${options.public} public agents; real SSH and HTTP`,
          );
          io.out(
            `on loopback. Its time runs ${options.timeScale} times faster while pawl sleeps, and stands still while it works.\n`,
          );
        }
        const presence = { json: options.json === true, yes: options.yes === true, approve: options.approve };
        const run = {
          ...options,
          inventory: lab.inventoryFile,
          policy: "workbook",
          runbook: "runbooks/dcos-upgrade.yaml",
          only: [],
          waive: [],
        };
        const { demoWaivers } = await import("../demo-waivers.ts");
        const waivers = demoWaivers(io.now());
        const exit = await withUpgrade(io, run, ({ cluster, request }) =>
          upgrade(io, cluster, { ...request, waivers }, presence, []),
        );
        if (exit !== "ok" && options.json !== true)
          io.err("The embedded cluster ended with this demo. To mend and resume, start one that stays: pawl lab up --fault …");
        io.exit(exit);
      } finally {
        await lab.stop();
        await rm(folder, { recursive: true, force: true });
      }
    });
}
