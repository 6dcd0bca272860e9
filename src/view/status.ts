import { formatDuration } from "../domain/duration.ts";
import { awaitsAcceptance } from "../domain/acceptance.ts";
import { EXIT, exitName, type Problem } from "../domain/errors.ts";
import { allSteps, type Plan, type Step } from "../domain/plan.ts";
import { stepRecord, type RunState, type StepRecord } from "../domain/run-state.ts";
import { isBusy, type PlanStatus } from "../domain/status.ts";
import { nextCommands, type NextCommand, type Spelling } from "./next-command.ts";
import { inkOf, printable, symbolsOf, type Ink, type Paper } from "./paper.ts";
import { isCalm, viewPhases, type PhaseView } from "./phase-status.ts";
import { versionsOf } from "./plan-words.ts";
import { renderProblem } from "./problem.ts";
import { foldNames, sortNames } from "./ranges.ts";
import { renderTable } from "./table.ts";
import { beside, cells, clip, oneLine, pad } from "./text.ts";

export interface StatusPaper extends Paper, Spelling {}

/** The status of a run as data: what `pawl status --json` prints. Durations in ms, times ISO. */
export interface StatusJson {
  readonly run: string;
  readonly cluster: string;
  readonly phase: RunState["phase"];
  readonly alive: boolean | null;
  readonly interrupted: string | null;
  readonly exit: number | null;
  /** Who took the finished run as good; `awaitsAcceptance`: nobody has, and somebody should. */
  readonly accepted: RunState["accepted"];
  readonly awaitsAcceptance: boolean;
  readonly phases: readonly {
    readonly name: string;
    readonly status: PlanStatus;
    readonly stepsDone: number;
    readonly steps: number;
    readonly nodesDone: number;
    readonly nodes: number;
    readonly setAside: readonly string[];
  }[];
  readonly inFlight: readonly {
    readonly step: string;
    readonly status: string;
    readonly node: string | null;
    readonly forMs: number;
  }[];
  readonly asked: RunState["asked"];
  readonly setAside: readonly { readonly node: string; readonly step: string; readonly by: string; readonly reason: string }[];
  readonly halted: { readonly exit: number; readonly step: string | null; readonly problem: Problem } | null;
  readonly next: readonly NextCommand[];
  readonly lastSeq: number;
  readonly lastTime: string;
}

interface Held {
  readonly step: Step;
  readonly record: StepRecord;
}

function held(plan: Plan, state: RunState): readonly Held[] {
  return allSteps(plan).map((step) => ({ step, record: stepRecord(state, step.address) }));
}

/** The status as data. `nowMs` is wall time, epoch ms. */
export function statusJson(state: RunState, plan: Plan, nowMs: number, options: Spelling = {}): StatusJson {
  const steps = held(plan, state);
  return {
    run: state.run,
    cluster: plan.cluster.name,
    phase: state.phase,
    alive: options.alive ?? null,
    interrupted: state.interrupted,
    exit: state.exit,
    accepted: state.accepted,
    awaitsAcceptance: awaitsAcceptance(state, plan),
    phases: viewPhases(plan, state).map(({ phase, status, stepsDone, steps, nodesDone, nodes, setAside }) => ({
      name: phase.name,
      status,
      stepsDone,
      steps,
      nodesDone,
      nodes,
      setAside,
    })),
    inFlight: steps
      .filter(({ record }) => isBusy(record.status))
      .map(({ step, record }) => ({ step: step.address, status: record.status, node: step.node, forMs: sinceMs(record, nowMs) })),
    asked: state.asked,
    setAside: steps
      .filter(({ record }) => record.status === "set-aside")
      .map(({ step, record }) => ({ node: step.node ?? "", step: step.address, by: record.actor, reason: asideReason(record) })),
    halted: state.halted,
    next: nextCommands(state, plan, options),
    lastSeq: state.lastSeq,
    lastTime: state.lastTime,
  };
}

function sinceMs(record: StepRecord, nowMs: number): number {
  const begun = Date.parse(record.startedAt ?? record.since);
  return Number.isNaN(begun) ? 0 : Math.max(0, nowMs - begun);
}

function asideReason(record: StepRecord): string {
  return record.problem === null ? (record.note ?? "") : record.problem.text;
}

/** The mark and colour of a derived status: green only where every step is complete and nothing was set aside. */
export function phaseMark(view: Pick<PhaseView, "status" | "setAside">, paper: Paper): string {
  const ink = inkOf(paper);
  const symbols = symbolsOf(paper);
  switch (view.status) {
    case "complete":
      return view.setAside.length === 0 ? ink.proven(symbols.ok) : ink.waiting(symbols.ok);
    case "error":
      return ink.trouble(symbols.bad);
    case "waiting":
      return ink.waiting(symbols.waiting);
    case "in-progress":
      return ink.active(symbols.active);
    case "pending":
      return ink.quiet(symbols.pending);
  }
}

function haltWords(exit: number, ink: Ink): string {
  if (exit === EXIT.ok) return ink.waiting("stopped as asked");
  const words = `halted, exit ${exit} (${exitName(exit)})`;
  return isCalm(exit) ? ink.waiting(words) : ink.trouble(words);
}

function headline(state: RunState, awaits: boolean, ink: Ink): string {
  switch (state.phase) {
    case "created":
      return "not started";
    case "open":
      return state.interrupted === null ? ink.active("open") : ink.waiting(`paused: ${oneLine(state.interrupted)}`);
    case "halted":
      return haltWords(state.exit ?? EXIT.internal, ink);
    case "completed":
      if (state.exit === 0)
        return awaits
          ? ink.waiting("complete, not accepted")
          : ink.proven(state.accepted === null ? "completed" : "complete, accepted");
      return ink.waiting(
        `completed, exit ${state.exit ?? "?"} (${exitName(state.exit ?? 70)})${awaits ? ", not accepted" : state.accepted === null ? "" : ", accepted"}`,
      );
  }
}

function flightWords({ step, record }: Held): string {
  if (step.kind === "confirm") return "waits for a person";
  if (step.kind === "soak") return `soaks${step.plannedMs === null ? "" : ` ${formatDuration(step.plannedMs)}`}`;
  switch (record.status) {
    case "prepared":
      return "may begin";
    case "starting":
      return step.effect === "read" ? "runs" : `runs, ${step.effect}s`;
    case "started":
      return `waits for ${step.gates.map((gate) => gate.check).join(", ") || "its end"}`;
    case "pending":
    case "complete":
    case "error":
    case "unknown":
    case "set-aside":
    case "skipped":
      return record.status;
  }
}

/** What `pawl status` prints: phases, what is in flight and what it waits for, who was set aside, what can be done. `nowMs` is wall time. */
export function renderStatus(state: RunState, plan: Plan, nowMs: number, paper: StatusPaper): string {
  const ink = inkOf(paper);
  const { arrow, dash, ellipsis, aside, stop } = symbolsOf(paper);
  const { from, to } = versionsOf(plan);
  const steps = held(plan, state);
  const title = `${state.run}  ${headline(state, awaitsAcceptance(state, plan), ink)}`;
  const engine =
    state.phase !== "open"
      ? ""
      : paper.alive === true
        ? ", an engine is at work"
        : paper.alive === false
          ? ink.waiting(", no engine is alive")
          : "";
  const lines: string[] = [
    `${ink.strong(title)}${engine}`,
    clip(
      ink.quiet(
        `${plan.cluster.name}, ${plan.runbook.name} ${plan.runbook.version}${to === null ? "" : `, ${from.join(" and ")} ${arrow} ${to}`}`,
      ),
      paper.columns,
      ellipsis,
    ),
    ink.quiet(`last event: ${state.lastSeq} at ${state.lastTime}`),
    ...(state.accepted === null
      ? []
      : beside(
          "accepted: ",
          10,
          `${state.accepted.by} at ${state.accepted.at}: ${oneLine(state.accepted.reason)}`,
          paper.columns,
        )),
    "",
  ];
  const section = (name: string, body: readonly string[]): void => {
    if (body.length > 0) lines.push("", ink.strong(name), ...body);
  };

  const views = viewPhases(plan, state);
  const rows = views.map((view) => [
    phaseMark(view, paper),
    view.phase.name,
    view.status === "pending"
      ? ink.quiet(view.status)
      : view.setAside.length > 0
        ? `${view.status}, ${view.setAside.length} set aside`
        : view.status,
    `${view.stepsDone}/${view.steps}`,
    view.nodes === 0 ? "" : `${view.nodesDone}/${view.nodes}`,
    view.startedMs === null ? "" : formatDuration((view.endedMs ?? nowMs) - view.startedMs),
  ]);
  const shape = [
    { title: "" },
    { title: "PHASE", flexible: true },
    { title: "STATUS" },
    { title: "STEPS", align: "right" as const },
    { title: "NODES", align: "right" as const },
    { title: "TIME", align: "right" as const },
  ];
  lines.push(renderTable(shape, rows, paper.columns, { head: (text) => ink.quiet(text), ellipsis }));

  const flying = steps.filter(({ record }) => isBusy(record.status));
  const width = Math.max(0, ...flying.map(({ step }) => cells(step.address)));
  section(
    "In flight",
    flying.map((one) =>
      clip(
        `  ${pad(one.step.address, width)}  ${flightWords(one)}, for ${formatDuration(sinceMs(one.record, nowMs))}`,
        paper.columns,
        ellipsis,
      ),
    ),
  );
  if (state.asked !== null)
    section("Waits for a person", [
      ...beside(`  ${ink.waiting(stop)} `, 4, oneLine(state.asked.question.title), paper.columns),
      ...(state.asked.question.problem === null || state.halted !== null
        ? []
        : renderProblem(state.asked.question.problem, paper).split("\n")),
    ]);
  const out = steps.filter(({ record }) => record.status === "set-aside");
  section(
    "Set aside",
    out.flatMap(({ step, record }) =>
      beside(
        `  ${ink.waiting(aside)} ${pad(step.address, 4)}  `,
        cells(step.address) + 6,
        `by ${record.actor}: ${oneLine(asideReason(record))}`,
        paper.columns,
      ),
    ),
  );
  if (state.halted !== null && state.exit !== 0)
    section(
      state.halted.step === null ? "Halted" : `Halted at ${state.halted.step}`,
      renderProblem(state.halted.problem, paper).split("\n"),
    );
  const commands = nextCommands(state, plan, paper);
  section(
    "Next",
    commands.flatMap(({ command, does }) => [
      `  ${ink.active(command)}`,
      ...beside("      ", 6, oneLine(does), paper.columns, (text) => ink.quiet(text)),
    ]),
  );
  const left = sortNames([...new Set(out.flatMap(({ step }) => step.node ?? []))]);
  if (left.length > 0 && state.phase === "completed") lines.push("", `Still to do: ${foldNames(left, dash)}`);
  return printable(lines.join("\n"), paper);
}
