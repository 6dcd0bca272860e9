import type { Inventory } from "../../../src/domain/inventory.ts";
import { createJq, type Jq } from "../../../src/check/jq.ts";
import type { Remote } from "../../../src/engine/ports.ts";
import { createFakeClock, type BusyClock } from "../../../src/sim/clock.ts";
import { parseFault } from "../../../src/sim/faults.ts";
import { labAnswers } from "../../../src/sim/lab-answers.ts";
import { createCluster, type ModelCluster } from "../../../src/sim/model/cluster.ts";
import { createSimRemote } from "../../../src/sim/remote.ts";

/** An embedded cluster in process, with the inventory that describes it. */
export interface TestLab {
  readonly clock: BusyClock;
  readonly cluster: ModelCluster;
  readonly remote: Remote;
  readonly inventory: Inventory;
}

/** Soaks are no subject of tests in process: as short as a real cluster may have them. */
export const SOAKS = { "soak-masters": "5m", "soak-canary": "5m", "soak-waves": "5m", "soak-public": "5m" };

const START_MS = Date.parse("2026-11-20T15:00:00Z");

/** Three masters, three private and one public agent, or as many as asked for; faults as `pawl demo` takes them. */
export function testLab(
  options: {
    readonly version?: string;
    readonly masters?: number;
    readonly privateAgents?: number;
    readonly publicAgents?: number;
    readonly faults?: readonly string[];
  } = {},
): TestLab {
  const clock = createFakeClock(START_MS);
  const { version = "1.10.8", masters = 3, privateAgents = 3, publicAgents = 1, faults = [] } = options;
  const cluster = createCluster({
    masters,
    privateAgents,
    publicAgents,
    version,
    clock,
    faults: faults.map((one) => parseFault(one)),
  });
  const roleOf = (name: string): string => (name.startsWith("m") ? "master" : name.startsWith("a") ? "agent" : "agent_public");
  const base = `http://${cluster.bootstrap.address}:8090`;
  const inventory: Inventory = {
    name: "lab",
    platform: "dcos",
    folder: ".",
    ssh: { user: "core", sudo: true },
    ports: {},
    scripts: {},
    hooks: {},
    siteSteps: [],
    settings: { haproxy: false, ...(cluster.settings?.() as Inventory["settings"]) },
    answers: labAnswers(cluster).map((one) => ({ subject: null, ...one })),
    nodes: cluster.nodes.map((node) => ({
      name: node.name,
      address: node.address,
      role: roleOf(node.name),
      critical: false,
      ssh: {},
    })),
    bootstrap: {
      address: cluster.bootstrap.address,
      ssh: {},
      url: base,
      installers: {
        "1.9.9": "/opt/dcos/1.9.9/dcos_generate_config.sh",
        "1.10.8": "/opt/dcos/1.10.8/dcos_generate_config.sh",
        "1.11.3": "/opt/dcos/1.11.3/dcos_generate_config.sh",
      },
    },
  };
  return { clock, cluster, remote: createSimRemote(cluster), inventory };
}

/** jq for a lab: simulated time stands still while pawl judges, as it does on the wire. `of` is closed by whoever made it. */
export function labJq(lab: TestLab, of: Jq | null = null): Jq {
  const jq = of ?? createJq();
  return {
    evaluate: (items) => lab.clock.busy(() => jq.evaluate(items)),
    close: () => (of === null ? jq.close() : Promise.resolve()),
  };
}
