import { createHash, type Hash } from "node:crypto";
import { join } from "node:path";
import type { RunEvent } from "../domain/events.ts";
import { canMove, type StepStatus } from "../domain/status.ts";
import { asEvent, lineHash, MAX_LINE_BYTES, NO_LINE_BEFORE, parseLine } from "./event-line.ts";
import { readLines, type JournalLine } from "./journal-lines.ts";
import { mentionsArtifact, type ManifestEvent } from "./manifest.ts";
import type { JournalHead } from "./seal.ts";

/**
 * `broken`: the record was changed or damaged. `unproven`: nothing contradicts the record, but it cannot be shown to be
 * whole (not sealed, a seal that was interrupted). `note`: worth knowing, changes no verdict.
 */
export interface RecordFinding {
  readonly level: "broken" | "unproven" | "note";
  /** File in the run folder. */
  readonly file: string;
  /** Line in that file, from 1; null where no line is meant. */
  readonly line: number | null;
  readonly text: string;
}

/** What reading the journal once, from front to back, told. */
export interface JournalSurvey {
  readonly findings: readonly RecordFinding[];
  readonly seq: number;
  readonly hash: string;
  readonly bytes: number;
  /** SHA-256 of the whole file. */
  readonly sha256: string;
  /** SHA-256 of the part head.json speaks of; null where the journal is shorter. */
  readonly sealedSha256: string | null;
  /** Every event that mentions captured bytes. */
  readonly artifacts: readonly ManifestEvent[];
  readonly created: Extract<RunEvent, { readonly type: "run.created" }> | null;
  readonly lastType: string;
}

const JOURNAL = "journal.jsonl";
/** More would only repeat the first one. */
const MOST_FINDINGS = 20;

/**
 * Checks chain, sequence, line length, status moves and the last seal, streaming: memory does not grow with the journal.
 * Throws what opening the file throws.
 */
export async function surveyJournal(folder: string, head: JournalHead | null): Promise<JournalSurvey> {
  const findings: RecordFinding[] = [];
  const say = (level: RecordFinding["level"], line: number, text: string): void => {
    if (findings.length < MOST_FINDINGS) findings.push({ level, file: JOURNAL, line, text });
  };
  const digest = createHash("sha256");
  const prefix = prefixHash(head?.bytes ?? 0);
  const artifacts: ManifestEvent[] = [];
  const statuses = new Map<string, StepStatus>();
  const newer = new Map<string, number>();
  const created: NonNullable<JournalSurvey["created"]>[] = [];
  let lastType = "";
  let hash = NO_LINE_BEFORE;
  let seq = 0;
  let bytes = 0;

  const look = (line: JournalLine): void => {
    if (!line.complete) {
      say("unproven", line.number, "is torn: its writer was interrupted (resume cuts it and keeps it in journal.torn)");
      return;
    }
    const expected = hash;
    hash = lineHash(line.bytes);
    seq = line.number;
    bytes = line.end;
    if (line.bytes.length >= MAX_LINE_BYTES)
      say("broken", line.number, `is ${line.bytes.length} bytes long; pawl writes less than ${MAX_LINE_BYTES}`);
    const parsed = parseLine(line.bytes.toString("utf8"));
    if ("wrong" in parsed) {
      say("broken", line.number, parsed.wrong);
      return;
    }
    lastType = parsed.type;
    if (parsed.seq !== line.number) say("broken", line.number, `has seq ${parsed.seq}; expected ${line.number}`);
    if (parsed.prev !== expected)
      say(
        "broken",
        line.number,
        "does not follow the line before it: one of the two was changed, or lines between them are gone",
      );
    if (head?.seq === line.number && head.hash !== hash)
      say("broken", line.number, "is not the line that head.json names: it was changed");
    if (head?.seq === line.number && head.bytes !== line.end)
      say("broken", line.number, `ends at byte ${line.end}; head.json says ${head.bytes}`);
    const event = asEvent(parsed);
    if (event === null) {
      newer.set(`${parsed.type} (format ${parsed.v})`, line.number);
      return;
    }
    if (event.type === "step.moved") {
      const before = statuses.get(event.step) ?? "pending";
      if (!canMove(before, event.to))
        say("broken", line.number, `moves step ${event.step} from ${before} to ${event.to}, which cannot happen`);
      statuses.set(event.step, event.to);
    }
    if (event.type === "run.created") {
      if (line.number !== 1) say("broken", line.number, "creates the run a second time");
      else created.push(event);
    }
    if (mentionsArtifact(event)) artifacts.push(event);
  };

  const take = (chunk: Buffer): void => {
    digest.update(chunk);
    prefix.update(chunk);
  };
  for await (const lines of readLines(join(folder, JOURNAL), take)) for (const line of lines) look(line);
  for (const [type, line] of newer)
    say(
      "note",
      line,
      `the event type ${type} is not known to this pawl; its place in the chain was checked, its content was not`,
    );
  if (seq > 0 && created.length === 0) say("broken", 1, "does not create the run: the beginning is missing");
  if (head !== null && head.seq > seq)
    say("broken", seq, `is the last line, but the run was sealed at line ${head.seq}: the tail was cut`);
  return {
    findings,
    seq,
    hash,
    bytes,
    sha256: digest.digest("hex"),
    sealedSha256: prefix.digest(),
    artifacts,
    created: created[0] ?? null,
    lastType,
  };
}

/** Hash of the first `length` bytes of a stream. */
function prefixHash(length: number): { update(chunk: Buffer): void; digest(): string | null } {
  const hash: Hash = createHash("sha256");
  let left = length;
  return {
    update: (chunk) => {
      if (left <= 0) return;
      hash.update(chunk.subarray(0, left));
      left -= Math.min(left, chunk.length);
    },
    digest: () => (left > 0 ? null : hash.digest("hex")),
  };
}

/** Whether the digest is that of the journal as it stood at some earlier stop: at the end of one of its lines. */
export async function isEarlierJournal(folder: string, sha256: string): Promise<boolean> {
  const digest = createHash("sha256");
  let found = false;
  for await (const lines of readLines(join(folder, JOURNAL))) {
    for (const line of lines) {
      digest.update(line.bytes);
      if (!line.complete) continue;
      digest.update("\n");
      if (digest.copy().digest("hex") === sha256) found = true;
    }
    if (found) return true;
  }
  return found;
}
