import { existsSync } from "node:fs";
import { join } from "node:path";
import { exitName } from "../domain/errors.ts";
import type { RunPhase } from "../domain/run-state.ts";
import { foldJournal, readJournal } from "./read.ts";

/** What a record says about its run, in words; null where the record is not on this machine. */
export async function recordSays(folder: string): Promise<{ readonly phase: RunPhase; readonly text: string } | null> {
  if (folder === "" || !existsSync(join(folder, "journal.jsonl"))) return null;
  try {
    const state = foldJournal(folder, (await readJournal(folder)).events);
    const ended = state.exit === null ? "" : ` (${exitName(state.exit)})`;
    return { phase: state.phase, text: `its record says: ${state.phase}${ended}, last written ${state.lastTime}` };
  } catch {
    return null;
  }
}
