import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pawl, recordedRun, workFolder } from "./record-material.ts";

describe("pawl verify", () => {
  it("proves a whole record and names the head to keep", async () => {
    const cwd = await workFolder();
    await recordedRun(cwd, "20261120T150000Z-upgrade-1.11.3");
    const { exit, out, err } = await pawl(cwd, "verify", "latest");
    expect([exit, err]).toEqual(["ok", ""]);
    expect(out).toMatch(
      /^The record is whole\. 3 events, 0 artifacts \(0 B\), 7 files compared\.\nHead [0-9a-f]{64} at event 3:/,
    );
  });

  it("says no to a changed record, with file and line", async () => {
    const cwd = await workFolder();
    const folder = await recordedRun(cwd, "20261120T150000Z-upgrade-1.11.3");
    const path = join(folder, "journal.jsonl");
    await writeFile(path, (await readFile(path, "utf8")).replace('"host":"desk"', '"host":"disk"'));
    const { exit, err } = await pawl(cwd, "verify", "20261120");
    expect(exit).toBe("said-no");
    expect(err).toContain("broken    journal.jsonl:3 does not follow the line before it");
    expect(err).toContain("The record was changed or damaged.");
    const json = await pawl(cwd, "verify", "20261120", "--json");
    expect(json.exit).toBe("said-no");
    expect(JSON.parse(json.out)).toMatchObject({
      ok: false,
      folder,
      findings: expect.arrayContaining([expect.objectContaining({ level: "broken", file: "journal.jsonl", line: 3 })]),
    });
  });

  it("says no to a record that is not sealed, because a cut tail could not be seen", async () => {
    const cwd = await workFolder();
    await recordedRun(cwd, "20261120T150000Z-upgrade-1.11.3", { sealed: false });
    const { exit, err } = await pawl(cwd, "verify");
    expect(exit).toBe("said-no");
    expect(err).toContain("The record cannot be shown to be whole.");
  });

  it("names the runs there are when the wanted one is not among them", async () => {
    const cwd = await workFolder();
    await recordedRun(cwd, "20261120T150000Z-upgrade-1.11.3");
    await recordedRun(cwd, "20261120T160000Z-upgrade-1.11.3");
    const unknown = await pawl(cwd, "verify", "nothing");
    expect(unknown.exit).toBe("usage");
    expect(unknown.err).toContain("production/20261120T160000Z-upgrade-1.11.3");
    expect((await pawl(cwd, "verify", "2026112")).err).toContain("fits 2 runs");
    expect((await pawl(await workFolder(), "verify")).exit).toBe("usage");
  });
});
