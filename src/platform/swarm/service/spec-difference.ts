import { formatDuration } from "../../../domain/duration.ts";
import { canonical, type Json, type JsonRecord } from "../../../domain/json.ts";
import { list, number, record, text } from "../../../domain/json-fields.ts";
import { SECRET } from "./change-inputs.ts";
import { essenceOf } from "./spec-essence.ts";

const NS_PER_MS = 1_000_000;

/** The API's own defaults where a config says nothing (swarm.md, "Service fields"). */
const PACE_DEFAULTS = {
  Parallelism: 1,
  Delay: 0,
  FailureAction: "pause",
  Monitor: 5_000_000_000,
  MaxFailureRatio: 0,
  Order: "stop-first",
};
type PaceField = keyof typeof PACE_DEFAULTS;
const PACE_FIELDS = Object.keys(PACE_DEFAULTS) as readonly PaceField[];

function paceValue(config: Json | undefined, field: PaceField): string {
  const there = config !== undefined && config !== null;
  const value = record(config)[field];
  const zero = field === "Parallelism" && there ? 0 : PACE_DEFAULTS[field];
  const effective = typeof value === "number" || (typeof value === "string" && value !== "") ? value : zero;
  switch (field) {
    case "Parallelism":
      return effective === 0 ? "all at once" : String(effective);
    case "Delay":
    case "Monitor":
      // The managers watch for five seconds where they are told zero.
      return formatDuration((effective === 0 && field === "Monitor" ? PACE_DEFAULTS.Monitor : Number(effective)) / NS_PER_MS);
    case "FailureAction":
    case "MaxFailureRatio":
    case "Order":
      return String(effective);
  }
}

const PACE_WORDS: Readonly<Record<PaceField, string>> = {
  Parallelism: "parallelism",
  Delay: "delay",
  FailureAction: "on failure",
  Monitor: "monitor",
  MaxFailureRatio: "max failure ratio",
  Order: "order",
};

/** One group of settings in words, as it takes effect: `parallelism 2, delay 10s, on failure pause, …`. */
function paceWords(config: Json | undefined): string {
  return PACE_FIELDS.map((field) => `${PACE_WORDS[field]} ${paceValue(config, field)}`).join(", ");
}

function envMap(spec: JsonRecord): ReadonlyMap<string, string> {
  const lines = list(record(record(spec["TaskTemplate"])["ContainerSpec"])["Env"]).map((one) => text(one) ?? "");
  return new Map(lines.map((line) => [line.split("=")[0] ?? "", line.slice(line.indexOf("=") + 1)]));
}

function envLines(before: JsonRecord, after: JsonRecord): readonly string[] {
  const [old, now] = [envMap(before), envMap(after)];
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  return names.flatMap((name) => {
    const [was, is] = [old.get(name), now.get(name)];
    if (was === is) return [];
    if (SECRET.test(name))
      return [`env ${name}: ${was === undefined ? "set" : is === undefined ? "removed" : "another value"} (not shown)`];
    if (was === undefined) return [`env ${name}: (none) → ${name}=${is ?? ""}`];
    return [is === undefined ? `env ${name}: removed` : `env ${name}: ${name}=${was} → ${name}=${is}`];
  });
}

/** Fields told in words of their own; anything else that differs is told by its path. */
const TOLD = /^(TaskTemplate\.ContainerSpec\.(Image|Env)|UpdateConfig|RollbackConfig)\b/;

function otherLines(before: Json, after: Json, path: string): readonly string[] {
  if (TOLD.test(path) || canonical(before) === canonical(after)) return [];
  const [a, b] = [record(before), record(after)];
  const isRecord = (value: Json): boolean => value !== null && typeof value === "object" && !Array.isArray(value);
  if (isRecord(before) || isRecord(after)) {
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
    return keys.flatMap((key) => otherLines(a[key] ?? null, b[key] ?? null, path === "" ? key : `${path}.${key}`));
  }
  const words = (value: Json): string => (value === null ? "(none)" : JSON.stringify(value));
  return [`${path}: ${words(before)} → ${words(after)}`];
}

/** What is different in `after`, a line each; empty where the managers would see no difference. */
export function differenceLines(before: JsonRecord, after: JsonRecord): readonly string[] {
  const [old, now] = [record(essenceOf(before)), record(essenceOf(after))];
  const image = (spec: JsonRecord): string => text(record(record(spec["TaskTemplate"])["ContainerSpec"])["Image"]) ?? "(none)";
  const pace = (["UpdateConfig", "RollbackConfig"] as const).flatMap((group) => {
    const [was, is] = [paceWords(before[group]), paceWords(after[group])];
    return was === is ? [] : [`${group === "UpdateConfig" ? "update" : "rollback"} settings: ${was} → ${is}`];
  });
  return [
    ...(image(old) === image(now) ? [] : [`image: ${image(old)} → ${image(now)}`]),
    ...envLines(old, now),
    ...pace,
    ...otherLines(old, now, ""),
  ];
}

/** Whether the managers would replace tasks: their template differs. A scale, labels or settings alone replace none. */
export function replacesTasks(before: JsonRecord, after: JsonRecord): boolean {
  return canonical(essenceOf(before["TaskTemplate"] ?? {})) !== canonical(essenceOf(after["TaskTemplate"] ?? {}));
}

const THRESHOLDS: readonly PaceField[] = ["MaxFailureRatio", "Monitor"];

function isSet(config: Json | undefined, field: PaceField): boolean {
  return paceValue(config, field) !== paceValue(undefined, field);
}

/**
 * What is easily taken for something else: the thresholds of the two groups. An update is judged by the `update-*` group alone; the
 * `rollback-*` group only paces and judges the way back, once it has been taken.
 */
export function settingWarnings(spec: JsonRecord): readonly string[] {
  const [update, rollback] = [spec["UpdateConfig"], spec["RollbackConfig"]];
  const action = paceValue(update, "FailureAction");
  const only = (one: Json | undefined, other: Json | undefined): readonly PaceField[] =>
    THRESHOLDS.filter((field) => isSet(one, field) && !isSet(other, field));
  const names = (group: string, fields: readonly PaceField[]): string =>
    fields.map((field) => `${group}-${field === "Monitor" ? "monitor" : "max-failure-ratio"}`).join(", ");
  const [onRollback, onUpdate] = [only(rollback, update), only(update, rollback)];
  const warnings: string[] = [];
  if (onRollback.length > 0)
    warnings.push(
      `${names("rollback", onRollback)} is set and ${names("update", onRollback)} is not: what fails an update is judged by the update settings alone (now: max failure ratio ${paceValue(update, "MaxFailureRatio")}, monitor ${paceValue(update, "Monitor")}); the rollback settings only judge the way back`,
    );
  if (onUpdate.length > 0 && action === "rollback")
    warnings.push(
      `${names("update", onUpdate)} is set and ${names("rollback", onUpdate)} is not: the way back is judged by max failure ratio ${paceValue(rollback, "MaxFailureRatio")}, monitor ${paceValue(rollback, "Monitor")}`,
    );
  if (action !== "rollback" && rollback !== undefined && rollback !== null)
    warnings.push(
      `rollback settings are there, and an update that fails does not roll back by itself: update-failure-action is ${action}`,
    );
  if (action === "continue")
    warnings.push("update-failure-action is continue: the managers call an update completed although every task of it fails");
  return warnings;
}

/** A service's settings as they would take effect, both groups side by side. */
export function settingLines(spec: JsonRecord): readonly string[] {
  return [`update settings: ${paceWords(spec["UpdateConfig"])}`, `rollback settings: ${paceWords(spec["RollbackConfig"])}`];
}

/** Longest time the managers need for a rollout of so many tasks if each is as slow as allowed, ms: batches × (stop + start + delay) + monitor. */
export function longestRolloutMs(spec: JsonRecord, tasks: number, startMs: number): number {
  const update = record(spec["UpdateConfig"]);
  const container = record(record(spec["TaskTemplate"])["ContainerSpec"]);
  const given = number(update["Parallelism"]) ?? (spec["UpdateConfig"] === undefined ? 1 : 0);
  const batches = given === 0 ? 1 : Math.ceil(Math.max(tasks, 1) / given);
  const ns = (value: Json | undefined, otherwise: number): number => (number(value) ?? otherwise) / NS_PER_MS;
  const stopMs = ns(container["StopGracePeriod"], 10_000_000_000);
  return batches * (stopMs + startMs + ns(update["Delay"], 0)) + ns(update["Monitor"], PACE_DEFAULTS.Monitor) * 2;
}
