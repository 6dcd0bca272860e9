import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fold } from "../../src/domain/run-state.ts";
import { readJournal } from "../../src/journal/read.ts";
import { pawl, recordedRun, workFolder } from "./record-material.ts";

const RUN = "20261120T150000Z-upgrade-1.11.3";
const WHY = "quiet for a day";

describe("pawl accept", () => {
  it("is what makes a complete run a finished one: who, when and why stand in the record, which stays whole", async () => {
    const cwd = await workFolder();
    const folder = await recordedRun(cwd, RUN, { worked: true });
    expect((await pawl(cwd, "runs")).out).toMatch(/ complete, not accepted /);
    const before = await pawl(cwd, "status", RUN);
    expect(before.out).toContain("complete, not accepted");
    expect(before.out).toContain(`pawl accept ${RUN} --reason TEXT`);
    expect(await readFile(join(folder, "report.md"), "utf8")).toMatch(/: complete, not accepted$/m);
    expect(JSON.parse(await readFile(join(folder, "report.json"), "utf8")).acceptance).toEqual({ state: "open", given: null });

    const accepted = await pawl(cwd, "accept", RUN, "--reason", WHY);
    expect([accepted.exit, accepted.err]).toEqual(["ok", ""]);

    const state = fold((await readJournal(folder)).events);
    expect(state.accepted).toMatchObject({ by: "op@host", reason: WHY });
    expect(state).toMatchObject({ phase: "completed", exit: 0 });
    const runs = JSON.parse((await pawl(cwd, "runs", "--json")).out).runs;
    expect(runs).toMatchObject([{ accepted: { by: "op@host", reason: WHY }, awaitsAcceptance: false, exit: 0 }]);
    expect((await pawl(cwd, "runs")).out).toMatch(/ ok, accepted .* accepted by op@host/);
    expect((await pawl(cwd, "status", RUN)).out).toContain(`accepted: op@host at ${state.accepted?.at ?? ""}: ${WHY}`);
    expect(JSON.parse((await pawl(cwd, "status", RUN, "--json")).out)).toMatchObject({
      accepted: { by: "op@host", reason: WHY },
      awaitsAcceptance: false,
    });
    const report = await readFile(join(folder, "report.md"), "utf8");
    expect(report).toMatch(/: complete, accepted by op@host$/m);
    expect(report).toContain(WHY);
    // The run was over when it was over: the time until somebody accepted it is none of its own.
    expect(report).toContain("It took 8m");
    expect((await pawl(cwd, "verify", RUN)).exit).toBe("ok");
  });

  it("is given once", async () => {
    const cwd = await workFolder();
    await recordedRun(cwd, RUN, { worked: true });
    await pawl(cwd, "accept", RUN, "--reason", WHY);
    const again = await pawl(cwd, "accept", RUN, "--reason", "me too");
    expect(again.exit).toBe("said-no");
    expect(again.err).toContain("is accepted already");
    expect(again.err).toContain(WHY);
  });

  it("of a run with nodes set aside does not hide them", async () => {
    const cwd = await workFolder();
    const folder = await recordedRun(cwd, RUN, { worked: true, end: { type: "run.completed", exit: 10, setAside: ["a1"] } });
    expect((await pawl(cwd, "runs")).out).toMatch(/ set-aside, not accepted /);
    expect((await pawl(cwd, "accept", RUN, "--reason", WHY, "--json")).exit).toBe("ok");
    expect(fold((await readJournal(folder)).events).exit).toBe(10);
    expect(await readFile(join(folder, "report.md"), "utf8")).toMatch(/: complete, with nodes set aside, accepted by op@host$/m);
  });

  it.each([
    [
      "halted",
      { worked: true, end: { type: "run.halted", exit: 5, step: null, problem: { code: "x", text: "m1 is late" } } },
      "not complete",
    ],
    ["that only looked", { summary: {} }, "changed nothing"],
    ["of a preflight, which was never begun", {}, "changed nothing"],
  ] as const)("is refused of a run %s, which stays as it is", async (_, over, says) => {
    const cwd = await workFolder();
    const folder = await recordedRun(cwd, RUN, over);
    const before = await readFile(join(folder, "journal.jsonl"), "utf8");
    const refused = await pawl(cwd, "accept", RUN, "--reason", WHY);
    expect(refused.exit).toBe("said-no");
    expect(refused.err).toContain(says);
    expect(await readFile(join(folder, "journal.jsonl"), "utf8")).toBe(before);
  });

  it("needs a sentence", async () => {
    const cwd = await workFolder();
    await recordedRun(cwd, RUN, { worked: true });
    expect((await pawl(cwd, "accept", RUN)).exit).toBe("usage");
    expect((await pawl(cwd, "accept", RUN, "--reason", "  ")).exit).toBe("usage");
  });
});
