import { lstat, mkdir, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
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

/**
 * Makes the folder where it is missing, 0700, and its parents. A link in its place is refused: it would lead what is written
 * elsewhere. Throws the system's own reason about the folder: node's `recursive` calls a full or read-only disk a missing file.
 */
export async function makeOwnFolder(folder: string): Promise<void> {
  await onOwnFile(folder, async () => {
    const found = await lstat(folder).catch(() => null);
    if (found?.isSymbolicLink() === true)
      throw Object.assign(new Error(`ELOOP: a link, mkdir '${folder}'`), { code: "ELOOP", syscall: "mkdir" });
    if (found?.isDirectory() === true) return;
    await make(folder);
    await syncFolder(dirname(folder));
  });
}

async function make(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" && dirname(folder) !== folder) {
      await make(dirname(folder));
      return make(folder);
    }
    const isFolder =
      code === "EEXIST" &&
      (await stat(folder).then(
        (one) => one.isDirectory(),
        () => false,
      ));
    if (!isFolder) throw error;
  }
}
