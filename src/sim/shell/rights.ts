import { posix } from "node:path";
import type { InMemoryFs } from "just-bash";
import type { Machine, Process } from "./machine.ts";

/** Who owns a path, as `user:group`. Homes belong to their users, everything nobody gave away to root. */
export function ownerOf(machine: Machine, path: string): string {
  const given = machine.owners.get(path);
  if (given !== undefined) return given;
  const home = /^\/home\/([^/]+)/.exec(path)?.[1];
  return home === undefined ? "root:root" : `${home}:${home}`;
}

/** May a process do this, by owner and mode bits? Root may everything; groups are those of the user alone. */
export interface Rights {
  /** Change the content of the file, or make it in its folder. */
  write(path: string): Promise<boolean>;
  /** Make, rename or remove names in the folder of this path. */
  change(path: string): Promise<boolean>;
  read(path: string): Promise<boolean>;
  /** Change mode or times. */
  own(path: string): boolean;
}

/** The rights of a process over the real places (no symbolic links on the way) of its node's files. */
export function rightsOf(machine: Machine, process: Process): Rights {
  const fs: InMemoryFs = machine.node.fs;
  const root = process.user === "root";
  const own = (path: string): boolean => root || ownerOf(machine, path).split(":")[0] === process.user;
  const may = async (path: string, bit: number): Promise<boolean> => {
    if (own(path)) return true;
    return ((await fs.stat(path)).mode & bit) !== 0;
  };
  const change = (path: string): Promise<boolean> => may(posix.dirname(path), 0o002);
  return {
    own,
    change,
    write: async (path) => ((await fs.exists(path)) ? may(path, 0o002) : change(path)),
    read: async (path) => root || !(await fs.exists(path)) || may(path, 0o004),
  };
}
