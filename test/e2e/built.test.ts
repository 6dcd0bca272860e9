import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { installApp } from "../../bench/app.ts";
import { COMMANDS } from "../../src/cli/commands.ts";

let folder = "";
let pawl = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pawl-built-"));
  ({ pawl } = await installApp(join(folder, "app")));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function run(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const env = { ...process.env, PAWL_STATE_DIR: join(folder, "state"), NO_COLOR: "1" };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [pawl, ...args], { cwd: folder, env, maxBuffer: 1 << 26 }, (_error, out, err) =>
      resolve({ code: child.exitCode, out, err }),
    );
  });
}

describe("the built program", () => {
  it("has every command", { timeout: 120_000 }, async () => {
    for (const { name } of COMMANDS) {
      const { code, out, err } = await run(name, "--help");
      expect({ name, code, err }).toEqual({ name, code: 0, err: "" });
      expect(out).toContain(`Usage: pawl ${name}`);
    }
  });

  it("upgrades an embedded cluster, which needs every library that stays outside of it", { timeout: 300_000 }, async () => {
    const { code, out, err } = await run("demo", "--yes", "--to", "1.9.9", "--private", "1", "--public", "0");
    expect({ code, err }, out).toEqual({ code: 0, err: "" });
    const proof = /pawl verify (\S+)/.exec(out)?.[1] ?? "";
    expect(await run("verify", proof)).toMatchObject({ code: 0 });
  });
});
