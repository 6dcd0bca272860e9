import type { Command } from "commander";
import type { Io } from "./io.ts";

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** Running work: with `--json` one event a line, and the last line is always the result. */
  readonly runs?: true;
  /** Imports the command's code only when it is the one that runs. */
  load(io: Io): Promise<Command>;
}

/** Every command, in the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "demo",
    summary: "see it work: upgrade an embedded DC/OS cluster end to end",
    runs: true,
    load: async (io) => (await import("./commands/demo.ts")).demoCommand(io),
  },
  {
    name: "lab",
    summary: "keep an embedded cluster running: lab up, lab heal",
    load: async (io) => (await import("./commands/lab.ts")).labCommand(io),
  },
  {
    name: "inventory",
    summary: "write an inventory from a running cluster: discover",
    load: async (io) => (await import("./commands/inventory.ts")).inventoryCommand(io),
  },
  {
    name: "preflight",
    summary: "dry run: every check, all findings at once, and the exact plan",
    load: async (io) => (await import("./commands/preflight.ts")).preflightCommand(io),
  },
  {
    name: "plan",
    summary: "print the plan that would run",
    load: async (io) => (await import("./commands/plan.ts")).planCommand(io),
  },
  {
    name: "upgrade",
    summary: "the plan, executed with you at the stops",
    runs: true,
    load: async (io) => (await import("./commands/upgrade.ts")).upgradeCommand(io),
  },
  {
    name: "run",
    summary: "run any other runbook",
    runs: true,
    load: async (io) => (await import("./commands/run.ts")).runCommand(io),
  },
  {
    name: "resume",
    summary: "go on with a paused, halted or crashed run",
    runs: true,
    load: async (io) => (await import("./commands/resume.ts")).resumeCommand(io),
  },
  {
    name: "status",
    summary: "where a run stands and the next command",
    load: async (io) => (await import("./commands/status.ts")).statusCommand(io),
  },
  { name: "pause", summary: "start nothing new", load: async (io) => (await import("./commands/verbs.ts")).runVerb("pause")(io) },
  {
    name: "approve",
    summary: "approve a planned stop",
    load: async (io) => (await import("./commands/verbs.ts")).runVerb("approve")(io),
  },
  {
    name: "stop",
    summary: "let finish what runs, then end the engine",
    load: async (io) => (await import("./commands/verbs.ts")).runVerb("stop")(io),
  },
  {
    name: "retry",
    summary: "run a failed or set-aside step again",
    load: async (io) => (await import("./commands/verbs.ts")).stepVerb("retry")(io),
  },
  {
    name: "set-aside",
    summary: "go on without a node (never a manager)",
    load: async (io) => (await import("./commands/verbs.ts")).stepVerb("set-aside")(io),
  },
  {
    name: "force-complete",
    summary: "count a failed step as complete, with a reason",
    load: async (io) => (await import("./commands/verbs.ts")).stepVerb("force-complete")(io),
  },
  {
    name: "skip",
    summary: "leave out an optional step without effect",
    load: async (io) => (await import("./commands/verbs.ts")).stepVerb("skip")(io),
  },
  {
    name: "accept",
    summary: "take a complete run as good, in a sentence",
    load: async (io) => (await import("./commands/accept.ts")).acceptCommand(io),
  },
  {
    name: "questions",
    summary: "what only a person can say, with the answers",
    load: async (io) => (await import("./commands/questions.ts")).questionsCommand(io),
  },
  {
    name: "answer",
    summary: "answer such a question; kept in the inventory",
    load: async (io) => (await import("./commands/answer.ts")).answerCommand(io),
  },
  {
    name: "unlock",
    summary: "break a lock whose holder is gone for good",
    load: async (io) => (await import("./commands/unlock.ts")).unlockCommand(io),
  },
  {
    name: "nodes",
    summary: "the nodes of a cluster, as it sees them itself",
    load: async (io) => (await import("./commands/looking.ts")).nodesCommand(io),
  },
  {
    name: "service",
    summary: "what runs on a cluster: service list, show, history",
    load: async (io) => (await import("./commands/looking.ts")).serviceCommand(io),
  },
  {
    name: "snapshot",
    summary: "capture the state of a cluster in one verified bundle",
    runs: true,
    load: async (io) => (await import("./commands/snapshot.ts")).snapshotCommand(io),
  },
  {
    name: "schedule",
    summary: "nightly snapshots: cron, retention, drift",
    runs: true,
    load: async (io) => (await import("./commands/schedule.ts")).scheduleCommand(io),
  },
  {
    name: "backup",
    summary: "copy ZooKeeper's state, and prove that it comes back",
    runs: true,
    load: async (io) => (await import("./commands/backup.ts")).backupCommand(io),
  },
  {
    name: "restore",
    summary: "try a recorded backup in a server of its own",
    load: async (io) => (await import("./commands/restore.ts")).restoreCommand(io),
  },
  { name: "diff", summary: "compare two snapshots", load: async (io) => (await import("./commands/diff.ts")).diffCommand(io) },
  {
    name: "path",
    summary: "which way to the target version",
    load: async (io) =>
      (await import("./commands/path.ts")).pathCommand(io, { policies: (await import("./places.ts")).POLICIES }),
  },
  { name: "check", summary: "try one check", load: async (io) => (await import("./check-deps.ts")).loadCheckCommand(io) },
  {
    name: "lint",
    summary: "check runbooks, checks, inventories, policies",
    load: async (io) => (await import("./lint-deps.ts")).loadLintCommand(io),
  },
  {
    name: "verify",
    summary: "prove a run's record, offline",
    load: async (io) => (await import("./commands/verify.ts")).verifyCommand(io),
  },
  { name: "runs", summary: "list the runs", load: async (io) => (await import("./commands/runs.ts")).runsCommand(io) },
  {
    name: "report",
    summary: "a run as Markdown or JSON",
    load: async (io) => (await import("./commands/report.ts")).reportCommand(io),
  },
  {
    name: "coverage",
    summary: "what the workbook asks for, and where it is done",
    load: async (io) => (await import("./commands/coverage.ts")).coverageCommand(io),
  },
];
