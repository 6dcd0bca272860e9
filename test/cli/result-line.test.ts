import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runCommandLine } from "../../src/cli/main.ts";
import { capturedIo } from "./captured-io.ts";

const folder = mkdtempSync(join(tmpdir(), "pawl-result-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
writeFileSync(join(folder, "broken.yaml"), "apiVersion: pawl/v1\nkind: Inventory\n");
mkdirSync(join(folder, "runs"));

async function json(...words: readonly string[]): Promise<{ readonly lines: readonly unknown[]; readonly exit: string | null }> {
  const io = capturedIo(folder);
  await runCommandLine({ ...io, env: { ...io.env, PAWL_STATE_DIR: join(folder, "state") } }, [...words, "--json"], "1.2.3");
  return { lines: io.stdout.map((line) => JSON.parse(line) as unknown), exit: io.ended() };
}

const result = (exit: number, name: string): object => ({ type: "result", exit, name, run: null, runs: [] });

describe("the last line of running work with --json", () => {
  it.each([
    ["an inventory that is not valid", ["upgrade", "-i", "broken.yaml", "--to", "1.9.9"], 3, "invalid-document"],
    ["an inventory that is not there", ["run", "dcos-snapshot.yaml", "-i", "nowhere.yaml"], 2, "usage"],
    ["a snapshot of nothing", ["snapshot", "-i", "nowhere.yaml"], 2, "usage"],
    ["an option that is missing", ["upgrade", "--to", "1.9.9"], 2, "usage"],
    ["an option that does not exist", ["demo", "--yess"], 2, "usage"],
    ["an input that is none", ["upgrade", "-i", "broken.yaml", "--to", "1.9.9", "--set", "x"], 2, "usage"],
    ["no run to go on with", ["resume", "--output-dir", "runs"], 2, "usage"],
    ["a schedule that is none", ["schedule", "-i", "broken.yaml", "--cron", "never"], 2, "usage"],
  ])("is the result although the command failed: %s", async (_, words, exit, name) => {
    const { lines, exit: ended } = await json(...words);
    expect(lines.at(-1)).toEqual(result(exit, name));
    expect(lines.at(-2)).toMatchObject({ type: "error", exit, name });
    expect(lines).toHaveLength(2);
    expect(ended).toBe(name);
  });

  it("is there too where pawl itself has a bug, before the stack is printed", async () => {
    const io = capturedIo(folder);
    const broken = {
      ...io,
      now: () => {
        throw new TypeError("a bug");
      },
    };
    await expect(runCommandLine(broken, ["demo", "--yes", "--json"], "1.2.3")).rejects.toThrow("a bug");
    expect(io.stdout.map((line) => JSON.parse(line) as unknown)).toEqual([
      { type: "error", exit: 70, name: "internal", code: "internal", text: "a bug" },
      result(70, "internal"),
    ]);
  });

  it("belongs to running work only: other commands, a dry run and help give one document or none", async () => {
    expect((await json("lint", "nowhere.yaml")).lines).toMatchObject([{ type: "error", exit: 2 }]);
    expect((await json("upgrade", "-i", "broken.yaml", "--to", "1.9.9", "--dry-run")).lines).toMatchObject([
      { type: "error", exit: 3 },
    ]);
    const help = capturedIo(folder);
    await runCommandLine(help, ["upgrade", "--help", "--json"], "1.2.3");
    expect(help.stdout.join("\n")).not.toContain('"type"');
    expect(help.ended()).toBe("ok");
  });
});
