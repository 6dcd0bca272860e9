import type { InventoryNode } from "../../../domain/inventory.ts";
import type { JsonRecord } from "../../../domain/json.ts";
import type { Remote } from "../../../engine/ports.ts";
import { machineCommand } from "./machine-script.ts";
import { judgeScript } from "./node-facts.ts";
import { sectionsOf } from "./sections.ts";

/** What a machine below DC/OS says. Null: its source was missing, which is never the same as "fine". */
export interface MachineReport {
  /** The first number of `systemctl --version`. */
  readonly systemd: number | null;
  /** Version of the program; empty where it is not there. */
  readonly ipset: string | null;
  /** Whether the kernel's clock is synchronised, as timedatectl says it. */
  readonly clockSynchronised: boolean | null;
  /** False: the cluster was installed with `check_time: false`, so that DC/OS does not look at clocks. */
  readonly checksTime: boolean | null;
  /** Who installed the cluster: `onprem` with an installer, a cloud's name from a template (dcos/dcos, gen: `provider`). */
  readonly provider: string | null;
  /** Places that make the upgrade script skip its checks, as `file: line`. */
  readonly skipsChecks: readonly string[] | null;
  /** Files under /opt/mesosphere that no package put there, or that were changed since; at most 20 of each kind. */
  readonly changed: readonly string[] | null;
  /** Open files of the process that was asked about; null on nodes where none was. */
  readonly openFiles: number | null;
}

/** Lines above the one that says that the script has looked; null where it has not. */
function looked(section: string | undefined): readonly string[] | null {
  const lines = (section ?? "").split("\n").filter((line) => line !== "");
  return lines.at(-1) === "looked" ? lines.slice(0, -1) : null;
}

function ipsetOf(lines: readonly string[] | null): string | null {
  if (lines === null) return null;
  return lines.length === 0 ? "" : (/^ipset v?([0-9][^\s,]*)/.exec(lines[0] ?? "")?.[1] ?? null);
}

function synchronised(section: string | undefined): boolean | null {
  const said = /(?:NTP|System clock) synchronized: *(yes|no)\b/.exec(section ?? "")?.[1];
  return said === undefined ? null : said === "yes";
}

/**
 * What the node was set up with, else what the operator wrote: the key in quotes or not, its value on the same or the next line.
 * Where neither says anything, clocks are looked at (dcos/dcos, gen: `check_time` is true by default).
 */
function checksTime(section: string | undefined): boolean | null {
  const said =
    /^ENABLE_CHECK_TIME=["']?(true|false)/m.exec(section ?? "")?.[1] ??
    /^["']?check_time["']? *: *(?:[|>][-+]?\s*\n\s*)?["']?(true|false)/m.exec(section ?? "")?.[1];
  if (said !== undefined) return said === "true";
  return looked(section) === null || /check_time/i.test(section ?? "") ? null : true;
}

/** A place as `file: line`; the script's own `false` skips nothing. */
function skipping(lines: readonly string[] | null): readonly string[] | null {
  return lines === null
    ? null
    : lines.filter((line) => !/SKIP_CHECKS=["']?(?:false)?["']?$/.test(line)).map((line) => line.replace(":", ": "));
}

/** Parses the machine script's output. Null where it was cut before its end marker. */
export function parseMachine(output: string): MachineReport | null {
  const sections = sectionsOf(output);
  if (!sections.has("end")) return null;
  const number = (text: string | undefined): number | null => (text === undefined ? null : Number(text));
  return {
    systemd: number(/^systemd (\d+)/.exec(sections.get("systemd") ?? "")?.[1]),
    ipset: ipsetOf(looked(sections.get("ipset"))),
    clockSynchronised: synchronised(sections.get("time")),
    checksTime: checksTime(sections.get("check-time")),
    provider: /^(?:export )?PROVIDER=["']?([A-Za-z0-9_-]+)/m.exec(sections.get("provider") ?? "")?.[1] ?? null,
    skipsChecks: skipping(looked(sections.get("skip"))),
    changed: looked(sections.get("changed")),
    openFiles: number(/^\d+$/.exec(sections.get("open-files") ?? "")?.[0]),
  };
}

/** Reads the machine below a node. Throws PawlError `said-no` where it gives no whole answer. */
export async function readMachine(reader: Remote, node: InventoryNode): Promise<JsonRecord> {
  return { ...judgeScript(node.name, await reader.run(node.name, machineCommand(node)), parseMachine) };
}
