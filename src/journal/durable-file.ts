import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { onOwnFile } from "../domain/system-error.ts";

/** Makes what was created, renamed or removed in the folder survive a power loss. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Creates the folder and its missing parents, 0700, each made durable in its parent. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await onOwnFile(folder, () => mkdir(folder, { recursive: true, mode: 0o700 }).catch(withReason));
  if (first === undefined) return;
  const top = dirname(resolve(first));
  for (let at = dirname(resolve(folder)); at.length >= top.length; at = dirname(at)) {
    await syncFolder(at);
    if (at === dirname(at)) break;
  }
}

/** Node's recursive mkdir calls a folder missing that cannot be made: asked for that one alone, the system says why. */
async function withReason(error: NodeJS.ErrnoException): Promise<never> {
  if (error.code === "ENOENT" && error.path !== undefined) {
    let at = error.path;
    while (dirname(at) !== at && (await isMissing(dirname(at)))) at = dirname(at);
    await mkdir(at, { mode: 0o700 });
  }
  throw error;
}

async function isMissing(path: string): Promise<boolean> {
  return stat(path).then(
    () => false,
    (error: unknown) => (error as NodeJS.ErrnoException).code === "ENOENT",
  );
}

const TEMPORARY = /^\.(.+)\.[0-9a-f-]{36}\.tmp$/;

/** Replaces the file as a whole: a reader sees the old or the new content, never a part. 0600, fsync of file and folder. */
export async function replaceFile(path: string, content: Buffer | string): Promise<void> {
  await onOwnFile(path, () => replace(path, content));
}

async function replace(path: string, content: Buffer | string): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    const handle = await open(temporary, "wx", 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

/** Whether the name is that of an unfinished replacement: what a crash may leave behind. */
export function isTemporary(name: string): boolean {
  return TEMPORARY.test(name);
}

/** Removes unfinished replacements that a crash left in the folder. Only the one writer may do this. */
export async function removeTemporaries(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (isTemporary(name)) await rm(join(folder, name), { force: true });
}
