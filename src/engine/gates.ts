import type { ArtifactRef, Measured } from "../domain/events.ts";
import type { Problem } from "../domain/errors.ts";
import { formatDuration } from "../domain/duration.ts";
import { assess, streakOf, type Measurement } from "../domain/gate.ts";
import type { JsonRecord } from "../domain/json.ts";
import { allSteps, type Gate, type Step } from "../domain/plan.ts";
import { isBusy, isSettled } from "../domain/status.ts";
import type { CheckAnswer } from "./ports.ts";
import type { Session } from "./session.ts";

/** What filters see of the run: inputs, the step's node, when its effect began, and which nodes are in hand, done or set aside. */
export function checkContext(session: Session, step: Step | null, sinceMs: number | null): JsonRecord {
  const nodes = { inHand: new Set<string>(), complete: new Set<string>(), setAside: new Set<string>() };
  for (const one of allSteps(session.parts.plan)) {
    if (one.node === null || one.effect === "read") continue;
    const status = session.status(one.address);
    if (status === "set-aside") nodes.setAside.add(one.node);
    else if (isSettled(status)) nodes.complete.add(one.node);
    else if (isBusy(status) || status === "error" || status === "unknown") nodes.inHand.add(one.node);
  }
  return {
    inputs: { ...session.parts.plan.inputs },
    node: step?.node ?? null,
    since: sinceMs === null ? null : sinceMs / 1_000,
    inHand: [...nodes.inHand],
    complete: [...nodes.complete],
    setAside: [...nodes.setAside],
  };
}

/** Stores the judged bytes and journals the reading. */
export async function recordReading(
  session: Session,
  answer: CheckAnswer,
  step: Step | null,
  watch: boolean,
): Promise<ArtifactRef> {
  const name = `${step?.address ?? "watch"}/${answer.check}.json`;
  const artifact = await session.parts.artifacts.put(
    {
      name,
      mediaType: "application/json",
      step: step?.address ?? null,
      node: step?.node ?? null,
      evidenceOf: `reading of ${answer.check}: ${answer.verdict}`,
    },
    answer.evidence,
  );
  await session.recorded(artifact);
  const { check, verdict, why, fatal, asserted, observed } = answer;
  const measured: Measured = { check, verdict, why, fatal, asserted, observed };
  const evidence = { sha256: artifact.sha256, bytes: artifact.bytes };
  await session.append({ type: "check.measured", ...measured, step: step?.address ?? null, watch, evidence });
  return evidence;
}

export function refusal(
  session: Session,
  answer: CheckAnswer,
  step: Step | null,
  evidence: ArtifactRef,
  because: string,
): Problem {
  const { title, remedy } = session.parts.checks.describe(answer.check);
  return {
    code: `gate.${answer.check}`,
    text: `${answer.check}: ${because}`,
    expected: title,
    observed: answer.observed,
    ...(step?.node === null || step?.node === undefined ? {} : { node: step.node }),
    evidence: [`artifacts/${evidence.sha256}`],
    next: remedy,
  };
}

interface Open {
  readonly gate: Gate;
  seen: Measurement[];
  nextMs: number;
  lastVerdict: string | null;
}

async function decide(
  session: Session,
  step: Step,
  open: Open,
  answer: CheckAnswer,
  startedMs: number,
  atMs: number,
): Promise<"open" | "passed" | Problem> {
  const { clock } = session.parts;
  open.seen.push({ atMs, verdict: answer.verdict, fatal: answer.fatal });
  const decision = assess(open.gate, startedMs, open.seen);
  const { streak, spanMs } = streakOf(open.seen);
  const wanted = {
    wanted: open.gate.consecutivePasses,
    wantedSpanMs: open.gate.spanMs,
    deadlineMs: startedMs + open.gate.deadlineMs,
  };
  session.show({
    type: "reading",
    step: step.address,
    check: answer.check,
    verdict: answer.verdict,
    observed: answer.observed,
    streak,
    spanMs,
    ...wanted,
  });
  if (decision.kind === "measure-again") {
    if (answer.verdict !== open.lastVerdict) await recordReading(session, answer, step, false);
    open.lastVerdict = answer.verdict;
    open.nextMs = decision.atMs;
    return "open";
  }
  const evidence = await recordReading(session, answer, step, false);
  if (decision.kind === "passed") {
    await session.append({
      type: "gate.passed",
      step: step.address,
      check: answer.check,
      asserted: answer.asserted,
      observed: answer.observed,
      streak: decision.streak,
      spanMs: decision.spanMs,
    });
    return "passed";
  }
  const waited = formatDuration(clock.monotonic() - startedMs);
  const because =
    decision.because === "fatal"
      ? "this reading ends the gate at once"
      : decision.because === "failed"
        ? `still refused after ${waited}`
        : `no usable answer after ${waited} (${answer.why ?? "unsteady"})`;
  const problem = refusal(session, answer, step, evidence, because);
  await session.append({ type: "gate.refused", step: step.address, check: answer.check, because: decision.because, problem });
  return open.gate.advisory ? "passed" : problem;
}

/**
 * Measures the step's gates until all have passed or one has refused. Gates that are due together share one round of readings.
 * Returns the problem of the first mandatory refusal, or null.
 */
export async function holdGates(session: Session, step: Step, sinceMs: number): Promise<Problem | null> {
  const { clock, checks } = session.parts;
  const startedMs = clock.monotonic();
  const open = new Map<string, Open>(
    step.gates.map((gate) => [gate.check, { gate, seen: [], nextMs: startedMs, lastVerdict: null }]),
  );
  while (open.size > 0) {
    const nowMs = clock.monotonic();
    const due = [...open.values()].filter((one) => one.nextMs <= nowMs);
    if (due.length === 0) {
      await clock.sleep(Math.min(...[...open.values()].map((one) => one.nextMs)) - nowMs);
      continue;
    }
    const context = checkContext(session, step, sinceMs);
    const answers = await checks.measure(due.map((one) => ({ check: one.gate.check, node: step.node, context })));
    // One moment for the whole round: what writing the record costs is no time the cluster was watched.
    const atMs = clock.monotonic();
    for (const [index, one] of due.entries()) {
      const answer = answers[index];
      if (answer === undefined) throw new RangeError(`no answer for check ${one.gate.check}`);
      const outcome = await decide(session, step, one, answer, startedMs, atMs);
      if (outcome === "open") continue;
      open.delete(one.gate.check);
      if (outcome !== "passed") return outcome;
    }
  }
  return null;
}
