import { parseDuration } from "../../../domain/duration.ts";
import { PawlError } from "../../../domain/errors.ts";
import { parseJson } from "../../../domain/json-fields.ts";
import type { Json, JsonRecord } from "../../../domain/json.ts";
import type { PaceChange, SpecChange } from "./spec-change.ts";

const NS_PER_MS = 1_000_000;
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_.-]*$/;
/** Names of variables that promise a secret: their values must not stand in a plan, or be shown. */
export const SECRET = /pass|pwd|secret|token|credential|(?:api|private|access)[_.-]?key|(?:^|_)auth(?:_|$)/i;
const IMAGE = /^[a-z0-9][A-Za-z0-9._:/@-]{0,300}$/;

type Word = string | null;

/** A setting as text; null where it is not given (a runbook's inputs are empty then). */
function word(given: JsonRecord, name: string): Word {
  const value: Json | undefined = given[name];
  if (value === undefined || value === null || value === "") return null;
  return typeof value === "string" ? value.trim() : JSON.stringify(value);
}

/** Takes complaints until all inputs are read: everything that is wrong is told at once. */
interface Reader {
  readonly given: JsonRecord;
  readonly complaints: string[];
}

function whole(reader: Reader, name: string): number | null {
  const value = word(reader.given, name);
  if (value === null) return null;
  if (!/^\d{1,6}$/.test(value)) reader.complaints.push(`${name}: "${value}" is no whole number`);
  return Number(value);
}

function duration(reader: Reader, name: string): number | null {
  const value = word(reader.given, name);
  if (value === null) return null;
  const ms = parseDuration(value);
  if (ms === null) reader.complaints.push(`${name}: "${value}" is no duration such as 10s`);
  return (ms ?? 0) * NS_PER_MS;
}

function ratio(reader: Reader, name: string): number | null {
  const value = word(reader.given, name);
  if (value === null) return null;
  if (!/^(0(\.\d+)?|1(\.0+)?)$/.test(value)) reader.complaints.push(`${name}: "${value}" is no share from 0 to 1 such as 0.2`);
  return Number(value);
}

function oneOf(reader: Reader, name: string, words: readonly string[]): Word {
  const value = word(reader.given, name);
  if (value !== null && !words.includes(value)) reader.complaints.push(`${name}: "${value}" is none of ${words.join(", ")}`);
  return value;
}

function paceOf(reader: Reader, group: "update" | "rollback"): PaceChange {
  const actions = group === "update" ? ["pause", "continue", "rollback"] : ["pause", "continue"];
  const read = {
    Parallelism: whole(reader, `${group}-parallelism`),
    Delay: duration(reader, `${group}-delay`),
    FailureAction: oneOf(reader, `${group}-failure-action`, actions),
    Monitor: duration(reader, `${group}-monitor`),
    MaxFailureRatio: ratio(reader, `${group}-max-failure-ratio`),
    Order: oneOf(reader, `${group}-order`, ["stop-first", "start-first"]),
  };
  return Object.fromEntries(Object.entries(read).filter(([, value]) => value !== null));
}

/** `A=1,B=2`, where a comma only separates when NAME= follows it; or a JSON list of `NAME=value`. */
function envLines(value: string, complaints: string[]): readonly string[] {
  if (!value.startsWith("[")) return value.split(/,(?=[A-Za-z_][A-Za-z0-9_.-]*=)/);
  const parsed = parseJson(value);
  if (Array.isArray(parsed) && parsed.every((one: Json) => typeof one === "string")) return parsed;
  complaints.push("env: this is no JSON list of NAME=value texts");
  return [];
}

function envOf(reader: Reader): Readonly<Record<string, string>> {
  const value = word(reader.given, "env");
  if (value === null) return {};
  const entries = envLines(value, reader.complaints).map((line) => {
    const at = line.indexOf("=");
    const name = at < 0 ? line : line.slice(0, at);
    if (at < 0 || !ENV_NAME.test(name)) reader.complaints.push(`env: "${name}" is not NAME=value`);
    else if (SECRET.test(name))
      reader.complaints.push(`env: ${name} sounds like a secret, and inputs stand in the plan: give it by env-file`);
    return [name, line.slice(at + 1)] as const;
  });
  return Object.fromEntries(entries);
}

function namesOf(reader: Reader, name: string): readonly string[] {
  const names = (word(reader.given, name) ?? "").split(/[\s,]+/).filter((one) => one !== "");
  for (const one of names) if (!ENV_NAME.test(one)) reader.complaints.push(`${name}: "${one}" is no name of a variable`);
  return names;
}

/**
 * The change a step's settings ask for (`image`, `env`, `env-remove`, `replicas`, `force`, `update-*`, `rollback-*`, named as Docker's
 * own command line names them). Throws PawlError usage that names everything wrong at once: the managers would say it one by one,
 * some of it only after the update has begun.
 */
export function readChange(given: JsonRecord): SpecChange {
  const reader: Reader = { given, complaints: [] };
  const image = word(given, "image");
  if (image !== null && !IMAGE.test(image))
    reader.complaints.push(`image: "${image}" is no image such as registry:5000/shop/web:1.2`);
  const change: SpecChange = {
    image,
    env: envOf(reader),
    envRemove: namesOf(reader, "env-remove"),
    replicas: whole(reader, "replicas"),
    force: oneOf(reader, "force", ["true", "false"]) === "true",
    update: paceOf(reader, "update"),
    rollback: paceOf(reader, "rollback"),
  };
  const both = change.envRemove.filter((name) => name in change.env);
  if (both.length > 0) reader.complaints.push(`env-remove: ${both.join(", ")} is also in env`);
  refuse(reader.complaints);
  return change;
}

/** The name of a service, stack or the like. Throws PawlError usage for what the API would not take for one. */
export function readName(given: JsonRecord, what: string): string {
  const value = word(given, what);
  if (value === null) refuse([`${what}: missing`]);
  else if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(value)) refuse([`${what}: "${value}" is no name of a ${what}`]);
  return value ?? "";
}

/** One of some words, or the first where none is given. Throws PawlError usage for another one: a slip must not mean the opposite. */
export function readOneOf(given: JsonRecord, name: string, words: readonly [string, ...string[]]): string {
  const value = word(given, name) ?? words[0];
  if (!words.includes(value)) refuse([`${name}: "${value}" is none of ${words.join(", ")}`]);
  return value;
}

/** A word that may be missing. */
export function readWord(given: JsonRecord, name: string): string | null {
  return word(given, name);
}

function refuse(complaints: readonly string[]): void {
  if (complaints.length === 0) return;
  throw new PawlError("usage", "inputs.invalid", `the inputs do not fit:\n  ${complaints.join("\n  ")}`, {
    next: "Set inputs with --set NAME=VALUE.",
  });
}
