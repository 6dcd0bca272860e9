import { randomBytes, randomUUID } from "node:crypto";
import { link, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { PawlError } from "../domain/errors.ts";
import { fileNameOf } from "../domain/file-name.ts";
import { onOwnFile } from "../domain/system-error.ts";
import { writeNewFile } from "../disk/durable-file.ts";
import { makeOwnFolder } from "../disk/folder.ts";

/**
 * The cluster's masking key: 32 random bytes in `<stateDir>/keys/<cluster>.key`, 0600, made at first use. It never lies
 * beside the evidence, so whoever gets the evidence cannot try out guesses. Throws PawlError `said-no` where others can read it.
 */
export async function loadMaskKey(stateDir: string, clusterId: string): Promise<Buffer> {
  const folder = join(stateDir, "keys");
  const path = join(folder, `${fileNameOf(clusterId)}.key`);
  const found = await onOwnFile(path, () => readKey(path));
  if (found !== null) return found;
  await onOwnFile(path, () => makeKey(folder, path));
  const made = await readKey(path);
  if (made !== null) return made;
  throw new PawlError("said-no", "no-mask-key", `the masking key could not be made: ${path}`, {
    next: "check that the folder can be written",
  });
}

async function makeKey(folder: string, path: string): Promise<void> {
  await makeOwnFolder(folder);
  const temporary = join(folder, `.${randomUUID()}.tmp`);
  await writeNewFile(temporary, `${randomBytes(32).toString("hex")}\n`);
  try {
    // A link fails where another pawl was faster: both then use the first one.
    await link(temporary, path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    });
  } finally {
    await rm(temporary, { force: true });
  }
}

async function readKey(path: string): Promise<Buffer | null> {
  let text: string;
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) {
      throw new PawlError("said-no", "open-mask-key", `others can read the masking key: ${path}`, {
        expected: "mode 0600",
        observed: `mode 0${(mode & 0o777).toString(8)}`,
        next: `chmod 600 ${path}`,
      });
    }
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  const key = Buffer.from(text.trim(), "hex");
  if (key.length === 32) return key;
  throw new PawlError("said-no", "bad-mask-key", `the masking key is damaged: ${path}`, {
    expected: "64 hex characters",
    next: "restore it from a backup, or remove it: later masks then differ from earlier ones",
  });
}
