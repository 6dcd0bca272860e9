import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pawl, recordedRun, workFolder } from "./record-material.ts";

describe("pawl report", () => {
  it("prints the very report that lies in the sealed folder", async () => {
    const cwd = await workFolder();
    const folder = await recordedRun(cwd, "20261120T150000Z-upgrade-1.11.3");
    const { exit, out } = await pawl(cwd, "report", folder);
    expect(exit).toBe("ok");
    expect(`${out}\n`).toBe(await readFile(join(folder, "report.md"), "utf8"));
    const json = await pawl(cwd, "report", folder, "--json");
    expect(JSON.parse(json.out)).toEqual(JSON.parse(await readFile(join(folder, "report.json"), "utf8")));
  });

  it("changes nothing in the folder: it verifies afterwards", async () => {
    const cwd = await workFolder();
    const folder = await recordedRun(cwd, "20261120T150000Z-upgrade-1.11.3", { sealed: true });
    await pawl(cwd, "report", folder);
    expect((await pawl(cwd, "verify", folder)).exit).toBe("ok");
  });
});
