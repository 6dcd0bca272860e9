import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";

/**
 * Adds a line to a known_hosts file, whole or not at all: a new file beside it takes its place. The file keeps its rights; a new one
 * is 0600, in a folder of 0700. Throws what the file system throws, and leaves nothing behind then.
 */
export function addKnownHost(file: string, line: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const place = whereItLies(file);
  const before = place.exists ? readFileSync(place.path, "utf8") : "";
  const mode = place.exists ? statSync(place.path).mode & 0o777 : 0o600;
  const fresh = `${place.path}.${String(process.pid)}.new`;
  try {
    const handle = openSync(fresh, "wx", mode);
    try {
      // Until all of it is written: a single call may take a part without a word where the room ends.
      writeFileSync(handle, `${before}${before === "" || before.endsWith("\n") ? "" : "\n"}${line}\n`);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(fresh, place.path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}

/** A link stays a link: what it leads to is replaced. */
function whereItLies(file: string): { readonly path: string; readonly exists: boolean } {
  try {
    return { path: realpathSync(file), exists: true };
  } catch {
    return { path: file, exists: false };
  }
}
