import { EXIT, type ExitName } from "../src/domain/errors.ts";
import type { FaultName, FaultTime } from "../src/sim/faults.ts";

/**
 * Where a fault is put. The canary is the first private agent, a1; nothing follows the agents' policy before it is complete.
 * After it come a private one, a2, and a public one, p1. `bootstrap` is the machine the packages come from.
 */
export type FaultPlace = "master" | "canary" | "agent" | "public" | "bootstrap";

/** How `--yes` ends, and the codes of the problems that may have decided it: of a gate, a watch or the action that sees it. */
export interface FaultEnd {
  readonly exit: ExitName;
  readonly causes: readonly string[];
}

/** One fault: what goes wrong, how it ends where and when, and what a person does about it. */
interface FaultEntry {
  readonly what: string;
  readonly todo: string;
  /** Findings of the preflight that see it when it is there at the start, at a master and at an agent. */
  readonly start: { readonly master?: string; readonly agent?: string };
  /** `start`: nothing before a run sees it, and the run does before it touches anything. */
  readonly master?: Partial<Record<FaultTime, FaultEnd>>;
  readonly canary?: Partial<Record<"before" | "during" | "after", FaultEnd>>;
  /** Agents after the canary, private and public. */
  readonly later?: Partial<Record<"before" | "during" | "after", FaultEnd>>;
  /** Where a public agent differs from them. */
  readonly public?: Partial<Record<"before" | "during" | "after", FaultEnd>>;
}

const halts = (...causes: readonly string[]): FaultEnd => ({ exit: "gate-halted", causes });
const fails = (...causes: readonly string[]): FaultEnd => ({ exit: "step-failed", causes });
const unknown = (...causes: readonly string[]): FaultEnd => ({ exit: "outcome-unknown", causes });
const aside = (...causes: readonly string[]): FaultEnd => ({ exit: "set-aside", causes });
const fine: FaultEnd = { exit: "ok", causes: [] };

const NO_LEADER = [
  "gate.one-leader",
  "gate.replog-recovered",
  "gate.zookeeper-quorum",
  "gate.agents-registered",
  "watch.one-leader",
];
const OUT_OF_QUORUM = [
  "gate.replog-recovered",
  "gate.one-leader",
  "gate.master-upgraded",
  "gate.node-health",
  "watch.one-leader",
];
const LOST_TASKS = ["gate.tasks-lost", "watch.tasks-lost", "gate.agent-reregistered", "watch.agent-removals"];
const SILENT = ["contact-lost.timed-out", "contact-lost.unreachable"];
const OTHER_KEY = ["contact-lost.host-key-changed"];
/** What the permission right before a node says. */
const OTHER_KEY_BEFORE = ["ssh.host-key-changed"];
const ABSENT = ["gate.agent-reregistered", "gate.node-health"];

/** The design's table of faults (section 8), with every time and place. */
export const FAULTS: Readonly<Record<FaultName, FaultEntry>> = {
  "replog-not-recovered": {
    what: "The replicated log of a master is empty and does not catch up, while every other sign is green.",
    todo: "Read `journalctl -u dcos-mesos-master` there; free space on /var/lib/dcos, the clock, port 5050 between the masters. Removing a log is a support action.",
    start: { master: "replog-recovered" },
    // The scripts of 1.10 and 1.11 measure this themselves, and fail first.
    master: {
      during: fails("script-after-activation"),
      after: halts("gate.replog-recovered", "gate.node-health", "watch.one-leader"),
    },
  },
  "exhibitor-not-serving": {
    what: "ZooKeeper of a master runs, says `imok`, and serves nobody.",
    todo: "Look at Exhibitor's page and log of that master, and at the ZooKeeper process; wait five minutes before anything is restarted.",
    start: { master: "zookeeper-quorum" },
    master: { during: fails("script-after-activation"), after: halts("gate.exhibitor-serving", "gate.zookeeper-quorum") },
  },
  "master-out-of-quorum": {
    what: "A Mesos master cannot reach ZooKeeper: its log says recovered, the others miss a replica, and it knows no leader.",
    todo: "Find out what stands between that master and ZooKeeper, then measure again.",
    start: { master: "replog-recovered" },
    master: { during: halts(...OUT_OF_QUORUM), after: halts(...OUT_OF_QUORUM) },
  },
  "two-leaders": {
    what: "Two Mesos masters believe that they lead.",
    todo: "Touch no master. Look at ZooKeeper first, then at the two masters that were elected.",
    start: { master: "one-leader" },
    master: { during: halts(...NO_LEADER), after: halts(...NO_LEADER) },
  },
  "no-leader": {
    what: "No Mesos master is elected.",
    todo: "Touch no master. Look at ZooKeeper first: without it nobody is elected.",
    start: { master: "one-leader" },
    master: { during: halts(...NO_LEADER), after: halts(...NO_LEADER) },
  },
  "marathon-down": {
    what: "Marathon answers 503 everywhere: it has no leader.",
    todo: "Read `journalctl -u dcos-marathon` on the masters. Tasks go on running meanwhile.",
    start: { master: "marathon-leads" },
    master: { during: halts("watch.marathon-leads"), after: halts("watch.marathon-leads") },
  },
  "zk-quorum-lost": {
    what: "The ZooKeeper ensemble has lost its quorum; with it go the leader of Mesos and that of Marathon.",
    todo: "Bring ZooKeeper back first, with support where data may be at stake. Nothing else can be judged before.",
    start: { master: "zookeeper-quorum" },
    master: { during: halts(...NO_LEADER), after: halts(...NO_LEADER, "gate.exhibitor-serving") },
  },
  "script-fails": {
    what: "The upgrade script of a node ends with 1 before anything was switched.",
    todo: "Mostly the packages could not be fetched: the bootstrap machine, the network, the disk. Then `pawl retry`.",
    start: {},
    master: { after: fails("script-failed") },
    canary: { after: fails("script-failed") },
    later: { after: aside("script-failed") },
  },
  "script-lies": {
    what: "The upgrade script ends with 0 and has changed nothing.",
    todo: "Read the script's output, which is kept as evidence, and look at the version file of the node.",
    start: {},
    master: { after: halts("gate.node-version-file", "gate.master-upgraded") },
    canary: { after: halts("gate.node-version-file", "gate.agent-reregistered") },
    later: { after: aside("gate.node-version-file", "gate.agent-reregistered") },
  },
  "agent-never": {
    what: "The Mesos agent of a node does not come back.",
    todo: "Read `journalctl -u dcos-mesos-slave` there; then finish the node with `pawl upgrade --only`.",
    start: { agent: "agents-counted" },
    // The scripts of 1.10 and 1.11 wait for the agent themselves, and fail first.
    canary: { during: fails("script-after-activation"), after: halts(...ABSENT) },
    later: { during: aside("script-after-activation"), after: aside(...ABSENT) },
    // Those of public agents do not: their own checks are skipped in these versions.
    public: { during: aside(...ABSENT) },
  },
  "agent-late": {
    what: "The Mesos agent of a node takes up to four minutes to come back: less than the masters wait.",
    todo: "Nothing: the gates wait for it.",
    start: { agent: "agents-counted" },
    canary: { during: fine, after: fine },
    later: { during: fine, after: fine },
  },
  "tasks-lost": {
    what: "The Mesos agent of a node fails to recover and registers as a new one: its tasks are lost.",
    todo: "Find out which tasks were lost and why the agent could not recover, before any other node is touched.",
    start: { agent: "agents-counted" },
    canary: { during: halts(...LOST_TASKS), after: halts(...LOST_TASKS) },
    later: { during: halts(...LOST_TASKS), after: halts(...LOST_TASKS) },
  },
  "ssh-drop": {
    what: "The SSH connection to a node breaks while its script runs; the script goes on.",
    todo: "Nothing: pawl connects again and reads how the script went.",
    start: {},
    master: { during: fine },
    canary: { during: fine },
    later: { during: fine },
  },
  "ssh-hang": {
    what: "SSH of a node takes commands and never answers.",
    todo: "Look at the node before you touch it. When it answers again, `pawl resume` reads how the script ended; at an agent that was set aside, `pawl upgrade --only`.",
    start: { master: "ssh-and-sudo", agent: "ssh-and-sudo" },
    master: { during: unknown(...SILENT), after: unknown(...SILENT) },
    canary: { during: unknown(...SILENT), after: unknown(...SILENT) },
    later: { during: aside(...SILENT), after: aside(...SILENT) },
  },
  "hostkey-changed": {
    what: "A node shows another host key: it was set up anew, or another machine answers in its place.",
    todo: "Look at the machine by its console. pawl never trusts the new key by itself; put it into known_hosts when you know that it is right.",
    start: { master: "ssh-and-sudo", agent: "ssh-and-sudo" },
    // 5 where the effect had not begun, 7 where it had.
    master: { before: halts(...OTHER_KEY_BEFORE), during: unknown(...OTHER_KEY), after: unknown(...OTHER_KEY) },
    canary: { before: halts(...OTHER_KEY_BEFORE), during: unknown(...OTHER_KEY), after: unknown(...OTHER_KEY) },
    later: { before: aside(...OTHER_KEY_BEFORE), during: aside(...OTHER_KEY), after: aside(...OTHER_KEY) },
  },
  "disk-full": {
    what: "The disk of a node is full.",
    todo: "Make room: 5 GiB below /opt/mesosphere and 2 GiB on /var. Then `pawl retry`.",
    start: { master: "disk-space", agent: "disk-space" },
    master: { during: fails("script-failed") },
    canary: { during: fails("script-failed") },
    later: { during: aside("script-failed") },
  },
  "bootstrap-down": {
    what: "A node cannot reach the bootstrap machine (`@bootstrap`: no node can).",
    todo: "Routing, firewall, the web server of the bootstrap machine; try `curl -fsSI` from the node. Then `pawl retry`.",
    start: { master: "bootstrap-reachable", agent: "bootstrap-reachable" },
    master: { during: fails("script-failed") },
    canary: { during: fails("script-failed") },
    later: { during: aside("script-failed") },
  },
  "wrong-role": {
    what: "The role file of a node is that of another role.",
    todo: "Correct the file under /etc/mesosphere/roles, or the inventory, whichever is wrong.",
    start: { master: "role-file", agent: "role-file" },
  },
  "config-differs": {
    what: "A node was installed from another configuration than the others.",
    todo: "Bring the node in line first; never a configuration change together with an upgrade.",
    start: { master: "config-equal", agent: "config-equal" },
  },
  "clock-skew": {
    what: "The clock of a node is eight seconds ahead.",
    todo: "Repair ntpd or chronyd there.",
    start: { master: "clock-in-step", agent: "clock-in-step" },
  },
  "zookeeper-backup-bad": {
    what: "ZooKeeper's transaction log breaks off on a master's disk: a copy of it lacks what was committed last, and nobody notices until a server starts on it.",
    todo: "Read zookeeper.out and the kernel's log of that master, and its disk. The other masters have the whole log: a new backup after that server has been mended.",
    start: {},
    master: { start: fails("zookeeper-backup-differs") },
  },
  "constraint-broken": {
    what: "An app has a placement constraint that newer versions of Marathon refuse.",
    todo: "Correct the app's constraint and let it deploy.",
    start: { master: "constraints-valid", agent: "constraints-valid" },
  },
};

/** One cell of the table. `finding`: what the preflight must name where the fault is there at the start. */
export interface FaultCase {
  readonly fault: FaultName;
  readonly at: FaultPlace;
  readonly when: FaultTime;
  readonly hop: 1 | 2;
  readonly exit: ExitName;
  readonly causes: readonly string[];
  readonly finding: string | null;
}

const NODES: Readonly<Record<FaultPlace, string>> = {
  master: "m1",
  canary: "a1",
  agent: "a2",
  public: "p1",
  bootstrap: "bootstrap",
};
/** Problems of the whole cluster, which no single node shows. */
const WHOLE: readonly FaultName[] = [
  "two-leaders",
  "no-leader",
  "marathon-down",
  "zk-quorum-lost",
  "zookeeper-backup-bad",
  "constraint-broken",
];

const NAMES = Object.keys(FAULTS) as readonly FaultName[];
const TIMES = ["start", "before", "during", "after"] as const;

function endOf(fault: FaultName, at: FaultPlace, when: FaultTime): (FaultEnd & { readonly finding: string | null }) | null {
  const entry = FAULTS[fault];
  if (at === "bootstrap") {
    if (fault !== "bootstrap-down" || when === "before" || when === "after") return null;
    return when === "start"
      ? { exit: "said-no", causes: [], finding: "bootstrap-reachable" }
      : { ...fails("script-failed"), finding: null };
  }
  if (when === "start") {
    const finding = at === "master" ? entry.start.master : entry.start.agent;
    if (finding !== undefined) return { exit: "said-no", causes: [], finding };
    const begun = at === "master" ? entry.master?.start : undefined;
    return begun === undefined ? null : { ...begun, finding: null };
  }
  const ends = at === "master" ? entry.master : at === "canary" ? entry.canary : entry.later;
  const end = (at === "public" ? entry.public?.[when] : undefined) ?? ends?.[when];
  return end === undefined ? null : { ...end, finding: null };
}

/** Every cell, hop by hop. */
export const FAULT_TABLE: readonly FaultCase[] = ([1, 2] as const).flatMap((hop) =>
  NAMES.flatMap((fault) =>
    (["master", "canary", "agent", "public", "bootstrap"] as const).flatMap((at) =>
      TIMES.flatMap((when) => {
        const end = endOf(fault, at, when);
        return end === null ? [] : [{ fault, at, when, hop, ...end }];
      }),
    ),
  ),
);

/** What a fault is asked for by default: `after`, or the last time it has. */
function isDefaultTime(row: FaultCase): boolean {
  return row.when === FAULT_TABLE.findLast((one) => one.fault === row.fault && one.at === row.at)?.when;
}

/**
 * The rows that are played in simulated time: every cell of the first hop, and of a later hop every fault once at each place where
 * it can be; that the moment within the node's script makes the same difference there is not shown again. Before a preflight no
 * agent is the canary yet: one private agent stands for all.
 */
export const SHOWN: readonly FaultCase[] = FAULT_TABLE.filter(
  (row) => (row.hop === 1 || isDefaultTime(row)) && !(row.when === "start" && row.at === "agent"),
);

/** The node a row is put at in a cluster of at least 3 masters, 2 private and 1 public agent. */
export function faultyNode(row: Pick<FaultCase, "at">): string {
  return NODES[row.at];
}

/** Whether the trouble is that of the row's own node, and not of the cluster. */
export function isOwn(row: Pick<FaultCase, "fault" | "at">): boolean {
  return row.at !== "bootstrap" && !WHOLE.includes(row.fault);
}

/** `NAME@NODE:WHEN:HOP`, as `--fault` takes it. */
export function faultArgument(row: Pick<FaultCase, "fault" | "at" | "when" | "hop">): string {
  return `${row.fault}@${faultyNode(row)}:${row.when}${row.hop === 1 ? "" : `:${row.hop}`}`;
}

export function exitCode(row: Pick<FaultCase, "exit">): number {
  return EXIT[row.exit];
}
