import { lstat, mkdir, open, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
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

/** Creates the folder and its missing parents, 0700, each made durable in its parent. Throws the system's own reason about the folder. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await onOwnFile(folder, () => mkdir(folder, { recursive: true, mode: 0o700 }).catch(withReason));
  if (first === undefined) return;
  const top = dirname(resolve(first));
  for (let at = dirname(resolve(folder)); at.length >= top.length; at = dirname(at)) {
    await syncFolder(at);
    if (at === dirname(at)) break;
  }
}

/** The same for a folder that nobody else has a hand in: a link in its place is refused, it would lead what is written elsewhere. */
export async function makeOwnFolder(folder: string): Promise<void> {
  await onOwnFile(folder, async () => {
    const found = await lstat(folder).catch(() => null);
    if (found?.isSymbolicLink() === true)
      throw Object.assign(new Error(`ELOOP: a link, mkdir '${folder}'`), { code: "ELOOP", syscall: "mkdir" });
  });
  await makeFolder(folder);
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
