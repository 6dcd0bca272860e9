import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { openJournal } from "../journal/file-journal.ts";
import { takeWriterLock } from "../journal/local-lock.ts";
import { createClock } from "../transport/clock.ts";
import type { Io } from "./io.ts";

/** Journals in the holder's own run that its lock was broken, by whom and why; nothing where its folder is not here, or somebody else writes there. */
export async function recordBrokenLock(
  io: Io,
  runFolder: string,
  clusterId: string,
  holder: string,
  reason: string,
): Promise<void> {
  if (!existsSync(join(runFolder, "journal.jsonl"))) return;
  const request = { clusterId, run: basename(runFolder), runFolder, operator: io.actor, nowMs: io.now() };
  const lock = await takeWriterLock(request);
  if (lock.kind === "held") return;
  try {
    await append(io, runFolder, holder, reason);
  } finally {
    await lock.lock.release();
  }
}

async function append(io: Io, runFolder: string, holder: string, reason: string): Promise<void> {
  const journal = await openJournal({ folder: runFolder, clock: createClock(), actor: io.actor });
  try {
    await journal.append({ type: "lock.broken", holder, reason });
    await journal.seal();
  } finally {
    await journal.close();
  }
}
