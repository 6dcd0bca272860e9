import type { Gate, Phase, Plan, Step, Unit } from "../../src/domain/plan.ts";
import { waves } from "../../src/domain/strategy.ts";

const MINUTE = 60_000;

export const gate = (check: string, over: Partial<Gate> = {}): Gate => ({
  check, advisory: false, consecutivePasses: 3, spanMs: 35_000, intervalMs: 10_000, deadlineMs: 600_000, ...over,
});

const step = (phase: string, name: string, over: Partial<Step> = {}): Step => ({
  address: over.node == null ? `${phase}/${name}` : `${phase}/${over.node}/${name}`,
  phase, name, kind: "check", title: name, node: null, effect: "read", with: {}, gates: [], optional: false, shows: [], plannedMs: null, ...over,
});

const soak = (phase: string, minutes: number): Step =>
  step(phase, "soak", { kind: "soak", title: "Watch the cluster before going on", with: { for: `${minutes}m` }, shows: [`wait ${minutes}m`], plannedMs: minutes * MINUTE });

const confirm = (phase: string, title: string): Step => step(phase, "confirm", { kind: "confirm", title: "Ask before going on", with: { message: title }, shows: [title], plannedMs: 0 });

const upgrade = (phase: string, node: string, gates: readonly Gate[]): Step =>
  step(phase, "upgrade", {
    kind: "dcos/upgrade-node", title: `Upgrade ${node} with the node upgrade script`, node, effect: "restart", gates,
    shows: [
      `curl -fsS http://10.0.0.5:8080/upgrade/4a9f3c/dcos_node_upgrade.sh -o /var/lib/pawl/job-${node}/script.sh`,
      `sudo bash /var/lib/pawl/job-${node}/script.sh`,
    ],
  });

const units = (names: readonly string[], steps: (node: string) => readonly Step[]): readonly Unit[] =>
  names.map((node) => ({ node, critical: false, steps: steps(node) }));

const names = (prefix: string, count: number): readonly string[] => Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);

const MASTER_GATES = [
  gate("exhibitor-serving", { spanMs: 65_000 }),
  gate("replog-recovered"),
  gate("marathon-leads", { deadlineMs: 180_000, advisory: true }),
];

/** A plan like the DC/OS runbook gives: data collection, masters, canary and waves, a confirmation after each. */
export function samplePlan(options: { readonly agents?: number; readonly found?: readonly string[] } = {}): Plan {
  const agents = names("a", options.agents ?? 5);
  const masters = ["m1", "m3", "m2"];
  const sizes = waves(agents.map((node) => ({ node, critical: false })), [1, 5, 20]);
  const agentPhases = sizes.map((wave, index): Phase => {
    const name = `agents-${index + 1}`;
    return {
      name, title: `Upgrade the private agents, ${index === 0 ? "canary" : "wave"} ${index + 1} of ${sizes.length}`, source: "workbook", role: "agent",
      strategy: { kind: "parallel", maxInFlight: 5 }, leaderLast: false, budget: index === 0 ? "none" : "rollout",
      wave: { of: "agents", index: index + 1, count: sizes.length },
      units: units(wave.map((one) => one.node), (node) => [upgrade(name, node, [gate("agent-registered", { deadlineMs: 300_000 })])]),
      after: [soak(name, index === 0 ? 60 : 15), confirm(name, index === 0 ? "The canary holds: go on with the rollout?" : "Go on with the next wave?")],
    };
  });
  return {
    v: 1,
    cluster: { id: "7c0d3f8a-2d5e-4d0e-9a51-4b8f0f1f3c21", name: "production" },
    platform: "dcos",
    runbook: { name: "dcos-upgrade", version: "1", title: "Upgrade DC/OS by the workbook, one hop" },
    inputs: { target: "1.10.8" },
    sources: { runbook: "runbooks/dcos-upgrade.yaml", inventory: "inventories/production.yaml", checks: "checks/dcos" },
    journey: { goal: "1.11.3", policy: "workbook", hop: 2, hops: 3 },
    fingerprints: { runbook: "3f2a91c4e0b1aa77", checks: "9b01d2c3e4f5aa11", inventory: "c0ffee0123456789", policy: "5eed5eed5eed5eed" },
    facts: {
      clusterId: "7c0d3f8a-2d5e-4d0e-9a51-4b8f0f1f3c21", observedAt: "2026-11-20T15:00:00.000Z",
      nodes: Object.fromEntries([...masters, ...agents, "p1", "p2"].map((node) => [node, { version: options.found?.includes(node) ? "1.10.8" : "1.9.9", role: null, reachable: true, complete: options.found?.includes(node) ?? false, details: {} }])),
      last: { master: ["m2"] }, counts: { master: 3, agent: agents.length, agent_public: 2 }, baseline: {},
    },
    phases: [
      {
        name: "backup", title: "Back up the state of every master", source: "workbook", role: "master", strategy: { kind: "serial" }, leaderLast: true, budget: "none", wave: null,
        units: units(masters, (node) => [step("backup", "zookeeper-tar", { kind: "dcos/backup-zookeeper", title: "Stream the ZooKeeper data directory, verify its listing", node, effect: "write", shows: ["tar cf - -C /var/lib/dcos/exhibitor/zookeeper snapshot transactions"] })]),
        after: [],
      },
      {
        name: "masters", title: "Upgrade the masters", source: "workbook", role: "master", strategy: { kind: "serial" }, leaderLast: true, budget: "none", wave: null,
        units: units(masters, (node) => [upgrade("masters", node, MASTER_GATES)]),
        after: [soak("masters", 30), confirm("masters", "The masters are done. Go on with the agents?")],
      },
      ...agentPhases,
      {
        name: "validation", title: "Compare the cluster with the state before", source: "workbook", role: null, strategy: { kind: "serial" }, leaderLast: false, budget: "none", wave: null,
        units: [{ node: null, critical: false, steps: [
          step("validation", "apps", { title: "Apps run as before", gates: [gate("apps-steady", { consecutivePasses: 1, spanMs: 0 })] }),
          step("validation", "site", { kind: "command", title: "The operator's own smoke test", optional: true, shows: ["./smoke-test --all"] }),
        ] }],
        after: [],
      },
    ],
    finally: [step("finally", "remove-job-folders", { kind: "remove-job-folders", title: "Remove pawl's job folders on the nodes", effect: "write", with: { "on-halt": true } })],
    watches: [{ check: "one-leader", intervalMs: 30_000, haltAfterMs: 120_000, phases: ["masters"] }],
    omitted: [{ phase: "public-agents", reason: "no node has the role agent_public (inventory 0, cluster 0)" }],
    found: (options.found ?? []).map((node) => ({ node, version: "1.10.8" })),
    budget: 1, rolloutNodes: agents.length,
    lock: { nodes: ["m1", "m2", "m3"], path: "/var/lib/pawl/lock" },
  };
}
