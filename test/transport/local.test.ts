import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLocalRunner } from "../../src/transport/local.ts";
import { eventually } from "../real/process.ts";

describe("local commands", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "pawl-local-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const run = (argv: readonly string[], timeoutMs = 10_000, env?: Readonly<Record<string, string>>) =>
    createLocalRunner({ cwd: folder }).run(argv, { timeoutMs, ...(env === undefined ? {} : { env }) });

  it("get their words as they are: no shell looks at them", async () => {
    expect(await run(["printf", "%s|", "$HOME", "a b", "*", "; ls"])).toMatchObject({
      kind: "exited",
      code: 0,
      stdout: "$HOME|a b|*|; ls|",
    });
  });

  it("end with their exit code, both outputs apart and unchanged", async () => {
    expect(await run(["sh", "-c", "echo out; echo err >&2; exit 3"])).toEqual({
      kind: "exited",
      code: 3,
      stdout: "out\n",
      stderr: "err\n",
    });
  });

  it("see the environment given to them, and an empty input", async () => {
    expect(await run(["sh", "-c", 'cat; printf %s "$PAWL_NODE"'], 10_000, { PAWL_NODE: "m1" })).toMatchObject({ stdout: "m1" });
  });

  it("that die by a signal end with 128 and its number", async () => {
    expect(await run(["sh", "-c", "kill -9 $$"])).toMatchObject({ kind: "exited", code: 137 });
  });

  it("that take too long are ended with their children", async () => {
    const mark = join(folder, "late");
    expect(await run(["sh", "-c", `(sleep 1; : >'${mark}') & wait`], 200)).toMatchObject({ kind: "timed-out", afterMs: 200 });
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(existsSync(mark)).toBe(false);
  });

  it("that do not exist, or may not be executed, were certainly not begun", async () => {
    const file = join(folder, "plain");
    writeFileSync(file, "text", { mode: 0o644 });
    expect(await run(["no-such-program-here"])).toMatchObject({ kind: "lost", code: "not-found", sent: false });
    expect(await run([file])).toMatchObject({ kind: "lost", code: "not-executable", sent: false });
    expect(await run([])).toMatchObject({ kind: "lost", sent: false });
  });

  it("that write without end cost no more than the bound, and lose only the middle", async () => {
    const outcome = await run(["sh", "-c", "echo first; head -c 8000000 /dev/zero | tr '\\0' x; echo; echo last"]);
    const text = outcome.kind === "exited" ? outcome.stdout : "";
    expect(text.length).toBeLessThan(1_100_000);
    expect(text).toMatch(/^first\nx+\n\[\d+ bytes left out\]\nx+\nlast\n$/);
  });

  it("that ignore SIGTERM are killed", async () => {
    const outcome = run(["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"], 200);
    let done = false;
    void outcome.then(() => (done = true));
    await eventually(
      () => done,
      () => "it still runs",
    );
    expect(await outcome).toMatchObject({ kind: "timed-out" });
  });
});
