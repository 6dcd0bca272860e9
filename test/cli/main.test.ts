import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runCommandLine } from "../../src/cli/main.ts";
import { capturedIo } from "./captured-io.ts";

const folder = mkdtempSync(join(tmpdir(), "pawl-main-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("the command line", () => {
  it("prints pawl's own version only where no command is named", async () => {
    const own = capturedIo(folder);
    await runCommandLine(own, ["--version"], "9.8.7");
    expect(own.stdout).toEqual(["9.8.7"]);
    expect(own.ended()).toBe("ok");
    for (const words of [
      ["lab", "up", "--version", "not-a-version"],
      ["demo", "--version", "not-a-version"],
    ]) {
      const io = capturedIo(folder);
      await runCommandLine(io, words, "9.8.7");
      expect(io.stdout).toEqual([]);
      expect(["usage", "refused"]).toContain(io.ended());
      expect(io.stderr.join("\n")).toContain("not-a-version");
    }
  });
});
