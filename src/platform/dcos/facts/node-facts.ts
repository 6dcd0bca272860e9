import { PawlError } from "../../../domain/errors.ts";
import type { Inventory, InventoryNode } from "../../../domain/inventory.ts";
import type { JsonRecord } from "../../../domain/json.ts";
import type { Outcome, Remote } from "../../../engine/ports.ts";
import { roleOfFiles } from "../contract.ts";
import { factsCommand } from "./facts-script.ts";
import { parseJson, record, text } from "../../../domain/json-fields.ts";
import { sectionsOf } from "./sections.ts";

/** The edition of DC/OS. */
export type Edition = "open" | "enterprise";

interface UnitFacts {
  readonly active: string;
  readonly sub: string;
  /** Null on systemd older than 235, which does not count restarts. */
  readonly restarts: number | null;
}

/** What one node says about itself. Null: its source was missing or unreadable, which is never the same as "fine". */
export interface NodeReport {
  readonly version: string | null;
  readonly imageCommit: string | null;
  /** The inventory's word for the node's role; null unless exactly one role file exists. */
  readonly role: string | null;
  readonly roles: readonly string[];
  /** True: the marker of an activation that has not ended is there. */
  readonly installProgress: boolean | null;
  readonly clockEpoch: number | null;
  readonly configSha256: string | null;
  readonly diskFreeKb: { readonly opt: number | null; readonly var: number | null };
  readonly bootId: string | null;
  readonly clusterId: string | null;
  /** 0: commands really ran as root. */
  readonly uid: number | null;
  readonly masterCount: number | null;
  readonly units: Readonly<Record<string, UnitFacts>>;
  /** The operating system as it calls itself (os-release). */
  readonly os: string | null;
  /** Its release as far as it is told, such as `7.4`. */
  readonly osRelease: string | null;
  readonly kernel: string | null;
  /** Version of the docker program; asked without its daemon, which may hang. */
  readonly docker: string | null;
  /** Made when the operating system was installed: another one is another machine (machine-id). */
  readonly machineId: string | null;
  readonly edition: Edition | null;
  /** Whether the kernel speaks IPv6. */
  readonly ipv6: boolean | null;
  /** When the installed packages were activated, seconds since 1970. */
  readonly activatedEpoch: number | null;
  /** HTTP status the node's own proxy answered with; null: none; absent where nothing was asked. */
  readonly proxyStatus?: number | null;
  /** HTTP status the node got from the bootstrap machine; null: no answer; absent where nothing was asked. */
  readonly bootstrapStatus?: number | null;
}

/** How reading a node ended. `code` is stable: two nodes with the same code have the same trouble. */
export type NodeAnswer = Answer<NodeReport>;

type Answer<T> =
  | { readonly kind: "read"; readonly report: T; readonly raw: string }
  | { readonly kind: "unreadable"; readonly code: string; readonly reason: string; readonly raw: string };

function wholeNumber(value: string | undefined): number | null {
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : null;
}

/** Seconds since 1970 with the fraction where the node's `date` has one. */
function epochSeconds(section: string | undefined): number | null {
  const found = /^(\d{9,})(?:\.(\d{9}))?/.exec(section ?? "");
  return found === null ? null : Number(`${found[1] ?? ""}.${found[2] ?? "0"}`);
}

/** Available kilobytes from `df -Pk`: fourth column of the last line, which may be the only one after the title. */
function freeKb(section: string | undefined): number | null {
  const lines = (section ?? "").split("\n");
  return lines.length < 2 ? null : wholeNumber(lines.at(-1)?.trim().split(/\s+/)[3]);
}

function parseUnits(section: string | undefined): Readonly<Record<string, UnitFacts>> {
  const units: Record<string, UnitFacts> = {};
  for (const block of (section ?? "").split(/\n\s*\n/)) {
    const fields = new Map(
      block.split("\n").map((line) => [line.slice(0, line.indexOf("=")).trim(), line.slice(line.indexOf("=") + 1).trim()]),
    );
    const id = fields.get("Id");
    if (id === undefined || id === "") continue;
    units[id.replace(/\.service$/, "")] = {
      active: fields.get("ActiveState") ?? "unknown",
      sub: fields.get("SubState") ?? "unknown",
      restarts: wholeNumber(fields.get("NRestarts")),
    };
  }
  return units;
}

function osOf(section: string | undefined): string | null {
  const field = (name: string): string | null => {
    const value = new RegExp(`^${name}=(.*)$`, "m").exec(section ?? "")?.[1]?.trim();
    return value === undefined ? null : value.replace(/^(["'])(.*)\1$/, "$2") || null;
  };
  return field("PRETTY_NAME") ?? field("NAME");
}

/** What redhat-release says, else os-release, which has only the major number on CentOS. */
function releaseOf(section: string | undefined): string | null {
  const told = section ?? "";
  return (
    /^(?:CentOS|Red Hat)[^\n]* release (\d+\.\d+)/m.exec(told)?.[1] ?? /^VERSION_ID=["']?([0-9][\w.]*)/m.exec(told)?.[1] ?? null
  );
}

/**
 * From 1.12 on the version file tells the edition; before, a master's own units do: only the open one has dcos-oauth (1.9 to 1.12),
 * only the Enterprise one has vault, and bouncer before 1.13 (dcos.md 3.1, 3.2). Null where nothing tells.
 */
function editionOf(variant: string | null, version: string | null, units: readonly string[]): Edition | null {
  if (variant === "open" || variant === "enterprise") return variant;
  const early = /^1\.(?:9|1[0-2])\./.test(version ?? "");
  const open = early && units.includes("dcos-oauth");
  const enterprise = units.includes("dcos-vault") || (early && units.includes("dcos-bouncer"));
  return open === enterprise ? null : open ? "open" : "enterprise";
}

/** `disable_ipv6`: 1 is off; a kernel without the file has none. */
function ipv6Of(section: string | undefined): boolean | null {
  return section === "0" ? true : section === "1" || section === "absent" ? false : null;
}

/** Parses the output of the facts script. Null where the output was cut before its end marker. */
export function parseFacts(output: string): NodeReport | null {
  const sections = sectionsOf(output);
  if (!sections.has("end")) return null;
  const version = record(parseJson(sections.get("version") ?? ""));
  const roles = (sections.get("roles") ?? "").split("\n").filter((role) => role !== "");
  const progress = sections.get("install-progress");
  const bootstrap = sections.get("bootstrap") ?? "";
  const proxy = sections.get("proxy") ?? "";
  const status = /^HTTP\/[\d.]+ (\d{3})/m.exec(bootstrap)?.[1];
  return {
    version: text(version["version"]),
    imageCommit: text(version["dcos-image-commit"]),
    role: roleOfFiles(roles),
    roles,
    installProgress: progress === "present" ? true : progress === "absent" ? false : null,
    clockEpoch: epochSeconds(sections.get("date")),
    configSha256: /^([0-9a-f]{64})\b/.exec(sections.get("config") ?? "")?.[1] ?? null,
    diskFreeKb: { opt: freeKb(sections.get("disk-opt")), var: freeKb(sections.get("disk-var")) },
    bootId: sections.get("boot") || null,
    clusterId: sections.get("cluster") || null,
    uid: wholeNumber(sections.get("uid")),
    masterCount: wholeNumber(sections.get("masters")),
    units: parseUnits(sections.get("units")),
    os: osOf(sections.get("os")),
    osRelease: releaseOf(sections.get("os")),
    kernel: sections.get("kernel") || null,
    docker: /^Docker version ([^\s,]+)/.exec(sections.get("docker") ?? "")?.[1] ?? null,
    machineId: /^[0-9a-f]{32}$/.exec(sections.get("machine") ?? "")?.[0] ?? null,
    edition: editionOf(text(version["dcos-variant"]), text(version["version"]), (sections.get("edition") ?? "").split("\n")),
    ipv6: ipv6Of(sections.get("ipv6")),
    activatedEpoch: wholeNumber(sections.get("activated")),
    ...(bootstrap === "" ? {} : { bootstrapStatus: wholeNumber(status) }),
    ...(proxy === "" ? {} : { proxyStatus: proxy === "000" ? null : wholeNumber(proxy) }),
  };
}

/** The outcome of a reading script as an answer: a cut output or a refused sudo is not a reading. */
function judgeOutcome<T>(outcome: Outcome, parse: (output: string) => T | null): Answer<T> {
  if (outcome.kind === "lost") return { kind: "unreadable", code: `ssh.${outcome.code}`, reason: outcome.reason, raw: "" };
  const raw = outcome.stdout;
  if (outcome.kind === "timed-out")
    return { kind: "unreadable", code: "ssh.timeout", reason: `no answer within ${outcome.afterMs / 1_000} s`, raw };
  const report = parse(raw);
  if (report !== null) return { kind: "read", report, raw };
  const said = outcome.stderr.trim().split("\n")[0] ?? "";
  const sudo = /sudo/i.test(outcome.stderr);
  const reason = sudo ? `sudo refused: ${said}` : `the command ended with ${outcome.code}${said === "" ? "" : `: ${said}`}`;
  return { kind: "unreadable", code: sudo ? "ssh.sudo" : "facts.incomplete", reason, raw };
}

/** The outcome of the facts command as an answer. */
export function judgeFacts(outcome: Outcome): NodeAnswer {
  return judgeOutcome(outcome, parseFacts);
}

/** What a reading script said, parsed. Throws PawlError `said-no` where there is no whole answer. */
export function judgeScript<T>(node: string, outcome: Outcome, parse: (output: string) => T | null): T {
  const answer = judgeOutcome(outcome, parse);
  if (answer.kind === "read") return answer.report;
  throw new PawlError("said-no", answer.code, `${node} cannot be read`, { node, observed: answer.reason });
}

/** Reads one node. Never throws for a node that does not answer. */
export async function readNode(reader: Remote, inventory: Inventory, node: InventoryNode): Promise<NodeAnswer> {
  return judgeFacts(await reader.run(node.name, factsCommand(inventory, node)));
}

/** A report as plain JSON, for facts and checks. */
export function reportJson(report: NodeReport): JsonRecord {
  const { units, diskFreeKb, ...rest } = report;
  const plainUnits = Object.fromEntries(Object.entries(units).map(([name, unit]) => [name, { ...unit }]));
  return { ...rest, diskFreeKb: { ...diskFreeKb }, units: plainUnits };
}
