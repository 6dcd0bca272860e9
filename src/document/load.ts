import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Check, Loaded, Runbook, VersionPolicy } from "../domain/documents.ts";
import type { Catalogue } from "../domain/catalogue.ts";
import { PawlError } from "../domain/errors.ts";
import type { Inventory } from "../domain/inventory.ts";
import { invalidDocument } from "./complaint.ts";
import { decode } from "./encoding.ts";
import { readDocuments, type AnyDocument, type Documents, type Kind } from "./documents.ts";
import { LIMITS, type Source } from "./source.ts";

/**
 * Reads and validates files and folders (every .yaml and .yml below them, in order of name). All complaints are in the
 * result. Throws PawlError usage where a file cannot be read.
 */
export async function loadDocuments(files: readonly string[]): Promise<Documents> {
  const paths = await expandPaths(files);
  const sources: Source[] = [];
  // One after the other: a folder of thousands of files must not open them all at once.
  for (const file of paths) sources.push(await readSource(file));
  return readDocuments(sources);
}

/** The inventory in a file. Throws PawlError invalid-document with every complaint, usage where the file cannot be read. */
export async function loadInventory(file: string): Promise<Loaded<Inventory>> {
  const found = await loadOne(file, "Inventory");
  return { document: found.document as Inventory, file, sha256: found.sha256 };
}

/** The runbook in a file. Throws like `loadInventory`. */
export async function loadRunbook(file: string): Promise<Loaded<Runbook>> {
  const found = await loadOne(file, "Runbook");
  return { document: found.document as Runbook, file, sha256: found.sha256 };
}

/** The version policy in a file. Throws like `loadInventory`. */
export async function loadPolicy(file: string): Promise<Loaded<VersionPolicy>> {
  const found = await loadOne(file, "VersionPolicy");
  return { document: found.document as VersionPolicy, file, sha256: found.sha256 };
}

/** The catalogue in a file. Throws like `loadInventory`. */
export async function loadCatalogue(file: string): Promise<Loaded<Catalogue>> {
  const found = await loadOne(file, "Catalogue");
  return { document: found.document as Catalogue, file, sha256: found.sha256 };
}

/** All checks in files and folders, in order of file and place. Throws like `loadInventory`; other kinds beside them are validated too. */
export async function loadChecks(files: string | readonly string[]): Promise<readonly Loaded<Check>[]> {
  const documents = await loadValid([files].flat());
  return documents.filter((one) => one.kind === "Check").map(({ document, file, sha256 }) => ({ document, file, sha256 }));
}

async function loadOne(file: string, kind: Kind): Promise<AnyDocument> {
  const documents = (await loadValid([file])).filter((one) => one.kind === kind);
  const [only, second] = documents;
  if (only === undefined) throw invalidDocument([{ file, line: 1, column: 1, message: `there is no ${kind} in this file` }]);
  if (second !== undefined)
    throw invalidDocument([
      { file, ...second.where(["kind"]), message: `there is more than one ${kind} in this file: it must hold one` },
    ]);
  return only;
}

async function loadValid(files: readonly string[]): Promise<readonly AnyDocument[]> {
  const { documents, complaints } = await loadDocuments(files);
  if (complaints.length > 0) throw invalidDocument(complaints);
  return documents;
}

async function expandPaths(files: readonly string[]): Promise<readonly string[]> {
  const expanded = await Promise.all(files.map(async (file) => ((await isFolder(file)) ? yamlFilesIn(file) : [file])));
  return [...new Set(expanded.flat())];
}

async function yamlFilesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** Never more than the largest document: a device or a pipe without an end is a file as well. */
async function readSource(file: string): Promise<Source> {
  try {
    const handle = await open(file, "r");
    try {
      const bytes = Buffer.alloc(LIMITS.bytes + 1);
      let filled = 0;
      while (filled < bytes.length) {
        const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, null);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return decode(file, bytes.subarray(0, filled));
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

function unreadable(file: string, cause: unknown): PawlError {
  const code = (cause as { readonly code?: unknown }).code;
  const reason =
    code === "ENOENT"
      ? "there is no such file"
      : code === "EACCES"
        ? "permission denied"
        : cause instanceof Error
          ? cause.message
          : "unknown fault";
  return new PawlError("usage", "document.unreadable", `${file} cannot be read: ${reason}`, {
    cause,
    next: "Check the path; relative paths start in the current folder.",
  });
}
