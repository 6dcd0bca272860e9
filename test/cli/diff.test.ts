import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pawl, recordedRun, workFolder } from "./record-material.ts";

const SUMMARY = { apps: { "/web": { instances: 2 } }, leaders: { mesos: ["m1"] }, pods: null };

describe("pawl diff", () => {
  it("finds two snapshots of a quiet cluster equal, and says what neither captured", async () => {
    const cwd = await workFolder();
    await recordedRun(cwd, "20261120T020000Z-snapshot", { summary: SUMMARY });
    await recordedRun(cwd, "20261121T020000Z-snapshot", { summary: SUMMARY });
    const { exit, out } = await pawl(cwd, "diff", "20261120", "latest");
    expect(exit).toBe("ok");
    expect(out).toBe(
      "No difference between 20261120T020000Z-snapshot and 20261121T020000Z-snapshot.\nCaptured by neither, so not compared: pods.",
    );
  });

  it("names every difference and says no", async () => {
    const cwd = await workFolder();
    const before = await recordedRun(cwd, "20261120T020000Z-snapshot", { summary: SUMMARY });
    const after = await recordedRun(cwd, "20261121T020000Z-snapshot", {
      summary: { ...SUMMARY, apps: { "/web": { instances: 1 } }, leaders: { mesos: ["m2"] } },
    });
    const { exit, out } = await pawl(cwd, "diff", before, after);
    expect(exit).toBe("said-no");
    expect(out.split("\n").slice(0, 4)).toEqual([
      "3 differences between 20261120T020000Z-snapshot and 20261121T020000Z-snapshot:",
      "  ~ apps › /web › instances: 2 → 1",
      "  - leaders › mesos › m1",
      "  + leaders › mesos › m2",
    ]);
    const json = JSON.parse((await pawl(cwd, "diff", before, after, "--json")).out);
    expect(json).toMatchObject({
      equal: false,
      before,
      after,
      notCompared: ["pods"],
      differences: [{ path: ["apps", "/web", "instances"], kind: "changed", before: 2, after: 1 }, {}, {}],
    });
  });

  it("says no, with the reason, to a run without summary and to one whose summary was changed", async () => {
    const cwd = await workFolder();
    const snapshot = await recordedRun(cwd, "20261120T020000Z-snapshot", { summary: SUMMARY });
    const upgrade = await recordedRun(cwd, "20261121T150000Z-upgrade-1.11.3");
    expect(await pawl(cwd, "diff", snapshot, upgrade)).toMatchObject({
      exit: "said-no",
      err: expect.stringContaining("holds no summary"),
    });
    const [artifact = ""] = await readdir(join(snapshot, "artifacts"));
    await writeFile(join(snapshot, "artifacts", artifact), "{}");
    expect(await pawl(cwd, "diff", snapshot, snapshot)).toMatchObject({
      exit: "said-no",
      err: expect.stringContaining("were changed"),
    });
  });
});
