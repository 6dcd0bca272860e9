import { afterEach, expect, it } from "vitest";
import type { RunEvent } from "../../src/domain/events.ts";
import { describeReal } from "../real/requires.ts";
import { Desk } from "./pawl.ts";
import { openScreen, type Screen } from "./screen.ts";

/** Watches read on during soaks; shorter ones leave this test what it is about. */
const SOAKS = ["soak-canary=10m", "soak-waves=5m", "soak-public=5m"].flatMap((one) => ["--set", one]);
const ME = /^[^@\s]+@[^@\s]+$/;

/** The open question is the last thing on the screen. */
const asked = (about: string): RegExp => new RegExp(`${about}[^]*What now\\?\\s*\\n[^]*⏎ select\\s*$`);

describeReal("an upgrade in a real terminal", ["tmux"], () => {
  let desk: Desk;
  let screen: Screen | null = null;
  afterEach(async () => {
    screen?.close();
    screen = null;
    await desk.clear();
  });

  type Decided = Extract<RunEvent, { type: "operator.decided" }>;
  const decisions = (events: readonly RunEvent[]): readonly Decided[] =>
    events.filter((event) => event.type === "operator.decided");

  it(
    "is led through a refused gate, a pause from elsewhere and a failed canary to its end, with one node set aside",
    { timeout: 300_000 },
    async () => {
      desk = await Desk.create();
      const lab = await desk.lab(
        "--time-scale",
        "3000",
        "--private",
        "3",
        "--public",
        "1",
        "--fault",
        "exhibitor-not-serving@m1",
        "--fault",
        "script-fails@a1",
      );
      screen = openScreen(desk, { columns: 100, rows: 30 });
      screen.pawl("upgrade", "-i", lab.inventory, "--to", "1.9.9", "--set", "soak-masters=5m", ...SOAKS);
      await screen.until(asked("Start dcos-upgrade on lab\\?"));
      expect(Object.values(await lab.state()).every((node) => node.scriptRuns.length === 0)).toBe(true);
      screen.press("Enter");

      // The gate waits for its deadline, then asks; the cursor rests on the choice that changes nothing.
      const question = await screen.until(asked("A gate of masters/m1/upgrade refused"), { timeoutMs: 120_000 });
      expect(question).toContain("exhibitor-serving");
      expect(question).toMatch(/❯ stop/);
      expect(question).not.toContain("set aside");
      expect((await desk.pawl("lab", "heal", "-i", lab.inventory)).code).toBe(0);
      screen.press("Up", "Up");
      await screen.until(/❯ measure again/);
      screen.press("Enter");

      // A second terminal: where it stands, and nothing new before it says so.
      await screen.until(asked("All masters run 1.9.9"), { timeoutMs: 120_000 });
      const status = await desk.pawl("status", "latest");
      expect(status.out).toContain("masters/confirm");
      expect((await desk.pawl("pause", "--reason", "lunch")).code).toBe(0);
      screen.press("Enter");
      await screen.until(/paused: lunch; nothing new starts/);
      expect((await desk.pawl("status", "latest")).out).toMatch(/paused/);
      expect((await desk.pawl("resume")).out).toContain("goes on");

      const failed = await screen.until(asked("private-agents-1/a1/upgrade failed"), { timeoutMs: 120_000 });
      expect(failed).toMatch(/❯ stop/);
      screen.press("Up");
      await screen.until(/❯ set aside/);
      screen.press("Enter");
      await screen.until(/Reason for "set aside"/);
      screen.type("disk of a1 is bad, ticket 4711");
      screen.press("Enter");

      // The canary's confirmation comes from the second terminal, the others from this one.
      await screen.until(asked("The first agent runs 1.9.9"), { timeoutMs: 120_000 });
      expect((await desk.pawl("approve", "latest", "--reason", "seen by both of us")).code).toBe(0);
      await screen.until(/decided elsewhere/, { all: true });
      for (const stop of ["This wave of private agents is steady", "at public-agents-1/confirm", "Run the site-specific steps"]) {
        await screen.until(asked(stop), { timeoutMs: 120_000 });
        screen.press("Enter");
      }

      expect(await screen.ended(120_000)).toBe(10);
      expect(screen.seen()).toMatch(/set aside: a1/);
      const run = /Proof: pawl verify (\S+)/.exec(screen.all())?.[1] ?? "";
      const events = await desk.journal(desk.path(run));
      for (const { actor } of decisions(events)) expect(actor).toMatch(ME);
      expect(decisions(events).map(({ choice, target, reason }) => ({ choice, target, reason }))).toEqual([
        { choice: "approve", target: "start", reason: null },
        { choice: "measure-again", target: "masters/m1/upgrade", reason: null },
        { choice: "pause", target: null, reason: "lunch" },
        { choice: "approve", target: "masters/confirm", reason: null },
        { choice: "resume", target: null, reason: null },
        { choice: "set-aside", target: "private-agents-1/a1/upgrade", reason: "disk of a1 is bad, ticket 4711" },
        { choice: "approve", target: "private-agents-1/confirm", reason: "seen by both of us" },
        { choice: "approve", target: "private-agents-2/confirm", reason: null },
        { choice: "approve", target: "public-agents-1/confirm", reason: null },
        { choice: "approve", target: "site-specific/confirm", reason: null },
      ]);
      const state = await lab.state();
      expect(
        Object.entries(state)
          .filter(([name, node]) => name !== "bootstrap" && node.version !== "1.9.9")
          .map(([name]) => name),
      ).toEqual(["a1"]);
      expect((await desk.pawl("verify", run)).code).toBe(0);

      // The command it printed finishes the node.
      const finish = /Finish what was set aside: pawl (upgrade .*--only a1)$/m.exec(screen.all())?.[1] ?? "";
      await lab.heal();
      screen.pawl(...finish.split(" "), "--yes");
      expect(await screen.ended(120_000)).toBe(0);
      expect((await lab.state())["a1"]?.version).toBe("1.9.9");
      await lab.stop();
    },
  );

  it(
    "stops at a safe point on Ctrl-C in a soak, prints the command that resumes it, and that command does",
    { timeout: 300_000 },
    async () => {
      desk = await Desk.create();
      const lab = await desk.lab("--time-scale", "2000", "--private", "1", "--public", "0");
      screen = openScreen(desk, { columns: 80, rows: 24 });
      screen.pawl("upgrade", "-i", lab.inventory, "--to", "1.9.9", "--set", "soak-masters=1h", ...SOAKS);
      await screen.until(asked("Start dcos-upgrade on lab\\?"));
      screen.press("Enter");
      await screen.until(/left of 1h/, { timeoutMs: 180_000 });
      screen.press("C-c");
      expect(await screen.ended()).toBe(130);
      const [, command = "", run = ""] = /Resume with: pawl (resume (\S+))/.exec(screen.all()) ?? [];
      expect(command).not.toBe("");
      const halted = (await desk.journal(desk.path(run))).at(-1);
      expect(halted).toMatchObject({ type: "run.halted", exit: 130 });
      expect((await desk.pawl("status", run)).out).toContain("resume");

      screen.pawl(...command.split(" "), "--approve", "masters", "--approve", "private-agents", "--approve", "site-specific");
      expect(await screen.ended(180_000)).toBe(0);
      const events = await desk.journal(desk.path(run));
      expect(events.at(-1)).toMatchObject({ type: "run.completed", exit: 0 });
      for (const node of ["m1", "m2", "m3", "a1"]) expect((await lab.state())[node]?.scriptRuns, node).toHaveLength(1);
      expect(decisions(events).map(({ target, actor }) => [target, actor === "policy:--approve"])).toEqual([
        ["start", false],
        ["masters/confirm", true],
        ["private-agents-1/confirm", true],
        ["site-specific/confirm", true],
      ]);
      await lab.stop();
    },
  );
});
