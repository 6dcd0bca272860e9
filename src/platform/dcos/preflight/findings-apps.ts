import type { Json, JsonRecord } from "../../../domain/json.ts";
import type { Facts, Finding } from "../../../domain/plan.ts";
import { list, number, record, text } from "../../../domain/json-fields.ts";
import { constraintText, judgeConstraint, type Complaint, type RawConstraint } from "./constraints.ts";
import { finding, type Judgement } from "../../../domain/judgement.ts";
import { brokenBy, pinnedBy, type Spot } from "./placement.ts";

type Line = Judgement["bad"][number];

/** An app or pod of the baseline that has constraints or data, with where it runs. */
interface Known {
  /** How people call it: its id, with its Marathon's name before it where that is not the root one. */
  readonly name: string;
  readonly instances: number;
  readonly constraints: readonly RawConstraint[] | null;
  readonly roles: readonly string[] | null;
  readonly owner: string | null;
  readonly hosts: readonly string[] | null;
}

interface Marathons {
  readonly works: readonly Known[];
  /** Marathons whose apps or tasks could not be read. */
  readonly unread: readonly Line[];
  readonly total: number;
}

function line(words: string): Line {
  return { node: null, text: words };
}

function words(value: Json | undefined): readonly string[] | null {
  return Array.isArray(value) ? list(value).map((one) => text(one) ?? "") : null;
}

function knownOf(work: JsonRecord, marathon: JsonRecord): Known {
  const id = text(work["id"]) ?? "?";
  return {
    name: marathon["root"] === true ? id : `${text(marathon["name"]) ?? "?"}:${id}`,
    instances: number(work["instances"]) ?? 0,
    constraints: Array.isArray(work["constraints"]) ? list(work["constraints"]).map((one) => words(one) ?? []) : null,
    roles: words(work["roles"]),
    owner: text(work["owner"]),
    hosts: marathon["tasksTold"] === true ? (words(work["hosts"]) ?? []) : null,
  };
}

function marathonsOf(facts: Facts): Marathons {
  const marathons = list(facts.baseline["marathons"]).map(record);
  const gaps = marathons.flatMap((one) => (Array.isArray(one["workloads"]) ? [] : [line(gapText(one))]));
  return {
    works: marathons.flatMap((one) => list(one["workloads"]).map((work) => knownOf(record(work), one))),
    unread: marathons.length === 0 ? [line("Marathon's apps could not be read")] : gaps,
    total: marathons.reduce((sum, one) => sum + (number(one["apps"]) ?? 0), 0),
  };
}

function gapText(marathon: JsonRecord): string {
  const name = marathon["root"] === true ? "Marathon" : `Marathon ${text(marathon["name"]) ?? "?"}`;
  return `${name}: its apps and pods could not be read (${text(list(marathon["gaps"])[0]) ?? "no reason given"})`;
}

/** An attribute as Marathon's constraints see it; null where its text depends on a formatting that is Marathon's own. */
function attributeText(value: Json): string | null {
  if (typeof value === "string") return /^[[{]/.test(value) ? null : value;
  // Thousands are grouped by Marathon's locale, fractions are rounded.
  return typeof value === "number" && Number.isInteger(value) && Math.abs(value) < 1_000 ? String(value) : null;
}

/** Active agents whose resources an app may take: by its own roles, else those of private agents. */
function spotsOf(facts: Facts): readonly { readonly spot: Spot; readonly role: string; readonly active: boolean }[] {
  return list(facts.baseline["agents"])
    .map(record)
    .map((one) => ({
      role: text(one["role"]) ?? "",
      active: one["active"] === true,
      spot: {
        hostname: text(one["hostname"]) ?? "",
        attributes: Object.fromEntries(
          Object.entries(record(one["attributes"])).map(([name, value]) => [name, attributeText(value)]),
        ),
        region: text(one["region"]),
        zone: text(one["zone"]),
      },
    }));
}

function mayUse(work: Known, role: string): boolean {
  // DC/OS's Marathon takes unreserved resources by default, and those of public agents are reserved.
  if (work.roles === null || work.roles.length === 0) return role === "agent";
  return role === "agent_public" ? work.roles.includes("slave_public") : work.roles.some((one) => one !== "slave_public");
}

function validity(from: Marathons, target: string | null): readonly Finding[] {
  const said = from.works.flatMap((work) =>
    work.constraints === null
      ? [{ kind: "unsure" as const, line: line(`${work.name}: its constraints are in a form that is not known`) }]
      : work.constraints.flatMap((one) =>
          judgeConstraint(one, target).map((complaint) => ({
            kind: complaint.kind,
            line: line(`${work.name}: [${one.join(", ")}] ${complaint.text}`),
          })),
        ),
  );
  const of = (kind: Complaint["kind"]): readonly Line[] => said.filter((one) => one.kind === kind).map((one) => one.line);
  const good = `${from.total} apps and pods, ${from.works.filter((one) => (one.constraints ?? []).length > 0).length} of them with constraints`;
  const remedy = "Correct these apps first: an upgrade of Marathon removes a constraint it cannot read.";
  return [
    finding({
      id: "constraints-valid",
      title: "Every app's constraints are valid",
      expected: `constraints that the Marathon of ${target ?? "this release"} keeps as they are`,
      good,
      bad: of("error"),
      unknown: from.unread,
      remedy,
    }),
    finding({
      id: "constraints-patterns",
      title: "Every pattern of a constraint can be judged",
      expected: "patterns that Java's regular expressions and pawl's read alike",
      good,
      bad: [],
      unknown: of("unsure"),
      severity: "waivable",
      remedy:
        "Try these patterns with Java (Pattern.compile), or write them plainly; a bad one is removed by the upgrade with its constraint.",
    }),
    finding({
      id: "constraints-advised",
      title: "No constraint is read differently by other tools or releases",
      expected: "nothing that the workbook's check script, or an older release, would complain about",
      good,
      bad: of("warning"),
      unknown: [],
      severity: "advisory",
      remedy: "Nothing has to be done; the workbook's script would complain about these, if it complained about anything.",
    }),
  ];
}

function placements(from: Marathons, facts: Facts): readonly Finding[] {
  const spots = spotsOf(facts);
  const byHost = new Map(spots.map((one) => [one.spot.hostname, one.spot]));
  const broken: Line[] = [];
  const untold: Line[] = [...from.unread];
  const pinned: Line[] = [];
  const constrained = from.works.filter((work) => (work.constraints ?? []).length > 0);
  if (spots.length === 0 && constrained.length > 0) untold.push(line("the agents could not be read"));
  for (const work of spots.length === 0 ? [] : constrained) {
    const hosts = (work.hosts ?? []).map((host) => byHost.get(host));
    const known = hosts.filter((spot) => spot !== undefined);
    if (work.hosts === null) untold.push(line(`${work.name}: where its tasks run was not told`));
    else if (known.length < hosts.length)
      untold.push(line(`${work.name}: a task runs on an agent that the master does not list`));
    for (const constraint of work.constraints ?? []) {
      const why = brokenBy(constraint, known);
      if (why === undefined) untold.push(line(`${work.name}: ${constraintText(constraint)} cannot be judged here`));
      else if (why !== null) broken.push(line(`${work.name}: ${constraintText(constraint)}: ${why}`));
    }
    const usable = spots.filter((one) => one.active && mayUse(work, one.role)).map((one) => one.spot);
    const why = pinnedBy(work.constraints ?? [], work.instances, usable);
    const owner = work.owner === null ? "no owner in its labels" : `owner ${work.owner}`;
    if (why === undefined) untold.push(line(`${work.name}: where it may run cannot be judged here (${owner})`));
    else if (why !== null) pinned.push(line(`${work.name} (${owner}): ${why}`));
  }
  return [
    finding({
      id: "constraints-hold",
      title: "No app's tasks stand where its constraints forbid it",
      expected: "tasks where their constraints allow them",
      good: `${constrained.length} apps and pods with constraints, their tasks where they may be`,
      bad: broken,
      unknown: untold,
      severity: "waivable",
      remedy:
        "Restart these apps, or correct their constraints, before the upgrade: afterwards nobody can tell what it has broken.",
    }),
    finding({
      id: "pinned-tasks",
      title: "Apps that cannot move while an agent is upgraded",
      expected: "none, or owners who know",
      good: "none",
      bad: pinned,
      unknown: [],
      severity: "advisory",
      remedy:
        "Tell the owners when these agents are upgraded: the tasks live on, and whatever ends there cannot start elsewhere.",
    }),
  ];
}

/**
 * What the apps and pods of every Marathon say before an upgrade: constraints by Marathon's own rules for the target, tasks where
 * their constraints forbid it, apps that cannot move (dcos.md 13.3, pre-13 and pre-14; workbook: validating constraints, pinned
 * tasks). The workbook's script is no part of this: it never calls its own check (dcos.md 13.2).
 */
export function appFindings(facts: Facts, target: string | undefined): readonly Finding[] {
  const from = marathonsOf(facts);
  return [...validity(from, target ?? null), ...placements(from, facts)];
}
