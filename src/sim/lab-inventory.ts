import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { labAnswers } from "./lab-answers.ts";
import type { LabKey } from "./lab-keys.ts";
import type { SimCluster, SimNode } from "./ports.ts";

export interface LabFilesOptions {
  readonly cluster: SimCluster;
  readonly folder: string;
  readonly sshPort: number;
  readonly timeScale: number;
  readonly control: string;
  readonly userKey: LabKey;
  hostKey(node: string): LabKey;
  readonly name?: string;
  readonly roleOf?: (node: SimNode) => string;
}

const USER = "core";

function roleByName(node: SimNode): string {
  return node.name.startsWith("m") ? "master" : node.name.startsWith("p") ? "agent_public" : "agent";
}

/** A YAML scalar that nothing can misread: JSON strings are YAML. */
function text(value: string): string {
  return JSON.stringify(value);
}

/** Installers on the bootstrap machine by version, from where they lie: `…/VERSION/dcos_generate_config[.ee].sh`. */
function installersOf(bootstrap: SimNode): readonly (readonly [string, string])[] {
  return bootstrap.fs
    .getAllPaths()
    .flatMap((path) => {
      const version = /\/(\d+(?:\.\d+)+)\/dcos_generate_config(?:\.ee)?\.sh$/.exec(path)?.[1];
      return version === undefined ? [] : [[version, path] as const];
    })
    .sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }));
}

function inventoryText(options: LabFilesOptions): string {
  const { cluster, sshPort } = options;
  const { bootstrap } = cluster;
  const roleOf = options.roleOf ?? roleByName;
  const served = cluster.listeners.find(({ host, protocol }) => host === bootstrap.address && protocol === "http");
  const url = `http://${bootstrap.address}${served === undefined || served.port === 80 ? "" : `:${served.port}`}`;
  const installers = installersOf(bootstrap).map(([version, path]) => `    ${text(version)}: ${text(path)}`);
  return [
    "# An embedded cluster, written by the lab that runs it. It is of no use when that lab has stopped.",
    "apiVersion: pawl/v1",
    "kind: Inventory",
    `metadata: { name: ${text(options.name ?? "lab")} }`,
    "platform: dcos",
    `ssh: { user: ${USER}, port: ${sshPort}, identity-file: ${text(join(options.folder, "id_ed25519"))}, known-hosts: ${text(join(options.folder, "known_hosts"))}, sudo: true }`,
    "bootstrap:",
    `  address: ${bootstrap.address}`,
    `  url: ${text(url)}`,
    ...(installers.length === 0 ? [] : ["  installers:", ...installers]),
    "nodes:",
    ...cluster.nodes.map((node) => `  - { name: ${text(node.name)}, address: ${node.address}, role: ${text(roleOf(node))} }`),
    `lab: { control: ${text(options.control)}, time-scale: ${options.timeScale} }`,
    ...(cluster.settings === undefined ? [] : [`settings: ${JSON.stringify(cluster.settings())}`]),
    "# Nobody depends on this cluster: its questions are answered by the lab itself.",
    "answers:",
    ...labAnswers(cluster).map(
      (one) =>
        `  - { ${Object.entries<string>({ ...one })
          .map(([key, value]) => `${key}: ${text(value)}`)
          .join(", ")} }`,
    ),
    "",
  ].join("\n");
}

function sshConfigText(options: LabFilesOptions): string {
  const hosts = [...options.cluster.nodes, options.cluster.bootstrap].map(
    (node) => `Host ${node.name}\n  HostName ${node.address}\n`,
  );
  const shared = [
    "Host *",
    `  User ${USER}`,
    `  Port ${options.sshPort}`,
    `  IdentityFile "${join(options.folder, "id_ed25519")}"`,
    "  IdentitiesOnly yes",
    `  UserKnownHostsFile "${join(options.folder, "known_hosts")}"`,
    "  StrictHostKeyChecking yes",
  ];
  return `${hosts.join("")}${shared.join("\n")}\n`;
}

/** Writes id_ed25519, known_hosts, ssh_config and inventory.yaml into the lab's folder; absolute paths of the last two. */
export async function writeInventory(
  options: LabFilesOptions,
): Promise<{ readonly inventoryFile: string; readonly sshConfigFile: string }> {
  const { cluster, folder, sshPort } = options;
  const write = async (name: string, content: string): Promise<string> => {
    const file = join(folder, name);
    await writeFile(file, content, { mode: 0o600 });
    return file;
  };
  const known = [...cluster.nodes, cluster.bootstrap].map((node) => {
    const host = sshPort === 22 ? node.address : `[${node.address}]:${sshPort}`;
    return `${host} ${options.hostKey(node.name).line}\n`;
  });
  await write("id_ed25519", options.userKey.file);
  await write("id_ed25519.pub", `${options.userKey.line} pawl lab\n`);
  await write("known_hosts", known.join(""));
  const sshConfigFile = await write("ssh_config", sshConfigText(options));
  return { inventoryFile: await write("inventory.yaml", inventoryText(options)), sshConfigFile };
}
