import type { Inventory, InventoryNode } from "../../../domain/inventory.ts";
import type { Facts, Finding } from "../../../domain/plan.ts";
import { compareVersionTexts } from "../../../domain/version.ts";
import { agentsOf, mastersOf } from "../contract.ts";
import { number } from "../../../domain/json-fields.ts";
import { finding } from "../../../domain/judgement.ts";

function minorOf(version: string): readonly [number, number] {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return [major, minor];
}

/** How many minors an agent is behind its masters: 0 within a minor. */
function minorsBehind(agent: string, master: string): number {
  const [a, b] = [minorOf(agent), minorOf(master)];
  return a[0] === b[0] ? b[1] - a[1] : Number.POSITIVE_INFINITY;
}

/** When the last of these nodes was activated, in words; empty where none tells. */
function activatedSince(facts: Facts, nodes: readonly InventoryNode[]): string {
  const times = nodes.flatMap((node) => number(facts.nodes[node.name]?.details["activatedEpoch"]) ?? []);
  if (times.length === 0) return "";
  const last = Math.max(...times) * 1_000;
  const days = Math.floor((Date.parse(facts.observedAt) - last) / 86_400_000);
  const ago = days < 1 ? "" : `, ${days} ${days === 1 ? "day" : "days"} ago`;
  return ` since ${new Date(last).toISOString().slice(0, 16).replace("T", " ")} UTC${ago}`;
}

/**
 * Masters may be ahead of their agents for a time (workbook, FAQ: masters at 1.10.1, agents at 1.9.1), by one minor: Mesos supports one
 * version back between masters and agents. As long as it is so, every preflight and every snapshot says since when; beyond one minor
 * nothing allows it.
 */
export function skewFindings(facts: Facts, inventory: Inventory, target: string | undefined): readonly Finding[] {
  const versionOf = (node: InventoryNode): string | null => facts.nodes[node.name]?.version ?? null;
  const masters = mastersOf(inventory);
  const versions = new Set(masters.map(versionOf));
  const [version] = versions;
  // While the masters are mixed, or one of them does not tell, the upgrade of the masters is what is unfinished.
  if (versions.size !== 1 || version === null || version === undefined) return [];
  const behind = agentsOf(inventory).flatMap((node) => {
    const own = versionOf(node);
    return own === null || (compareVersionTexts(own, version) ?? 0) >= 0
      ? []
      : [{ node, own, minors: minorsBehind(own, version) }];
  });
  if (behind.length === 0) return [];
  // A hop to another version is refused by versions-in-play, which names these agents as well.
  if (target !== undefined && target !== version) return [];
  const far = behind.filter((one) => one.minors > 1);
  const since = activatedSince(facts, masters);
  const told = (one: (typeof behind)[number]): { readonly node: string; readonly text: string } => ({
    node: one.node.name,
    text: `${one.node.name} is at ${one.own}`,
  });
  const reminder = finding({
    id: "agents-left-behind",
    title: `Agents are as new as their masters, which are at ${version}${since}`,
    expected: `every agent at ${version}`,
    good: `${behind.length} agents are not there yet: this run is to upgrade them`,
    unknown: [],
    bad: target === undefined ? behind.map(told) : [],
    remedy:
      "Upgrade these agents soon: masters may be ahead of agents for a time, by one minor, and go no further before the agents are there.",
    severity: "advisory",
  });
  if (far.length === 0) return [reminder];
  return [
    reminder,
    finding({
      id: "agents-one-minor-behind",
      title: "No agent is more than one minor behind its masters",
      expected: `agents at ${version} or one minor before it`,
      good: "",
      unknown: [],
      bad: far.map(told),
      remedy:
        "Mesos supports one version back between masters and agents: bring these agents to the masters' version, with support's help.",
    }),
  ];
}
