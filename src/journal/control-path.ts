import { tmpdir, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { sha256Of } from "./event-line.ts";

/** The kernel's limit on a socket's path is 108 bytes, some systems have 104. */
const LONGEST_PATH = 100;

/**
 * Where a run's engine listens: a short name in the state folder, not in the run folder, whose path may be too long for a
 * socket. Both sides compute it from the run folder alone; a state folder that is too deep is replaced by one in the
 * system's temporary folder that belongs to this user.
 */
export function controlPath(stateDir: string, runFolder: string): string {
  const name = `${sha256Of(resolve(runFolder)).slice(0, 16)}.sock`;
  const path = join(resolve(stateDir), "runs", name);
  if (Buffer.byteLength(path) <= LONGEST_PATH) return path;
  const { uid } = userInfo();
  return join(tmpdir(), `pawl-${uid}`, `${sha256Of(resolve(stateDir)).slice(0, 8)}-${name}`);
}
