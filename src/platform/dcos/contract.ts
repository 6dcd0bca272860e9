import type { Inventory, InventoryNode } from "../../domain/inventory.ts";
import type { OrderGroup } from "../../domain/order.ts";
import type { WebProduct } from "../../engine/ports.ts";

/** Ports of the services, where the inventory names no other (dcos.md section 2.1). */
export const PORTS = {
  "mesos-master": 5050,
  "mesos-agent": 5051,
  marathon: 8080,
  exhibitor: 8181,
  zookeeper: 2181,
  metronome: 9000,
  cosmos: 7070,
  "mesos-dns": 8123,
  diagnostics: 1050,
} as const;

export type Service = keyof typeof PORTS;

/**
 * How the services are reached where security is on or only Admin Router is (dcos.md sections 2.1 to 2.3). Through `/mesos` the
 * leading master answers whichever master's Admin Router is asked, so only what every master redirects to the leader is asked
 * there; a master's own metrics, version and redirect are not. Exhibitor has no security of its own.
 */
export const WEB: WebProduct = {
  services: {
    "mesos-master": {
      securePort: PORTS["mesos-master"],
      gateway: {
        path: "/mesos",
        answers: "leader",
        paths: /\/(?:master\/)?(?:state|state-summary|slaves|frameworks|roles|tasks|maintenance\/(?:status|schedule))/,
      },
    },
    "mesos-agent": { securePort: PORTS["mesos-agent"], gateway: null },
    marathon: { securePort: 8443, gateway: { path: "/service/marathon", answers: "leader", paths: /\/v2\/.+/ } },
    exhibitor: { securePort: null, gateway: { path: "/exhibitor", answers: "node", paths: /\/exhibitor\/v1\/.+/ } },
    metronome: { securePort: 9443, gateway: { path: "/service/metronome", answers: "leader", paths: /\/(?:info|v1\/jobs)/ } },
    // Listens for Admin Router only where security is on.
    cosmos: { securePort: null, gateway: { path: "", answers: "node", paths: /\/(?:capabilities|package\/list)/ } },
    "mesos-dns": { securePort: null, gateway: { path: "/mesos_dns", answers: "node", paths: /\/v1\/.+/ } },
    diagnostics: { securePort: null, gateway: { path: "", answers: "node", paths: /\/system\/health\/v1(?:\/.*)?/ } },
  },
  gateway: { name: "Admin Router", service: "admin-router", port: 443, roles: ["master"], loginPath: "/acs/api/v1/auth/login" },
  tokenPrefix: "token=",
};

/** Where the advisory cluster lock lives on the masters (design rule 7). */
export const LOCK_PATH = "/var/lib/pawl/lock";

/** Masters one at a time with the leader last, then private agents, then public ones (workbook, "A Summary of Upgrade Steps"). */
export const CONTRACT: readonly OrderGroup[] = [
  { role: "master", title: "masters", serial: true, leaderLast: true, manager: true, after: [], budget: "none" },
  {
    role: "agent",
    title: "private agents",
    serial: false,
    leaderLast: false,
    manager: false,
    after: ["master"],
    budget: "rollout",
  },
  {
    role: "agent_public",
    title: "public agents",
    serial: false,
    leaderLast: false,
    manager: false,
    after: ["master", "agent"],
    budget: "rollout",
  },
];

/** What a node's role file is called, by the word the inventory uses (dcos.md section 3.1). */
const ROLE_FILES: Readonly<Record<string, string>> = { master: "master", agent: "slave", agent_public: "slave_public" };

/** The inventory's word for the role files found on a node; null unless exactly one of the three exists. */
export function roleOfFiles(files: readonly string[]): string | null {
  const known = Object.entries(ROLE_FILES).filter(([, file]) => files.includes(file));
  const [only] = known;
  return known.length === 1 && only !== undefined ? only[0] : null;
}

/** The port of a service in this cluster. */
export function portOf(inventory: Inventory, service: Service): number {
  return inventory.ports[service] ?? PORTS[service];
}

/** The inventory's masters, in its order. */
export function mastersOf(inventory: Inventory): readonly InventoryNode[] {
  return inventory.nodes.filter((node) => node.role === "master");
}

/** The inventory's agents, private and public, in its order. */
export function agentsOf(inventory: Inventory): readonly InventoryNode[] {
  return inventory.nodes.filter((node) => node.role !== "master");
}

/** `http://address:port/path` of a service on a node; IPv6 addresses are bracketed. */
export function urlOf(inventory: Inventory, node: Pick<InventoryNode, "address">, service: Service, path: string): string {
  const host = node.address.includes(":") ? `[${node.address}]` : node.address;
  return `http://${host}:${portOf(inventory, service)}${path}`;
}

/** The votes an ensemble needs: more than half. */
export function quorumOf(masters: number): number {
  return Math.floor(masters / 2) + 1;
}
