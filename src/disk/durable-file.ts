import { randomUUID } from "node:crypto";
import {
  closeSync,
  fsync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  write as writeCallback,
  writeSync,
} from "node:fs";
import { chmod, chown, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { onOwnFile } from "../domain/system-error.ts";
import { syncFolder } from "./folder.ts";

/** What is not larger is written at once: waking another thread for it costs more than what the page cache takes. */
const SMALL_BYTES = 64 << 10;

const write = promisify(writeCallback);
const sync = promisify(fsync);

/** Writes a new file, 0600, whole and synced when this resolves; where that fails nothing of it is left. Throws the system's error, EEXIST too. */
export async function writeNewFile(path: string, content: Buffer | string): Promise<void> {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  const file = openSync(path, "wx", 0o600);
  try {
    try {
      for (let at = 0; at < bytes.length;)
        at += bytes.length <= SMALL_BYTES ? writeSync(file, bytes, at) : (await write(file, bytes, at)).bytesWritten;
      await sync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

const TEMPORARY = /^\.(.+)\.[0-9a-f-]{36}\.tmp$/;

/** Replaces the file as a whole: a reader sees the old or the new content, never a part. 0600, fsync of file and folder. */
export async function replaceFile(path: string, content: Buffer | string): Promise<void> {
  await onOwnFile(path, () => replace(path, content));
}

async function replace(path: string, content: Buffer | string): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${randomUUID()}.tmp`);
  await writeNewFile(temporary, content);
  try {
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

/**
 * Replaces a file that belongs to the operator, as a whole and with the mode and owner it has, but only where it still holds the
 * bytes that the new content was made from. False: somebody changed it meanwhile, and nothing was done.
 */
export async function replaceUnchanged(path: string, content: Buffer | string, expected: Buffer): Promise<boolean> {
  const { mode, uid, gid } = lstatSync(path);
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  await writeNewFile(temporary, content);
  try {
    if (process.getuid?.() !== uid || process.getgid?.() !== gid) await chown(temporary, uid, gid);
    await chmod(temporary, mode & 0o7777);
    // Nothing of this process comes in between; another one would have to write in these microseconds.
    const same = !lstatSync(path).isSymbolicLink() && readFileSync(path).equals(expected);
    if (same) renameSync(temporary, path);
    else rmSync(temporary, { force: true });
    if (!same) return false;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
  return true;
}

/** Whether the name is that of an unfinished replacement: what a crash may leave behind. */
export function isTemporary(name: string): boolean {
  return TEMPORARY.test(name);
}

/** Removes unfinished replacements that a crash left in the folder. Only the one writer may do this. */
export async function removeTemporaries(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (isTemporary(name)) await rm(join(folder, name), { force: true });
}
