import { isMap, isScalar, isSeq, parseAllDocuments, parseDocument, stringify, YAMLSeq, type Document, type YAMLMap } from "yaml";
import { PawlError } from "../domain/errors.ts";
import type { Answer } from "../domain/question.ts";
import { readDocuments } from "./documents.ts";

/** An answer as it stands in an inventory, keys in their usual order. */
function entryOf({ question, subject, answer, by, at, until }: Answer): Readonly<Record<string, string>> {
  return { question, ...(subject === null ? {} : { subject }), answer, by, at, until };
}

/** The lines a person adds to an inventory by hand, where pawl cannot. */
export function answerLines(answers: readonly Answer[]): string {
  return stringify({ answers: answers.map(entryOf) }, { lineWidth: 0 }).trimEnd();
}

/**
 * The text of an inventory with these answers in it, each in the place of an earlier one to the same question about the same
 * subject. Nothing outside `answers` changes by a byte where the inventory is written in lines; one that is a single flow mapping
 * (JSON) is written anew. What comes out has been read again: it is valid, and the same inventory but for these answers. Throws
 * PawlError refused, with the lines to add by hand, where that cannot be had.
 */
export function withAnswers(file: string, text: string, answers: readonly Answer[]): string {
  const before = inventoryIn(file, text);
  const wanted = merged(before.answers, answers);
  for (const edit of [spliced, rewritten]) {
    const after = attempt(() => edit(text, answers));
    if (after !== null && isWhatWasMeant(file, after, before.sha256, wanted)) return after;
  }
  throw new PawlError("refused", "answers.not-written", `${file}: the answer cannot be written into this inventory`, {
    expected: "an inventory in which `answers` is a list of its own",
    observed: "one that would not be the same inventory afterwards",
    next: `Add it by hand:\n${answerLines(answers)}`,
  });
}

function sameAs(one: Answer): (other: Pick<Answer, "question" | "subject">) => boolean {
  return (other) => other.question === one.question && other.subject === one.subject;
}

function merged(before: readonly Answer[], added: readonly Answer[]): readonly Answer[] {
  return added.reduce<readonly Answer[]>((all, one) => {
    const place = all.findIndex(sameAs(one));
    return place < 0 ? [...all, one] : all.with(place, one);
  }, before);
}

function inventoryIn(file: string, text: string): { readonly sha256: string; readonly answers: readonly Answer[] } {
  const { documents, complaints } = readDocuments([{ file, text }]);
  const found = documents.filter((one) => one.kind === "Inventory");
  const [only] = found;
  if (complaints.length > 0 || only === undefined || found.length > 1)
    throw new PawlError("invalid-document", "document.invalid", `${file} does not hold one valid inventory`, {
      next: `pawl lint ${file}`,
    });
  return { sha256: only.sha256, answers: only.document.answers ?? [] };
}

/** An edit that cannot be made (an anchor inside an answer that something else stands on) is none. */
function attempt<T>(act: () => T): T | null {
  try {
    return act();
  } catch {
    return null;
  }
}

function isWhatWasMeant(file: string, text: string, sha256: string, wanted: readonly Answer[]): boolean {
  const after = attempt(() => inventoryIn(file, text));
  return after?.sha256 === sha256 && JSON.stringify(after.answers) === JSON.stringify(wanted.map(inOrder));
}

/** Keys in the order in which a document gives them. */
function inOrder({ question, subject, answer, by, at, until }: Answer): object {
  return { question, answer, by, at, until, subject };
}

/** The mapping of the inventory among a file's documents. */
function inventoryOf(documents: readonly Document[]): { readonly document: Document; readonly map: YAMLMap } | null {
  for (const document of documents) {
    const { contents: map } = document;
    if (isMap(map) && map.get("kind") === "Inventory") return { document, map };
  }
  return null;
}

/** The answers of a mapping changed in place, by the library's own means: comments beside the others stay where they are. */
function putAnswers(document: Document, map: YAMLMap, answers: readonly Answer[]): void {
  const found: unknown = map.get("answers", true);
  const list = isSeq(found) ? found : new YAMLSeq();
  if (list !== found) map.set("answers", list);
  if (list.items.length === 0) list.flow = false;
  for (const one of answers) {
    const place = list.items.findIndex(
      (item) => isMap(item) && sameAs(one)({ question: String(item.get("question")), subject: textOf(item.get("subject")) }),
    );
    const node = document.createNode(entryOf(one));
    if (place < 0) list.items.push(node);
    else list.items[place] = node;
  }
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/** Only the lines of `answers` are replaced, or added at the end of the document. Null where the inventory is not written in lines. */
function spliced(text: string, answers: readonly Answer[]): string | null {
  const found = inventoryOf(documentsOf(text));
  if (found === null || found.map.flow === true) return null;
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  const pair = found.map.items.find((item) => isScalar(item.key) && item.key.value === "answers");
  const [begin, end] = pair === undefined ? [null, null] : [startOf(pair.key), endOf(pair.value)];
  if (begin !== null && end !== null) {
    const part = parseDocument(text.slice(begin, end));
    if (part.errors.length > 0 || !isMap(part.contents)) return null;
    putAnswers(part, part.contents, answers);
    const lines = part.toString({ lineWidth: 0 }).trimEnd().replaceAll(/\r?\n/g, eol);
    return `${text.slice(0, begin)}${lines}${/\n$/.test(text.slice(begin, end)) ? eol : ""}${text.slice(end)}`;
  }
  const at = endOfDocument(text, found.map.range?.[2] ?? text.length);
  const before = text.slice(0, at);
  return `${before}${before.endsWith("\n") ? "" : eol}${answerLines(answers).replaceAll("\n", eol)}${eol}${text.slice(at)}`;
}

function startOf(node: unknown): number | null {
  return isScalar(node) ? (node.range?.[0] ?? null) : null;
}

function endOf(node: unknown): number | null {
  return isSeq(node) || isScalar(node) ? (node.range?.[1] ?? null) : null;
}

/** The place after the last comment that stands at the end of a document. */
function endOfDocument(text: string, from: number): number {
  let at = from;
  for (let line = from; line < text.length;) {
    const next = text.indexOf("\n", line) < 0 ? text.length : text.indexOf("\n", line) + 1;
    const words = text.slice(line, next).trim();
    if (words !== "" && !words.startsWith("#")) break;
    line = next;
    if (words !== "") at = next;
  }
  return at;
}

/** The whole file as the library writes it. */
function rewritten(text: string, answers: readonly Answer[]): string | null {
  const documents = documentsOf(text);
  const found = inventoryOf(documents);
  if (found === null) return null;
  putAnswers(found.document, found.map, answers);
  return documents.map((one) => one.toString({ lineWidth: 0 })).join("");
}

function documentsOf(text: string): readonly Document[] {
  const all = parseAllDocuments(text, { logLevel: "error" });
  return Array.isArray(all) ? all : [];
}
