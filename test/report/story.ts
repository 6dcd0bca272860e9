import type { ArtifactRecord, RunEvent, RunEventBody } from "../../src/domain/events.ts";
import type { Phase, Plan, Step } from "../../src/domain/plan.ts";
import type { StepStatus } from "../../src/domain/status.ts";

function step(address: string, title: string, plannedMs: number | null = null): Step {
  const [phase = "", ...rest] = address.split("/");
  return {
    address,
    phase,
    name: rest.at(-1) ?? "",
    kind: "toy/upgrade",
    title,
    node: rest.length > 1 ? (rest[0] ?? null) : null,
    effect: "restart",
    with: {},
    gates: [],
    optional: false,
    shows: [],
    plannedMs,
  };
}

function phase(name: string, title: string, nodes: readonly string[], after: readonly Step[] = []): Phase {
  return {
    name,
    title,
    source: "workbook: Upgrade Cluster Nodes",
    role: name,
    strategy: { kind: "serial" },
    leaderLast: false,
    budget: "none",
    wave: null,
    units: nodes.map((node) => ({ node, critical: false, steps: [step(`${name}/${node}/upgrade`, `Upgrade ${node}`)] })),
    after,
  };
}

const facts = (version: string) => ({ version, role: "toy", reachable: true, complete: false, details: {} });

export const STORY_PLAN: Plan = {
  v: 1,
  cluster: { id: "7d1b-42", name: "production" },
  platform: "toy",
  runbook: { name: "toy-upgrade", version: "3", title: "Upgrade the toy cluster" },
  inputs: { target: "1.11.3" },
  fingerprints: { runbook: "a", checks: "b", inventory: "c", policy: "d" },
  sources: { runbook: "r.yaml", inventory: "i.yaml", checks: "checks" },
  journey: { goal: "1.11.3", policy: "workbook", hop: 2, hops: 3 },
  facts: {
    clusterId: "7d1b-42",
    observedAt: "2026-11-20T14:59:00.000Z",
    nodes: { m1: facts("1.10.8"), m2: facts("1.10.8"), a1: facts("1.10.8"), a2: facts("1.10.8") },
    last: {},
    counts: {},
    baseline: {},
  },
  phases: [
    phase("managers", "Upgrade the managers", ["m1", "m2"], [step("managers/soak", "Watch it for a while", 1_800_000)]),
    phase("workers", "Upgrade the workers", ["a1", "a2"]),
  ],
  finally: [step("finally/clean-up", "Remove job folders")],
  watches: [],
  omitted: [{ phase: "public-workers", reason: "the inventory and the cluster have none" }],
  found: [{ node: "m3", version: "1.11.3" }],
  budget: 1,
  rolloutNodes: 2,
  lock: null,
};

/** Gives bodies their places, one minute apart, starting at 15:00 UTC. */
export function placed(
  bodies: readonly (RunEventBody & { readonly by?: string; readonly minute?: number })[],
): readonly RunEvent[] {
  let minute = 0;
  return bodies.map(({ by = "engine", minute: at, ...body }, index) => {
    minute = at ?? minute + 1;
    return {
      v: 1,
      seq: index + 1,
      time: new Date(Date.UTC(2026, 10, 20, 15, minute)).toISOString(),
      actor: by,
      prev: "",
      ...body,
    };
  });
}

function move(address: string, to: StepStatus, minute?: number): RunEventBody & { readonly minute?: number } {
  return {
    type: "step.moved",
    step: address,
    to,
    problem: null,
    note: null,
    output: null,
    ...(minute === undefined ? {} : { minute }),
  };
}

const SECRET_TAR: ArtifactRecord = {
  name: "backup/m1/zookeeper.tar",
  sha256: "e".repeat(64),
  bytes: 2_400_000,
  mediaType: "application/x-tar",
  step: "managers/m1/upgrade",
  node: "m1",
  evidenceOf: "the state before the change",
  sealed: true,
};
export const ARTIFACTS: readonly ArtifactRecord[] = [
  SECRET_TAR,
  {
    name: "managers/m1/upgrade/stdout",
    sha256: "f".repeat(64),
    bytes: 812,
    mediaType: "text/plain",
    step: "managers/m1/upgrade",
    node: "m1",
    evidenceOf: "what the script said",
    sealed: false,
  },
];

const created: RunEventBody = {
  type: "run.created",
  run: "20261120T150000Z-upgrade-1.11.3",
  kind: "upgrade",
  cluster: "7d1b-42",
  plan: "9".repeat(64),
  pawl: "0.1.0",
  ticket: "OPS-7 | <b>urgent</b>",
};
const opened = (resumed: boolean): RunEventBody => ({
  type: "run.opened",
  pid: resumed ? 77 : 42,
  host: "desk",
  boot: "b",
  resumed,
});
const gate = (address: string, check: string): RunEventBody => ({
  type: "gate.passed",
  step: address,
  check,
  asserted: { subjects: 2, passed: 2 },
  observed: "m1: 1, m2: 1",
  streak: 3,
  spanMs: 65_000,
});

const LATE = {
  code: "worker-never-back",
  text: "a1 did not come back",
  expected: "a1 active within 5m",
  observed: "a1 inactive after 5m",
  node: "a1",
  evidence: ["artifacts/ffff"],
  next: "pawl retry workers/a1/upgrade",
} as const;

/** Managers done, a gate refused and measured again by a person, one worker set aside by policy, resumed once, completed. */
export const STORY: readonly RunEvent[] = placed([
  { ...created, by: "ada@desk" },
  { ...opened(false) },
  { type: "finding.reported", id: "clocks", verdict: "pass", severity: "mandatory", observed: "within 20 ms" },
  { type: "finding.reported", id: "disk", verdict: "fail", severity: "advisory", observed: "a2: 6 GB free | low" },
  { type: "lock.taken", holder: "ada@desk", nodes: ["m1", "m2"] },
  move("managers/m1/upgrade", "prepared"),
  move("managers/m1/upgrade", "starting"),
  move("managers/m1/upgrade", "started"),
  { type: "artifact.recorded", ...SECRET_TAR },
  {
    type: "check.measured",
    check: "log-recovered",
    verdict: "fail",
    why: null,
    fatal: false,
    asserted: { subjects: 2, passed: 1 },
    observed: "m1: 0",
    step: "managers/m1/upgrade",
    watch: false,
    evidence: null,
  },
  {
    type: "gate.refused",
    step: "managers/m1/upgrade",
    check: "log-recovered",
    because: "failed",
    problem: {
      code: "gate",
      text: "the log of m1 is not recovered",
      expected: "1 on every manager",
      observed: "m1: 0, m2: 1",
      next: "pawl resume",
    },
  },
  {
    type: "decision.asked",
    question: {
      kind: "gate-refused",
      step: "managers/m1/upgrade",
      title: "log-recovered refused at m1: what now?",
      announced: false,
      problem: null,
      choices: [],
    },
  },
  {
    type: "operator.decided",
    answers: 12,
    choice: "measure-again",
    target: "managers/m1/upgrade",
    reason: "waited for m1's disk",
    by: "ada@desk",
    minute: 34,
  },
  {
    type: "check.measured",
    check: "log-recovered",
    verdict: "pass",
    why: null,
    fatal: false,
    asserted: { subjects: 2, passed: 2 },
    observed: "m1: 1, m2: 1",
    step: "managers/m1/upgrade",
    watch: false,
    evidence: null,
  },
  gate("managers/m1/upgrade", "log-recovered"),
  move("managers/m1/upgrade", "complete"),
  {
    type: "run.halted",
    exit: 130,
    step: null,
    problem: { code: "interrupted", text: "stopped by SIGINT at a safe point", next: "pawl resume" },
  },
  opened(true),
  { type: "order.changed", phase: "managers", order: ["m2"], because: "the leader moved to m2" },
  move("managers/m2/upgrade", "prepared"),
  move("managers/m2/upgrade", "starting"),
  move("managers/m2/upgrade", "started"),
  gate("managers/m2/upgrade", "log-recovered"),
  move("managers/m2/upgrade", "complete"),
  move("managers/soak", "prepared"),
  move("managers/soak", "starting", 60),
  move("managers/soak", "started", 90),
  move("managers/soak", "complete", 90),
  move("workers/a1/upgrade", "prepared"),
  move("workers/a1/upgrade", "starting"),
  { type: "step.moved", step: "workers/a1/upgrade", to: "error", problem: LATE, note: null, output: null },
  {
    type: "step.moved",
    step: "workers/a1/upgrade",
    to: "set-aside",
    problem: LATE,
    note: "the budget is 1",
    output: null,
    by: "policy",
  },
  move("workers/a2/upgrade", "prepared"),
  move("workers/a2/upgrade", "starting"),
  move("workers/a2/upgrade", "started"),
  move("workers/a2/upgrade", "complete"),
  move("finally/clean-up", "prepared"),
  move("finally/clean-up", "starting"),
  move("finally/clean-up", "started"),
  move("finally/clean-up", "complete"),
  { type: "lock.released", nodes: ["m1", "m2"] },
  { type: "run.completed", exit: 10, setAside: ["a1"] },
]);
