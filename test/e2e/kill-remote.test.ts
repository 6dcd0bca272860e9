import { afterEach, describe, expect, it } from "vitest";
import { Desk, finish } from "./pawl.ts";

let desk: Desk;
afterEach(async () => desk.clear());

const SIZE = ["--masters", "3", "--private", "2", "--public", "1"];
const SOAKS = ["masters", "canary", "waves", "public"].flatMap((name) => ["--set", `soak-${name}=5m`]);

async function expectOneScriptEach(lab: Awaited<ReturnType<Desk["lab"]>>, twice: readonly string[] = []): Promise<void> {
  for (const [node, { version, scriptRuns }] of Object.entries(await lab.state())) {
    if (node === "bootstrap") continue;
    expect(version, node).toBe("1.9.9");
    expect(
      scriptRuns.filter((run) => run.target === "1.9.9"),
      `upgrade scripts on ${node}`,
    ).toHaveLength(twice.includes(node) ? 2 : 1);
  }
}

async function expectVerified(run = "latest"): Promise<void> {
  const verified = await desk.pawl("verify", run);
  expect(verified.code, verified.out + verified.err).toBe(0);
}

describe("kill -9 of pawl in the middle of remote work", () => {
  it(
    "while a script runs: it is joined, not repeated; and where its node restarted meanwhile, a person decides",
    { timeout: 900_000 },
    async () => {
      desk = await Desk.create();
      const lab = await desk.lab(...SIZE, "--time-scale", "600");
      /** Runs until the upgrade script of a master (another than that one) is at work, and kills pawl there; the master's name. */
      const killInScript = async (args: readonly string[], otherThan: string | null = null): Promise<string> => {
        const child = desk.start([...args, "--json"]);
        for (;;) {
          const running = Object.entries(await lab.state()).find(
            ([name, one]) => name !== otherThan && one.scriptRuns.some((run) => run.endedMs === null),
          );
          if (running !== undefined) {
            child.kill("SIGKILL");
            await new Promise((done) => child.on("close", done));
            return running[0];
          }
          expect(child.exitCode, "the upgrade ended before a script ran").toBeNull();
          await new Promise((done) => setTimeout(done, 20));
        }
      };
      const runsOf = async (node: string): Promise<number> => (await lab.state())[node]?.scriptRuns.length ?? 0;

      const first = await killInScript(["upgrade", "-i", lab.inventory, "--to", "1.9.9", "--yes", ...SOAKS]);
      const status = await desk.pawl("status", "latest");
      expect(status.out).toContain("pawl resume");
      expect(status.out).toMatch(/no engine|not running|died|dead|nobody/i);

      // Taken up: the script is followed to its end. The next one is killed too, and its machine loses its power.
      const second = await killInScript(["resume", "--yes"], first);
      expect(second).not.toBe(first);
      expect(await runsOf(first)).toBe(1);
      await lab.reboot(second);
      const found = await desk.json("resume", "--yes");
      expect(found.code, found.err).toBe(6);
      expect(await runsOf(second), "never repeated by itself").toBe(1);
      const halted = found.events.find((event) => event.type === "run.halted");
      expect(halted?.type === "run.halted" && halted.problem).toMatchObject({ code: "script-rebooted", node: second });

      expect((await desk.pawl("retry", "latest", `masters/${second}/upgrade`)).code).toBe(0);
      // While an engine lives, its lock is nobody's to break.
      const child = desk.start(["resume", "--yes", "--json"]);
      const ended = new Promise<number | null>((done) => child.on("close", done));
      child.stdout?.resume();
      await new Promise((done) => child.stdout?.once("data", done));
      const unlock = await desk.pawl("unlock", "-i", lab.inventory, "--reason", "impatience");
      expect(unlock.code, unlock.err).toBe(9);
      expect(unlock.err).toContain("another run");
      expect(await ended).toBe(0);
      await expectOneScriptEach(lab, [second]);
      await expectVerified();
      await lab.stop();
    },
  );
});

describe("a machine that loses its power under its upgrade script, with pawl alive", () => {
  it(
    "is told for what it is: 6 where nothing was switched, 7 where the activation was half done; nothing is started there again",
    { timeout: 300_000 },
    async () => {
      desk = await Desk.create();
      const lab = await desk.lab("--masters", "3", "--private", "1", "--public", "0", "--time-scale", "600");
      const child = desk.start(["upgrade", "-i", lab.inventory, "--to", "1.9.9", "--yes", ...SOAKS]);
      const ended = finish(child);
      let node: string | undefined;
      while (node === undefined) {
        expect(child.exitCode, "the upgrade ended before a script ran").toBeNull();
        const running = Object.entries(await lab.state()).find(([, one]) => one.scriptRuns.some((run) => run.endedMs === null));
        node = running?.[0];
        await new Promise((done) => setTimeout(done, 20));
      }
      await lab.reboot(node);
      const { code, out, err } = await ended;
      expect([6, 7], out + err).toContain(code);
      const halted = (await desk.journal(desk.path(/Report: (\S+)\/report\.html/.exec(out)?.[1] ?? ""))).find(
        (event) => event.type === "run.halted",
      );
      expect(halted?.type === "run.halted" && halted).toMatchObject({
        step: `masters/${node}/upgrade`,
        exit: code,
        problem: { code: code === 6 ? "script-rebooted" : "script-rebooted-half-done", node },
      });
      expect(out + err).toContain(`${node}: the machine restarted`);
      expect(out + err).toMatch(/pawl resume \S+/);
      // Asked again, it is looked at and found the same.
      const again = await desk.pawl("resume", "--yes");
      expect(again.code, again.out + again.err).toBe(code);
      expect((await lab.state())[node]?.scriptRuns).toHaveLength(1);
      await expectVerified();
      await lab.stop();
    },
  );
});
