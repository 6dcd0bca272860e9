import { isScalar, LineCounter, parseAllDocuments, type Document } from "yaml";
import type { Complaint } from "./complaint.ts";
import { positionAt, readTree, TREE_LIMITS, type Parsed } from "./tree.ts";

/** A file's name and text; the name is only used to point at. `unreadable`: why it has no text, and where that begins. */
export interface Source {
  readonly file: string;
  readonly text: string;
  readonly unreadable?: Omit<Complaint, "file">;
}

/** Sizes above which a file is no document of pawl's: nothing larger is parsed, or even read. */
export const LIMITS = { bytes: 2 * 1024 * 1024, documents: 1_000, openBrackets: 500, faults: 1_000 } as const;

/**
 * Splits a file into its YAML documents. Complaints are about YAML itself (syntax, unknown tags, size); a document with one
 * of these is not in the result. What is YAML but no plain data is in the documents' `faults`. Never throws.
 */
export function parseSource(source: Source): {
  readonly documents: readonly Parsed[];
  readonly complaints: readonly Complaint[];
} {
  const { file, text, unreadable } = source;
  if (unreadable !== undefined) return { documents: [], complaints: [{ file, ...unreadable }] };
  const lines = new LineCounter();
  const parsed = sizeComplaint(text) ?? parseYaml(text, lines);
  if (typeof parsed === "string") return { documents: [], complaints: [{ file, line: 1, column: 1, message: parsed }] };
  const documents: Parsed[] = [];
  const complaints: Complaint[] = [];
  for (const document of parsed) {
    const faults = [...document.errors, ...document.warnings].slice(0, LIMITS.faults);
    complaints.push(...faults.map((error) => ({ file, ...positionAt(lines, error.pos[0]), message: `YAML: ${error.message}` })));
    if (document.directives.yaml.explicit === true && document.directives.yaml.version !== "1.2") {
      const message = `YAML ${document.directives.yaml.version} is not read: pawl's documents are YAML 1.2`;
      complaints.push({ file, line: 1, column: 1, message, hint: "remove the %YAML line" });
      continue;
    }
    if (faults.length === 0 && !isEmpty(document.contents)) documents.push(readTree(file, document.contents, lines));
  }
  if (documents.length === 0 && complaints.length === 0)
    complaints.push({ file, line: 1, column: 1, message: "the file contains no document" });
  return { documents, complaints };
}

/** What is left of a document that has only comments: `---` at the end of a file begins one. */
function isEmpty(contents: unknown): boolean {
  return contents === null || (isScalar(contents) && contents.value === null && (contents.source ?? "") === "");
}

/** Said of a file that is not even looked at. */
export const TOO_LARGE = `the file is larger than ${LIMITS.bytes / 1024 / 1024} MiB: no document of pawl is`;

/** A cheap look before parsing: the parser recurses, and a line of a million brackets must not reach it. */
function sizeComplaint(text: string): string | null {
  if (Buffer.byteLength(text) > LIMITS.bytes) return TOO_LARGE;
  if (text.includes("\0")) return "the file contains NUL bytes: it is not text";
  if ((text.match(/^---/gm)?.length ?? 0) > LIMITS.documents) return `the file holds more than ${LIMITS.documents} documents`;
  if ((text.match(/[,\n]/g)?.length ?? 0) > 2 * TREE_LIMITS.values)
    return `the file holds more than ${TREE_LIMITS.values} values`;
  return nestsTooDeep(text) ? `the document is nested deeper than ${TREE_LIMITS.depth} levels` : null;
}

function nestsTooDeep(text: string): boolean {
  let open = 0;
  for (const char of text) {
    if (char === "[" || char === "{") open += 1;
    else if (char === "]" || char === "}") open = Math.max(0, open - 1);
    if (open > LIMITS.openBrackets) return true;
  }
  return /^ {600}/m.test(text) || /(?:[-?:][ \t]+){100}/.test(text);
}

function parseYaml(text: string, lines: LineCounter): readonly Document.Parsed[] | string {
  try {
    const all = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false, logLevel: "error" });
    return Array.isArray(all) ? all : [];
  } catch (error) {
    return `the YAML cannot be read: ${error instanceof Error ? error.message : "unknown fault"}`;
  }
}
