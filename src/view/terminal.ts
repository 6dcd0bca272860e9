import { Listr, type ListrEventManager, ListrEventType, type ListrRendererFactory, type ListrTask } from "listr2";
import type { Phase, Plan } from "../domain/plan.ts";
import type { RunState } from "../domain/run-state.ts";
import { isSettled } from "../domain/status.ts";
import type { Clock, Telemetry, Viewer } from "../engine/ports.ts";
import { frameLines, summaryLines, type FramePaper } from "./live-frame.ts";
import { createLive } from "./live-model.ts";
import type { Now } from "./live-panel.ts";
import { phaseColumns, phaseRow } from "./live-phases.ts";
import { viewPhase, type PhaseView } from "./phase-status.ts";
import { quietInput, type QuietableInput } from "./quiet-input.ts";
import { createScreen, type ScreenStream } from "./screen.ts";

export interface TerminalViewOptions {
  readonly plan: Plan;
  readonly stream: ScreenStream;
  /** Asked before every picture, so that a resized terminal is followed. */
  columns(): number;
  rows(): number;
  readonly colour: boolean;
  readonly unicode?: boolean;
  /** The run's own time, simulated or not: durations and countdowns follow it. */
  readonly clock: Pick<Clock, "now" | "monotonic">;
  /** What the journal said before this engine opened the run; without it the run is new. */
  readonly state?: RunState;
  /** The keyboard, silenced while the picture is painted; without it keys are echoed into the picture. */
  readonly input?: QuietableInput;
  /** Calls back again and again until the returned function is called; by default five times a second of wall time. */
  readonly ticker?: (tick: () => void) => () => void;
}

export interface TerminalView extends Viewer {
  /** Takes the picture away and draws nothing until `resume`: a prompt is open. */
  pause(): void;
  resume(): void;
  /** Ends the view and leaves the summary; resolves when it is written. Calling it again changes nothing. */
  stop(): Promise<void>;
}

interface RendererOptions {
  readonly ticker: (tick: () => void) => () => void;
  /** Paints; called right after `titles`. The rows are the titles of listr2's tasks. */
  draw(rows: readonly string[]): void;
  finish(rows: readonly string[]): void;
  /** What the tasks are called now. */
  titles(): readonly string[];
}

interface TitledTask {
  title?: string;
}

/** Listr2 keeps the tasks and says when they change; this renderer paints them in one bounded, resizable picture. */
class LiveRenderer {
  static readonly nonTTY = true;
  static readonly rendererOptions: RendererOptions = {
    ticker: () => () => undefined,
    draw: () => undefined,
    finish: () => undefined,
    titles: () => [],
  };
  static readonly rendererTaskOptions: Record<string, never> = {};
  readonly #tasks: readonly TitledTask[];
  readonly #options: RendererOptions;
  readonly #events: ListrEventManager | undefined;
  #stopTicking: () => void = () => undefined;

  constructor(tasks: readonly TitledTask[], options: RendererOptions, events?: ListrEventManager) {
    this.#tasks = tasks;
    this.#options = options;
    this.#events = events;
  }

  #rows(): readonly string[] {
    const titles = this.#options.titles();
    for (const [index, task] of this.#tasks.entries()) task.title = titles[index] ?? task.title ?? "";
    return this.#tasks.map((task) => task.title ?? "");
  }

  render(): void {
    const paint = (): void => this.#options.draw(this.#rows());
    this.#stopTicking = this.#options.ticker(paint);
    this.#events?.on(ListrEventType.SHOULD_REFRESH_RENDER, paint);
    paint();
  }

  end(): void {
    this.#stopTicking();
    this.#options.finish(this.#rows());
  }
}

/** What one picture is painted from: taken at one moment, so that all its times agree. */
interface Picture {
  readonly views: readonly PhaseView[];
  readonly now: Now;
  readonly sheet: FramePaper;
}

function tickFiveTimesASecond(tick: () => void): () => void {
  const timer = setInterval(tick, 200);
  timer.unref();
  return () => clearInterval(timer);
}

/** The finally-steps are the last row. */
function rowsOf(plan: Plan): readonly Phase[] {
  const end: Phase = {
    name: "finally",
    title: "",
    source: "",
    role: null,
    strategy: { kind: "serial" },
    leaderLast: false,
    budget: "none",
    wave: null,
    units: [],
    after: plan.finally,
  };
  return plan.finally.length === 0 ? plan.phases : [...plan.phases, end];
}

/**
 * The live view of a terminal. Phases are listr2 tasks that wait for their events, one after the other as in the plan; what is
 * shown comes from the folded events alone, and nothing is decided here. Nothing is drawn before the first event.
 */
export function createTerminalView(options: TerminalViewOptions): TerminalView {
  const { plan, clock } = options;
  const phases = rowsOf(plan);
  const screen = createScreen(options.stream);
  const waiters: (() => void)[] = [];
  const keys = options.input === undefined ? null : quietInput(options.input, (signal) => void process.kill(process.pid, signal));
  const { live, take } = createLive(options.state);
  const paper = (): FramePaper => ({
    columns: Math.max(40, (options.columns() || 80) - 1),
    rows: options.rows() || 24,
    colour: options.colour,
    unicode: options.unicode ?? true,
  });
  const look = (): Picture => ({
    views: phases.map((phase) => viewPhase(phase, live.state)),
    now: { wallMs: clock.now(), monotonicMs: clock.monotonic() },
    sheet: paper(),
  });
  let paused = false;
  let ended = false;
  let picture: Picture = look();
  let running: Promise<unknown> | null = null;
  const over = (): boolean => ended || live.state.phase === "completed" || live.state.phase === "halted";
  const until = async (reached: () => boolean): Promise<void> => {
    while (!reached() && !over()) await new Promise<void>((resolve) => waiters.push(resolve));
  };
  const wake = (): void => {
    for (const waiter of waiters.splice(0)) waiter();
  };

  const rendererOptions: RendererOptions = {
    ticker: options.ticker ?? tickFiveTimesASecond,
    titles: () => {
      picture = look();
      const { views, now, sheet } = picture;
      const widths = phaseColumns(views, sheet.columns);
      return views.map((view) => phaseRow(view, widths, now.wallMs, sheet));
    },
    draw: (rows) => {
      const { views, now, sheet } = picture;
      if (!paused && !ended)
        screen.draw(frameLines(plan, views, rows.slice(0, phases.length), live, now, sheet), sheet.columns + 1);
    },
    finish: (rows) => {
      const { views, now, sheet } = picture;
      keys?.end();
      screen.finish(summaryLines(plan, views, rows.slice(0, phases.length), live, now, sheet));
    },
  };

  const start = (): Promise<unknown> => {
    const task = (phase: Phase): ListrTask<unknown, ListrRendererFactory> => ({
      title: phase.name,
      task: async () => {
        await until(() => viewPhase(phase, live.state).status === "complete");
        if (viewPhase(phase, live.state).status !== "complete") throw new Error(`${phase.name} is not complete`);
      },
    });
    const last: ListrTask<unknown, ListrRendererFactory> = { title: "end", task: () => until(() => false) };
    const tasks = new Listr<unknown, ListrRendererFactory>([...phases.map(task), last], {
      renderer: LiveRenderer as unknown as ListrRendererFactory,
      rendererOptions,
      concurrent: false,
      exitOnError: true,
      registerSignalListeners: false,
    });
    return tasks.run().catch(() => undefined);
  };

  return {
    show(news: Telemetry): void {
      if (ended) return;
      take(news);
      if (news.type === "event") {
        if (running === null) {
          if (!paused) keys?.begin();
          running = start();
        }
        // Nothing else ends a phase or the run; looking at a phase costs a walk over its nodes.
        const { event } = news;
        if (event.type === "step.moved" ? isSettled(event.to) : event.type.startsWith("run.")) wake();
      }
    },
    pause(): void {
      if (ended) return;
      paused = true;
      keys?.end();
      screen.clear();
    },
    resume(): void {
      paused = false;
      if (running !== null && !over()) keys?.begin();
    },
    async stop(): Promise<void> {
      ended = true;
      keys?.end();
      wake();
      await running;
    },
  };
}
