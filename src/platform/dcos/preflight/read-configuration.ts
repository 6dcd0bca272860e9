import { createHash } from "node:crypto";
import { posix } from "node:path";
import type { Inventory, InventoryNode } from "../../../domain/inventory.ts";
import type { JsonRecord } from "../../../domain/json.ts";
import type { Remote } from "../../../engine/ports.ts";
import { compareSettings, settingsOf } from "./configuration.ts";
import { FILES } from "../facts/facts-script.ts";

const TIMEOUT_MS = 30_000;
const LARGEST_BYTES = 1024 * 1024;

/** The genconf folder that the target's packages are generated from; null where the inventory names no installer for it. */
export function genconfOf(inventory: Inventory, target: string | undefined): string | null {
  const installers = inventory.bootstrap?.installers ?? {};
  const installer = target === undefined || !Object.hasOwn(installers, target) ? undefined : installers[target];
  return installer === undefined ? null : posix.join(posix.dirname(installer), "genconf");
}

type Read = { readonly ok: true; readonly text: string; readonly sha256: string } | { readonly ok: false; readonly why: string };

async function readText(reader: Remote, target: string, path: string): Promise<Read> {
  const command = { argv: ["cat", path], sudo: true, timeoutMs: TIMEOUT_MS, maxOutputBytes: LARGEST_BYTES };
  const outcome = await reader.run(target, command);
  if (outcome.kind === "lost") return { ok: false, why: `${target}: ${outcome.reason}` };
  if (outcome.kind === "timed-out") return { ok: false, why: `${target}: no answer within ${TIMEOUT_MS / 1_000} s` };
  if (outcome.code !== 0)
    return { ok: false, why: `${target}: ${outcome.stderr.trim().slice(0, 160) || `exit code ${outcome.code}`}` };
  return { ok: true, text: outcome.stdout, sha256: createHash("sha256").update(outcome.stdout).digest("hex") };
}

/** A node that still has what the upgrade begins from: a master where there is one. */
interface Holder {
  readonly node: InventoryNode;
  readonly version: string;
}

/**
 * The configuration that is installed against the one the target is generated with (workbook, "Qualification of items such as
 * config.yaml and ip-detect"; dcos.md pre-15): read on one node that is left to be upgraded and on the bootstrap machine. What is
 * kept of it are differences, never the files: they hold secrets. `why`: it could not be compared.
 */
export async function readConfiguration(
  reader: Remote,
  inventory: Inventory,
  holder: Holder | null,
  target: string | undefined,
): Promise<JsonRecord | null> {
  const genconf = genconfOf(inventory, target);
  if (target === undefined || holder === null || genconf === null) return null;
  const path = `${genconf}/config.yaml`;
  const { node, version } = holder;
  const [installed, wanted, detect, wantedDetect] = await Promise.all([
    readText(reader, node.name, FILES.userConfig),
    readText(reader, "bootstrap", path),
    readText(reader, node.name, FILES.detectIp),
    readText(reader, "bootstrap", `${genconf}/ip-detect`),
  ]);
  const found = { node: node.name, path, ipDetect: ipDetectOf(detect, wantedDetect) };
  if (!installed.ok) return { ...found, why: installed.why };
  if (!wanted.ok) return { ...found, why: wanted.why };
  const [before, after] = [settingsOf(installed.text), settingsOf(wanted.text)];
  if (before === null) return { ...found, why: `${node.name}: ${FILES.userConfig} is no YAML mapping` };
  if (after === null) return { ...found, why: `bootstrap: ${path} is no YAML mapping` };
  const { keys, differences, hidden } = compareSettings(before, after, { from: version, to: target });
  const digests = { installedSha256: installed.sha256, targetSha256: wanted.sha256 };
  const enableIpv6 = after.get("enable_ipv6")?.trim().toLowerCase() ?? null;
  return { ...found, why: null, keys, hidden, enableIpv6, ...digests, differences: differences.map((one) => ({ ...one })) };
}

function ipDetectOf(installed: Read, target: Read): JsonRecord {
  if (!installed.ok || !target.ok) return { same: null, why: installed.ok ? (target.ok ? "" : target.why) : installed.why };
  return { same: installed.text.trimEnd() === target.text.trimEnd(), why: null };
}

/** The digest of a genconf's config.yaml as it is now; null where it cannot be read. */
export async function digestNow(reader: Remote, genconf: string): Promise<string | null> {
  const read = await readText(reader, "bootstrap", `${genconf}/config.yaml`);
  return read.ok ? read.sha256 : null;
}
