import { parse } from "yaml";
import type { Json } from "../../../domain/json.ts";
import { crosses } from "../../../domain/version.ts";
import { parseJson, record } from "../../../domain/json-fields.ts";

/** Settings by key as the generator keeps them: text, with lists and objects written as JSON. */
export type Settings = ReadonlyMap<string, string>;

/**
 * What a difference between two configurations is about. `place`: where packages come from, which goes with the version.
 * `installer`: only the installer's own SSH reads it. `demanded`: a key that the hop itself asks for.
 */
export type About = "security" | "masters" | "place" | "installer" | "demanded" | "added" | "setting";

/** One key that is not the same in both. Values are for people: clipped, and nothing that may be a secret. */
export interface Difference {
  readonly key: string;
  readonly about: About;
  readonly installed: string | null;
  readonly target: string | null;
}

export interface Comparison {
  readonly keys: number;
  readonly differences: readonly Difference[];
  /** Keys whose installed value the generator has hidden. */
  readonly hidden: readonly string[];
}

/** What the generator writes in a secret's place on the nodes (dcos/dcos, gen: `masked_value`). */
const HIDDEN = "**HIDDEN**";
/** The Enterprise edition's mode where config.yaml names none (DC/OS Enterprise documentation, config.yaml: security). */
const DEFAULT_MODE = "permissive";

const MASTERS = /^(?:master_list|num_masters|master_discovery|master_external_loadbalancer|exhibitor_.*|master_dns_bindall)$/;
const PLACE = new Set(["bootstrap_url"]);
/** Read by the installer's own deployment over SSH, and by no package (dcos/dcos: ssh/validate.py, dcos_installer). */
const INSTALLER = new Set(["agent_list", "public_agent_list", "ssh_user", "ssh_port", "ssh_key_path", "process_timeout"]);
/** Keys that a hop asks for, by the boundary it crosses (DC/OS 1.11 upgrade page: configuration). */
const DEMANDED: readonly { readonly crosses: string; readonly keys: readonly string[] }[] = [
  { crosses: "1.11", keys: ["enable_ipv6", "fault_domain_enabled"] },
];
const SECRET = /pass|secret|token|key|credential|hash|licen[cs]e|cert|auth|rexray|account/i;
const SHOWN_CHARS = 100;

function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The same setting however it is written: text that is JSON without its spaces and with its keys in order. */
function canonical(value: string): string {
  const parsed = parseJson(value.trim());
  return parsed === undefined ? value.trim() : JSON.stringify(sorted(parsed));
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map((one) => sorted(one as Json));
  if (value === null || typeof value !== "object") return value;
  const fields = record(value);
  return Object.fromEntries(
    Object.keys(fields)
      .toSorted()
      .map((key) => [key, sorted(fields[key] ?? null)]),
  );
}

/**
 * The settings of a config.yaml, or of the copy that every node holds: the same keys, each value as literal text
 * (dcos/dcos, gen: `stringify_configuration`, `user_arguments_to_yaml`). Read as the generator reads it, which knows YAML 1.1.
 * Null where it is no mapping.
 */
export function settingsOf(text: string): Settings | null {
  try {
    const value: unknown = parse(text, { version: "1.1", uniqueKeys: false, maxAliasCount: 100, logLevel: "error" });
    if (value === null || typeof value !== "object" || Array.isArray(value)) return null;
    // Through JSON: nothing that JSON cannot hold is a setting.
    const fields = record(JSON.parse(JSON.stringify(value)) as Json);
    return new Map(Object.entries(fields).map(([key, one]) => [key, textOf(one)]));
  } catch {
    return null;
  }
}

function shown(key: string, value: string | undefined): string | null {
  if (value === undefined) return null;
  const text = value.trim();
  if (/^(?:true|false|\d{1,5})$/.test(text)) return text;
  if (SECRET.test(key) || /^\{/.test(text) || /:\/\/[^/\s]*@/.test(text)) return "(not shown)";
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text;
}

function aboutOf(key: string, installed: boolean, hop: { readonly from: string; readonly to: string }): About {
  if (key === "security") return "security";
  if (MASTERS.test(key)) return "masters";
  if (PLACE.has(key)) return "place";
  if (INSTALLER.has(key)) return "installer";
  if (installed) return "setting";
  const demanded = DEMANDED.some((one) => one.keys.includes(key) && crosses(hop.from, hop.to, one.crosses));
  return demanded ? "demanded" : "added";
}

/** The configuration that is installed against the one the target is generated with, key by key. */
export function compareSettings(
  installed: Settings,
  target: Settings,
  hop: { readonly from: string; readonly to: string },
): Comparison {
  const keys = [...new Set([...installed.keys(), ...target.keys()])].toSorted();
  const hidden = keys.filter((key) => installed.get(key)?.trim() === HIDDEN && target.has(key));
  const valueOf = (of: Settings, key: string): string | undefined =>
    of.get(key) ?? (key === "security" ? DEFAULT_MODE : undefined);
  const differences = keys
    .filter((key) => !hidden.includes(key))
    .flatMap((key): Difference[] => {
      const [before, after] = [valueOf(installed, key), valueOf(target, key)];
      if (before !== undefined && after !== undefined && canonical(before) === canonical(after)) return [];
      const about = aboutOf(key, before !== undefined, hop);
      return [{ key, about, installed: shown(key, before), target: shown(key, after) }];
    });
  return { keys: keys.length, differences, hidden };
}
