import { execFile } from "node:child_process";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
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

  it("takes the code that was compiled at the build, and compiles its source anew where that is damaged or of another build", async () => {
    const app = dirname(dirname(pawl));
    const cache = join(app, "dist", "pawl.cache");
    const good = await readFile(cache);
    const compiled = async (): Promise<string> => {
      const script = `import { openProgram } from "./bin/program.js"; console.log(openProgram("dist").compiled)`;
      const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { cwd: app });
      return stdout.trim();
    };
    expect(await compiled()).toBe("true");
    const version = await run("--version");
    expect(version).toMatchObject({ code: 0, err: "" });
    const flipped = Buffer.from(good);
    flipped.writeUInt8(flipped.readUInt8(good.length >> 1) ^ 1, good.length >> 1);
    for (const bad of [flipped, good.subarray(0, good.length - 1), good.subarray(0, 10), Buffer.alloc(0)]) {
      await writeFile(cache, bad);
      expect(await compiled()).toBe("false");
      expect(await run("--version")).toEqual(version);
    }
    await rm(cache);
    expect(await run("--version")).toEqual(version);
    await writeFile(cache, good);
    await appendFile(join(app, "dist", "pawl.cjs"), "\n");
    expect(await compiled()).toBe("false");
    expect(await run("--version")).toEqual(version);
  });

  it("upgrades an embedded cluster, which needs every library that stays outside of it", { timeout: 300_000 }, async () => {
    const { code, out, err } = await run("demo", "--yes", "--to", "1.9.9", "--private", "1", "--public", "0");
    expect({ code, err }, out).toEqual({ code: 0, err: "" });
    const proof = /pawl verify (\S+)/.exec(out)?.[1] ?? "";
    expect(await run("verify", proof)).toMatchObject({ code: 0 });
  });
});
