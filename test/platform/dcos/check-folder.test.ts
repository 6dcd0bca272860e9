import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createJq } from "../../../src/check/jq.ts";
import type { Manifest } from "../../../src/journal/manifest.ts";
import { pawl } from "../../cli/record-material.ts";
import { embed } from "./embedded.ts";
import { onDisk } from "./on-disk.ts";

let folder: string;
/** Last night's snapshot of a healthy cluster, and one of the same cluster in trouble. */
let well: string;
let ill: string;
let upgraded: string;

const check = (...args: readonly string[]) => pawl(folder, "check", ...args);
const verdictOf = (out: string): unknown => (JSON.parse(out) as { readonly verdict: string }).verdict;

describe("pawl check over what a run or a snapshot has kept", () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pawl-check-folder-"));
    const jq = createJq();
    const embedded = await embed({ version: "1.10.8", privateAgents: 1, publicAgents: 0, jq });
    const desk = onDisk(embedded, join(folder, "backups"), join(folder, "state"));
    const first = await desk.snapshot();
    expect([first.exit, first.error]).toEqual(["ok", null]);
    well = first.runs[0] ?? "";
    const run = await desk.upgrade("1.11.3", { stopAfter: "masters/m2/upgrade" });
    expect([run.exit, run.error]).toEqual(["ok", null]);
    upgraded = run.runs[1] ?? "";
    embedded.lab.cluster.strike({ name: "replog-not-recovered", node: "m3" });
    embedded.lab.cluster.strike({ name: "disk-full", node: "a1" });
    await embedded.lab.clock.sleep(120_000);
    const second = await desk.snapshot();
    expect([second.exit, second.error]).toEqual(["ok", null]);
    ill = second.runs.find((one) => one !== well && one !== upgraded) ?? "";
    await jq.close();
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    "replog-recovered",
    "disk-space",
    "clock-in-step",
    "agents-registered",
    "zookeeper-quorum",
    "role-file",
    "one-leader",
    "marathon-leads",
    "exhibitor-serving",
  ])("%s passes over a healthy night, with every subject asserted", async (name) => {
    const told = await check(name, "--evidence", well, "--json");
    expect([told.exit, told.err]).toEqual(["ok", ""]);
    const answer = JSON.parse(told.out) as { readonly verdict: string; readonly asserted: { readonly subjects: number } };
    expect(answer.verdict).toBe("pass");
    expect(answer.asserted.subjects).toBeGreaterThan(0);
  });

  it("says what it stands on, and fails over a night in trouble with what was observed and the remedy", async () => {
    const told = await check("replog-recovered", "--evidence", ill);
    expect(told.exit).toBe("said-no");
    expect(told.out).toMatch(/^Over \d+ captured answers, the last of 2026-11-20T\d\d:\d\d:\d\d/);
    expect(told.out).toMatch(/replog-recovered {2}(?:fail|inconclusive)/);
    expect(told.out).toMatch(/m3/);
    expect(told.out).toMatch(/remedy/);
    expect(verdictOf((await check("disk-space", "--evidence", ill, "--json")).out)).toBe("fail");
  });

  it("takes the very reading a check was judged by, where the run has measured it", async () => {
    const run = JSON.parse(readFileSync(join(upgraded, "manifest.json"), "utf8")) as Manifest;
    const measured = run.artifacts.findLast((one) => /^reading of /.test(one.evidenceOf));
    const name = measured?.evidenceOf.replace(/^reading of (\S+):.*$/, "$1") ?? "";
    const told = await check(name, "--evidence", upgraded);
    expect([told.exit, told.err]).toEqual(["ok", ""]);
    expect(told.out).toContain(`Over ${measured?.name ?? "-"}, measured at 2026-`);
  });

  it("gives no verdict on what was not captured: it is no answer, never a pass", async () => {
    const told = await check("unit-health", "--evidence", well, "--json");
    expect(told.exit).toBe("said-no");
    expect(JSON.parse(told.out)).toMatchObject({ verdict: "inconclusive", why: "no-answer" });
  });

  it("refuses a folder that is no run's, one beside other evidence, and an inventory that is not there: 2 or 3 with the way on", async () => {
    const other = await check("replog-recovered", "--evidence", "backups");
    expect([other.exit, other.out]).toEqual(["usage", ""]);
    expect(other.err).toMatch(/not that of a run or a snapshot/);
    expect(other.err).toContain("pawl runs");
    const both = await check("replog-recovered", "--evidence", well, "lab.yaml");
    expect([both.exit, both.out]).toEqual(["usage", ""]);
    renameSync(join(folder, "lab.yaml"), join(folder, "moved.yaml"));
    const gone = await check("replog-recovered", "--evidence", well);
    expect([gone.exit, gone.out]).toEqual(["usage", ""]);
    expect(gone.err).toContain("-i FILE");
    expect((await check("replog-recovered", "--evidence", well, "-i", "moved.yaml")).exit).toBe("ok");
    renameSync(join(folder, "moved.yaml"), join(folder, "lab.yaml"));
  });

  it("believes no captured file that was changed since: 1, and the file is named", async () => {
    const manifest = JSON.parse(readFileSync(join(well, "manifest.json"), "utf8")) as Manifest;
    const metrics = manifest.artifacts.find((one) => one.name === "masters/m2/metrics.json")?.sha256 ?? "";
    const path = join(well, "artifacts", metrics);
    const before = readFileSync(path);
    writeFileSync(path, before.toString("utf8").replace('"registrar', '"Registrar'));
    const told = await check("replog-recovered", "--evidence", well);
    writeFileSync(path, before);
    expect(told.exit).toBe("said-no");
    expect(told.err).toContain("captured bytes were changed");
    expect(told.err).toContain(metrics);
    expect(told.err).toContain(`pawl verify ${well}`);
  });
});
