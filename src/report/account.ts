import { acceptedKeyWords, noticeWords, type ArtifactRecord, type RunEvent } from "../domain/events.ts";
import { exitName, type ExitName, type Problem } from "../domain/errors.ts";
import { awaitsAcceptance, type Acceptance } from "../domain/acceptance.ts";
import type { Plan } from "../domain/plan.ts";
import type { Answer } from "../domain/question.ts";
import type { RunState } from "../domain/run-state.ts";
import { gatesOf, readingsOf, type GateAccount, type ReadingCount } from "./account-gates.ts";
import { nodesOf, phasesOf, setAsideOf, type NodeAccount, type PhaseAccount, type SetAsideAccount } from "./account-path.ts";
import { between } from "./elapsed.ts";
import { decisionsOf, waitsOf, type DecisionAccount, type WaitAccount } from "./account-people.ts";

interface HaltAccount {
  readonly at: string;
  readonly exit: number;
  readonly name: ExitName;
  readonly step: string | null;
  readonly problem: Problem;
}

/** Everything a report says, as data: `report.json`. Made from plan and journal only, so it can be made again at any time. */
export interface Account {
  readonly v: 1;
  readonly run: string;
  readonly kind: string;
  /** `exit` is null while the run is at work, or where it was interrupted without coming to a stop. */
  readonly outcome: { readonly exit: number | null; readonly name: ExitName | null; readonly phase: RunState["phase"] };
  /** Who took the finished run as good; `open`: nobody yet; `none`: there is nothing to accept. */
  readonly acceptance: { readonly state: "none" | "open" | "given"; readonly given: Acceptance | null };
  /** What people had answered before it began. */
  readonly answers: readonly Answer[];
  readonly cluster: Plan["cluster"];
  readonly platform: string;
  readonly runbook: Plan["runbook"];
  readonly inputs: Plan["inputs"];
  readonly fingerprints: Plan["fingerprints"];
  readonly journey: Plan["journey"];
  readonly planSha256: string;
  readonly pawl: string;
  readonly ticket: string | null;
  readonly startedBy: string;
  /** Everybody who decided or opened something, policies and engine included. */
  readonly actors: readonly string[];
  readonly startedAt: string;
  readonly lastAt: string;
  readonly tookMs: number;
  /** Every time an engine took the run up. */
  readonly sessions: readonly { readonly at: string; readonly host: string; readonly pid: number; readonly resumed: boolean }[];
  readonly phases: readonly PhaseAccount[];
  readonly nodes: readonly NodeAccount[];
  readonly setAside: readonly SetAsideAccount[];
  readonly halts: readonly HaltAccount[];
  readonly gates: readonly GateAccount[];
  readonly readings: readonly ReadingCount[];
  readonly watches: readonly { readonly at: string; readonly check: string; readonly problem: Problem }[];
  readonly decisions: readonly DecisionAccount[];
  readonly waits: readonly WaitAccount[];
  readonly findings: readonly {
    readonly id: string;
    readonly verdict: string;
    readonly severity: string;
    readonly observed: string;
  }[];
  /** Other things worth knowing, in order: leadership moved, contact lost and regained, locks. */
  readonly incidents: readonly { readonly at: string; readonly text: string }[];
  readonly omitted: Plan["omitted"];
  readonly found: Plan["found"];
  readonly artifacts: readonly ArtifactRecord[];
  readonly events: number;
}

/** The account of a run. Pure; unknown or missing parts of a journal are left out, never guessed. */
export function accountOf(
  state: RunState,
  events: readonly RunEvent[],
  plan: Plan,
  manifest: { readonly artifacts: readonly ArtifactRecord[] },
): Account {
  const created = events.find((event) => event.type === "run.created");
  const first = events[0]?.time ?? "";
  // Acceptance comes when people have time for it: the run was over before.
  const last = events.findLast((event) => event.type !== "run.accepted")?.time ?? "";
  return {
    v: 1,
    run: state.run,
    kind: created?.type === "run.created" ? created.kind : "",
    outcome: { exit: state.exit, name: state.exit === null ? null : exitName(state.exit), phase: state.phase },
    acceptance: {
      state: state.accepted !== null ? "given" : awaitsAcceptance(state, plan) ? "open" : "none",
      given: state.accepted,
    },
    answers: plan.answers ?? [],
    cluster: plan.cluster,
    platform: plan.platform,
    runbook: plan.runbook,
    inputs: plan.inputs,
    fingerprints: plan.fingerprints,
    journey: plan.journey,
    planSha256: created?.type === "run.created" ? created.plan : "",
    pawl: created?.type === "run.created" ? created.pawl : "",
    ticket: created?.type === "run.created" ? created.ticket : null,
    startedBy: created?.actor ?? "",
    actors: [...new Set(events.map((event) => event.actor))],
    startedAt: first,
    lastAt: last,
    tookMs: between(first, last),
    sessions: events.flatMap((event) =>
      event.type === "run.opened" ? [{ at: event.time, host: event.host, pid: event.pid, resumed: event.resumed }] : [],
    ),
    phases: phasesOf(state, events, plan),
    nodes: nodesOf(state, events, plan),
    setAside: setAsideOf(state, plan),
    halts: events.flatMap((event) =>
      event.type === "run.halted"
        ? [{ at: event.time, exit: event.exit, name: exitName(event.exit), step: event.step, problem: event.problem }]
        : [],
    ),
    gates: gatesOf(events, plan),
    readings: readingsOf(events),
    watches: events.flatMap((event) =>
      event.type === "watch.tripped" ? [{ at: event.time, check: event.check, problem: event.problem }] : [],
    ),
    decisions: decisionsOf(events),
    waits: waitsOf(events, plan),
    findings: events.flatMap((event) =>
      event.type === "finding.reported"
        ? [{ id: event.id, verdict: event.verdict, severity: event.severity, observed: event.observed }]
        : [],
    ),
    incidents: events.flatMap((event) => incidentOf(event)),
    omitted: plan.omitted,
    found: plan.found,
    artifacts: manifest.artifacts,
    events: events.length,
  };
}

function incidentOf(event: RunEvent): readonly { readonly at: string; readonly text: string }[] {
  const at = event.time;
  switch (event.type) {
    case "order.changed":
      return [{ at, text: `the order of ${event.phase} changed (${event.because}): ${event.order.join(", ")}` }];
    case "step.reattached":
      return [{ at, text: `${event.step}: contact was lost and is back: ${event.note}` }];
    case "host-key.accepted":
      return [{ at, text: `unknown ${acceptedKeyWords(event)}, as ${event.actor} asked` }];
    case "lock.taken":
      return event.nodes.length === 0
        ? []
        : [{ at, text: `the cluster was locked on ${event.nodes.join(", ")} by ${event.holder}` }];
    case "lock.released":
      return event.nodes.length === 0 ? [] : [{ at, text: `the lock was removed from ${event.nodes.join(", ")}` }];
    case "lock.broken":
      return [{ at, text: `${event.actor} broke the lock of ${event.holder}: ${event.reason}` }];
    case "hook.ended":
      return event.problem === null
        ? []
        : [
            {
              at,
              text: `${event.problem.text}${event.node === null ? "" : ` at ${event.node}`}: ${event.problem.observed ?? ""}`,
            },
          ];
    case "finding.waived":
      return [{ at, text: `${event.actor} waived ${event.id} until ${event.until}: ${event.reason} (seen: ${event.observed})` }];
    case "notice.given":
      return [{ at, text: noticeWords(event) }];
    case "plan.interrupted":
      return [{ at, text: `nothing new was started: ${event.because}` }];
    case "plan.proceeded":
      return [{ at, text: `it went on: ${event.because}` }];
    case "run.created":
    case "run.opened":
    case "finding.reported":
    case "step.moved":
    case "artifact.recorded":
    case "check.measured":
    case "gate.passed":
    case "gate.refused":
    case "watch.tripped":
    case "decision.asked":
    case "operator.decided":
    case "run.halted":
    case "run.completed":
    case "run.accepted":
      return [];
  }
}
