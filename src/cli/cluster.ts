import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { Masker } from "../artifact/mask.ts";
import { CAPTURE_TAR_COMMANDS } from "../action/capture-tar.ts";
import { kindsOf } from "../action/kinds.ts";
import { guard } from "../check/guard.ts";
import { createJq, type Jq } from "../check/jq.ts";
import { createChecks } from "../check/runner.ts";
import type { Check, Loaded } from "../domain/documents.ts";
import { PawlError } from "../domain/errors.ts";
import { plainAddress, type Inventory } from "../domain/inventory.ts";
import type { Facts } from "../domain/plan.ts";
import { loadChecks, loadInventory } from "../document/load.ts";
import type { AllowList, Checks, Clock, LocalRunner, Monitoring, Platform, Remote, StepKind } from "../engine/ports.ts";
import { createClock } from "../transport/clock.ts";
import { createLabClock, proveLab } from "../transport/lab-clock.ts";
import { createLocalRunner } from "../transport/local.ts";
import { openRemote, type WiredRemote } from "../transport/remote.ts";
import { createAcceptedKeys, type AcceptedKeys } from "./accepted-keys.ts";
import { askWorkingSudoPassword, givenSudoPassword, passphrasesFrom, type AccessOptions } from "./access.ts";
import type { Io } from "./io.ts";
import { maskerOf } from "./masked.ts";
import { labTime, type LabTime } from "./lab-time.ts";
import { monitoringOf } from "./monitoring.ts";
import { CHECKS } from "./places.ts";
import { loadPlatform } from "./platforms.ts";

/** A cluster one can talk to: its documents, its platform, the wires to it, and its time. */
export interface Cluster {
  readonly inventory: Loaded<Inventory>;
  readonly platform: Platform;
  readonly checkDocuments: ReadonlyMap<string, Loaded<Check>>;
  readonly checksFolder: string;
  readonly kinds: ReadonlyMap<string, StepKind>;
  readonly remote: Remote;
  readonly reader: Remote;
  readonly local: LocalRunner;
  readonly clock: Clock;
  readonly jq: Jq;
  /** For the monitors of a runbook; without it they are not read. */
  readonly monitoring?: Monitoring;
  /** The time of a proven lab, where soak floors do not apply; null on a real cluster. */
  readonly lab: LabTime | null;
  /** What hides this cluster's secrets in everything that is kept or printed. */
  maskerFor(clusterId: string): Promise<Masker>;
  /** Host keys that were accepted so far, because the caller asked for that. */
  readonly acceptedKeys?: AcceptedKeys;
  /** The runner over the product's checks, or over others. */
  checksFor(facts: Facts, checks?: readonly Check[]): Checks;
  /** Ends the connections; once, however often it is called. */
  close(): Promise<void>;
}

/**
 * Reading a file of a node changes nothing; runbooks may capture files and folders the platform does not list. Devices and the
 * kernel's own files are no files: opening a watchdog restarts the machine.
 */
const READ_ANY_FILE: AllowList["commands"] = [
  ["cat", /(?!\/(?:dev|proc|sys)(?:\/|$))(?:\/(?!\.{1,2}(?:\/|$))[^/\0]+)+/],
  ...CAPTURE_TAR_COMMANDS,
];

interface Wires {
  readonly lab: LabTime | null;
  readonly clock: Clock;
  readonly remote: Remote;
  readonly jq: Jq;
}

/** A lab, once every node has proved that it is that lab, has its own time; everything else has ours. */
async function wiresOf(inventory: Inventory, remote: WiredRemote): Promise<Wires> {
  const jq = createJq();
  if (inventory.lab === undefined) return { lab: null, clock: createClock(), remote, jq };
  await proveLab({
    control: inventory.lab.control,
    nodes: inventory.nodes.map((node) => ({ name: node.name, hostKey: remote.hostKeyOf(node.name) })),
  });
  const lab = labTime(await createLabClock(inventory.lab.control));
  return { lab, clock: lab.clock, remote: lab.remote(remote), jq: lab.jq(jq) };
}

/**
 * The checks that come with pawl for a platform and, where the operator has a folder of their own, those too. Throws PawlError
 * for a name that is taken.
 */
async function loadAllChecks(platform: string, folder: string): Promise<readonly Loaded<Check>[]> {
  const shipped = join(CHECKS, platform);
  const product = existsSync(shipped) ? await loadChecks(shipped) : [];
  if (folder === CHECKS) return product;
  const byName = new Map(product.map((one) => [one.document.name, one.sha256]));
  const own = (await loadChecks(folder)).filter((one) => byName.get(one.document.name) !== one.sha256);
  const taken = own.find((one) => byName.has(one.document.name));
  if (taken === undefined) return [...product, ...own];
  throw new PawlError(
    "invalid-document",
    "check.taken",
    `${taken.file}: a check that comes with pawl has the name ${taken.document.name}`,
    { expected: "a name of its own", next: "Give it another name, there and in the runbook." },
  );
}

/** Machines of the cluster as addresses name them: what a reader may ask. */
function hostsOf(inventory: Inventory): ReadonlySet<string> {
  const { bootstrap } = inventory;
  const own = bootstrap === undefined ? [] : [bootstrap.address, plainAddress(new URL(bootstrap.url).hostname)];
  return new Set([...inventory.nodes.map((node) => node.address), ...own].flatMap((host) => [host, host.toLowerCase()]));
}

/**
 * Opens the cluster an inventory file describes. Nothing is asked of it yet, except a lab for its proof. `checksFolder`: checks
 * of the operator's own, beside the product's.
 */
export async function openCluster(
  io: Io,
  inventoryFile: string,
  checksFolder: string = CHECKS,
  access: AccessOptions = {},
): Promise<Cluster> {
  const inventory = await loadInventory(resolve(io.cwd, inventoryFile));
  const platform = await loadPlatform(inventory.document.platform);
  const loaded = await loadAllChecks(platform.name, checksFolder);
  const checkDocuments = new Map(loaded.map((one) => [one.document.name, one]));
  const acceptedKeys = createAcceptedKeys(io, inventory.file);
  const sudoPassword = givenSudoPassword(io, access);
  const wired = await openRemote({
    ask: passphrasesFrom(io),
    sudoPassword,
    accept: access.acceptNewHostKeys === true ? (key) => acceptedKeys.accept(key) : undefined,
    inventory: inventory.document,
    env: io.env,
    home: io.env["HOME"] ?? homedir(),
    ports: platform.ports,
    web: platform.web,
    secret: (value) => void io.secrets?.add(value),
  });
  const { lab, clock, remote, jq } = await wiresOf(inventory.document, wired);
  try {
    // A lab has proven itself by now: no other machine is given a password in its name.
    if (sudoPassword === undefined) await askWorkingSudoPassword(io, access, (password) => wired.giveSudoPassword(password));
  } catch (error) {
    await jq.close();
    await remote.close();
    throw error;
  }
  const allow: AllowList = { ...platform.allow, commands: [...platform.allow.commands, ...READ_ANY_FILE] };
  const urls = Object.values(inventory.document.scripts).map((script) => script.url);
  const reader = guard(remote, allow, { urls, hosts: hostsOf(inventory.document) });
  const monitors = monitoringOf({ reader, inventory: inventory.document, platform, clock, lab });
  let closing: Promise<void> | null = null;
  return {
    inventory,
    platform,
    checkDocuments,
    checksFolder,
    kinds: kindsOf(platform),
    remote,
    reader,
    local: createLocalRunner({ cwd: inventory.document.folder }),
    clock,
    jq,
    monitoring: monitors.monitoring,
    lab,
    maskerFor: (clusterId) => maskerOf(io, clusterId),
    acceptedKeys,
    checksFor: (facts, checks = loaded.map((one) => one.document)) =>
      createChecks({ checks, remote: reader, inventory: inventory.document, platform, facts, clock, jq }),
    close: () =>
      (closing ??= monitors
        .close()
        .then(() => Promise.all([jq.close(), remote.close()]))
        .then(() => undefined)),
  };
}
