import { createHash, hash } from "node:crypto";
import { PawlError } from "../domain/errors.ts";
import type { RunEvent, RunEventBody, RunEventType } from "../domain/events.ts";

/** A line, its newline included, stays below this many bytes (design section 3). */
export const MAX_LINE_BYTES = 4096;

/** The `prev` of the first line: there is no line before it. */
export const NO_LINE_BEFORE = "0".repeat(64);

/** Every event type this version understands. Typed as a full record, so that a new event cannot be forgotten here. */
const KNOWN: Readonly<Record<RunEventType, true>> = {
  "run.created": true,
  "run.opened": true,
  "host-key.accepted": true,
  "lock.taken": true,
  "lock.released": true,
  "lock.broken": true,
  "finding.reported": true,
  "finding.waived": true,
  "step.moved": true,
  "step.reattached": true,
  "artifact.recorded": true,
  "check.measured": true,
  "gate.passed": true,
  "gate.refused": true,
  "watch.tripped": true,
  "notice.given": true,
  "hook.ended": true,
  "order.changed": true,
  "decision.asked": true,
  "operator.decided": true,
  "plan.interrupted": true,
  "plan.proceeded": true,
  "run.halted": true,
  "run.completed": true,
  "run.accepted": true,
};

/** Free text: may be masked, and cut where a line would grow too long. Everything else is identity and is never touched. */
const TEXT_FIELDS: ReadonlySet<string> = new Set([
  "text",
  "expected",
  "observed",
  "note",
  "reason",
  "because",
  "title",
  "does",
  "next",
  "ticket",
  "evidenceOf",
  "holder",
]);

/** Longest text field in bytes, tried in this order until the line fits. */
const TEXT_LIMITS = [1200, 600, 300, 150, 80] as const;

/** Whether this version knows the event type; a newer pawl may have written others. */
function isKnownType(type: string): type is RunEventType {
  return Object.hasOwn(KNOWN, type);
}

/** The hash that chains lines: SHA-256, hex, over the line's bytes without its newline. */
export function lineHash(line: Buffer | string): string {
  return hash("sha256", line);
}

/** SHA-256 of bytes or UTF-8 text, hex. */
export function sha256Of(bytes: Buffer | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The text shortened to about `limit` bytes of UTF-8, never inside a character, with a mark that says how much is gone. */
function cutText(text: string, limit: number): string {
  const bytes = Buffer.byteLength(text);
  if (bytes <= limit) return text;
  const kept = Buffer.from(text)
    .subarray(0, limit - 40)
    .toString("utf8")
    .replace(/\uFFFD+$/, "");
  return `${kept} … [cut by pawl: ${bytes} bytes in all]`;
}

/** `change` applied to every text field at any depth. A step's `output` is data that later steps read: left alone. */
function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => mapTexts(item, change));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]: [string, unknown]) => {
      if (key === "output") return [key, field];
      return [key, typeof field === "string" && TEXT_FIELDS.has(key) ? change(field) : mapTexts(field, change)];
    }),
  );
}

/** What surrounds a body in the journal. */
export interface Place {
  readonly seq: number;
  readonly time: string;
  readonly actor: string;
  readonly prev: string;
}

/**
 * The event and its line (without newline). Text fields pass through `mask` first; if the line is still too long they are
 * cut with a mark. Throws PawlError `internal` where even that does not bring it below 4 KiB: nothing is written then.
 */
export function encodeEvent(
  body: RunEventBody,
  place: Place,
  mask: (text: string) => string,
): { readonly event: RunEvent; readonly line: string } {
  const masked = mapTexts(body, mask) as RunEventBody;
  for (const limit of [Number.POSITIVE_INFINITY, ...TEXT_LIMITS]) {
    const fitted =
      limit === Number.POSITIVE_INFINITY ? masked : (mapTexts(masked, (text) => cutText(text, limit)) as RunEventBody);
    const envelope = { v: 1, seq: place.seq, time: place.time, actor: place.actor, type: fitted.type, prev: place.prev } as const;
    const event: RunEvent = { ...envelope, ...fitted };
    const line = JSON.stringify(event);
    if (Buffer.byteLength(line) < MAX_LINE_BYTES) return { event, line };
  }
  throw new PawlError("internal", "event-too-long", `an event of type ${body.type} does not fit a line of the journal`, {
    expected: `less than ${MAX_LINE_BYTES} bytes`,
    observed: `${Buffer.byteLength(JSON.stringify(masked))} bytes`,
    next: "long data belongs into an artifact, with a reference in the event",
  });
}

/** A parsed line: the envelope is checked, the body is taken as written. */
export interface ParsedLine {
  readonly v: number;
  readonly seq: number;
  readonly time: string;
  readonly actor: string;
  readonly type: string;
  readonly prev: string;
}

/** The line's envelope, or in words what is wrong with it. */
export function parseLine(line: string): ParsedLine | { readonly wrong: string } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return { wrong: "is not JSON" };
  }
  if (parsed === null || typeof parsed !== "object" || Array.isArray(parsed)) return { wrong: "is not a JSON object" };
  const fields = parsed as Readonly<Record<string, unknown>>;
  for (const key of ["v", "seq"]) if (!Number.isInteger(fields[key])) return { wrong: `has no whole number \`${key}\`` };
  for (const key of ["time", "actor", "type", "prev"])
    if (typeof fields[key] !== "string") return { wrong: `has no text \`${key}\`` };
  return fields as unknown as ParsedLine;
}

/** The parsed line as an event, where its type and format version are ones this pawl knows. */
export function asEvent(parsed: ParsedLine): RunEvent | null {
  return parsed.v === 1 && isKnownType(parsed.type) ? (parsed as RunEvent) : null;
}
