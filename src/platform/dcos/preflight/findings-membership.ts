import type { Inventory } from "../../../domain/inventory.ts";
import type { Facts, Finding } from "../../../domain/plan.ts";
import type { Before } from "../../../engine/ports.ts";
import { text } from "../../../domain/json-fields.ts";
import { finding } from "../../../domain/judgement.ts";

/** A node as it can be told from others. */
interface Member {
  readonly name: string;
  readonly address: string | null;
  readonly machineId: string | null;
}

/** A group of nodes whose members are compared, and what it means when they are others than before. */
interface Group {
  readonly id: string;
  readonly many: string;
  readonly roles: readonly string[];
  readonly remedy: string;
  /** Nothing allows such a change together with an upgrade. */
  readonly refusal: boolean;
}

/**
 * Masters are never added, removed or replaced together with an upgrade; agents are added before it, at the version that is installed,
 * or after it (workbook, FAQ).
 */
const GROUPS: readonly Group[] = [
  {
    id: "masters-unchanged",
    many: "masters",
    roles: ["master"],
    remedy:
      "Masters are never added or replaced together with an upgrade. When that change is complete and has settled, take a snapshot (pawl snapshot) and plan again.",
    refusal: true,
  },
  {
    id: "agents-unchanged",
    many: "agents",
    roles: ["agent", "agent_public"],
    remedy:
      "Agents are added or replaced before an upgrade, at the version that is installed, or at its end. When that change is complete, take a snapshot (pawl snapshot) and plan again; or waive this where it is meant and finished.",
    refusal: false,
  },
];

/** The record to compare with, in words. */
export function since(before: Before): string {
  return `run ${before.run} of ${before.facts.observedAt.slice(0, 16).replace("T", " ")} UTC`;
}

/** The same machine: by its machine-id where both told one; else by address, else by name. */
function isSame(a: Member, b: Member): boolean {
  if (a.machineId !== null && b.machineId !== null) return a.machineId === b.machineId;
  return a.address !== null && b.address !== null ? a.address === b.address : a.name === b.name;
}

/** Machines cloned from one image may have one machine-id: where two have the same, it tells neither. */
function ownIds(members: readonly Member[]): readonly Member[] {
  const times = new Map<string, number>();
  for (const { machineId } of members) if (machineId !== null) times.set(machineId, (times.get(machineId) ?? 0) + 1);
  return members.map((one) => (one.machineId !== null && times.get(one.machineId) !== 1 ? { ...one, machineId: null } : one));
}

/** Keys under which a member of the one record can be found in the other. */
function keysOf({ name, address, machineId }: Member): readonly string[] {
  return [
    `name ${name}`,
    ...(address === null ? [] : [`address ${address}`]),
    ...(machineId === null ? [] : [`id ${machineId}`]),
  ];
}

/** Whether the list has the same machine, without comparing each with each. */
function finder(members: readonly Member[]): (one: Member) => boolean {
  const index = new Map<string, Member[]>();
  for (const member of members) for (const key of keysOf(member)) index.set(key, [...(index.get(key) ?? []), member]);
  return (one) => keysOf(one).some((key) => (index.get(key) ?? []).some((other) => isSame(one, other)));
}

/** Nodes of a group that were added, removed or replaced since the last record. */
function membersFinding(facts: Facts, inventory: Inventory, before: Before, group: Group): Finding {
  const detail = (of: Facts, node: string, field: string): string | null => text(of.nodes[node]?.details[field]);
  const now = ownIds(
    inventory.nodes
      .filter((node) => group.roles.includes(node.role))
      .map(({ name, address }) => ({ name, address, machineId: detail(facts, name, "machineId") })),
  );
  const old = ownIds(
    Object.entries(before.facts.nodes).flatMap(([name, node]) =>
      node.role !== null && group.roles.includes(node.role)
        ? [{ name, address: detail(before.facts, name, "address"), machineId: detail(before.facts, name, "machineId") }]
        : [],
    ),
  );
  // A node that did not answer then told neither role nor machine: it may well have been this one.
  const silent = Object.entries(before.facts.nodes).flatMap(([name, node]) =>
    node.reachable ? [] : [{ name, address: detail(before.facts, name, "address") }],
  );
  const wasThere = finder(old);
  const isThere = finder(now);
  const notOld = now.filter((one) => !wasThere(one));
  const untold = notOld.filter((one) => silent.some((other) => other.name === one.name || other.address === one.address));
  const fresh = notOld.filter((one) => !untold.includes(one));
  const away = old.filter((one) => !isThere(one));
  const stoodAt = (one: Member): Member | undefined =>
    away.find((other) => (other.address !== null && other.address === one.address) || other.name === one.name);
  const replaced = new Set(fresh.flatMap((one) => stoodAt(one) ?? []));
  return finding({
    id: group.id,
    title: `The ${group.many} are the machines of the last record`,
    expected: `the ${old.length} ${group.many} of ${since(before)}`,
    good: `${now.length - untold.length} ${group.many}, the same machines${
      untold.length === 0 ? "" : `; ${untold.map((one) => one.name).join(", ")} not compared: could not be read then`
    }`,
    unknown: [],
    bad: [
      ...fresh.map((one) => ({
        node: one.name,
        text:
          stoodAt(one) === undefined
            ? `${one.name} (${one.address ?? ""}) was added`
            : `${one.name} is another machine than before`,
      })),
      ...away
        .filter((one) => !replaced.has(one))
        .map((one) => ({ node: null, text: `${one.name}${one.address === null ? "" : ` (${one.address})`} is gone` })),
    ],
    remedy: group.remedy,
    severity: group.refusal ? "mandatory" : "waivable",
    refusal: group.refusal,
  });
}

/** Who was added, removed or replaced since the last record of this cluster (design rule 10; workbook, FAQ). */
export function membershipFindings(facts: Facts, inventory: Inventory, before: Before): readonly Finding[] {
  // A record of an older pawl, or of a cluster that could not be read, has nobody to compare with.
  return GROUPS.filter(({ roles }) =>
    Object.values(before.facts.nodes).some((node) => node.role !== null && roles.includes(node.role)),
  ).map((group) => membersFinding(facts, inventory, before, group));
}
