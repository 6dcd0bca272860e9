import { EXIT, type ExitName } from "../src/domain/errors.ts";
import type { FaultName } from "../src/sim/faults.ts";

/** Where a fault is put. The canary is the first private agent, a1; nothing follows the agent's policy before it is complete. */
export type FaultPlace = "master" | "canary" | "agent";

/** One cell of the design's fault table (section 8): how `--yes` must end where this goes wrong there. */
export interface FaultCase {
  readonly fault: FaultName;
  readonly at: FaultPlace;
  readonly when: "during" | "after";
  readonly exit: ExitName;
  /** Codes of the problems that may have decided, by the gate, the watch or the action that sees it; empty where nothing fails. */
  readonly causes: readonly string[];
}

const OUT_OF_QUORUM = ["gate.replog-recovered", "gate.one-leader", "gate.master-upgraded", "watch.one-leader"];
const TASKS_LOST = ["gate.tasks-lost", "watch.tasks-lost", "gate.agent-reregistered", "watch.agent-removals"];

/** The faults of the first milestone and `agent-late`. */
export const FAULT_TABLE: readonly FaultCase[] = [
  { fault: "master-out-of-quorum", at: "master", when: "after", exit: "gate-halted", causes: OUT_OF_QUORUM },
  { fault: "replog-not-recovered", at: "master", when: "after", exit: "gate-halted", causes: ["gate.replog-recovered", "gate.master-upgraded", "watch.one-leader"] },
  { fault: "exhibitor-not-serving", at: "master", when: "after", exit: "gate-halted", causes: ["gate.exhibitor-serving", "gate.zookeeper-quorum"] },
  { fault: "script-fails", at: "master", when: "after", exit: "step-failed", causes: ["script-failed"] },
  { fault: "script-fails", at: "canary", when: "after", exit: "step-failed", causes: ["script-failed"] },
  { fault: "script-fails", at: "agent", when: "after", exit: "set-aside", causes: ["script-failed"] },
  { fault: "script-lies", at: "master", when: "after", exit: "gate-halted", causes: ["gate.node-version-file", "gate.master-upgraded"] },
  { fault: "script-lies", at: "canary", when: "after", exit: "gate-halted", causes: ["gate.node-version-file", "gate.agent-reregistered"] },
  { fault: "script-lies", at: "agent", when: "after", exit: "set-aside", causes: ["gate.node-version-file", "gate.agent-reregistered"] },
  { fault: "agent-late", at: "agent", when: "after", exit: "ok", causes: [] },
  { fault: "agent-never", at: "canary", when: "after", exit: "gate-halted", causes: ["gate.agent-reregistered", "gate.node-health"] },
  { fault: "agent-never", at: "agent", when: "after", exit: "set-aside", causes: ["gate.agent-reregistered", "gate.node-health"] },
  { fault: "tasks-lost", at: "canary", when: "after", exit: "gate-halted", causes: TASKS_LOST },
  { fault: "tasks-lost", at: "agent", when: "after", exit: "gate-halted", causes: TASKS_LOST },
  { fault: "ssh-drop", at: "master", when: "during", exit: "ok", causes: [] },
  { fault: "ssh-drop", at: "canary", when: "during", exit: "ok", causes: [] },
  { fault: "ssh-drop", at: "agent", when: "during", exit: "ok", causes: [] },
];

/** Faults that spoil the health a preflight asks about: at `start` each ends with 1, one finding names the node, nothing is touched. */
export const START_FAULTS: readonly { readonly fault: FaultName; readonly node: string; readonly finding: string }[] = [
  { fault: "master-out-of-quorum", node: "m1", finding: "replog-recovered" },
  { fault: "replog-not-recovered", node: "m1", finding: "replog-recovered" },
  { fault: "exhibitor-not-serving", node: "m1", finding: "zookeeper-quorum" },
  { fault: "agent-never", node: "a2", finding: "agents-counted" },
  { fault: "tasks-lost", node: "a2", finding: "agents-counted" },
];

const NODES: Readonly<Record<FaultPlace, string>> = { master: "m1", canary: "a1", agent: "a2" };

/** The node of a row in a cluster of at least 3 masters and 2 private agents. */
export function faultyNode(row: Pick<FaultCase, "at">): string {
  return NODES[row.at];
}

/** `NAME@NODE:WHEN`, as `--fault` takes it. */
export function faultArgument(row: FaultCase): string {
  return `${row.fault}@${faultyNode(row)}:${row.when}`;
}

export function exitCode(row: FaultCase): number {
  return EXIT[row.exit];
}
