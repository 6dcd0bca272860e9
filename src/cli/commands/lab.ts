import { Command } from "commander";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { PawlError } from "../../domain/errors.ts";
import { embeddedOptions, startEmbedded, type EmbeddedOptions } from "../embedded.ts";
import type { Io } from "../io.ts";

interface UpOptions extends EmbeddedOptions {
  readonly folder: string;
  readonly inventoryOut?: string;
  readonly json?: true;
}

async function up(io: Io, options: UpOptions): Promise<void> {
  const folder = resolve(io.cwd, options.folder);
  const { lab } = await startEmbedded(io, options, folder, "lab");
  if (options.inventoryOut !== undefined) {
    const { writeFile } = await import("node:fs/promises");
    const text = await readFile(lab.inventoryFile, "utf8");
    await writeFile(resolve(io.cwd, options.inventoryOut), absolute(text, folder), { mode: 0o600 });
  }
  const inventory = options.inventoryOut ?? lab.inventoryFile;
  if (options.json === true)
    io.out(
      JSON.stringify({
        type: "lab",
        inventory: resolve(io.cwd, inventory),
        control: lab.control,
        sshConfig: lab.sshConfigFile,
        folder,
      }),
    );
  else {
    io.out(
      `The embedded cluster is up: DC/OS ${options.version}, ${options.masters} masters, ${options.private} private, ${options.public} public agents.`,
    );
    io.out(
      `\nFrom another terminal:\n  pawl preflight -i ${inventory} --to 1.9.9\n  ssh -F ${lab.sshConfigFile} m1 jq -r .version /opt/mesosphere/etc/dcos-version.json`,
    );
    io.out(`\nIt runs until Ctrl-C.`);
  }
  const off = io.onStop(() => void lab.stop());
  await lab.stopped;
  off();
  io.exit("ok");
}

/** Paths in the lab's inventory are relative to its folder; a copy elsewhere needs them whole. */
function absolute(text: string, folder: string): string {
  return text
    .replaceAll(
      /^(\s*(?:identity-file|known-hosts):\s*)["']?([^"'\s/][^"'\s]*)["']?$/gm,
      (_, key: string, path: string) => `${key}${JSON.stringify(resolve(folder, path))}`,
    )
    .replaceAll(
      /((?:identity-file|known-hosts):\s*)([^"'\s/,}][^\s,}]*)/g,
      (_, key: string, path: string) => `${key}${JSON.stringify(resolve(folder, path))}`,
    );
}

async function heal(io: Io, inventoryFile: string): Promise<void> {
  const { loadInventory } = await import("../../document/load.ts");
  const { request } = await import("undici");
  const inventory = await loadInventory(resolve(io.cwd, inventoryFile));
  const control = inventory.document.lab?.control;
  if (control === undefined)
    throw new PawlError("usage", "lab.none", `${inventoryFile} describes no lab`, {
      expected: "an inventory written by pawl lab up",
    });
  const answer = await request(`${control}/heal`, { method: "POST" });
  await answer.body.dump();
  io.out(answer.statusCode === 200 ? "Every fault of the lab is repaired." : `The lab answered ${answer.statusCode}.`);
  io.exit(answer.statusCode === 200 ? "ok" : "said-no");
}

/** `pawl lab up | heal`. */
export function labCommand(io: Io): Command {
  const command = new Command("lab");
  command.addCommand(
    embeddedOptions(new Command("up").description("start an embedded cluster and keep it running"), 60)
      .option("--folder <folder>", "keys, known_hosts and inventory of the lab", "backups/.lab")
      .option("--inventory-out <file>", "write the inventory here as well")
      .option("--json", "one JSON document when it is up")
      .action((options: UpOptions) => up(io, options)),
  );
  command.addCommand(
    new Command("heal")
      .description("repair every fault of a running lab")
      .requiredOption("-i, --inventory <file>", "the lab's inventory")
      .action((options: { readonly inventory: string }) => heal(io, options.inventory)),
  );
  return command;
}
