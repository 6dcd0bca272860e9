import type { RunEvent, RunEventBody } from "../../src/domain/events.ts";
import type { Problem } from "../../src/domain/errors.ts";
import { limitOf } from "../../src/domain/strategy.ts";
import type { Plan, Step } from "../../src/domain/plan.ts";
import type { Telemetry } from "../../src/engine/ports.ts";

/** Wall time of the first event; monotonic time starts at 1,000 s, so that mixing the two up shows. */
export const START_MS = Date.parse("2026-11-20T15:00:00.000Z");
export const MONOTONIC_MS = 1_000_000;

export interface Timed {
  /** Since the start of the run, simulated ms. */
  readonly atMs: number;
  readonly news: Telemetry;
}

export interface Script {
  /** The gate of this step never passes and the run halts. */
  readonly refuses?: string;
  /** The node of this step is set aside by policy. */
  readonly setsAside?: string;
  /** Stop after this step address, with the run still open. */
  readonly stopAfter?: string;
}

const refusedGate = (step: Step): Problem => ({
  code: "gate.replog-recovered",
  text: "The replicated log has recovered on every master: still refused after 10m",
  expected: "registrar/log/recovered is 1 on every master, three times over 35s",
  observed: `${step.node ?? "?"} answers 0 (m1 1, m3 1)`,
  ...(step.node === null ? {} : { node: step.node }),
  evidence: ["artifacts/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
  next: "Stop. Do not upgrade the next master until the log of this one has recovered.\npawl retry 20261120T150000Z-upgrade-1.10.8 masters/m3/upgrade",
});

function messageOf(step: Step): string {
  return typeof step.with.message === "string" ? step.with.message : step.title;
}

/** What an engine would tell its viewers while it executes the plan: events and telemetry with their times. */
export function fakeRun(plan: Plan, script: Script = {}): readonly Timed[] {
  const told: Timed[] = [];
  let nowMs = 0;
  let seq = 0;
  const end = { over: false };
  const tell = (news: Telemetry): void => {
    if (!end.over) told.push({ atMs: nowMs, news });
  };
  const event = (body: RunEventBody, actor = "ada@desk"): void => {
    const full: RunEvent = { v: 1, seq: (seq += 1), time: new Date(START_MS + nowMs).toISOString(), actor, prev: "0".repeat(64), ...body };
    tell({ type: "event", event: full });
  };
  const moved = (step: Step, to: "prepared" | "starting" | "started" | "complete" | "error" | "set-aside", problem: Problem | null = null, note: string | null = null, actor?: string): void =>
    event({ type: "step.moved", step: step.address, to, problem, note, output: null }, actor);
  const reading = (step: Step, check: string, verdict: string, observed: string, streak: number, beganMs: number): void => {
    const gate = step.gates.find((one) => one.check === check)!;
    tell({ type: "reading", step: step.address, check, verdict, observed, streak, wanted: gate.consecutivePasses, spanMs: Math.max(0, streak - 1) * gate.intervalMs, wantedSpanMs: gate.spanMs, deadlineMs: MONOTONIC_MS + beganMs + gate.deadlineMs });
  };
  const finish = (step: Step): void => {
    end.over ||= step.address === script.stopAfter;
  };

  const refuse = (step: Step): void => {
    const beganMs = nowMs;
    for (; nowMs < beganMs + 600_000; nowMs += 60_000) reading(step, "replog-recovered", "fail", `${step.node ?? "?"} 0, m1 1`, 0, beganMs);
    const problem = refusedGate(step);
    event({ type: "gate.refused", step: step.address, check: "replog-recovered", because: "failed", problem });
    moved(step, "error", problem);
    event({ type: "decision.asked", question: { kind: "gate-refused", step: step.address, title: `A gate of ${step.address} refused`, announced: false, problem, choices: [{ choice: "measure-again", does: "measure the gates again; nothing is repeated", needsReason: false }, { choice: "stop", does: "halt here; everything stays as it is", needsReason: false }] } });
    event({ type: "lock.released", nodes: ["m1", "m2", "m3"] });
    event({ type: "run.halted", exit: 5, step: step.address, problem });
    end.over = true;
  };

  const hold = (step: Step): void => {
    const beganMs = nowMs;
    for (const gate of step.gates) {
      if (gate.check === "replog-recovered" && step.address === script.refuses) {
        refuse(step);
        return;
      }
      for (let pass = 0; pass <= gate.consecutivePasses; pass += 1) {
        reading(step, gate.check, pass === 0 ? "fail" : "pass", pass === 0 ? "m1 0, m2 1, m3 1" : "m1 1, m2 1, m3 1", pass, beganMs);
        nowMs += gate.intervalMs;
      }
      event({ type: "gate.passed", step: step.address, check: gate.check, asserted: { subjects: 3, passed: 3 }, observed: "m1 1, m2 1, m3 1", streak: gate.consecutivePasses, spanMs: gate.spanMs });
    }
  };

  const work = (steps: readonly Step[]): void => {
    for (const step of steps) moved(step, "prepared");
    for (const step of steps) moved(step, "starting");
    for (const line of ["Fetching packages", "Activating packages", "Starting services\u001b[2J"]) {
      nowMs += 40_000;
      for (const step of steps) if (step.effect === "restart") tell({ type: "output", step: step.address, line });
    }
    for (const step of steps) {
      if (step.address === script.setsAside) {
        const problem = { code: "script.failed", text: `The upgrade script failed on ${step.node ?? "?"}`, observed: "exit code 1" };
        moved(step, "error", problem);
        moved(step, "set-aside", problem, "set aside by policy; 0 more may follow", "policy");
        continue;
      }
      moved(step, "started");
      hold(step);
      if (end.over) return;
      moved(step, "complete");
      finish(step);
    }
  };

  const soak = (step: Step): void => {
    moved(step, "prepared");
    moved(step, "starting");
    const totalMs = step.plannedMs ?? 0;
    const untilMs = MONOTONIC_MS + nowMs + totalMs;
    for (let part = 0; part < 20; part += 1) {
      tell({ type: "sleeping", step: step.address, untilMs, totalMs });
      nowMs += totalMs / 20;
    }
    moved(step, "started");
    moved(step, "complete");
    finish(step);
  };

  const confirm = (step: Step): void => {
    moved(step, "prepared");
    moved(step, "starting");
    event({ type: "decision.asked", question: { kind: "confirm", step: step.address, title: messageOf(step), announced: true, problem: null, choices: [{ choice: "approve", does: "go on", needsReason: false }, { choice: "stop", does: "halt here", needsReason: false }] } });
    finish(step);
    nowMs += 20_000;
    event({ type: "operator.decided", answers: seq, choice: "approve", target: step.address, reason: null });
    moved(step, "started");
    moved(step, "complete");
    finish(step);
  };

  event({ type: "run.created", run: "20261120T150000Z-upgrade-1.10.8", kind: "upgrade", cluster: plan.cluster.id, plan: "ab".repeat(32), pawl: "0.1.0", ticket: "OPS-1234" });
  event({ type: "run.opened", pid: 4711, host: "desk", boot: "b0", resumed: false });
  event({ type: "lock.taken", holder: "ada@desk, pid 4711, run 20261120T150000Z-upgrade-1.10.8", nodes: ["m1", "m2", "m3"] });
  for (const phase of plan.phases) {
    const limit = limitOf(phase.strategy);
    for (let at = 0; at < phase.units.length; at += limit) {
      const units = phase.units.slice(at, at + limit);
      const length = units[0]?.steps.length ?? 0;
      for (let index = 0; index < length; index += 1) if (!end.over) work(units.flatMap((unit) => unit.steps[index] ?? []));
    }
    for (const step of phase.after) {
      if (end.over) break;
      if (step.kind === "soak") soak(step);
      else confirm(step);
    }
  }
  if (end.over) return told;
  work(plan.finally);
  event({ type: "lock.released", nodes: ["m1", "m2", "m3"] });
  event({ type: "run.completed", exit: script.setsAside === undefined ? 0 : 10, setAside: script.setsAside === undefined ? [] : [script.setsAside.split("/")[1]!] });
  return told;
}

/** The journal events among what was told. */
export function eventsOf(told: readonly Timed[]): readonly RunEvent[] {
  return told.flatMap(({ news }) => (news.type === "event" ? [news.event] : []));
}
