import type { Inventory, InventoryNode } from "../../../domain/inventory.ts";
import type { Facts, Finding } from "../../../domain/plan.ts";
import type { Before } from "../../../engine/ports.ts";
import { text } from "../../../domain/json-fields.ts";
import { membershipFindings, since } from "./findings-membership.ts";
import { finding } from "../../../domain/judgement.ts";

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

/** What lies below DC/OS, node against node and against the last record of this cluster (design rule 10). */
export function machineFindings(
  facts: Facts,
  inventory: Inventory,
  target: string | undefined,
  before: Before | null,
): readonly Finding[] {
  if (target === undefined) return [];
  const layers = LAYERS.flatMap((layer) => layerFindings(facts, inventory, before, layer));
  return before === null ? layers : [...layers, ...membershipFindings(facts, inventory, before)];
}
