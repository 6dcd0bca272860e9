import { PawlError } from "../domain/errors.ts";

/** One thing that is wrong with a document, and where. Lines and columns count from 1. */
export interface Complaint {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** What to write instead. */
  readonly hint?: string;
}

/** A place in a document: keys and indices from its root. */
export type Path = readonly (string | number)[];

/** How many complaints a message lists; the rest is counted. */
const MOST_LISTED = 100;

/** Control characters, and signs that turn the reading direction: a name in a document must not spoil a terminal or fake a line. */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** `file:line:column: message (hint)`, one line: editors and terminals make the place clickable. Whatever a message quotes is printable. */
export function formatComplaint(complaint: Complaint): string {
  const hint = complaint.hint === undefined ? "" : ` (${complaint.hint})`;
  const line = `${complaint.file}:${complaint.line}:${complaint.column}: ${complaint.message}${hint}`;
  return line.replaceAll(UNPRINTABLE, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** By file in the order given, then by place. */
export function sortComplaints<T extends Complaint>(complaints: readonly T[]): readonly T[] {
  const files = [...new Set(complaints.map((one) => one.file))];
  return complaints.toSorted((a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column);
}

/** The error that carries complaints to a person: exit `invalid-document`, every complaint a line of its own. */
export function invalidDocument(complaints: readonly Complaint[]): PawlError {
  const sorted = sortComplaints(complaints);
  const lines = sorted.slice(0, MOST_LISTED).map(formatComplaint);
  if (sorted.length > MOST_LISTED) lines.push(`… and ${sorted.length - MOST_LISTED} more`);
  const summary = `not valid: ${sorted.length} ${sorted.length === 1 ? "complaint" : "complaints"}`;
  return new PawlError("invalid-document", "document.invalid", [summary, ...lines].join("\n"), {
    next: "Correct the lines above; `pawl lint FILE` shows all of them again.",
  });
}

/** `a` as `"a"`; long text is cut, control characters are escaped: bad input must not break the terminal. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}…` : text);
}
