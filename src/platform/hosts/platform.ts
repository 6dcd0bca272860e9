import { createHash } from "node:crypto";
import type { Inventory, InventoryNode } from "../../domain/inventory.ts";
import type { Json } from "../../domain/json.ts";
import type { Facts, Finding, NodeFacts } from "../../domain/plan.ts";
import type { Platform, Remote } from "../../engine/ports.ts";

/** One POSIX script per node: who it is, since when, its clock. */
const FACTS = `uname -sr; cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo unknown; date +%s; id -u`;
const COMMAND = ["sh", "-c", FACTS] as const;

async function readNode(reader: Remote, node: InventoryNode): Promise<Json> {
  const outcome = await reader.run(node.name, { argv: COMMAND, timeoutMs: 15_000 });
  if (outcome.kind !== "exited" || outcome.code !== 0) return { reachable: false, reason: outcome.kind === "lost" ? outcome.reason : outcome.kind };
  const [kernel, bootId, epoch, uid] = outcome.stdout.trim().split("\n");
  return { reachable: true, kernel: kernel ?? null, bootId: bootId ?? null, clockEpoch: Number(epoch), uid: Number(uid) };
}

/** A cluster of machines has no id of its own: its members' addresses are what makes it the same cluster tomorrow. */
function identity(inventory: Inventory): string {
  const members = inventory.nodes.map((node) => `${node.address}:${node.ssh.port ?? inventory.ssh.port ?? 22}`).sort();
  return `hosts-${createHash("sha256").update(members.join(" ")).digest("hex").slice(0, 16)}`;
}

function findings(facts: Facts, inventory: Inventory): readonly Finding[] {
  const silent = inventory.nodes.filter((node) => facts.nodes[node.name]?.reachable !== true).map((node) => node.name);
  return [
    {
      id: "hosts-answer",
      severity: "mandatory",
      verdict: silent.length === 0 ? "pass" : "fail",
      title: "Every node answers over SSH",
      expected: `${inventory.nodes.length} nodes answer`,
      observed: silent.length === 0 ? `${inventory.nodes.length} answer` : `no answer: ${silent.join(", ")}`,
      nodes: silent,
      remedy: "Correct the address, the key or the host key of these nodes.",
      refusal: false,
    },
  ];
}

/** Plain machines: no order contract, no product, only what a runbook of the operator's own asks for. */
export function createHostsPlatform(): Platform {
  return {
    name: "hosts",
    contract: [],
    kinds: [],
    ports: { zookeeper: 2181 },
    lockPath: "/var/lib/pawl/lock",
    allow: { http: [{ method: "GET", path: /^\// }], commands: [COMMAND.map((word) => word)], fourLetter: ["ruok", "mntr", "srvr", "stat", "conf", "isro"] },
    async observe(reader, inventory, _inputs, clock) {
      const read = await Promise.all(inventory.nodes.map(async (node) => [node, await readNode(reader, node)] as const));
      const nodes: Record<string, NodeFacts> = {};
      for (const [node, details] of read) {
        const record = details as Readonly<Record<string, Json>>;
        nodes[node.name] = { version: null, role: node.role, reachable: record["reachable"] === true, complete: false, details: record };
      }
      const facts: Facts = { clusterId: identity(inventory), observedAt: new Date(clock.now()).toISOString(), nodes, last: {}, counts: {}, baseline: {} };
      return { facts, evidence: [], gaps: [] };
    },
    nodeFacts: (reader, _inventory, node) => readNode(reader, node),
    findings,
    readLast: () => Promise.resolve([]),
    permission: () => Promise.resolve({ kind: "yes" }),
    isCostly: () => false,
    captures: () => [],
    summarise: (captured) => ({ files: [...captured.keys()].sort() }),
  };
}
