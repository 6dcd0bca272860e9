import { existsSync } from "node:fs";
import { join } from "node:path";
import { openJournal } from "../journal/file-journal.ts";
import { createClock } from "../transport/clock.ts";
import type { Io } from "./io.ts";

/** Journals in the holder's own run that its lock was broken, by whom and why; nothing where its folder is not here. */
export async function recordBrokenLock(io: Io, runFolder: string, holder: string, reason: string): Promise<void> {
  if (!existsSync(join(runFolder, "journal.jsonl"))) return;
  const journal = await openJournal({ folder: runFolder, clock: createClock(), actor: io.actor });
  try {
    await journal.append({ type: "lock.broken", holder, reason });
    await journal.seal();
  } finally {
    await journal.close();
  }
}
