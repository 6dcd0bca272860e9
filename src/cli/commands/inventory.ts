import { Command } from "commander";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, resolve } from "node:path";
import { PawlError } from "../../domain/errors.ts";
import { plainAddress, type Inventory, type SshSettings } from "../../domain/inventory.ts";
import type { Discovery, Platform } from "../../engine/ports.ts";
import type { Io } from "../io.ts";

interface Options {
  readonly platform: string;
  readonly sshHost: string;
  readonly sshUser?: string;
  readonly sshPort?: string;
  readonly identityFile?: string;
  readonly knownHosts?: string;
  readonly name?: string;
  readonly out: string;
  readonly json?: true;
}

/** Settings of SSH as they were given; paths become absolute, so that they hold wherever the inventory lies. */
function sshOf(io: Io, options: Options): SshSettings {
  const port = options.sshPort === undefined ? undefined : Number(options.sshPort);
  if (port !== undefined && (!Number.isInteger(port) || port < 1 || port > 65_535))
    throw new PawlError("usage", "bad-port", `--ssh-port ${options.sshPort ?? ""}: give a port, 1 to 65535`);
  return {
    ...(options.sshUser === undefined ? {} : { user: options.sshUser }),
    ...(port === undefined ? {} : { port }),
    ...(options.identityFile === undefined ? {} : { identityFile: resolve(io.cwd, options.identityFile) }),
    ...(options.knownHosts === undefined ? {} : { knownHosts: resolve(io.cwd, options.knownHosts) }),
  };
}

/** An inventory of the one machine that is asked. */
function entryInventory(io: Io, options: Options, role: string): Inventory {
  const { platform, sshHost } = options;
  return {
    ...{ name: "discovery", platform, folder: io.cwd, ssh: sshOf(io, options), ports: {}, scripts: {}, hooks: {}, siteSteps: [] },
    settings: {},
    nodes: [{ name: sshHost, address: plainAddress(sshHost), role, critical: false, ssh: {} }],
  };
}

async function ask(io: Io, platform: Platform, inventory: Inventory): Promise<Discovery> {
  const { openRemote } = await import("../../transport/remote.ts");
  const { guard } = await import("../../check/guard.ts");
  const { passphrasesFrom } = await import("../access.ts");
  const { discover } = platform;
  if (discover === undefined)
    throw new PawlError(
      "usage",
      "no-discovery",
      `pawl cannot read the nodes of a ${platform.name} cluster from one of them yet.`,
      {
        next: "Write the inventory by hand: inventories/ has examples, and pawl lint looks it over.",
      },
    );
  const remote = await openRemote({
    ...{ inventory, ask: passphrasesFrom(io), env: io.env, home: io.env["HOME"] ?? homedir() },
    ...{ ports: platform.ports, web: platform.web, secret: (value: string) => void io.secrets?.add(value) },
  });
  const hosts = new Set(inventory.nodes.flatMap(({ address }) => [address, address.toLowerCase()]));
  try {
    return await discover(guard(remote, platform.allow, { hosts }), inventory);
  } finally {
    await remote.close();
  }
}

async function discoverInto(io: Io, options: Options): Promise<void> {
  const { loadPlatform, PLATFORM_NAMES } = await import("../platforms.ts");
  const { writeNewFile } = await import("../../disk/durable-file.ts");
  const { discoveredInventory } = await import("../discovered-inventory.ts");
  const { oneLine } = await import("../../view/text.ts");
  if (!PLATFORM_NAMES.includes(options.platform))
    throw new PawlError("usage", "platform.unknown", `--platform ${options.platform}: there is no such platform`, {
      expected: PLATFORM_NAMES.join(", "),
    });
  const file = resolve(io.cwd, options.out);
  if (existsSync(file))
    throw new PawlError("usage", "file-exists", `${options.out} is there already, and is not overwritten.`, {
      next: "Name another file with --out, and compare the two.",
    });
  const platform = await loadPlatform(options.platform);
  const role = platform.contract.find((group) => group.manager)?.role ?? platform.contract[0]?.role ?? "node";
  const inventory = entryInventory(io, options, role);
  const found = await ask(io, platform, inventory);
  const name =
    options.name ??
    (basename(file)
      .replace(/\.ya?ml$/, "")
      .replace(/[^A-Za-z0-9._-]+/g, "-") ||
      basename(dirname(file)));
  const { text, document: written } = discoveredInventory(file, name, inventory, found);
  await writeNewFile(file, text);
  if (options.json === true) io.out(JSON.stringify({ file, cluster: found.clusterId, nodes: found.nodes, notes: found.notes }));
  else {
    const count = (wanted: string): string => `${written.nodes.filter((node) => node.role === wanted).length} × ${wanted}`;
    const roles = [...new Set(written.nodes.map((node) => node.role))].map(count).join(", ");
    io.out(`${options.out}: ${written.nodes.length} nodes of ${oneLine(found.clusterId)} (${roles}).`);
    for (const note of found.notes) io.out(oneLine(note));
    io.out(
      "No host key was trusted by this: machines whose key known_hosts does not hold are refused until somebody has compared it.",
    );
    io.out(`Next: pawl lint ${options.out} && pawl nodes -i ${options.out}`);
  }
  io.exit("ok");
}

/** `pawl inventory discover`: an inventory of the nodes that one machine of a cluster knows. */
export function inventoryCommand(io: Io): Command {
  const discover = new Command("discover")
    .description("write an inventory of the nodes that one manager of a running cluster tells; reads only, trusts no host key")
    .requiredOption("--platform <name>", "product of the cluster: swarm")
    .requiredOption("--ssh-host <host>", "a manager, reached by SSH")
    .option("--ssh-user <user>", "login name; otherwise that of ~/.ssh/config")
    .option("--ssh-port <port>", "port of the SSH servers")
    .option("--identity-file <file>", "private key")
    .option("--known-hosts <file>", "known hosts file")
    .option("--name <name>", "name of the cluster; otherwise that of the file")
    .requiredOption("--out <file>", "file to write; one that exists is not overwritten")
    .option("--json", "one JSON document")
    .addHelpText("after", "\nExample:\n  pawl inventory discover --platform swarm --ssh-host 10.0.0.11 --out swarm.yaml")
    .action((options: Options) => discoverInto(io, options));
  return new Command("inventory").description("inventories: the machines of a cluster").addCommand(discover);
}
