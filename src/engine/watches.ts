import { formatDuration } from "../domain/duration.ts";
import type { Measurement } from "../domain/gate.ts";
import type { Phase, Watch } from "../domain/plan.ts";
import { assessWatch } from "../domain/watch.ts";
import { checkContext, recordReading, refusal } from "./gates.ts";
import type { CheckAnswer } from "./ports.ts";
import type { Session } from "./session.ts";

interface Watching {
  readonly watch: Watch;
  seen: Measurement[];
  dueMs: number;
}

/** Watches that belong to the phase (or to the family of its wave). */
function activeWatches(watches: readonly Watch[], phase: Phase | null): readonly Watch[] {
  if (phase === null) return [];
  return watches.filter(
    (watch) => watch.phases.includes(phase.name) || (phase.wave !== null && watch.phases.includes(phase.wave.of)),
  );
}

/** The nodes that were found wrong, where it is not all of them: then it is the cluster. */
function whereOf(answer: CheckAnswer): { readonly node?: string } {
  const wrong = answer.subjects.filter((one) => one.verdict !== "pass").map((one) => one.subject);
  return wrong.length === 0 || wrong.length === answer.subjects.length ? {} : { node: wrong.join(", ") };
}

/**
 * Runs beside the phases (design rule 14) and halts the run when a watch trips: nothing new starts, exit 5. Measures only while
 * something is in hand: when the run merely waits for a person, `round` is called once before it goes on.
 */
export class Watches {
  readonly #session: Session;
  #phase: Phase | null = null;
  #watching: Watching[] = [];
  #round: Promise<void> = Promise.resolve();

  constructor(session: Session) {
    this.#session = session;
  }

  enter(phase: Phase | null): void {
    this.#phase = phase;
    const active = activeWatches(this.#session.parts.plan.watches, phase);
    const known = this.#watching.filter((one) => active.includes(one.watch));
    const fresh = active.filter((watch) => !known.some((one) => one.watch === watch));
    this.#watching = [...known, ...fresh.map((watch) => ({ watch, seen: [], dueMs: this.#session.parts.clock.monotonic() }))];
  }

  /** Loops until the session has ended. */
  async run(): Promise<void> {
    const { clock } = this.#session.parts;
    const ended = this.#session.ended.signal;
    const end = new Promise<void>((resolve) => ended.addEventListener("abort", () => resolve(), { once: true }));
    while (!ended.aborted) {
      if (this.#watching.length === 0 || this.#session.inHand.size === 0 || this.#session.halt !== null) {
        await Promise.race([this.#session.changed(), end]);
        continue;
      }
      await this.round();
      if (this.#watching.length === 0) continue;
      const next = Math.min(...this.#watching.map((one) => one.dueMs));
      await clock.sleep(Math.max(1, next - clock.monotonic()), ended);
    }
    await this.#round;
  }

  /** Measures every watch that is due, one round at a time. */
  async round(): Promise<void> {
    this.#round = this.#round.then(() => this.#measure());
    await this.#round;
  }

  async #measure(): Promise<void> {
    const session = this.#session;
    const nowMs = session.parts.clock.monotonic();
    const due = this.#watching.filter((one) => one.dueMs <= nowMs);
    if (due.length === 0 || session.halt !== null) return;
    const context = checkContext(session, null, null);
    const heard = new Set<Watching>();
    let judged: Promise<void> = Promise.resolve();
    // Each watch is judged as soon as its own reading is there: a node that hangs holds back only the watches that ask it.
    const hear = (index: number, answer: CheckAnswer | undefined): void => {
      const one = due[index];
      if (one === undefined || answer === undefined || heard.has(one)) return;
      heard.add(one);
      judged = judged.then(() => this.#judge(one, answer, nowMs));
      judged.catch(() => undefined);
    };
    const answers = await session.parts.checks.measure(
      // A pass after a pass is neither recorded nor shown.
      due.map((one) => ({ check: one.watch.check, node: null, context, quiet: one.seen.at(-1)?.verdict === "pass" })),
      AbortSignal.any([session.ended.signal, session.stopping.signal]),
      hear,
    );
    for (const index of due.keys()) hear(index, answers[index]);
    await judged;
  }

  async #judge(one: Watching, answer: CheckAnswer, nowMs: number): Promise<void> {
    const session = this.#session;
    if (session.ended.signal.aborted || session.halt !== null) return;
    const before = one.seen.at(-1)?.verdict;
    one.seen = [
      ...one.seen.filter((_, at) => at >= one.seen.findLastIndex((m) => m.verdict === "pass")),
      { atMs: nowMs, verdict: answer.verdict, fatal: answer.fatal },
    ];
    one.dueMs = nowMs + one.watch.intervalMs;
    const decision = assessWatch(one.watch.haltAfterMs, one.seen);
    if (decision.kind !== "tripped") {
      if (before !== undefined && answer.verdict !== before) await recordReading(session, answer, null, true);
      return;
    }
    const evidence = await recordReading(session, answer, null, true);
    const during = this.#phase?.name ?? "the run";
    const because =
      decision.forMs === 0
        ? `a reading that halts at once, during ${during}`
        : `bad for ${formatDuration(decision.forMs)} during ${during}`;
    const refused = refusal(session, answer, null, evidence, because);
    const next = `${refused.next ?? ""}\n${session.spell("resume")}`.trim();
    const problem = { ...refused, ...whereOf(answer), code: `watch.${answer.check}`, next };
    // Decided first, written second: nothing begins while the line is on its way to the disk.
    session.halting({ exit: "gate-halted", step: null, problem });
    await session.append({ type: "watch.tripped", check: answer.check, problem });
  }
}
