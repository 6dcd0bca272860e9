import { Command } from "commander";
import { PawlError } from "../../domain/errors.ts";
import type { Looking, LookingWorld, Sheet } from "../../engine/ports.ts";
import { accessOptions, type AccessOptions } from "../access.ts";
import type { Io } from "../io.ts";

interface Options extends AccessOptions {
  readonly inventory: string;
  readonly json?: true;
}

type Look = (looking: Looking, world: LookingWorld) => Promise<Sheet>;

/** Looks at a cluster and shows what it saw, with the cluster's secrets masked. Changes nothing. */
async function show(io: Io, options: Options, look: Look): Promise<void> {
  const { openCluster } = await import("../cluster.ts");
  const { CHECKS } = await import("../places.ts");
  const { speaksUnicode } = await import("../../view/paper.ts");
  const { renderSheet } = await import("../../view/sheet.ts");
  const cluster = await openCluster(io, options.inventory, CHECKS, options);
  try {
    const { looking, name } = cluster.platform;
    if (looking === undefined)
      throw new PawlError("usage", "nothing-to-look-at", `pawl cannot look at nodes and services of ${name} in this way yet.`, {
        expected: "an inventory of a platform with services, such as swarm",
        observed: `platform: ${name}`,
        next: "pawl snapshot keeps what there is, and pawl preflight judges it.",
      });
    const world = { reader: cluster.reader, inventory: cluster.inventory.document, clock: cluster.clock };
    const sheet = await look(looking, world);
    const masker = await cluster.maskerFor(sheet.clusterId);
    const mask = (text: string): string => masker.text(text);
    if (options.json === true) io.out(mask(JSON.stringify(sheet.document)));
    else io.out(renderSheet(sheet, { columns: io.columns, colour: io.colour, unicode: speaksUnicode(io.env) }, mask));
    io.exit("ok");
  } finally {
    await cluster.close();
  }
}

function options(command: Command): Command {
  return accessOptions(command)
    .requiredOption("-i, --inventory <file>", "the cluster: an inventory file")
    .option("--json", "one JSON document");
}

/** `pawl nodes`: the machines of a cluster as the cluster itself sees them. */
export function nodesCommand(io: Io): Command {
  return options(new Command("nodes"))
    .description("show the nodes of a cluster as it sees them itself; reads only")
    .action((given: Options) => show(io, given, (looking, world) => looking.nodes(world)));
}

/** `pawl service list|show|history`: what runs on a cluster. */
export function serviceCommand(io: Io): Command {
  const list = options(new Command("list"))
    .description("every service with how many of its tasks serve, and the stacks")
    .action((given: Options) => show(io, given, (looking, world) => looking.services(world)));
  const one = options(new Command("show"))
    .description("one service: definition, last update, settings for update and rollback, newest error")
    .argument("<service>", "name or id")
    .action((name: string, given: Options) => show(io, given, (looking, world) => looking.service(world, name)));
  const history = options(new Command("history"))
    .description("every place of a service, with the attempts before the one that runs now")
    .argument("<service>", "name or id")
    .action((name: string, given: Options) => show(io, given, (looking, world) => looking.history(world, name)));
  return new Command("service")
    .description("look at what runs on a cluster; reads only")
    .addCommand(list)
    .addCommand(one)
    .addCommand(history);
}
