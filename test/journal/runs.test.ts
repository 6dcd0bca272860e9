import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { createJournal } from "../../src/journal/file-journal.ts";
import { foldJournal, readJournal } from "../../src/journal/read.ts";
import { findRun, findRunToActOn, listRuns } from "../../src/journal/runs.ts";
import { created, finishedRun, moved, tickingClock } from "./material.ts";

async function output(...runs: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "pawl-runs-"));
  for (const run of runs) {
    const journal = await createJournal({ folder: join(folder, run), clock: tickingClock(), actor: "ada@desk" });
    await journal.append(created("f".repeat(64)));
    await journal.close();
  }
  return folder;
}

describe("finding a run", () => {
  it("takes a path, a name, a beginning, cluster/run, or latest over all clusters", async () => {
    const folder = await output(
      "production/20261119T150000Z-snapshot",
      "production/20261120T150000Z-upgrade-1.10.8",
      "staging/20261121T150000Z-upgrade-1.11.3",
    );
    const upgrade = join(folder, "production/20261120T150000Z-upgrade-1.10.8");
    for (const wanted of [
      upgrade,
      relative(folder, upgrade),
      "20261120T150000Z-upgrade-1.10.8",
      "20261120",
      "production/20261120",
    ]) {
      expect(await findRun(".", wanted, folder)).toBe(upgrade);
    }
    expect(await findRun(".", "latest", folder)).toBe(join(folder, "staging/20261121T150000Z-upgrade-1.11.3"));
    expect(await findRun(".", "production/latest", folder)).toBe(upgrade);
  });

  it("prefers the whole name to the beginning of another", async () => {
    const folder = await output("c/20261120T150000Z-snapshot", "c/20261120T150000Z-snapshot-2");
    expect(await findRun(folder, "20261120T150000Z-snapshot", "/")).toBe(join(folder, "c/20261120T150000Z-snapshot"));
  });

  it.each([
    ["2026", "ambiguous-run", '"2026" fits 2 runs'],
    ["nothing", "no-run", 'there is no run "nothing"'],
    ["", "no-run", "is a folder, but not that of a run"],
    ["c", "no-run", "c is a folder, but not that of a run"],
  ])("refuses %j with what there is", async (wanted, code, text) => {
    const folder = await output("c/20261120T150000Z-a", "d/20261121T150000Z-b");
    await expect(findRun(folder, wanted, folder)).rejects.toMatchObject({
      exit: "usage",
      code,
      message: expect.stringContaining(text),
      details: { observed: expect.stringContaining("d/20261121T150000Z-b") },
    });
  });

  it("acts on the single unfinished run only: with several, or none, a person must say which", async () => {
    const one = await output("c/20261120T150000Z-a");
    expect(await findRunToActOn(".", "latest", one)).toBe(join(one, "c/20261120T150000Z-a"));
    const two = await output("c/20261120T150000Z-a", "d/20261121T150000Z-b");
    await expect(findRunToActOn(".", "latest", two)).rejects.toMatchObject({ exit: "usage", code: "ambiguous-run" });
    expect(await findRunToActOn(".", "20261120", two)).toBe(join(two, "c/20261120T150000Z-a"));
    await expect(findRunToActOn(".", "latest", await output())).rejects.toMatchObject({ code: "nothing-unfinished" });
  });

  it("finds nothing where there is no output folder, and says so", async () => {
    const folder = await output();
    expect(await listRuns(join(folder, "missing"))).toEqual([]);
    await expect(findRun("missing", "latest", folder)).rejects.toMatchObject({ details: { observed: "no runs in missing" } });
  });

  it("passes over folders without a journal", async () => {
    const folder = await output("c/20261120T150000Z-a");
    await mkdir(join(folder, "c", "notes"));
    expect((await listRuns(folder)).map((run) => run.run)).toEqual(["20261120T150000Z-a"]);
  });
});

describe("reading a journal", () => {
  it("can be done while its writer is at work", async () => {
    const folder = await output();
    const journal = await createJournal({ folder: join(folder, "c/r"), clock: tickingClock(), actor: "engine" });
    const writing = Promise.all(Array.from({ length: 300 }, (_, n) => journal.append(moved(`p/${n}`, "prepared"))));
    for (let round = 0; round < 20; round += 1) {
      const { events } = await readJournal(journal.folder);
      expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
    }
    await writing;
    await journal.close();
    expect((await readJournal(journal.folder)).events).toHaveLength(300);
  });

  it("folds to the state of the run, and refuses a history that cannot be", async () => {
    const { folder } = await finishedRun();
    const { events } = await readJournal(folder);
    expect(foldJournal(folder, events)).toMatchObject({
      phase: "completed",
      exit: 0,
      steps: { "p/n1/s": { status: "complete" } },
    });
    const again = events.filter((event) => event.type === "step.moved").at(0);
    if (again === undefined) throw new Error("no step moved");
    expect(() => foldJournal(folder, [...events, again])).toThrow(/contradicts itself/);
  });
});
