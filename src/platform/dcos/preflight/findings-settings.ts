import type { Inventory, InventoryNode } from "../../../domain/inventory.ts";
import type { Facts, Finding } from "../../../domain/plan.ts";
import { crosses } from "../../../domain/version.ts";
import { record, text } from "../../../domain/json-fields.ts";
import { proxyNodes, proxyUrl } from "../settings.ts";
import { finding, notEvaluated } from "../../../domain/judgement.ts";

/** The load balancer on agents, where the inventory names one (workbook, pre-upgrade checklist: HAProxy health on agent nodes; pre-29). */
export function proxyFinding(facts: Facts, inventory: Inventory): readonly Finding[] {
  // `haproxy: false`: the operator says that there is none.
  if (inventory.settings["haproxy"] === false) return [];
  const id = "haproxy-healthy";
  const title = "The load balancer on the agents is well";
  const expected = "HTTP 200 from HAProxy's health check on every node that has it";
  const nodes = proxyNodes(inventory);
  if (nodes === null)
    return [
      notEvaluated({
        id,
        title,
        expected,
        why: "the inventory names no load balancer on agents",
        remedy:
          "Say it in the inventory: settings: { haproxy: { port: 9090, path: /_haproxy_health_check, on: [agent_public] } }, or { haproxy: false } where there is none.",
      }),
    ];
  const asked = nodes.map((node) => ({ node, status: facts.nodes[node.name]?.details["proxyStatus"] }));
  const untold = (node: InventoryNode): string =>
    proxyUrl(inventory, node) === null ? "settings.haproxy.path is no path" : "was not asked";
  return [
    finding({
      id,
      title,
      expected,
      good: `200 on ${asked.length} nodes`,
      bad: asked
        .filter(({ status }) => status !== undefined && status !== 200)
        .map(({ node, status }) => ({
          node: node.name,
          text: `${node.name}: ${typeof status === "number" ? `HTTP ${status}` : "no answer"}`,
        })),
      unknown: [
        ...(nodes.length === 0 ? [{ node: null, text: "the inventory names places for it that no agent has" }] : []),
        ...asked
          .filter(({ status }) => status === undefined)
          .map(({ node }) => ({ node: node.name, text: `${node.name}: ${untold(node)}` })),
      ],
      remedy: "Look at HAProxy on these nodes: an agent that is upgraded behind a sick load balancer takes its traffic with it.",
      severity: "waivable",
    }),
  ];
}

/** IPv6 off on nodes and `enable_ipv6` (DC/OS 1.11 upgrade page; pre-28): from 1.11 on the overlay network expects what the key says. */
export function ipv6Finding(facts: Facts, inventory: Inventory, target: string | undefined): readonly Finding[] {
  if (target === undefined) return [];
  const nodes = inventory.nodes.filter((node) => facts.nodes[node.name]?.reachable === true);
  const froms = new Set(nodes.flatMap((node) => facts.nodes[node.name]?.version ?? []));
  if (![...froms].some((from) => crosses(from, target, "1.11"))) return [];
  const own = (name: string): unknown => facts.nodes[name]?.details["ipv6"];
  const off = nodes.filter((node) => own(node.name) === false);
  const read = record(record(facts.baseline)["configuration"]);
  const enabled = text(read["enableIpv6"]);
  const told = enabled === "false";
  return [
    finding({
      id: "ipv6-fits",
      title: "The target's configuration knows whether nodes speak IPv6",
      expected: "enable_ipv6: false in the target's config.yaml where a node has IPv6 switched off",
      good:
        off.length === 0
          ? `IPv6 is on, on ${nodes.length} nodes`
          : `IPv6 is off on ${off.length} nodes, and enable_ipv6 is false`,
      bad:
        read["why"] === null && !told
          ? off.map((node) => ({
              node: node.name,
              text: `${node.name}: IPv6 is off, enable_ipv6 is ${enabled ?? "not set (true)"}`,
            }))
          : [],
      unknown: [
        ...nodes
          .filter((node) => typeof own(node.name) !== "boolean")
          .map((node) => ({ node: node.name, text: `${node.name}: could not be told` })),
        ...(read["why"] === null || off.length === 0
          ? []
          : [
              {
                node: null,
                text: `IPv6 is off on ${off.map((node) => node.name).join(", ")}, and the target's config.yaml was not read`,
              },
            ]),
      ],
      remedy:
        "Add enable_ipv6: false to the config.yaml of the target's genconf, or switch IPv6 on on these nodes, as a change of its own.",
      severity: "waivable",
    }),
  ];
}
