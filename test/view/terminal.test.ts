import { describe, expect, it } from "vitest";
import { quietInput, type QuietableInput } from "../../src/view/quiet-input.ts";
import { createTerminalView, type TerminalView } from "../../src/view/terminal.ts";
import { fold } from "../../src/domain/run-state.ts";
import { eventsOf, fakeRun, MONOTONIC_MS, START_MS, type Script } from "./fake-run.ts";
import { samplePlan } from "./sample-plan.ts";
import { createVirtualScreen, type VirtualScreen } from "./virtual-screen.ts";

interface Desk {
  readonly view: TerminalView;
  readonly screen: VirtualScreen;
  readonly size: { columns: number; rows: number };
  readonly tick: () => void;
  readonly play: (upTo?: number) => Promise<void>;
  readonly ticking: () => boolean;
}

const plan = samplePlan();

function desk(script: Script = {}, input?: QuietableInput): Desk {
  const told = fakeRun(plan, script);
  const size = { columns: 80, rows: 24 };
  const screen = createVirtualScreen();
  const time = { atMs: 0, played: 0, tick: null as (() => void) | null };
  screen.write("$ pawl upgrade\nthe plan\n");
  const view = createTerminalView({
    plan, stream: screen, columns: () => size.columns, rows: () => size.rows, colour: true, ...(input === undefined ? {} : { input }),
    clock: { now: () => START_MS + time.atMs, monotonic: () => MONOTONIC_MS + time.atMs },
    ticker: (tick) => {
      time.tick = tick;
      return () => {
        time.tick = null;
      };
    },
  });
  const tick = (): void => time.tick?.();
  return {
    view, screen, size, tick,
    ticking: () => time.tick !== null,
    async play(upTo = told.length) {
      for (; time.played < Math.min(upTo, told.length); time.played += 1) {
        const one = told[time.played]!;
        time.atMs = one.atMs;
        view.show(one.news);
        tick();
        if (time.played % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await new Promise((resolve) => setImmediate(resolve));
      tick();
    },
  };
}

/** A keyboard that remembers how it was set. */
function keyboard() {
  const listeners = new Set<(chunk: Buffer | string) => void>();
  const state = { raw: false, flowing: false, held: true };
  return {
    isTTY: true,
    state,
    setRawMode: (raw: boolean) => void (state.raw = raw),
    resume: () => void (state.flowing = true),
    pause: () => void (state.flowing = false),
    unref: () => void (state.held = false),
    ref: () => void (state.held = true),
    on: (_event: "data", listener: (chunk: Buffer | string) => void) => void listeners.add(listener),
    off: (_event: "data", listener: (chunk: Buffer | string) => void) => void listeners.delete(listener),
    press: (keys: string) => {
      for (const listener of listeners) listener(keys);
    },
  };
}

describe("the keyboard while the picture is painted", () => {
  it("is silent, holds no process up, and still interrupts", () => {
    const keys = keyboard();
    const raised: string[] = [];
    const quiet = quietInput(keys, (signal) => void raised.push(signal));
    quiet.begin();
    quiet.begin();
    expect(keys.state).toEqual({ raw: true, flowing: true, held: false });
    keys.press("yes\r");
    keys.press("\u0003");
    keys.press("\u001c");
    expect(raised).toEqual(["SIGINT", "SIGQUIT"]);
    quiet.end();
    quiet.end();
    keys.press("\u0003");
    expect(keys.state).toEqual({ raw: false, flowing: false, held: true });
    expect(raised).toHaveLength(2);
  });

  it("is left alone where it is no terminal", () => {
    const keys = { ...keyboard(), isTTY: false };
    quietInput(keys, () => undefined).begin();
    expect(keys.state).toEqual({ raw: false, flowing: false, held: true });
  });

  it("is given back for a prompt and at the end", async () => {
    const keys = keyboard();
    const { play, view } = desk({}, keys);
    expect(keys.state.raw).toBe(false);
    await play(30);
    expect(keys.state.raw).toBe(true);
    view.pause();
    expect(keys.state.raw).toBe(false);
    view.resume();
    expect(keys.state.raw).toBe(true);
    await play();
    expect(keys.state).toEqual({ raw: false, flowing: false, held: true });
    view.resume();
    expect(keys.state.raw).toBe(false);
    await view.stop();
  });
});

describe("the live terminal", () => {
  it("draws nothing before the first event and leaves what was there before", async () => {
    const { screen, play, view } = desk();
    expect(screen.writes).toBe(1);
    await play(20);
    expect(screen.lines().slice(0, 2)).toEqual(["$ pawl upgrade", "the plan"]);
    expect(screen.lines()[2]).toMatch(/^Upgrade DC\/OS by the workbook, one hop .*1\.9\.9 → 1\.10\.8, hop 2 of 3$/);
    expect(screen.cursorShown).toBe(false);
    await view.stop();
  });

  it("ends a completed run by itself with one clean summary and the cursor back", async () => {
    const { screen, play, ticking } = desk();
    await play();
    const lines = screen.lines();
    expect(lines.filter((line) => line.startsWith("Upgrade DC/OS"))).toHaveLength(1);
    expect(lines.at(-2)).toBe("✓ completed, exit 0 (ok)");
    expect(lines.at(-1)).toBe("");
    expect(lines.filter((line) => line.startsWith("✓ masters "))).toHaveLength(1);
    expect(screen.cursorShown).toBe(true);
    expect(ticking()).toBe(false);
  });

  it("ends a halted run with the place and the exit code; the problem follows from the command", async () => {
    const { screen, play, view } = desk({ refuses: "masters/m3/upgrade" });
    await play();
    await view.stop();
    expect(screen.lines().at(-2)).toBe("✗ halted at masters/m3/upgrade, exit 5 (gate-halted)");
    expect(screen.lines().join("\n")).toMatch(/^✗ masters {5}1 of 3 master/m);
    expect(screen.cursorShown).toBe(true);
  });

  it("shows what was done before, where a run is taken up again", async () => {
    const before = eventsOf(fakeRun(plan, { stopAfter: "masters/m3/upgrade" }));
    const screen = createVirtualScreen();
    const clock = { now: () => START_MS + 3_600_000, monotonic: () => MONOTONIC_MS };
    const view = createTerminalView({ plan, stream: screen, columns: () => 80, rows: () => 24, colour: false, clock, state: fold(before), ticker: () => () => undefined });
    const last = before.at(-1)!;
    const opened = { v: 1 as const, seq: last.seq + 1, time: new Date(clock.now()).toISOString(), actor: "ada@desk", prev: "", type: "run.opened" as const, pid: 1, host: "desk", boot: "b1", resumed: true };
    view.show({ type: "event", event: opened });
    await new Promise((resolve) => setImmediate(resolve));
    const text = screen.lines().join("\n");
    expect(text).toMatch(/^✓ backup {6}3 of 3 master/m);
    expect(text).toMatch(/^● masters {5}2 of 3 master/m);
    expect(text).toContain("16:00:00 UTC · 1h so far · 5 of 20 steps");
    await view.stop();
  });

  it("stops in the middle as calmly, once", async () => {
    const { screen, play, view } = desk();
    await play(40);
    await view.stop();
    const writes = screen.writes;
    await view.stop();
    await play();
    expect(screen.writes).toBe(writes);
    expect(screen.cursorShown).toBe(true);
    expect(screen.lines().filter((line) => line.startsWith("Upgrade DC/OS"))).toHaveLength(1);
  });

  it("can be stopped before anything happened", async () => {
    const { screen, view } = desk();
    await view.stop();
    expect(screen.lines()).toEqual(["$ pawl upgrade", "the plan", ""]);
  });

  it("takes its picture away while a prompt is open and draws nothing until it may again", async () => {
    const { screen, play, view, tick } = desk();
    await play(30);
    view.pause();
    expect(screen.lines()).toEqual(["$ pawl upgrade", "the plan", ""]);
    expect(screen.cursorShown).toBe(true);
    const writes = screen.writes;
    await play(35);
    tick();
    expect(screen.writes).toBe(writes);
    screen.write("What now? approve\n");
    view.resume();
    tick();
    expect(screen.lines().slice(0, 3)).toEqual(["$ pawl upgrade", "the plan", "What now? approve"]);
    expect(screen.lines()[3]).toMatch(/^Upgrade DC\/OS/);
    await view.stop();
  });

  it("writes nothing where nothing changed", async () => {
    const { screen, play, view, tick } = desk();
    await play(30);
    const writes = screen.writes;
    for (let time = 0; time < 20; time += 1) tick();
    expect(screen.writes).toBe(writes);
    await view.stop();
  });

  it("follows a terminal that is resized", async () => {
    const { screen, play, view, size, tick } = desk();
    await play(40);
    size.columns = 140;
    size.rows = 50;
    tick();
    expect(screen.lines()[2]).toHaveLength(139);
    expect(screen.lines().filter((line) => line.startsWith("Upgrade DC/OS"))).toHaveLength(1);
    await view.stop();
  });

  it("leaves the signals of the process alone", async () => {
    const before = process.listenerCount("SIGINT");
    const { play, view } = desk();
    await play(30);
    expect(process.listenerCount("SIGINT")).toBe(before);
    await view.stop();
  });
});
