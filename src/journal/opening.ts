import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PawlError } from "../domain/errors.ts";
import type { RunEvent } from "../domain/events.ts";
import { asEvent, lineHash, NO_LINE_BEFORE, parseLine } from "./event-line.ts";
import { readLines, type JournalLine } from "./journal-lines.ts";
import type { JournalHead } from "./seal.ts";

/** What a writer needs to go on. */
export interface Opening {
  readonly events: RunEvent[];
  readonly hash: string;
  /** Length of the sound part. */
  readonly bytes: number;
  /** Bytes of a torn last line; empty when there is none. */
  readonly torn: Buffer;
}

function refuse(
  folder: string,
  code: string,
  line: number | null,
  observed: string,
  expected: string,
  next = `pawl verify ${folder}`,
): PawlError {
  const where = line === null ? "journal.jsonl" : `journal.jsonl:${line}`;
  return new PawlError("said-no", code, `the journal cannot be continued: ${where} ${observed}`, {
    expected,
    observed,
    evidence: [join(folder, where)],
    next,
  });
}

/** Reads `head.json`. Null when the run was never sealed. Throws PawlError when it is not one of ours. */
export async function readHead(folder: string): Promise<JournalHead | null> {
  let text: string;
  try {
    text = await readFile(join(folder, "head.json"), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  try {
    const head = JSON.parse(text) as Partial<JournalHead> | null;
    if (head?.v === 1 && Number.isInteger(head.seq) && Number.isInteger(head.bytes) && typeof head.hash === "string")
      return head as JournalHead;
  } catch {
    // Said below, with everything else that is not a head.
  }
  throw new PawlError("said-no", "bad-head", "head.json is not the head of a journal", {
    expected: "v, seq, hash, bytes",
    evidence: [join(folder, "head.json")],
    next: `pawl verify ${folder}`,
  });
}

/**
 * Reads a whole journal for its next writer and checks everything a resume stands on: chain, sequence, known types, and
 * the head of the last seal. Changes nothing. Throws PawlError `said-no` with the line that is wrong.
 */
export async function readForWriting(folder: string): Promise<Opening> {
  const head = await readHead(folder);
  const events: RunEvent[] = [];
  let hash = NO_LINE_BEFORE;
  let bytes = 0;
  let torn: Buffer = Buffer.alloc(0);
  for await (const lines of openLines(folder)) {
    for (const line of lines) {
      if (!line.complete) {
        torn = Buffer.from(line.bytes);
        continue;
      }
      const parsed = parseLine(line.bytes.toString("utf8"));
      if ("wrong" in parsed) throw refuse(folder, "bad-line", line.number, parsed.wrong, "one event a line");
      if (parsed.seq !== line.number)
        throw refuse(folder, "bad-sequence", line.number, `has seq ${parsed.seq}`, `seq ${line.number}`);
      if (parsed.prev !== hash)
        throw refuse(folder, "broken-chain", line.number, "does not follow the line before it", `prev ${hash}`);
      const event = asEvent(parsed);
      if (event === null) {
        throw refuse(
          folder,
          "newer-event",
          line.number,
          `is a ${parsed.type} event of format ${parsed.v}, which this pawl does not know`,
          "events this version understands",
          "resume with the pawl version that wrote it",
        );
      }
      events.push(event);
      hash = lineHash(line.bytes);
      bytes = line.end;
      if (head?.seq === line.number && (head.hash !== hash || head.bytes !== bytes))
        throw refuse(folder, "bad-head", line.number, "is not the line that head.json names", head.hash);
    }
  }
  if (head !== null && head.seq > events.length)
    throw refuse(folder, "cut-tail", events.length, `is the last line, but ${head.seq} were written`, `${head.seq} lines`);
  return { events, hash, bytes, torn };
}

async function* openLines(folder: string): AsyncGenerator<readonly JournalLine[]> {
  try {
    yield* readLines(join(folder, "journal.jsonl"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new PawlError("usage", "no-run", `there is no run in ${folder}`, {
      expected: "a folder with journal.jsonl",
      next: "pawl runs",
    });
  }
}
