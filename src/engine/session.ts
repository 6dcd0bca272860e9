import type { ArtifactRecord, RunEvent, RunEventBody } from "../domain/events.ts";
import { PawlError, type ExitName, type Problem } from "../domain/errors.ts";
import type { Inventory } from "../domain/inventory.ts";
import { stepsOf, type Plan } from "../domain/plan.ts";
import { createFold, type RunFold, type RunState } from "../domain/run-state.ts";
import { explained } from "../domain/system-error.ts";
import { canMove, isStuck, type StepStatus } from "../domain/status.ts";
import { createNotes, type Notes } from "./notes.ts";
import type {
  ArtifactStore,
  Checks,
  Clock,
  ClusterLock,
  Control,
  Journal,
  LocalRunner,
  Monitoring,
  Operator,
  Platform,
  Remote,
  Spell,
  StepKind,
  Telemetry,
  Viewer,
} from "./ports.ts";

/** Where a run is asked to end early, at a point it announces. */
export interface Limits {
  /** Step address, phase name or phase family (`private-agents`) after which the run stops. */
  readonly stopAfter: string | null;
  /** Wall time (epoch ms) after which no node is started that is not expected to finish by then. */
  readonly untilMs: number | null;
  /** Expected length of a node's steps in ms from history; null where there is none. */
  expectedMs(phase: string, node: string): number | null;
}

/** Everything an engine needs. Adapters are chosen by the caller; the engine knows only ports. */
export interface EngineParts {
  readonly run: string;
  readonly plan: Plan;
  readonly inventory: Inventory;
  readonly platform: Pick<Platform, "contract" | "readLast" | "permission" | "isCostly">;
  readonly kinds: ReadonlyMap<string, StepKind>;
  readonly journal: Journal;
  /** State folded from the journal's events so far. */
  readonly state: RunState;
  readonly artifacts: ArtifactStore;
  readonly remote: Remote;
  /** The same behind the read-only guard. */
  readonly reader: Remote;
  readonly local: LocalRunner;
  readonly checks: Checks;
  readonly clock: Clock;
  /** Without it the plan's monitors are not read. */
  readonly monitoring?: Monitoring;
  readonly operator: Operator;
  readonly control: Control | null;
  readonly lock: ClusterLock | null;
  readonly viewer: Viewer;
  readonly limits: Limits;
  /** How commands on this run are spelled where its name alone does not find it: `pawl VERB RUN REST`. */
  readonly spell?: Spell;
  readonly process: { readonly pid: number; readonly host: string; readonly boot: string };
  /** Told once nothing is asked of the cluster any more: only the record is left to be sealed. */
  readonly leave?: () => void;
}

export interface Halt {
  readonly exit: ExitName | "stopped-as-asked";
  readonly step: string | null;
  readonly problem: Problem;
}

/**
 * The one mutable thing of a running engine: the folded state, the halt that was decided, and who wants to be woken.
 * State changes only through `append`, so what is in memory is what is on disk.
 */
export class Session {
  readonly parts: EngineParts;
  readonly stopping = new AbortController();
  readonly ended = new AbortController();
  readonly #fold: RunFold;
  halt: Halt | null = null;
  failure: { readonly error: unknown } | null = null;
  /** Steps in hand right now, by address. */
  readonly inHand = new Set<string>();
  /** Steps as they are once everything that was handed to the journal is on disk. */
  readonly #ahead = new Map<string, StepStatus>();
  /** Steps of the phases, and those of them that are stuck: asked before every step, so it must not cost a walk over the plan. */
  readonly #ofPhases: ReadonlySet<string>;
  readonly #stuck: Set<string>;
  /** Every move since the session began, by address: who keeps account of the steps looks only at what is new. */
  readonly moves: string[] = [];
  /** What adapters tell the record beside the steps. */
  readonly notes: Notes = createNotes((event) => this.append(event).catch((error: unknown) => this.fail(error)));
  #posted: Promise<unknown> = Promise.resolve();
  #wakers = new Set<() => void>();
  #exclusive: Promise<unknown> = Promise.resolve();

  constructor(parts: EngineParts) {
    this.parts = parts;
    this.#fold = createFold(parts.state);
    this.#ofPhases = new Set(parts.plan.phases.flatMap((phase) => stepsOf(phase).map((step) => step.address)));
    this.#stuck = new Set([...this.#ofPhases].filter((address) => isStuck(this.status(address))));
  }

  /** The next command for a person. */
  spell(verb: string, rest = ""): string {
    const { run, spell } = this.parts;
    return spell?.(verb, rest) ?? ["pawl", verb, run, rest].filter((word) => word !== "").join(" ");
  }

  get state(): RunState {
    return this.#fold.state;
  }

  /** Writes an event and folds it in. Throws RangeError, and writes nothing, on a move the rules forbid: such a journal could never be taken up again. */
  async append(body: RunEventBody, actor?: string): Promise<RunEvent> {
    if (body.type === "step.moved") {
      const from = this.status(body.step);
      if (!canMove(from, body.to)) throw new RangeError(`step ${body.step} cannot move from ${from} to ${body.to}`);
      this.#ahead.set(body.step, body.to);
      this.moves.push(body.step);
      if (isStuck(body.to) && this.#ofPhases.has(body.step)) this.#stuck.add(body.step);
      else this.#stuck.delete(body.step);
    }
    const event = await this.parts.journal.append(body, actor);
    this.#fold.add(event);
    this.parts.viewer.show({ type: "event", event });
    this.wake();
    return event;
  }

  show(news: Telemetry): void {
    this.parts.viewer.show(news);
  }

  /** What the step is doing, moves included that are on their way to the disk: a look and a move without a wait in between cannot be overtaken. */
  status(address: string): StepStatus {
    return this.#ahead.get(address) ?? this.state.steps[address]?.status ?? "pending";
  }

  /**
   * Hands an event over without waiting for the disk. The journal keeps the order, so whatever is appended afterwards is on disk
   * only with it or after it: enough where no effect waits for it. A write that fails ends the run.
   */
  post(body: RunEventBody, actor?: string): void {
    this.#posted = this.append(body, actor).catch((error: unknown) => this.fail(error));
  }

  /** Resolves when everything that was posted so far is on disk, or the run has failed. */
  async written(): Promise<void> {
    await this.#posted;
  }

  /** Journals an artifact that is in the store. Who moves the step right afterwards need not wait. */
  recorded(artifact: ArtifactRecord): Promise<void> {
    const recorded = this.append({ type: "artifact.recorded", ...artifact }).then(() => undefined);
    recorded.catch((error: unknown) => this.fail(error));
    return recorded;
  }

  /** The run cannot go on for a reason nobody has foreseen: it halts, and the error is thrown when everything in hand has ended. */
  fail(caught: unknown): void {
    const next = this.spell("resume");
    const error = explained(caught, next);
    this.failure ??= { error };
    const [exit, code] = error instanceof PawlError ? [error.exit, error.code] : ["internal" as const, "internal"];
    const text = error instanceof Error ? error.message : String(error);
    this.halting({ exit, step: null, problem: { code, text, next } });
  }

  /** The first halt wins; nothing new starts after it. */
  halting(halt: Halt): void {
    this.halt ??= halt;
    this.stopping.abort();
    this.wake();
  }

  /** The run is halting or paused. */
  get closed(): boolean {
    return this.halt !== null || this.state.interrupted !== null;
  }

  /** A step of a phase is about to be found failed: nothing begins beside it from now on, not only when that is on disk. */
  foresee(address: string): void {
    if (this.#ofPhases.has(address)) this.#stuck.add(address);
  }

  /** A step of a phase has failed, and neither policy nor a person has decided what becomes of it. */
  get troubled(): boolean {
    return this.#stuck.size > 0;
  }

  wake(): void {
    for (const waker of this.#wakers) waker();
    this.#wakers.clear();
  }

  /** Runs one at a time: decisions that read the state and then append (the failure budget) must not overlap. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#exclusive.then(work);
    this.#exclusive = turn.catch(() => undefined);
    return turn;
  }

  /** Resolves at the next change of state. */
  async changed(): Promise<void> {
    await new Promise<void>((resolve) => this.#wakers.add(resolve));
  }
}
