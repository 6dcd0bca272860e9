import { join } from "node:path";
import { PawlError } from "../domain/errors.ts";
import type { RunEvent } from "../domain/events.ts";
import { fold, type RunState } from "../domain/run-state.ts";
import { asEvent, parseLine } from "./event-line.ts";
import { readLines } from "./journal-lines.ts";

/** A journal as a reader sees it; a writer may be at work on it right now. */
export interface ReadJournal {
  /** Events of types this pawl knows, in order. */
  readonly events: readonly RunEvent[];
  /** Types a newer pawl wrote, which are not among the events. */
  readonly unknownTypes: readonly string[];
  /** The last line is not complete: its writer is at work, or was interrupted. */
  readonly torn: boolean;
}

/**
 * All events of a run. Readers do not check the chain (`verifyRun` does), but a line that is no event ends the reading:
 * throws PawlError `said-no` with the line, `usage` where there is no journal.
 */
export async function readJournal(folder: string): Promise<ReadJournal> {
  const path = join(folder, "journal.jsonl");
  const events: RunEvent[] = [];
  const unknownTypes = new Set<string>();
  let torn = false;
  try {
    for await (const lines of readLines(path)) {
      for (const line of lines) {
        if (!line.complete) {
          torn = true;
          continue;
        }
        const parsed = parseLine(line.bytes.toString("utf8"));
        if ("wrong" in parsed) {
          throw new PawlError("said-no", "bad-line", `the journal cannot be read: ${path}:${line.number} ${parsed.wrong}`, {
            expected: "one event a line",
            evidence: [`${path}:${line.number}`],
            next: `pawl verify ${folder}`,
          });
        }
        const event = asEvent(parsed);
        if (event === null) unknownTypes.add(parsed.type);
        else events.push(event);
      }
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new PawlError("usage", "no-run", `there is no run in ${folder}`, {
      expected: "a folder with journal.jsonl",
      next: "pawl runs",
    });
  }
  return { events, unknownTypes: [...unknownTypes], torn };
}

/** The state that the events add up to. Throws PawlError `said-no` where they contradict each other. */
export function foldJournal(folder: string, events: readonly RunEvent[]): RunState {
  try {
    return fold(events);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new PawlError("said-no", "bad-history", `the journal of ${folder} contradicts itself: ${cause.message}`, {
      next: `pawl verify ${folder}`,
      cause,
    });
  }
}
