import type { Conditions } from "../../../difference/explain.ts";
import type { SnapshotDifference, UpgradeBetween } from "../../../domain/difference.ts";
import type { Json, JsonRecord } from "../../../domain/json.ts";
import { list, record, text } from "../../../domain/json-fields.ts";
import { RUN_LABEL } from "../marathon/temporary-app.ts";
import { isPinned, isStateful } from "./app-definition.ts";

/** What rules ask about a difference. */
export type ConditionName =
  | "of-set-aside-node"
  | "on-upgraded-node"
  | "restart-on-record"
  | "is-target"
  | "alike-on-upgraded-nodes"
  | "alike-on-upgraded-masters"
  | "is-first-masters-mesos"
  | "masters-upgraded"
  | "service-upgraded"
  | "app-of-upgraded-service"
  | "task-of-upgraded-service"
  | "made-by-pawl"
  | "task-made-by-pawl"
  | "one-leads"
  | "replaced-by-marathon"
  | "of-a-job"
  | "tasks-changed-there"
  | "within-turnover";

/** Both summaries, and the upgrades between them. */
export interface Between {
  readonly before: JsonRecord;
  readonly after: JsonRecord;
  readonly upgrades: readonly UpgradeBetween[];
  /** Nodes that no upgrade since has brought to its target, after one had set them aside. */
  readonly aside: ReadonlySet<string>;
  /** Tasks of each app that are gone and new ones, counted once for all rules. */
  readonly turnover: ReadonlyMap<string, Turnover>;
}

interface Turnover {
  /** Gone from nodes that were not set aside. */
  readonly gone: number;
  readonly goneAside: number;
  readonly fresh: number;
}

/** The step kind by which pawl changes a service Marathon; its output names app and service. */
const SERVICE_STEP = "dcos/upgrade-service-marathon";
/** Problems of the upgrade step that say: the machine restarted while its script ran. */
const RESTARTED = new Set(["script-rebooted", "script-rebooted-half-done"]);
/** Frameworks whose tasks are jobs: they end by themselves. */
const JOB_SCHEDULERS = new Set(["metronome", "chronos"]);

function section(summary: JsonRecord, ...path: readonly string[]): JsonRecord {
  return path.reduce<JsonRecord>((at, name) => record(at[name]), summary);
}

/** What an app of the root Marathon is, or of a service Marathon (`name:/app`). Empty where it is not known. */
function definitionOf(summary: JsonRecord, app: string): JsonRecord {
  const [, service, id] = /^([^/]+):(\/.*)$/.exec(app) ?? [];
  return service === undefined || id === undefined
    ? section(summary, "apps", app)
    : section(summary, "services", service, "apps", id);
}

/** The node a task or an agent id belongs to, by the summary's agents; null where it is not known. */
function nodeOfAgent(summaries: readonly JsonRecord[], agent: string | null): string | null {
  if (agent === null) return null;
  for (const summary of summaries) {
    const node = text(section(summary, "agents", agent)["node"]);
    if (node !== null) return node;
  }
  return null;
}

function taskOf({ path, before, after }: SnapshotDifference, between: Pick<Between, "before" | "after">): JsonRecord {
  const [, id = ""] = path;
  const given = record(path.length === 2 ? (before ?? after) : undefined);
  return Object.keys(given).length > 0
    ? given
    : { ...section(between.after, "tasks", id), ...section(between.before, "tasks", id) };
}

/** The node a difference is about; null where it is about none, or about the cluster. */
function nodeOf(difference: SnapshotDifference, between: Pick<Between, "before" | "after">): string | null {
  const [area = "", name = ""] = difference.path;
  const both = [between.before, between.after];
  switch (area) {
    case "nodes":
      return name;
    case "agents":
      return nodeOfAgent(both, name);
    case "tasks":
      return nodeOfAgent(both, text(taskOf(difference, between)["agent"]));
    case "missing":
      return /^(?:nodes|agents|masters)\/([^/]+)\//.exec(name)?.[1] ?? null;
    default:
      return null;
  }
}

function setAside(upgrades: readonly UpgradeBetween[]): ReadonlySet<string> {
  const aside = new Set<string>();
  for (const upgrade of upgrades) {
    for (const node of upgrade.upgraded) aside.delete(node);
    for (const node of upgrade.setAside) aside.add(node);
  }
  return aside;
}

/** The target of the last upgrade that brought this node to its target; null where none did. */
function targetOf(between: Between, node: string | null): string | null {
  return between.upgrades.findLast((one) => node !== null && one.upgraded.includes(node))?.target ?? null;
}

function upgradedNodes(between: Between, role: string | null = null): readonly string[] {
  const names = Object.keys(section(between.after, "nodes"));
  return names.filter(
    (name) => targetOf(between, name) !== null && (role === null || section(between.after, "nodes", name)["role"] === role),
  );
}

/** Whether all the values are there and are the same one. */
function alike(values: readonly (Json | undefined)[]): boolean {
  const [first] = values;
  return first !== undefined && first !== null && values.every((value) => value === first);
}

/** Outputs of the steps that upgraded service Marathons, as records. */
function servicesChanged(between: Between): readonly JsonRecord[] {
  return between.upgrades.flatMap((one) =>
    one.changed.flatMap(({ kind, output }) => {
      if (kind !== SERVICE_STEP) return [];
      const told = record(output);
      return Array.isArray(told["services"]) ? list(told["services"]).map(record) : [told];
    }),
  );
}

function leadersAre(between: Between, name: string): boolean {
  const after = record(between.after["leaders"])[name];
  return Array.isArray(after) ? after.length === 1 : typeof after === "string" && after !== "";
}

function appOf(difference: SnapshotDifference, between: Between): string | null {
  return text(taskOf(difference, between)["app"]);
}

/** Whether an app that is there now carries the name of one of the runs in between: pawl's own, for the time of that run. */
function madeByPawl(between: Between, app: string | null): boolean {
  if (app === null) return false;
  const run = text(section(between.after, "apps", app, "labels")[RUN_LABEL]);
  return run !== null && between.upgrades.some((one) => one.run === run);
}

/** What the conditions need, from two summaries and the upgrades between them. */
export function betweenOf(before: JsonRecord, after: JsonRecord, upgrades: readonly UpgradeBetween[]): Between {
  const aside = setAside(upgrades);
  const [old, now] = [section(before, "tasks"), section(after, "tasks")];
  const turnover = new Map<string, { gone: number; goneAside: number; fresh: number }>();
  const of = (task: Json | undefined): { gone: number; goneAside: number; fresh: number } | null => {
    const app = text(record(task)["app"]);
    if (app === null) return null;
    const known = turnover.get(app) ?? { gone: 0, goneAside: 0, fresh: 0 };
    turnover.set(app, known);
    return known;
  };
  for (const [id, task] of Object.entries(old)) {
    if (Object.hasOwn(now, id)) continue;
    const counts = of(task);
    if (counts === null) continue;
    const node = nodeOfAgent([before, after], text(record(task)["agent"]));
    if (node !== null && aside.has(node)) counts.goneAside += 1;
    else counts.gone += 1;
  }
  for (const [id, task] of Object.entries(now)) {
    const counts = Object.hasOwn(old, id) ? null : of(task);
    if (counts !== null) counts.fresh += 1;
  }
  return { before, after, upgrades, aside, turnover };
}

/** What each name means. All of them are pure, and false where something they need is missing. */
export const CONDITIONS: Conditions<ConditionName, Between> = {
  "of-set-aside-node": (difference, between) => {
    const node = nodeOf(difference, between);
    return node !== null && between.aside.has(node);
  },
  "on-upgraded-node": (difference, between) => {
    const node = difference.path[0] === "components" ? (difference.path[2] ?? null) : nodeOf(difference, between);
    return targetOf(between, node) !== null;
  },
  "restart-on-record": (difference, between) => {
    const node = nodeOf(difference, between);
    return between.upgrades.some((one) => one.troubles.some((trouble) => trouble.node === node && RESTARTED.has(trouble.code)));
  },
  "is-target": (difference, between) => difference.after === targetOf(between, nodeOf(difference, between)),
  "alike-on-upgraded-nodes": ({ path }, between) =>
    alike(upgradedNodes(between).map((node) => section(between.after, "nodes", node)[path[2] ?? ""])),
  "alike-on-upgraded-masters": ({ path }, between) =>
    alike(upgradedNodes(between, "master").map((node) => section(between.after, "components", path[1] ?? "")[node])),
  "is-first-masters-mesos": ({ after }, between) => {
    const known = section(between.after, "components", "mesos");
    const masters = upgradedNodes(between, "master");
    const asked = masters.length > 0 ? masters : Object.keys(known);
    return alike([after, ...asked.map((node) => known[node])]);
  },
  "masters-upgraded": (_difference, between) => upgradedNodes(between, "master").length > 0,
  "service-upgraded": ({ path }, between) => servicesChanged(between).some((one) => one["name"] === path[1]),
  "app-of-upgraded-service": ({ path, after }, between) =>
    servicesChanged(between).some((one) => one["app"] === path[1] && one["image"] === after),
  "task-of-upgraded-service": (difference, between) => {
    const app = appOf(difference, between);
    return app !== null && servicesChanged(between).some((one) => one["app"] === app);
  },
  "made-by-pawl": ({ path }, between) => madeByPawl(between, path[1] ?? null),
  "task-made-by-pawl": (difference, between) => madeByPawl(between, appOf(difference, between)),
  "one-leads": ({ path }, between) => leadersAre(between, path[1] ?? ""),
  "replaced-by-marathon": (difference, between) => {
    const app = appOf(difference, between);
    const counts = app === null ? undefined : between.turnover.get(app);
    if (app === null || counts === undefined) return false;
    const definition = definitionOf(between.before, app);
    // A pinned task of a node that was set aside may come back there or nowhere: a new one needs no other explanation.
    const free = !isPinned(definition) && !isStateful(definition);
    return difference.kind === "removed"
      ? free && Object.keys(definition).length > 0 && counts.fresh >= counts.gone
      : (free || counts.gone === 0) && counts.fresh <= counts.gone + counts.goneAside;
  },
  "of-a-job": (difference, between) => {
    const framework = text(taskOf(difference, between)["framework"]) ?? "";
    const name =
      section(between.before, "frameworks", framework)["name"] ?? section(between.after, "frameworks", framework)["name"];
    return typeof name === "string" && JOB_SCHEDULERS.has(name);
  },
  "tasks-changed-there": ({ path }, between) => {
    const [, node] = path;
    const ids = (summary: JsonRecord): string =>
      Object.entries(section(summary, "tasks"))
        .filter(([, task]) => nodeOfAgent([between.before, between.after], text(record(task)["agent"])) === node)
        .map(([id]) => id)
        .sort()
        .join("\n");
    return ids(between.before) !== ids(between.after);
  },
  "within-turnover": ({ before, after }, { turnover }) => {
    if (typeof before !== "number" || typeof after !== "number") return false;
    const others = [...turnover.values()].reduce((sum, one) => sum + one.gone + one.goneAside + one.fresh, 0);
    return Math.abs(after - before) <= others;
  },
};
