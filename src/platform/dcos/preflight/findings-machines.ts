import type { Inventory, InventoryNode } from "../../../domain/inventory.ts";
import type { Facts, Finding } from "../../../domain/plan.ts";
import type { Before } from "../../../engine/ports.ts";
import { mastersOf } from "../contract.ts";
import { text } from "../json-fields.ts";
import { finding } from "./judgement.ts";

interface Layer {
  readonly id: string;
  readonly name: string;
  readonly fields: readonly string[];
}

/** The layers below DC/OS that the workbook's FAQ names: one of them at a time. */
const LAYERS: readonly Layer[] = [
  { id: "os", name: "operating system", fields: ["os", "kernel"] },
  { id: "docker", name: "Docker", fields: ["docker"] },
];

/** What a node runs of a layer, as one text; null where part of it was not told. */
function valueOf(facts: Facts, node: string, { fields }: Layer): string | null {
  const parts = fields.map((field) => text(facts.nodes[node]?.details[field]));
  return parts.includes(null) ? null : parts.join(", kernel ");
}

function since(before: Before): string {
  return `run ${before.run} of ${before.facts.observedAt.slice(0, 16).replace("T", " ")} UTC`;
}

/**
 * An upgrade of the operating system or of Docker that is under way (workbook FAQ: one component at a time, each with its soak):
 * nodes of one role that differ, of which some have changed since the last record, are refused. Nodes that have always differed
 * are a person's decision; a change that has reached every node is told.
 */
function layerFindings(facts: Facts, inventory: Inventory, before: Before | null, layer: Layer): readonly Finding[] {
  const asked = inventory.nodes.filter((node) => facts.nodes[node.name]?.reachable === true);
  const now = (node: InventoryNode): string | null => valueOf(facts, node.name, layer);
  const then = (node: InventoryNode): string | null => (before === null ? null : valueOf(before.facts, node.name, layer));
  const changed = asked.filter((node) => now(node) !== null && then(node) !== null && now(node) !== then(node));
  const mixed = [...new Set(asked.map((node) => node.role))].flatMap((role) => {
    const peers = asked.filter((node) => node.role === role && now(node) !== null);
    const groups = new Map<string, readonly InventoryNode[]>();
    for (const node of peers) groups.set(now(node) ?? "", [...(groups.get(now(node) ?? "") ?? []), node]);
    return groups.size < 2 ? [] : [{ role, groups: [...groups].toSorted((a, b) => b[1].length - a[1].length) }];
  });
  const roles = new Set(mixed.map((one) => one.role));
  const moving = before === null ? [] : changed.filter((node) => roles.has(node.role));
  const unknown = asked
    .filter((node) => now(node) === null)
    .map((node) => ({ node: node.name, text: `${node.name}: could not be told` }));
  const values = new Set(asked.flatMap((node) => now(node) ?? []));
  const underWay = moving.length > 0;
  const alike = finding({
    id: `${layer.id}-alike`,
    title: underWay ? `No upgrade of the ${layer.name} is under way` : `Nodes of one role run the same ${layer.name}`,
    expected: `one ${layer.name} on all nodes of a role`,
    good: `${asked.length} nodes: ${[...values].join("; ")}`,
    unknown,
    bad: underWay
      ? moving.map((node) => ({
          node: node.name,
          text: `${node.name}: ${now(node) ?? ""} now, ${then(node) ?? ""} in ${before === null ? "" : since(before)}`,
        }))
      : mixed.flatMap(({ role, groups }) =>
          groups.slice(1).flatMap(([value, nodes]) =>
            nodes.map((node) => ({
              node: node.name,
              text: `${node.name}: ${value}, most of role ${role}: ${groups[0]?.[0] ?? ""}`,
            })),
          ),
        ),
    remedy: underWay
      ? `Finish that upgrade on every node, let it soak, take a snapshot (pawl snapshot), then plan this hop again.`
      : `Make sure that no upgrade of the ${layer.name} is going on. Where these nodes differ for good, waive this.`,
    severity: underWay ? "mandatory" : "waivable",
    refusal: underWay,
  });
  if (before === null || underWay || changed.length === 0) return [alike];
  return [
    alike,
    finding({
      id: `${layer.id}-changed`,
      title: `The ${layer.name} is as in the last record`,
      expected: `the ${layer.name} of ${since(before)}`,
      good: "",
      unknown: [],
      bad: changed.map((node) => ({ node: node.name, text: `${node.name}: ${now(node) ?? ""}, before ${then(node) ?? ""}` })),
      remedy: `Let a change of the ${layer.name} soak before the next layer is upgraded.`,
      severity: "advisory",
    }),
  ];
}

/** A master as it can be told from others. */
interface Master {
  readonly name: string;
  readonly address: string | null;
  readonly machineId: string | null;
}

/** The same machine: by its machine-id where both told one; else by address, else by name. */
function isSame(a: Master, b: Master): boolean {
  if (a.machineId !== null && b.machineId !== null) return a.machineId === b.machineId;
  return a.address !== null && b.address !== null ? a.address === b.address : a.name === b.name;
}

/** Machines cloned from one image may have one machine-id: where two have the same, it tells neither. */
function ownIds(masters: readonly Master[]): readonly Master[] {
  const ids = masters.map((one) => one.machineId);
  return masters.map((one) =>
    ids.indexOf(one.machineId) === ids.lastIndexOf(one.machineId) ? one : { ...one, machineId: null },
  );
}

/** Masters that were added, removed or replaced since the last record (workbook FAQ: never together with an upgrade). */
function mastersFinding(facts: Facts, inventory: Inventory, before: Before): Finding {
  const detail = (of: Facts, node: string, field: string): string | null => text(of.nodes[node]?.details[field]);
  const now = ownIds(
    mastersOf(inventory).map(({ name, address }) => ({ name, address, machineId: detail(facts, name, "machineId") })),
  );
  const old = ownIds(
    Object.entries(before.facts.nodes).flatMap(([name, node]) =>
      node.role === "master"
        ? [{ name, address: detail(before.facts, name, "address"), machineId: detail(before.facts, name, "machineId") }]
        : [],
    ),
  );
  // A node that did not answer then told neither role nor machine: it may well have been this master.
  const silent = Object.entries(before.facts.nodes).flatMap(([name, node]) =>
    node.reachable ? [] : [{ name, address: detail(before.facts, name, "address") }],
  );
  const notOld = now.filter((one) => !old.some((other) => isSame(one, other)));
  const untold = notOld.filter((one) => silent.some((other) => other.name === one.name || other.address === one.address));
  const fresh = notOld.filter((one) => !untold.includes(one));
  const away = old.filter((one) => !now.some((other) => isSame(one, other)));
  const stoodAt = (one: Master): Master | undefined =>
    away.find((other) => (other.address !== null && other.address === one.address) || other.name === one.name);
  const replaced = new Set(fresh.flatMap((one) => stoodAt(one) ?? []));
  return finding({
    id: "masters-unchanged",
    title: "The masters are the machines of the last record",
    expected: `the ${old.length} masters of ${since(before)}`,
    good: `${now.length - untold.length} masters, the same machines${
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
    remedy:
      "Masters are never added or replaced together with an upgrade. When that change is complete and has settled, take a snapshot (pawl snapshot) and plan again.",
    refusal: true,
  });
}

/** What lies below DC/OS, node against node and against the last record of this cluster (design rule 10). */
export function machineFindings(
  facts: Facts,
  inventory: Inventory,
  target: string | undefined,
  before: Before | null,
): readonly Finding[] {
  if (target === undefined) return [];
  const layers = LAYERS.flatMap((layer) => layerFindings(facts, inventory, before, layer));
  // A record of an older pawl, or of a cluster that could not be read, has no masters to compare with.
  const comparable = before !== null && Object.values(before.facts.nodes).some((node) => node.role === "master");
  return comparable ? [...layers, mastersFinding(facts, inventory, before)] : layers;
}
