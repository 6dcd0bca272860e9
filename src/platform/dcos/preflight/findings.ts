import type { Inventory, InventoryNode } from "../../../domain/inventory.ts";
import type { Facts, Finding, NodeFacts } from "../../../domain/plan.ts";
import type { Before } from "../../../engine/ports.ts";
import { agentsOf, mastersOf, quorumOf } from "../contract.ts";
import { ansibleFindings } from "./ansible.ts";
import { appFindings } from "./findings-apps.ts";
import { agentFindings } from "./findings-agents.ts";
import { number, record, text } from "../../../domain/json-fields.ts";
import { configurationFindings, editionFinding } from "./findings-changes.ts";
import { machineFindings } from "./findings-machines.ts";
import { ipv6Finding, proxyFinding } from "./findings-settings.ts";
import { skewFindings } from "./findings-skew.ts";
import { tarballFindings } from "./executor-tarball.ts";
import { imageFindings } from "./images.ts";
import { finding } from "../../../domain/judgement.ts";

interface Known {
  readonly node: InventoryNode;
  readonly facts: NodeFacts;
}

function nodesOf(facts: Facts, inventory: Inventory): readonly Known[] {
  const missing: NodeFacts = { version: null, role: null, reachable: false, complete: false, details: { reason: "not asked" } };
  return inventory.nodes.map((node) => ({ node, facts: facts.nodes[node.name] ?? missing }));
}

function reachable(nodes: readonly Known[]): Finding {
  const bad = nodes
    .filter((one) => !one.facts.reachable)
    .map(({ node, facts }) => ({ node: node.name, text: `${node.name}: ${text(facts.details["reason"]) ?? "no answer"}` }));
  return finding({
    id: "nodes-answer",
    title: "Every node of the inventory answers",
    expected: `${nodes.length} nodes answer over SSH and let commands run as root`,
    good: `${nodes.length} answer`,
    bad,
    unknown: [],
    remedy:
      "Correct the address, the key, the host key or sudo of these nodes, or take a node that is gone out of the inventory.",
  });
}

/** Versions in play: nodes may be at the target or at one version before it (workbook, pre-01; design rule 13). */
function versions(nodes: readonly Known[], target: string | undefined, from: string | undefined): readonly Finding[] {
  const others = new Map<string, string[]>();
  const unknown = nodes
    .filter((one) => one.facts.reachable && one.facts.version === null)
    .map(({ node }) => ({ node: node.name, text: `${node.name}: no version file` }));
  for (const { node, facts } of nodes)
    if (facts.version !== null && facts.version !== target)
      others.set(facts.version, [...(others.get(facts.version) ?? []), node.name]);
  const groups = [...others].toSorted((a, b) => b[1].length - a[1].length);
  const main = from === undefined ? groups[0] : ([from, others.get(from) ?? []] as const);
  const strays = groups.filter(([version]) => version !== main?.[0]);
  const good = [
    main === undefined ? "" : `${main[1].length} at ${main[0]}`,
    target === undefined ? "" : `${nodes.filter((one) => one.facts.version === target).length} at ${target}`,
  ]
    .filter((part) => part !== "")
    .join(", ");
  const equal = finding({
    id: "versions-in-play",
    title: "One version before the target, and the target, are in play",
    expected:
      target === undefined ? "one version on every node" : `one version on every node, apart from nodes already at ${target}`,
    good,
    unknown,
    // Without a target nothing is to be changed: a snapshot of a half-done upgrade is when one needs it most.
    ...(target === undefined ? { severity: "advisory" as const } : { refusal: true }),
    bad: strays.flatMap(([version, names]) =>
      names.map((name) => ({ node: name, text: `${name} is at ${version}, the others at ${main?.[0] ?? "none"}` })),
    ),
    remedy: "Finish the earlier upgrade first: bring every node to one version, then plan this hop again.",
  });
  if (target === undefined) return [equal];
  const behind = nodes
    .filter(({ node, facts }) => node.role === "master" && facts.version !== null && facts.version !== target)
    .map(({ node }) => node.name);
  const ahead = behind.length === 0 ? [] : nodes.filter(({ node, facts }) => node.role !== "master" && facts.version === target);
  const order = finding({
    id: "agents-behind-masters",
    title: "No agent is ahead of a master",
    expected: "masters are upgraded before agents",
    good: ahead.length === 0 ? "no agent ahead" : "",
    unknown: [],
    refusal: true,
    bad: ahead.map(({ node }) => ({
      node: node.name,
      text: `${node.name} is at ${target} while ${behind.join(", ")} ${behind.length === 1 ? "is" : "are"} not`,
    })),
    remedy:
      "Agents newer than their masters may fail to register. Bring the masters to the target before anything else, with support's help.",
  });
  return [equal, order];
}

function roles(nodes: readonly Known[]): Finding {
  const read = nodes.filter((one) => one.facts.reachable);
  const found = ({ facts }: Known): string => {
    const files = facts.details["roles"];
    return Array.isArray(files) && files.length > 0 ? files.join(", ") : "no role file";
  };
  return finding({
    id: "roles-as-planned",
    title: "Each node has the role the inventory gives it",
    expected: "exactly one role file, the one the inventory says",
    good: `${read.length} nodes as the inventory says`,
    unknown: [],
    bad: read
      .filter(({ node, facts }) => facts.role !== node.role)
      .map((one) => ({
        node: one.node.name,
        text: `${one.node.name}: inventory says ${one.node.role}, the node has ${found(one)}`,
      })),
    remedy:
      "Correct the inventory, or the files under /etc/mesosphere/roles, before anything is upgraded: the script chooses packages by them.",
  });
}

function activation(nodes: readonly Known[]): Finding {
  const read = nodes.filter((one) => one.facts.reachable);
  const state = ({ facts }: Known): unknown => facts.details["installProgress"];
  return finding({
    id: "activation-finished",
    title: "No node has a half-done activation",
    expected: "no /opt/mesosphere/install_progress",
    good: `${read.length} nodes without`,
    bad: read
      .filter((one) => state(one) === true)
      .map(({ node }) => ({ node: node.name, text: `${node.name}: install_progress is there` })),
    unknown: read
      .filter((one) => typeof state(one) !== "boolean")
      .map(({ node }) => ({ node: node.name, text: `${node.name}: could not be told` })),
    remedy: "Finish the activation with pkgpanda setup on that node (what dcos-setup.service runs) and look at its services.",
  });
}

/** Nodes of one version must carry the same configuration (workbook FAQ: never a configuration change together with an upgrade). */
function configuration(nodes: readonly Known[]): Finding {
  const read = nodes.filter((one) => one.facts.reachable);
  const digest = ({ facts }: Known): string | null => text(facts.details["configSha256"]);
  const bad: { node: string; text: string }[] = [];
  for (const version of new Set(read.map((one) => one.facts.version))) {
    const peers = read.filter((one) => one.facts.version === version && digest(one) !== null);
    const counts = new Map<string, number>();
    for (const one of peers) counts.set(digest(one) ?? "", (counts.get(digest(one) ?? "") ?? 0) + 1);
    const common = [...counts].toSorted((a, b) => b[1] - a[1])[0]?.[0];
    for (const one of peers)
      if (digest(one) !== common)
        bad.push({
          node: one.node.name,
          text: `${one.node.name}: user.config.yaml differs (${digest(one)?.slice(0, 12) ?? ""}, the others ${common?.slice(0, 12) ?? ""})`,
        });
  }
  return finding({
    id: "config-alike",
    title: "Every node was installed with the same configuration",
    expected: "one digest of user.config.yaml among nodes of one version",
    good: `${read.length} nodes alike`,
    bad,
    unknown: read
      .filter((one) => digest(one) === null)
      .map(({ node }) => ({ node: node.name, text: `${node.name}: user.config.yaml could not be read` })),
    remedy:
      "Find out which configuration is meant and bring it to every node first. A configuration change and an upgrade are never done together.",
  });
}

function identity(facts: Facts, nodes: readonly Known[]): Finding {
  const read = nodes.filter((one) => one.facts.reachable);
  const own = ({ facts: one }: Known): string | null => text(one.details["clusterId"]);
  return finding({
    id: "cluster-identity",
    title: "All nodes belong to one cluster",
    expected: "one cluster-id",
    good: facts.clusterId,
    bad: read
      .filter((one) => own(one) !== null && own(one) !== facts.clusterId)
      .map((one) => ({ node: one.node.name, text: `${one.node.name}: ${own(one) ?? ""}, the masters say ${facts.clusterId}` })),
    unknown: facts.clusterId === "" ? [{ node: null, text: "no master gave a cluster-id" }] : [],
    remedy: "Check the addresses: a node of another cluster must never be in this inventory.",
  });
}

/** Masters counted three ways: inventory, what each node was installed with, and who serves (workbook: no upgrade with a master missing). */
function masters(facts: Facts, inventory: Inventory, nodes: readonly Known[]): readonly Finding[] {
  const wanted = mastersOf(inventory).length;
  const own = nodes.filter(({ node, facts: one }) => node.role === "master" && one.reachable);
  const installedFor = ({ facts: one }: Known): number | null => number(one.details["masterCount"]);
  const counted = finding({
    id: "masters-counted",
    title: "The inventory has every master",
    expected: `${wanted} masters, on the nodes and in the inventory`,
    good: `${wanted}`,
    bad: [
      ...(wanted === 0 ? [{ node: null, text: "the inventory has no master" }] : []),
      ...own
        .filter((one) => installedFor(one) !== null && installedFor(one) !== wanted)
        .map((one) => ({ node: one.node.name, text: `${one.node.name} was installed for ${installedFor(one) ?? 0} masters` })),
    ],
    unknown: own
      .filter((one) => installedFor(one) === null)
      .map(({ node }) => ({ node: node.name, text: `${node.name}: master_count could not be read` })),
    remedy: "Add the missing masters to the inventory. Masters are never added, removed or replaced together with an upgrade.",
  });
  // Told by the masters' own ports: one that gives no shell may serve as well as ever.
  const serving = nodes.filter(({ node, facts: one }) => node.role === "master" && one.details["serving"] === true);
  const absent = mastersOf(inventory).filter((node) => !serving.some((one) => one.node.name === node.name));
  const left = serving.length - 1;
  const shortage = finding({
    id: "quorum-to-spare",
    title: "Every master serves, and the quorum holds while one of them is upgraded",
    expected: `${wanted} masters serve`,
    good: `${serving.length} serve, ${left} remain while one is upgraded, ${quorumOf(wanted)} are needed`,
    unknown: [],
    bad: absent.map((node) => ({
      node: node.name,
      text: `${node.name} does not serve (ZooKeeper vote, recovered log, a leader it knows): ${left < quorumOf(wanted) ? "one more down loses the quorum" : "one master is down already"}`,
    })),
    remedy: "Repair the master before anything is upgraded: every master must serve before the first one is touched.",
  });
  if (wanted !== 1 && wanted - 1 >= quorumOf(wanted)) return [counted, shortage];
  const single = wanted === 1;
  const structural = finding({
    id: "quorum-structure",
    title: "The number of masters lets one of them be upgraded",
    expected: "an ensemble that keeps its quorum with one master down",
    good: "",
    unknown: [],
    severity: single ? "waivable" : "mandatory",
    refusal: !single,
    bad: [
      {
        node: null,
        text: single
          ? "one master: the cluster has no leader while it is upgraded"
          : `${wanted} masters need ${quorumOf(wanted)} for a quorum`,
      },
    ],
    remedy: single
      ? "Waive this for a cluster that may be without a leader for some minutes."
      : "Two masters cannot lose one. Such a cluster cannot be upgraded in service.",
  });
  return [counted, shortage, structural];
}

/**
 * What the facts alone say about an upgrade, without asking anybody: who answers, which versions are in play, roles, counts,
 * half-done work, configuration, quorum. Pure. Versions outside {from, target}, agents ahead of masters and an ensemble that
 * cannot lose a member are refusals; no flag allows them (design rules 2, 8, 13).
 */
export function findings(
  facts: Facts,
  inventory: Inventory,
  inputs: Readonly<Record<string, string>>,
  before: Before | null = null,
): readonly Finding[] {
  const nodes = nodesOf(facts, inventory);
  return [
    reachable(nodes),
    identity(facts, nodes),
    ...versions(nodes, inputs["target"], inputs["from"]),
    roles(nodes),
    ...masters(facts, inventory, nodes),
    ...agentFindings(record(facts.baseline)["agents"], agentsOf(inventory)),
    activation(nodes),
    configuration(nodes),
    ...configurationFindings(facts, inventory, inputs["target"]),
    ...editionFinding(facts, inventory, inputs["target"]),
    ...machineFindings(facts, inventory, inputs["target"], before),
    ...skewFindings(facts, inventory, inputs["target"]),
    ...ipv6Finding(facts, inventory, inputs["target"]),
    ...(inputs["target"] === undefined ? [] : proxyFinding(facts, inventory)),
    ...appFindings(facts, inputs["target"]),
    ...imageFindings(facts, inputs["target"]),
    ...tarballFindings(facts, inputs["target"]),
    ...ansibleFindings(facts, inputs["target"]),
  ];
}
