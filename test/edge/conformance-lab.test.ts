import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Inventory } from "../../src/domain/inventory.ts";
import { createScaledClock } from "../../src/sim/clock.ts";
import { chooseNetwork, startLab, type Lab } from "../../src/sim/lab.ts";
import { createCluster } from "../../src/sim/model/cluster.ts";
import { createLabClock, proveLab } from "../../src/transport/lab-clock.ts";
import { createRemote, type WiredRemote } from "../../src/transport/remote.ts";
import { startWire, type Wire } from "../real/wire.ts";
import { conforms } from "./conformance.ts";

const SSH_PORT = 2222;

interface LabNode {
  readonly lab: Lab;
  readonly wire: Wire;
  readonly inventory: Inventory;
  readonly remote: WiredRemote;
  readonly stop: () => Promise<void>;
}

/** A lab of one master and one agent, its first node reached over a wire that can be cut. */
async function openLab(): Promise<LabNode> {
  const folder = mkdtempSync(join(tmpdir(), "pawl-lab-"));
  const timeScale = 10;
  const network = await chooseNetwork();
  const cluster = createCluster({
    masters: 1,
    privateAgents: 1,
    publicAgents: 0,
    version: "1.9.4",
    clock: createScaledClock({ startMs: Date.UTC(2026, 10, 21), scale: timeScale }),
    faults: [],
    network,
  });
  const lab = await startLab({ cluster, folder, sshPort: SSH_PORT, timeScale });
  const node = cluster.nodes[0];
  if (node === undefined) throw new Error("a lab without nodes");
  const wire = await startWire({ host: node.address, port: SSH_PORT }, { host: "127.0.0.1" });
  const knownHosts = join(folder, "known_hosts_wire");
  writeFileSync(
    knownHosts,
    readFileSync(join(folder, "known_hosts"), "utf8").replace(
      `[${node.address}]:${String(SSH_PORT)} `,
      `[127.0.0.1]:${String(wire.port)} `,
    ),
  );
  const inventory: Inventory = {
    name: "lab",
    platform: "dcos",
    folder,
    ssh: { user: "core", port: SSH_PORT, identityFile: join(folder, "id_ed25519"), knownHosts, sudo: true },
    ports: {},
    scripts: {},
    hooks: {},
    siteSteps: [],
    settings: {},
    nodes: cluster.nodes.map((one, index) => ({
      name: one.name,
      role: "master",
      critical: false,
      ...(index === 0 ? { address: "127.0.0.1", ssh: { port: wire.port } } : { address: one.address, ssh: {} }),
    })),
  };
  const remote = createRemote({ inventory, env: {}, home: folder });
  return {
    lab,
    wire,
    inventory,
    remote,
    stop: async () => {
      await remote.close();
      await wire.close();
      await lab.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

conforms("a node of the embedded cluster", async () => {
  const { lab, wire, remote, inventory, stop } = await openLab();
  return {
    remote,
    target: inventory.nodes[0]?.name ?? "",
    clock: await createLabClock(lab.control),
    cut: () => wire.cut(),
    close: stop,
  };
});

describe("the embedded cluster's proof", () => {
  it("holds for its own nodes, and not for one whose known key is another's", async () => {
    const { lab, remote, inventory, stop } = await openLab();
    try {
      const nodes = inventory.nodes.map(({ name }) => ({ name, hostKey: remote.hostKeyOf(name) }));
      await proveLab({ control: lab.control, nodes });
      const exchanged = nodes.map(({ name }, index) => ({ name, hostKey: nodes[(index + 1) % nodes.length]?.hostKey ?? null }));
      await expect(proveLab({ control: lab.control, nodes: exchanged })).rejects.toMatchObject({ code: "lab-not-proven" });
    } finally {
      await stop();
    }
  });
});
