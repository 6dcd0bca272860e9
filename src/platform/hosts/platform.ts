import { createHash } from "node:crypto";
import type { Inventory, InventoryNode } from "../../domain/inventory.ts";
import type { Json, JsonRecord } from "../../domain/json.ts";
import type { Facts, Finding, NodeFacts } from "../../domain/plan.ts";
import type { Platform, Remote } from "../../engine/ports.ts";

/**
 * One POSIX script per node: who it is, since when, its clock. It runs on every node at once, so the kernel's files are read by the
 * shell itself, and a program is started only where they are missing (`proc(5)`); the last one takes the shell's own place.
 */
const FACTS = `
exec 2>/dev/null
if read -r os < /proc/sys/kernel/ostype && read -r release < /proc/sys/kernel/osrelease; then echo "$os $release"; else uname -sr; fi
if read -r id < /proc/sys/kernel/random/boot_id; then echo "$id"; else echo unknown; fi
while read -r key uid rest; do if [ "$key" = Uid: ]; then break; fi; done < /proc/self/status
echo "\${uid:-$(id -u)}"
exec date +%s
`.trim();
const COMMAND = ["sh", "-c", FACTS] as const;

const PORTS: Readonly<Record<string, number>> = { zookeeper: 2181 };
const FOUR_LETTER_MS = 5_000;

async function readNode(reader: Remote, node: InventoryNode): Promise<Json> {
  const outcome = await reader.run(node.name, { argv: COMMAND, timeoutMs: 15_000 });
  if (outcome.kind !== "exited" || outcome.code !== 0)
    return { reachable: false, reason: outcome.kind === "lost" ? outcome.reason : outcome.kind };
  const [kernel, bootId, uid, epoch] = outcome.stdout.trim().split("\n");
  return { reachable: true, kernel: kernel ?? null, bootId: bootId ?? null, clockEpoch: Number(epoch), uid: Number(uid) };
}

/** A cluster of machines has no id of its own: its members' addresses are what makes it the same cluster tomorrow. */
function identity(inventory: Inventory): string {
  const members = inventory.nodes.map((node) => `${node.address}:${node.ssh.port ?? inventory.ssh.port ?? 22}`).sort();
  return `hosts-${createHash("sha256").update(members.join(" ")).digest("hex").slice(0, 16)}`;
}

/**
 * The role whose leader must come last, and the service that tells who leads, from `settings: { leaders: { ROLE: SERVICE } }`:
 * the servers of that role are asked ZooKeeper's word `srvr` at that service's port.
 */
function leaderService(inventory: Inventory, role: string): string | null {
  const leaders = inventory.settings["leaders"];
  if (typeof leaders !== "object" || leaders === null || !Object.hasOwn(leaders, role)) return null;
  const service = (leaders as JsonRecord)[role];
  return typeof service === "string" ? service : null;
}

/** Empty where the role has no leader to speak of; null where exactly one should lead and that cannot be told. */
async function readLast(reader: Remote, inventory: Inventory, role: string): Promise<readonly string[] | null> {
  const service = leaderService(inventory, role);
  if (service === null) return [];
  const port = inventory.ports[service] ?? PORTS[service];
  if (port === undefined) return null;
  const servers = inventory.nodes.filter((node) => node.role === role);
  const modes = await Promise.all(
    servers.map(async (node) => {
      const answer = await reader.tcp(node.address, port, "srvr", FOUR_LETTER_MS);
      return {
        node: node.name,
        leads: answer.kind === "answered" && /^Mode: (?:leader|standalone)$/m.test(answer.body.toString("utf8")),
      };
    }),
  );
  const leading = modes.filter(({ leads }) => leads).map(({ node }) => node);
  return leading.length === 1 ? leading : null;
}

/** The leaders of all roles that have one, as far as they can be told. */
async function leadersOf(reader: Remote, inventory: Inventory): Promise<Readonly<Record<string, readonly string[]>>> {
  const last: Record<string, readonly string[]> = {};
  for (const role of new Set(inventory.nodes.map((node) => node.role))) {
    if (leaderService(inventory, role) !== null) last[role] = (await readLast(reader, inventory, role)) ?? [];
  }
  return last;
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
    ports: PORTS,
    lockPath: "/var/lib/pawl/lock",
    allow: {
      http: [{ method: "GET", path: /^\// }],
      commands: [COMMAND.map((word) => word)],
      fourLetter: ["ruok", "mntr", "srvr", "stat", "conf", "isro"],
    },
    async observe(reader, inventory, _inputs, clock) {
      const read = await Promise.all(inventory.nodes.map(async (node) => [node, await readNode(reader, node)] as const));
      const nodes: Record<string, NodeFacts> = {};
      for (const [node, details] of read) {
        const record = details as Readonly<Record<string, Json>>;
        nodes[node.name] = {
          version: null,
          role: node.role,
          reachable: record["reachable"] === true,
          complete: false,
          details: record,
        };
      }
      const facts: Facts = {
        clusterId: identity(inventory),
        observedAt: new Date(clock.now()).toISOString(),
        nodes,
        last: await leadersOf(reader, inventory),
        counts: {},
        baseline: {},
      };
      return { facts, evidence: [], gaps: [] };
    },
    nodeFacts: (reader, _inventory, node, about = "node") => (about === "node" ? readNode(reader, node) : Promise.resolve(null)),
    findings,
    readLast,
    permission: () => Promise.resolve({ kind: "yes" }),
    isCostly: () => false,
    captures: () => [],
    summarise: (captured) => ({ files: [...captured.keys()].sort() }),
  };
}
