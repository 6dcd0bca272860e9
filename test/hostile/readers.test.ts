import { spawn, type ChildProcess } from "node:child_process";
import { openSync, closeSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openScreen } from "../e2e/screen.ts";
import { Desk } from "../e2e/pawl.ts";
import { describeReal } from "../real/requires.ts";
import { journalOf, runbookOf, runsIn, startHostsStory, type HostsStory } from "./hosts.ts";

const BIN = resolve(import.meta.dirname, "../../bin/pawl.js");
let story: HostsStory;

/** How a child ended, and what came out of it. */
async function ended(child: ChildProcess): Promise<{ readonly code: number | null; readonly err: string }> {
  const err: Buffer[] = [];
  child.stderr?.on("data", (chunk: Buffer) => err.push(chunk));
  const code = await new Promise<number | null>((done) => child.on("exit", done));
  return { code, err: Buffer.concat(err).toString() };
}

describeReal("a run whose reader goes away", ["openssh-server", "openssh-client", "tmux"], () => {
  beforeAll(async () => {
    story = await startHostsStory();
    story.write(
      "story.yaml",
      runbookOf([
        'uses: command, with: { argv: [sh, -c, "echo begun; sleep 1"] }',
        'uses: job, with: { argv: [sh, -c, "echo line; sleep 1; echo line"] }',
        "uses: command, with: { argv: [echo, over] }",
      ]),
    );
  }, 60_000);
  afterAll(() => story.close());

  const start = (output: string, stdio: readonly ("ignore" | "pipe" | number)[]): ChildProcess =>
    spawn(process.execPath, [BIN, "run", "story.yaml", "-i", "hosts.yaml", "--yes", "--json", "--output-dir", output], {
      cwd: story.folder,
      env: { ...process.env, HOME: story.folder, PAWL_STATE_DIR: join(story.folder, "state") },
      stdio: [...stdio],
    });
  const whole = async (output: string): Promise<void> => {
    const [run = ""] = runsIn(join(story.folder, output));
    expect(journalOf(run).at(-1)).toMatchObject({ type: "run.completed", exit: 0 });
    expect((await story.pawl(["verify", run])).exit).toBe("ok");
  };

  it("comes to its end although both pipes were closed at the first event", { timeout: 120_000 }, async () => {
    const child = start("pipes", ["ignore", "pipe", "pipe"]);
    child.stdout?.once("data", () => {
      child.stdout?.destroy();
      child.stderr?.destroy();
    });
    const code = await new Promise<number | null>((done) => child.on("exit", done));
    expect(code).toBe(0);
    await whole("pipes");
  });

  it("comes to its end although its output goes to a full disk, and says so once", { timeout: 120_000 }, async () => {
    const full = openSync("/dev/full", "w");
    try {
      const { code, err } = await ended(start("full", ["ignore", full, "pipe"]));
      expect(code, err).toBe(0);
      expect(err.match(/standard output cannot be written \(ENOSPC\); the run goes on/g)).toHaveLength(1);
    } finally {
      closeSync(full);
    }
    await whole("full");
  });

  it(
    "stops at a safe point when its terminal is closed, in the middle of no step, and goes on later",
    { timeout: 180_000 },
    async () => {
      const desk = new Desk(story.folder);
      // Long enough that the terminal goes while the first step runs, however busy the machine is.
      story.write(
        "slow.yaml",
        runbookOf([
          'uses: command, with: { argv: [sh, -c, "echo begun; sleep 8"] }',
          "uses: command, with: { argv: [echo, over] }",
        ]),
      );
      const screen = openScreen(desk, { columns: 80, rows: 24 });
      screen.pawl("run", "slow.yaml", "-i", "hosts.yaml", "--yes", "--output-dir", "terminal");
      const output = join(story.folder, "terminal");
      const events = () => runsIn(output).flatMap((run) => (readdirSync(run).includes("journal.jsonl") ? journalOf(run) : []));
      const until = async (isSo: () => boolean): Promise<void> => {
        for (let asked = 0; !isSo(); asked += 1) {
          if (asked > 1_200) throw new Error(JSON.stringify(events().at(-1)));
          await new Promise((done) => setTimeout(done, 50));
        }
      };
      await until(() =>
        events().some((event) => event.type === "step.moved" && event.step === "work/n1/s1" && event.to === "starting"),
      );
      screen.close();
      await until(() => ["run.halted", "run.completed"].includes(events().at(-1)?.type ?? ""));
      expect(events().at(-1)).toMatchObject({ type: "run.halted", exit: 130 });
      const open = events().flatMap((event) => (event.type === "step.moved" && event.step === "work/n1/s1" ? [event.to] : []));
      expect(open.at(-1)).toBe("complete");
      expect(
        events().some((event) => event.type === "step.moved" && event.step === "work/n1/s2" && event.to === "starting"),
      ).toBe(false);
      const [run = ""] = runsIn(output);
      // The process ends a moment after its last event.
      await until(() => readdirSync(run).includes("SHA256SUMS"));
      let resumed = await story.pawl(["resume", run, "--yes"]);
      for (let again = 0; resumed.exit === "locked" && again < 100; again += 1) {
        await new Promise((done) => setTimeout(done, 100));
        resumed = await story.pawl(["resume", run, "--yes"]);
      }
      expect(resumed.exit, resumed.err).toBe("ok");
      await whole("terminal");
    },
  );

  it("names the inventory's option when the inventory has moved before a resume", { timeout: 60_000 }, async () => {
    const moved = story.write("moved.yaml", "");
    const { readFileSync, renameSync } = await import("node:fs");
    story.write("moved.yaml", readFileSync(story.inventory, "utf8"));
    story.write("stop.yaml", runbookOf(['uses: command, with: { argv: ["false"] }']));
    const args = ["run", "stop.yaml", "-i", "moved.yaml", "--yes", "--output-dir", "moved"];
    expect((await story.pawl(args)).exit).toBe("step-failed");
    const [run = ""] = runsIn(join(story.folder, "moved"));
    renameSync(moved, join(story.folder, "elsewhere.yaml"));
    const told = await story.pawl(["resume", run, "--json"]);
    expect(told.exit).toBe("usage");
    expect(told.err.replace(/\s+/g, " ")).toContain(`pawl resume moved/boxes/${run.split("/").at(-1) ?? ""} -i FILE`);
    expect(JSON.parse(told.out.split("\n").at(-1) ?? "")).toMatchObject({ type: "result", exit: 2, run, runs: [run] });
    expect((await story.pawl(["resume", run, "-i", "elsewhere.yaml"])).exit).toBe("step-failed");
  });
});
