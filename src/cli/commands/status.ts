import { Command } from "commander";
import type { Io } from "../io.ts";
import { paperOf } from "../options.ts";
import { DEFAULT_OUTPUT, stateDir } from "../places.ts";
import { outputDirWords, spellOf } from "../spell.ts";

/** `pawl status [RUN]`: where a run stands, what it waits for, and the next command. Reads the record; the engine is not asked. */
export function statusCommand(io: Io): Command {
  return new Command("status")
    .argument("[run]", "run folder, name, or latest", "latest")
    .option("--output-dir <folder>", "where evidence goes", DEFAULT_OUTPUT)
    .option("--json", "one JSON document")
    .action(async (run: string, options: { readonly outputDir: string; readonly json?: true }) => {
      const { findRun } = await import("../../journal/runs.ts");
      const { readPlan } = await import("../../journal/plan-file.ts");
      const { foldJournal, readJournal } = await import("../../journal/read.ts");
      const { readLocalLock } = await import("../../journal/local-lock.ts");
      const { lookFor } = await import("../../journal/process-identity.ts");
      const { renderStatus, statusJson } = await import("../../view/status.ts");
      const { speaksUnicode } = await import("../../view/paper.ts");
      const folder = await findRun(options.outputDir, run, io.cwd);
      const plan = await readPlan(folder);
      const { events } = await readJournal(folder);
      const state = foldJournal(folder, events);
      const holder = await readLocalLock(stateDir(io.env), plan.cluster.id);
      const alive = holder?.runFolder === folder ? lookFor(holder) === "alive" : false;
      const words = { spell: spellOf(io, folder), outputDir: outputDirWords(io, folder) };
      // The record's own time: a lab's clock is not this machine's.
      const nowMs = Date.parse(state.lastTime);
      if (options.json === true) io.out(JSON.stringify(statusJson(state, plan, nowMs, { alive, ...words })));
      else io.out(renderStatus(state, plan, nowMs, { ...paperOf(io, speaksUnicode(io.env)), alive, ...words }));
      const { isSurveyOnRecord, neverBegun } = await import("../begun.ts");
      const whole = alive || state.phase !== "created" || (await isSurveyOnRecord(folder, plan, events));
      if (!whole && options.json !== true) {
        const { message, details } = neverBegun(state.run, plan);
        io.err(`${message}.\n${details.next ?? ""}`);
      }
      io.exit("ok");
    });
}
