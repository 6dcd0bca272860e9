import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { eventsOf } from "../../e2e/record.ts";
import { readJournal } from "../../../src/journal/read.ts";
import { pawl as command } from "../../cli/record-material.ts";
import { embed } from "./embedded.ts";
import { onDisk } from "./on-disk.ts";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "pawl-journey-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("a run that was ended before its preflight was on record was never begun: status and resume say so, verify calls it unproven", async () => {
  const embedded = await embed({ version: "1.10.8", privateAgents: 1, publicAgents: 0 });
  const pawl = onDisk(embedded, join(folder, "backups"), join(folder, "state"));
  const { runs } = await pawl.upgrade("1.11.3", { stopAfter: "masters/m2/upgrade", nobody: true });
  const run = runs[0] ?? "";
  const lines = readFileSync(join(run, "journal.jsonl"), "utf8").split("\n");
  const third = lines.findIndex((line) => line.includes('"finding.reported"')) + 3;
  for (const name of readdirSync(run)) if (!["plan.json", "artifacts"].includes(name)) rmSync(join(run, name));
  // Killed in the middle of a line, with a file half written.
  writeFileSync(join(run, "journal.jsonl"), `${lines.slice(0, third).join("\n")}\n${lines[third]?.slice(0, 80) ?? ""}`);
  writeFileSync(join(run, "artifacts", ".part.5f6c2a52-7a0e-4b3e-9c55-3d1f6a3f3b10.tmp"), "half");
  const status = await command(folder, "status", run);
  expect([status.exit, status.err]).toEqual([
    "ok",
    expect.stringContaining("ended before its preflight was on record: nothing was begun"),
  ]);
  expect(status.err).toContain("pawl upgrade -i");
  const verified = await command(folder, "verify", run);
  expect(verified.exit).toBe("said-no");
  expect(verified.err + verified.out).not.toMatch(/broken/);
  expect(verified.out).toContain(".part.");
  const resumed = await pawl.resume(run);
  expect([resumed.exit, resumed.error?.code, resumed.events]).toEqual(["refused", "never-begun", []]);
  // Where even its findings are gone it is refused as well, and locks nobody out.
  const kept = lines.find((line) => line.includes('"preflight.json"')) ?? "";
  rmSync(join(run, "artifacts", /"sha256":"(\w+)"/.exec(kept)?.[1] ?? ""));
  const again = await pawl.resume(run);
  expect([again.exit, again.error?.code]).toEqual(["said-no", "no-artifact"]);
  expect(readdirSync(run)).not.toContain("writer.lock");
  expect(readdirSync(join(folder, "state", "locks"))).toEqual([]);
  expect(Object.values(embedded.lab.cluster.inspect()).flatMap((node) => node.scriptRuns)).toEqual([]);
  await embedded.close();
}, 120_000);

it(
  "a hop begun by a resume has the ticket of the hop before it, and is asked about anew where nobody approves",
  { timeout: 300_000 },
  async () => {
    const embedded = await embed({ version: "1.9.9", privateAgents: 1, publicAgents: 0 });
    await embedded.byHand("1.9.9", "1.10.8", ["m1", "m2", "m3"]);
    const pawl = onDisk(embedded, join(folder, "backups"), join(folder, "state"));
    const first = await pawl.upgrade("1.11.3", { ticket: "CHG-4711", stopAfter: "validation" });
    expect([first.exit, first.runs.length, first.error]).toEqual(["ok", 1, null]);
    const resumed = await pawl.resume(first.runs[0] ?? "", { approve: ["site-specific"] });
    expect([resumed.exit, resumed.runs.length, resumed.error]).toEqual(["waiting", 2, null]);
    const created = await Promise.all(
      resumed.runs.map(async (run) => eventsOf((await readJournal(run)).events, "run.created")[0]),
    );
    expect(created).toMatchObject([{ ticket: "CHG-4711" }, { ticket: "CHG-4711" }]);
    await embedded.close();
  },
);
