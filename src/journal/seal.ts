import { createHash } from "node:crypto";
import { open, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { RunEvent } from "../domain/events.ts";
import { isTemporary, replaceFile } from "../disk/durable-file.ts";
import { makeOwnFolder } from "../disk/folder.ts";
import { WRITER } from "./local-lock.ts";
import { manifestOf, manifestText, type Manifest } from "./manifest.ts";

/** `head.json`: where the journal ended at the last stop. A chain alone does not see a cut tail. */
export interface JournalHead {
  readonly v: 1;
  readonly seq: number;
  /** Hash of the last line. */
  readonly hash: string;
  /** Length of journal.jsonl. */
  readonly bytes: number;
}

/** A file made from the journal at every stop, like `report.md`; its name may have one folder in it. */
interface DerivedFile {
  readonly name: string;
  readonly text: string;
}

/** Makes the derived files from the events and the artifacts they name: called again with the same events it must give the same bytes. */
export type Derive = (
  events: readonly RunEvent[],
  manifest: Manifest,
) => readonly DerivedFile[] | Promise<readonly DerivedFile[]>;

const PIECE_BYTES = 1 << 20;
const SHA256_NAME = /^[0-9a-f]{64}$/;

/** SHA-256 (hex) and length of a file, or of its first `upTo` bytes, read in pieces. Throws what reading throws. */
export async function hashFile(
  path: string,
  upTo = Number.POSITIVE_INFINITY,
): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const digest = createHash("sha256");
  const handle = await open(path, "r");
  try {
    const { size } = await handle.stat();
    const piece = Buffer.allocUnsafe(Math.max(1, Math.min(size, upTo, PIECE_BYTES)));
    let bytes = 0;
    for (;;) {
      const { bytesRead } = await handle.read(piece, 0, Math.min(piece.length, upTo - bytes), null);
      if (bytesRead === 0) return { sha256: digest.digest("hex"), bytes };
      digest.update(piece.subarray(0, bytesRead));
      bytes += bytesRead;
    }
  } finally {
    await handle.close();
  }
}

/** The list itself, and the lock of whoever writes: gone, or another's, when the list is read. */
function isNoRecord(name: string): boolean {
  return name === "SHA256SUMS" || name === WRITER || name.startsWith(`${WRITER}.`);
}

/** Paths of all files of a run folder that SHA256SUMS covers, relative, sorted. Links are left out: a record has none. */
export async function recordFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !isTemporary(entry.name) && !(entry.parentPath === folder && isNoRecord(entry.name)))
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

/**
 * Writes the derived files, manifest.json, head.json and, last, SHA256SUMS, each as a whole. The digest of an artifact is
 * taken from its name instead of reading gigabytes at every stop; `pawl verify` and `sha256sum -c` read them.
 */
export async function writeSeal(folder: string, head: JournalHead, events: readonly RunEvent[], derive: Derive): Promise<void> {
  const manifest = manifestOf(events, head.seq);
  const files = [
    ...(await derive(events, manifest)),
    { name: "manifest.json", text: manifestText(manifest) },
    { name: "head.json", text: `${JSON.stringify(head)}\n` },
  ];
  const folders = new Set(files.map((file) => dirname(join(folder, file.name))).filter((one) => one !== folder));
  for (const one of folders) await makeOwnFolder(one);
  await allOf(files.map((file) => replaceFile(join(folder, file.name), file.text)));
  await writeSums(folder, head.bytes);
}

/** Waits for all of them, also where one fails: nothing is still being written when this ends. Throws the first failure. */
async function allOf(works: readonly Promise<void>[]): Promise<void> {
  for (const work of await Promise.allSettled(works)) if (work.status === "rejected") throw work.reason;
}

/** Writes SHA256SUMS over every file in the folder, the journal up to its head, in the form `sha256sum -c` reads. */
async function writeSums(folder: string, journalBytes: number): Promise<void> {
  const lines: string[] = [];
  for (const name of await recordFiles(folder)) {
    const base = name.slice(name.lastIndexOf("/") + 1);
    const sha256 =
      name.startsWith("artifacts/") && SHA256_NAME.test(base)
        ? base
        : (await hashFile(join(folder, name), name === "journal.jsonl" ? journalBytes : undefined)).sha256;
    lines.push(`${sha256}  ${name}\n`);
  }
  await replaceFile(join(folder, "SHA256SUMS"), lines.join(""));
}

/** Whether the last seal came to its end and speaks of this many events: SHA256SUMS, written last, lists the head that is there. */
export async function isSealed(folder: string, events: number): Promise<boolean> {
  try {
    const head = await readFile(join(folder, "head.json"), "utf8");
    const sums = await readFile(join(folder, "SHA256SUMS"), "utf8");
    const { seq } = JSON.parse(head) as Partial<JournalHead>;
    return seq === events && sums.includes(`${createHash("sha256").update(head).digest("hex")}  head.json\n`);
  } catch {
    return false;
  }
}
