import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pawl, recordedRun, workFolder } from "./record-material.ts";

describe("pawl runs", () => {
  it("lists the runs of all clusters, newest first, with how they ended", async () => {
    const cwd = await workFolder();
    await recordedRun(cwd, "20261120T150000Z-upgrade-1.11.3");
    await recordedRun(cwd, "20261121T020000Z-snapshot", { cluster: "staging", summary: {} });
    await recordedRun(cwd, "20261122T150000Z-upgrade-1.11.3", {
      end: { type: "run.halted", exit: 5, step: null, problem: { code: "x", text: "m1 is late" } },
    });
    const { exit, out } = await pawl(cwd, "runs");
    expect(exit).toBe("ok");
    expect(out.split("\n").map((line) => line.replaceAll(/ {2,}/g, "  "))).toEqual([
      "RUN  CLUSTER  OUTCOME  TOOK  BY  NOTE",
      "20261122T150000Z-upgrade-1.11.3  production  gate-halted  2m  ada@desk  m1 is late",
      "20261121T020000Z-snapshot  staging  ok  3m  ada@desk",
      "20261120T150000Z-upgrade-1.11.3  production  ok  2m  ada@desk",
    ]);
    const json = JSON.parse((await pawl(cwd, "runs", "staging", "--json")).out);
    expect(json.runs).toMatchObject([
      { cluster: "staging", run: "20261121T020000Z-snapshot", kind: "dcos-snapshot", phase: "completed", exit: 0 },
    ]);
  });

  it("lists a run it cannot read instead of hiding it or failing", async () => {
    const cwd = await workFolder();
    await mkdir(join(cwd, "backups", "production", "20261120T150000Z-odd"), { recursive: true });
    await writeFile(join(cwd, "backups", "production", "20261120T150000Z-odd", "journal.jsonl"), "garbage\n");
    const { exit, out } = await pawl(cwd, "runs");
    expect(exit).toBe("ok");
    expect(out).toMatch(/20261120T150000Z-odd +production +unreadable/);
  });

  it("does not list a run that is being removed", async () => {
    const cwd = await workFolder();
    await recordedRun(cwd, ".removing-20261120T020000Z-snapshot", { summary: {} });
    expect((await pawl(cwd, "runs")).out).toBe("No runs in backups.");
  });

  it("says that there are none", async () => {
    expect(await pawl(await workFolder(), "runs")).toMatchObject({ exit: "ok", out: "No runs in backups." });
  });
});
