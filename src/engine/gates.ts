import type { ArtifactRef, Measured } from "../domain/events.ts";
import type { Problem } from "../domain/errors.ts";
import { formatDuration } from "../domain/duration.ts";
import { assess, streakOf, type Measurement } from "../domain/gate.ts";
import type { Json, JsonRecord } from "../domain/json.ts";
import { allSteps, type Gate, type Step } from "../domain/plan.ts";
import { stepRecord } from "../domain/run-state.ts";
import { isBusy, isSettled } from "../domain/status.ts";
import type { CheckAnswer } from "./ports.ts";
import type { Session } from "./session.ts";

/**
 * What filters see of the run: inputs, the step's node, when its effect began, which nodes are in hand, done or set aside, and what
 * complete steps about the whole cluster have handed on (pawl's own changes: what they explain is no fault).
 */
export function checkContext(session: Session, step: Step | null, sinceMs: number | null): JsonRecord {
  const nodes = { inHand: new Set<string>(), complete: new Set<string>(), setAside: new Set<string>() };
  const outputs: Record<string, Json> = {};
  for (const one of allSteps(session.parts.plan)) {
    if (one.effect === "read") continue;
    const status = session.status(one.address);
    if (one.node === null) {
      const { output } = stepRecord(session.state, one.address);
      if (status === "complete" && output !== null) outputs[one.address] = output;
      continue;
    }
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
    // The nodes that alone were to be changed; empty where all are.
    only: [...(session.parts.plan.only ?? [])],
    // What the step itself has found, for checks that judge that.
    output: step === null ? null : stepRecord(session.state, step.address).output,
    outputs,
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

/**
 * Whose trouble a refusal is: the step's node where it is among those that did not pass, or where no node is; else the first
 * node that did not pass. Null where the cluster as a whole is meant.
 */
function troubledNode(session: Session, answer: CheckAnswer, step: Step | null): string | null {
  const names = new Set(session.parts.inventory.nodes.map((one) => one.name));
  const bad = answer.subjects.filter((one) => one.verdict !== "pass" && names.has(one.subject)).map((one) => one.subject);
  const own = step?.node ?? null;
  return own !== null && bad.includes(own) ? own : (bad[0] ?? own);
}

/** The problem of a reading that was not good enough. */
export function refusal(
  session: Session,
  answer: CheckAnswer,
  step: Step | null,
  evidence: ArtifactRef,
  because: string,
): Problem {
  const { title, remedy } = session.parts.checks.describe(answer.check);
  const node = troubledNode(session, answer, step);
  return {
    code: `gate.${answer.check}`,
    text: `${answer.check}: ${because}`,
    expected: title,
    observed: answer.observed,
    ...(node === null ? {} : { node }),
    evidence: [`artifacts/${evidence.sha256}`],
    next: remedy,
  };
}

interface Open {
  readonly gate: Gate;
  seen: Measurement[];
  nextMs: number;
  lastVerdict: string | null;
  /** It is being measured right now. */
  asked: boolean;
}

/** An answer as it came, and when it had been asked for. */
interface Arrival {
  readonly one: Open;
  readonly answer: CheckAnswer;
  readonly askedMs: number;
}

async function decide(
  session: Session,
  step: Step,
  { one: open, answer, askedMs }: Arrival,
  startedMs: number,
): Promise<"open" | "passed" | Problem> {
  const { clock } = session.parts;
  open.seen.push({ atMs: askedMs, verdict: answer.verdict, fatal: answer.fatal });
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
  if (!open.gate.advisory) session.foresee(step.address);
  await session.append({ type: "gate.refused", step: step.address, check: answer.check, because: decision.because, problem });
  return open.gate.advisory ? "passed" : problem;
}

/** Answers of rounds that are under way. A round's gates share their readings, but none waits for the answer of another. */
class Rounds {
  readonly #session: Session;
  readonly #step: Step;
  readonly #given: AbortSignal;
  #arrived: Arrival[] = [];
  #failure: { readonly error: unknown } | null = null;
  #wake: () => void = () => undefined;

  constructor(session: Session, step: Step, given: AbortSignal) {
    this.#session = session;
    this.#step = step;
    this.#given = given;
  }

  /** Asks for all of them at one moment: what they share is read once. */
  begin(due: readonly Open[], sinceMs: number): void {
    const { checks, clock } = this.#session.parts;
    const askedMs = clock.monotonic();
    const context = checkContext(this.#session, this.#step, sinceMs);
    for (const one of due) one.asked = true;
    const take = (index: number, answer: CheckAnswer | undefined): void => {
      const one = due[index];
      if (one?.asked !== true || answer === undefined) return;
      one.asked = false;
      this.#arrived.push({ one, answer, askedMs });
      this.#wake();
    };
    const requests = due.map((one) => ({ check: one.gate.check, node: this.#step.node, context }));
    checks.measure(requests, this.#given, take).then(
      (answers) => {
        for (const index of due.keys()) take(index, answers[index]);
        const missing = due.find((one) => one.asked);
        if (missing !== undefined) this.#fail(new RangeError(`no answer for check ${missing.gate.check}`));
      },
      (error: unknown) => this.#fail(error),
    );
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake();
  }

  /** What has come, as soon as anything has; nothing at `untilMs` (null: no limit) or when the gates are given up. Throws what measuring threw. */
  async next(untilMs: number | null): Promise<readonly Arrival[]> {
    if (this.#failure === null && this.#arrived.length === 0) {
      const waiting = new AbortController();
      const woken = new Promise<void>((resolve) => {
        this.#wake = () => resolve();
        this.#given.addEventListener("abort", () => resolve(), { once: true, signal: waiting.signal });
      });
      const { clock } = this.#session.parts;
      const nap = untilMs === null ? [] : [clock.sleep(untilMs - clock.monotonic(), waiting.signal)];
      await Promise.race([woken, ...nap]);
      waiting.abort();
    }
    if (this.#failure !== null) throw this.#failure.error;
    return this.#arrived.splice(0);
  }
}

/**
 * Measures the step's gates until all have passed or one has refused. Gates that are due at the same moment share one round of
 * readings; an answer is judged when it is there, so a node that hangs costs only the gates that ask it. Once the run halts,
 * nothing is waited for any more: the gates stay open, and a resume measures them again.
 * Returns the problem of the first mandatory refusal, `open` where they were given up, or null.
 */
export async function holdGates(session: Session, step: Step, sinceMs: number): Promise<Problem | "open" | null> {
  if (step.gates.length === 0) return null;
  const { clock } = session.parts;
  const startedMs = clock.monotonic();
  const open = new Set<Open>(step.gates.map((gate) => ({ gate, seen: [], nextMs: startedMs, lastVerdict: null, asked: false })));
  const over = new AbortController();
  // Declared undo is done, and proven, although the run halts.
  const isUndo = session.parts.plan.finally.includes(step);
  const given = isUndo ? over.signal : AbortSignal.any([over.signal, session.stopping.signal]);
  const rounds = new Rounds(session, step, given);
  try {
    while (open.size > 0) {
      if (given.aborted) return "open";
      const nowMs = clock.monotonic();
      const idle = [...open].filter((one) => !one.asked);
      const due = idle.filter((one) => one.nextMs <= nowMs);
      if (due.length > 0) rounds.begin(due, sinceMs);
      const later = idle.filter((one) => !one.asked).map((one) => one.nextMs);
      for (const arrival of await rounds.next(later.length === 0 ? null : Math.min(...later))) {
        const outcome = await decide(session, step, arrival, startedMs);
        if (outcome === "open") continue;
        open.delete(arrival.one);
        if (outcome !== "passed") return outcome;
      }
    }
    return null;
  } finally {
    over.abort();
  }
}
