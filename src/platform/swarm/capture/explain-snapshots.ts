import { explainDifferences, type Conditions, type DifferenceRule } from "../../../difference/explain.ts";
import { compareSnapshots } from "../../../difference/snapshot-difference.ts";
import type { ExplainedDifference, SnapshotDifference, UpgradeBetween } from "../../../domain/difference.ts";
import type { JsonRecord } from "../../../domain/json.ts";
import { list, record, text } from "../../../domain/json-fields.ts";
import { plainVersion } from "../entries/node-entry.ts";

type ConditionName =
  | "on-upgraded-node"
  | "of-set-aside-node"
  | "is-target"
  | "something-ran"
  | "one-leads"
  | "service-as-before"
  | "changed-by-pawl";

interface Between {
  readonly before: JsonRecord;
  readonly after: JsonRecord;
  readonly upgrades: readonly UpgradeBetween[];
}

/** Every difference between two snapshots of a Swarm that may be there, and why. The first rule that fits explains it. */
const DIFFERENCE_RULES: readonly DifferenceRule<ConditionName>[] = [
  {
    name: "set-aside",
    class: "consequential",
    path: "**",
    when: ["of-set-aside-node"],
    reason: "the node was set aside and is named so in the record; it still needs work",
    source: "design rule 8",
  },
  {
    name: "engine-upgraded",
    class: "expected",
    path: "nodes/*/engineVersion",
    kinds: ["changed"],
    when: ["on-upgraded-node", "is-target"],
    reason: "the node's engine was upgraded to this version",
    source: "swarm.md: Upgrading the engine across a Swarm",
  },
  {
    name: "engine-says-so",
    class: "expected",
    path: "engines/*/engineVersion",
    kinds: ["changed"],
    when: ["on-upgraded-node", "is-target"],
    reason: "the upgraded engine says this version of itself",
    source: "swarm.md: Upgrading the engine across a Swarm",
  },
  {
    name: "changed-by-pawl",
    class: "expected",
    path: "services/**",
    when: ["changed-by-pawl"],
    reason: "a run between the two changed this service, and says so",
    source: "the record of that run",
  },
  {
    name: "leader-moved",
    class: "consequential",
    path: "leader",
    kinds: ["changed"],
    when: ["something-ran", "one-leads"],
    reason: "managers were restarted one after the other, and one leads again",
    source: "swarm.md: the leader restarts",
  },
  {
    name: "task-replaced",
    class: "tolerated",
    path: "tasks/**",
    when: ["service-as-before"],
    reason: "the service is defined as before and serves as many tasks; which task on which node is the Swarm's own choice",
    source: "swarm.md: tasks do not come back to a node",
  },
  {
    name: "task-of-changed-service",
    class: "expected",
    path: "tasks/**",
    when: ["changed-by-pawl"],
    reason: "a run between the two changed this service, and its tasks were replaced",
    source: "the record of that run",
  },
  {
    name: "answers-now",
    class: "tolerated",
    path: "missing/**",
    kinds: ["removed"],
    when: [],
    reason: "what could not be captured before was captured after",
    source: "snapshots name what is missing from them",
  },
];

function nodeOf({ path }: SnapshotDifference): string | null {
  return path[0] === "nodes" || path[0] === "engines" ? (path[1] ?? null) : null;
}

/** The service a difference is about: by its own name, or by what a task says of itself. */
function serviceOf({ path }: SnapshotDifference, { before, after }: Between): string | null {
  const [section, name = ""] = path;
  if (section === "services") return name;
  if (section !== "tasks") return null;
  const task = [after, before].map((one) => record(record(one["tasks"])[name])).find((one) => text(one["service"]) !== null);
  return text(task?.["service"]);
}

/** Defined the same before and after, and as many of its tasks serve. */
function isAsBefore(name: string, { before, after }: Between): boolean {
  const [was, is] = [before, after].map((one) => record(one["services"])[name]);
  return was !== undefined && is !== undefined && compareSnapshots(was, is).length === 0;
}

const CONDITIONS: Conditions<ConditionName, Between> = {
  "on-upgraded-node": (difference, { upgrades }) => {
    const node = nodeOf(difference);
    return node !== null && upgrades.some((one) => one.upgraded.includes(node));
  },
  "of-set-aside-node": (difference, { upgrades }) => {
    const node = nodeOf(difference);
    return node !== null && upgrades.some((one) => one.setAside.includes(node));
  },
  "is-target": ({ after }, { upgrades }) => {
    const target = plainVersion(upgrades.at(-1)?.target ?? null);
    return target !== null && plainVersion(text(after)) === target;
  },
  "something-ran": (_difference, { upgrades }) => upgrades.some((one) => one.upgraded.length > 0),
  "one-leads": ({ after }) => text(after) !== null,
  "service-as-before": (difference, between) => {
    const service = serviceOf(difference, between);
    return service !== null && isAsBefore(service, between);
  },
  "changed-by-pawl": (difference, between) => {
    const service = serviceOf(difference, between);
    return (
      service !== null &&
      between.upgrades.some((one) => one.changed.some(({ output }) => text(record(output)["service"]) === service))
    );
  },
};

/** A snapshot's summary document on one level; why a capture is missing says nothing about the Swarm, only that it is. */
function comparable(document: JsonRecord): JsonRecord {
  const { summary, missing, ...beside } = document;
  const names = list(missing).map((one) => text(record(one)["name"]) ?? text(one) ?? "");
  return { ...beside, ...record(summary), missing: names };
}

/** Every difference between two summary documents with the rule that explains it. */
export function explainSnapshots(
  before: JsonRecord,
  after: JsonRecord,
  upgrades: readonly UpgradeBetween[],
): readonly ExplainedDifference[] {
  const [earlier, later] = [comparable(before), comparable(after)];
  const differences = compareSnapshots(earlier, later);
  return explainDifferences(differences, DIFFERENCE_RULES, CONDITIONS, { before: earlier, after: later, upgrades });
}
