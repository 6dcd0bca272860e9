import { isAbsolute, join, resolve } from "node:path";
import * as z from "zod";
import {
  plainAddress,
  type Bootstrap,
  type Hook,
  type Inventory,
  type InventoryNode,
  type SshSettings,
} from "../domain/inventory.ts";
import {
  argv,
  duration,
  durationMs,
  envelope,
  flag,
  host,
  jsonRecord,
  jumpHop,
  moment,
  name,
  nodeName,
  path,
  port,
  remotePath,
  sha256,
  text,
  url,
  user,
  version,
} from "./fields.ts";
import { httpForm, toHttpAccess } from "./http-access.ts";

const ssh = z.strictObject({
  user: user.describe("Login name; otherwise that of ~/.ssh/config.").optional(),
  port: port.describe("Port of the SSH server, 22 where nothing else is said.").optional(),
  "identity-file": path.describe("Private key; relative to the inventory's folder, `~/` is the home folder.").optional(),
  "known-hosts": path.describe("Known hosts file; relative to the inventory's folder, `~/` is the home folder.").optional(),
  sudo: flag.describe("Run what needs root through `sudo -n`.").optional(),
  jump: z
    .union([jumpHop, z.array(jumpHop).min(1)])
    .describe("Jump host, or several from first to last; `none`: directly, whatever ~/.ssh/config says.")
    .optional(),
});

const hook = z.strictObject({ argv, timeout: duration.describe("Time limit, 1m where nothing else is said.").optional() });

const node = z.strictObject({
  name: nodeName.describe("Name of the node in plans, addresses and reports."),
  address: host.describe("Where the node answers."),
  role: name.describe("Role in the platform's words."),
  rack: text.describe("At most one rack is in hand at a time where racks are known.").optional(),
  critical: flag.describe("Critical nodes come last and never share a wave with others.").optional(),
  ssh: ssh.describe("What is different for this node.").optional(),
});

const answer = z.strictObject({
  question: name.describe("Name of the question in the runbook."),
  subject: text.describe("The app or node it is about, where it is asked about each.").optional(),
  answer: text.max(2_000).describe("What was said."),
  by: text.describe("Who said it."),
  at: moment.describe("When it was said."),
  until: moment.describe("When it ends, if the question does not let it end earlier."),
});

/** The form of an inventory (docs/architecture.md, Documents). */
export const inventorySchema = z.strictObject({
  ...envelope("Inventory"),
  metadata: z.strictObject({ name: name.describe("Name of the cluster: the folder its evidence goes to.") }),
  platform: name.describe("Product that runs on the nodes."),
  ssh: ssh.describe("How nodes are reached.").optional(),
  http: httpForm.describe("How the web servers of the cluster are reached, where plain http is not the way.").optional(),
  ports: z.record(name, port).describe("Port by service name, where it is not the product's own.").optional(),
  bootstrap: z
    .strictObject({
      address: host,
      ssh: ssh.optional(),
      url: url.describe("Base URL that nodes fetch packages from."),
      installers: z.record(version, remotePath).describe("Installer on the bootstrap machine by target version.").optional(),
    })
    .describe("The machine that serves packages and generates the upgrade script.")
    .optional(),
  scripts: z
    .record(version, z.strictObject({ url, sha256 }))
    .describe("Upgrade script by target version, where no bootstrap machine generates it.")
    .optional(),
  nodes: z.array(node).min(1).describe("Every machine of the cluster."),
  hooks: z
    .strictObject({ "before-node": hook.optional(), "after-node": hook.optional(), "on-halt": hook.optional() })
    .describe("Local commands around nodes: load balancer, alert silence, CMDB.")
    .optional(),
  "site-steps": z.array(hook).describe("Local commands at the end of an upgrade.").optional(),
  lab: z
    .strictObject({ control: url, "time-scale": z.number().positive() })
    .describe("Written by an embedded cluster; never by hand.")
    .optional(),
  answers: z
    .array(answer)
    .describe("What people answered to the questions of runbooks: written by `pawl answer`, no part of the fingerprint.")
    .optional(),
  settings: jsonRecord.describe("The platform's own settings.").optional(),
});

export type InventoryForm = z.infer<typeof inventorySchema>;

/** Where relative paths start and `~/` leads. */
export interface Folders {
  readonly folder: string;
  readonly home: string;
}

/** The inventory that a valid form stands for. Paths become absolute; a hook's program is resolved where it begins with `./` or `../`. */
export function toInventory(form: InventoryForm, folders: Folders): Inventory {
  return {
    name: form.metadata.name,
    platform: form.platform,
    folder: folders.folder,
    ssh: toSsh(form.ssh, folders),
    ports: form.ports ?? {},
    ...(form.http === undefined ? {} : { http: toHttpAccess(form.http, (written) => resolvePath(written, folders)) }),
    nodes: form.nodes.map((one) => toNode(one, folders)),
    ...(form.bootstrap === undefined ? {} : { bootstrap: toBootstrap(form.bootstrap, folders) }),
    scripts: form.scripts ?? {},
    hooks: {
      ...(form.hooks?.["before-node"] === undefined ? {} : { beforeNode: toHook(form.hooks["before-node"], folders) }),
      ...(form.hooks?.["after-node"] === undefined ? {} : { afterNode: toHook(form.hooks["after-node"], folders) }),
      ...(form.hooks?.["on-halt"] === undefined ? {} : { onHalt: toHook(form.hooks["on-halt"], folders) }),
    },
    siteSteps: (form["site-steps"] ?? []).map((one) => toHook(one, folders)),
    ...(form.lab === undefined ? {} : { lab: { control: form.lab.control, timeScale: form.lab["time-scale"] } }),
    ...(form.answers === undefined
      ? {}
      : { answers: form.answers.map(({ subject, ...one }) => ({ ...one, subject: subject ?? null })) }),
    settings: form.settings ?? {},
  };
}

function toNode(form: z.infer<typeof node>, folders: Folders): InventoryNode {
  const { name: nodeName, address, role, rack, critical } = form;
  return {
    name: nodeName,
    address: plainAddress(address),
    role,
    ...(rack === undefined ? {} : { rack }),
    critical: critical ?? false,
    ssh: toSsh(form.ssh, folders),
  };
}

function toBootstrap(form: NonNullable<InventoryForm["bootstrap"]>, folders: Folders): Bootstrap {
  return {
    address: plainAddress(form.address),
    ssh: toSsh(form.ssh, folders),
    url: form.url.replace(/\/+$/, ""),
    installers: form.installers ?? {},
  };
}

function toSsh(form: z.infer<typeof ssh> | undefined, folders: Folders): SshSettings {
  if (form === undefined) return {};
  const identity = form["identity-file"];
  const known = form["known-hosts"];
  return {
    ...(form.user === undefined ? {} : { user: form.user }),
    ...(form.port === undefined ? {} : { port: form.port }),
    ...(identity === undefined ? {} : { identityFile: resolvePath(identity, folders) }),
    ...(known === undefined ? {} : { knownHosts: resolvePath(known, folders) }),
    ...(form.sudo === undefined ? {} : { sudo: form.sudo }),
    ...(form.jump === undefined ? {} : { jump: [form.jump].flat().filter((one) => one !== "none") }),
  };
}

function toHook(form: z.infer<typeof hook>, folders: Folders): Hook {
  const [program = "", ...rest] = form.argv;
  const own = /^\.{1,2}\//.test(program) || program.startsWith("~/");
  return { argv: [own ? resolvePath(program, folders) : program, ...rest], timeoutMs: durationMs(form.timeout ?? "1m") };
}

function resolvePath(written: string, folders: Folders): string {
  if (written === "~" || written.startsWith("~/")) return join(folders.home, written.slice(1));
  return isAbsolute(written) ? written : resolve(folders.folder, written);
}
