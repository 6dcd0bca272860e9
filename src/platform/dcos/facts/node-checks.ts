import type { InventoryNode } from "../../../domain/inventory.ts";
import type { JsonRecord } from "../../../domain/json.ts";
import type { Remote } from "../../../engine/ports.ts";
import { parseJson, record } from "../../../domain/json-fields.ts";
import { CHECK_TYPES, checksCommand } from "./checks-script.ts";
import { judgeScript } from "./node-facts.ts";
import { sectionsOf } from "./sections.ts";

/** One type of checks as the node ran it. Its JSON stays text: the check document judges it (dcos.md 5.3). */
interface Ran {
  /** Names the node says it has; null where its list is none. */
  readonly listed: readonly string[] | null;
  readonly code: number | null;
  readonly stdout: string;
}

/** DC/OS's own checks of a node. */
export interface ChecksReport {
  /** `dcos-check-runner` or `dcos-diagnostics`; `none` on a node without a program that runs checks (DC/OS 1.9). */
  readonly program: string;
  readonly types: Readonly<Record<string, Ran>>;
}

function namesOf(list: string | undefined): readonly string[] | null {
  const value = parseJson(list ?? "");
  return value === null || typeof value !== "object" || Array.isArray(value) || "error" in value
    ? null
    : Object.keys(record(value));
}

/** Parses the checks script's output. Null where it was cut before its end marker. */
export function parseChecks(output: string): ChecksReport | null {
  const sections = sectionsOf(output);
  const program = sections.get("program");
  if (!sections.has("end") || program === undefined) return null;
  const ran = CHECK_TYPES.flatMap((type): [string, Ran][] => {
    const code = /^\d+$/.exec(sections.get(`code ${type}`) ?? "")?.[0];
    if (!sections.has(`run ${type}`)) return [];
    const stdout = sections.get(`run ${type}`) ?? "";
    return [[type, { listed: namesOf(sections.get(`list ${type}`)), code: code === undefined ? null : Number(code), stdout }]];
  });
  return { program, types: Object.fromEntries(ran) };
}

/** Runs a node's own checks, one type at a time. Throws PawlError `said-no` where it gives no whole answer. */
export async function readChecks(reader: Remote, node: InventoryNode): Promise<JsonRecord> {
  const { program, types } = judgeScript(node.name, await reader.run(node.name, checksCommand()), parseChecks);
  return { program, types: Object.fromEntries(Object.entries(types).map(([type, ran]) => [type, { ...ran }])) };
}
