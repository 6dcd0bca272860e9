import { posix } from "node:path";
import type { ByteString, FileContent, FsStat, IFileSystem, InMemoryFs } from "just-bash";
import type { Machine, Process } from "./machine.ts";
import { rightsOf } from "./rights.ts";
import { PROCESS_FILES, procEntry, type ProcEntry } from "./proc.ts";

/**
 * Stands before the target of an output redirection (syntax.ts). just-bash ends the whole script when such a file cannot be
 * opened, unless asking for it fails before; so a marked path that cannot be written is said to exist and cannot be looked at.
 */
export const TARGET_MARK = "\uE000";

/** Paths that stand for the output of the process itself; statements are redirected to them (syntax.ts). */
export const OUT_PATH = "/dev/pawl/out";
export const ERR_PATH = "/dev/pawl/err";

/** Commands that only rewritten scripts call (syntax.ts). By their path, so that whatever a script makes of PATH, they are found. */
const OWN_COMMANDS = ["spawn", "yield", "round", "leave", "left", "numbers"] as const;
export type OwnCommand = (typeof OWN_COMMANDS)[number];

/** The bare name just-bash knows such a command by. */
export function ownName(command: OwnCommand): string {
  return `__${command}`;
}

/** What a rewritten script calls it. */
export function ownCommand(command: OwnCommand): string {
  return `/bin/${ownName(command)}`;
}

const OWN_PATHS: ReadonlySet<string> = new Set(OWN_COMMANDS.map(ownCommand));

/** Whether a name is one of these, as a rewritten script calls it. */
export function isOwnCommand(name: string): boolean {
  return OWN_PATHS.has(name);
}

type Encoding = Parameters<IFileSystem["writeFile"]>[2];
type DirentEntry = Awaited<ReturnType<InMemoryFs["readdirWithFileTypes"]>>[number];

/** just-bash's encodings: `binary` text is one byte a character, everything else is UTF-8. */
function bytesOf(content: FileContent, options: Encoding): Buffer {
  if (typeof content !== "string") return Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const encoding = typeof options === "string" ? options : options?.encoding;
  return Buffer.from(content, encoding === "binary" || encoding === "latin1" ? "latin1" : "utf8");
}

function failure(code: string, text: string, call: string, path: string): Error {
  return new Error(`${code}: ${text}, ${call} '${path}'`);
}

/** The same bytes as a Buffer, not copied. */
function viewed(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const MARK_BYTES = Buffer.from(TARGET_MARK);

/** Messages of just-bash name the target they could not open. */
function unmarked(bytes: Buffer): Buffer {
  return bytes.includes(MARK_BYTES) ? Buffer.from(bytes.toString("utf8").replaceAll(TARGET_MARK, "")) : bytes;
}

const EPOCH = new Date(0);

function statOf(kind: "file" | "folder", size: number, mode: number): FsStat {
  return { isFile: kind === "file", isDirectory: kind === "folder", isSymbolicLink: false, mode, size, mtime: EPOCH };
}

/** What views descend from: just-bash copies a plain object anew for each command it runs, and looks through any other. */
const VIEW: object = Object.freeze({ kind: "view" });

/** Where each command that is not a file of the node seems to lie. */
const BIN = /^\/(?:usr\/)?bin\/([^/]+)$/;

/**
 * A process's view of its node's files: the node's own file system, plus /proc, devices, the stubs of built-in programs,
 * the process's output, its umask, symbolic links on the way to what is written, and the mode of what is overwritten
 * (the in-memory file system knows none of these). `programs` are the names that have a stub in /bin.
 */
export function viewOf(machine: Machine, process: Process, programs: ReadonlySet<string>): IFileSystem {
  const fs: InMemoryFs = machine.node.fs;
  const rights = rightsOf(machine, process);
  const allow = async (may: boolean | Promise<boolean>, call: string, path: string): Promise<void> => {
    if (!(await may)) throw failure("EACCES", "permission denied", call, path);
  };
  /** Files are as old as the cluster's clock says. */
  const stamp = (place: string): Promise<void> => {
    const now = new Date(machine.clock.now());
    return fs.utimes(place, now, now);
  };
  const claim = (place: string): void => {
    if (process.user !== "root") machine.owners.set(place, `${process.user}:${process.user}`);
  };

  const virtual = (path: string): ProcEntry | null => {
    if (path === "/dev/null" || path === "/dev/stdin" || path === OUT_PATH || path === ERR_PATH) return "";
    if (path === "/dev/zero" || path === "/dev/urandom" || path === "/dev/stdout" || path === "/dev/stderr") return "";
    if (path.startsWith("/proc")) return procEntry(machine, process, path);
    return null;
  };
  const stub = async (path: string): Promise<boolean> => {
    if (OWN_PATHS.has(path)) return true;
    const name = BIN.exec(path)?.[1];
    return name !== undefined && programs.has(name) && !(await fs.exists(path));
  };
  const sinkOf = (path: string) => {
    if (path === OUT_PATH || path === "/dev/stdout") return process.out;
    if (path === ERR_PATH || path === "/dev/stderr") return process.err;
    return null;
  };
  /** The real place of a path whose last part may not exist yet. Throws when its folder does not exist. */
  const placeOf = async (path: string, call: string): Promise<string> => {
    const plain = posix.normalize(path);
    const folder = posix.dirname(plain);
    if (plain === "/" || folder === "/" || plain.startsWith("/dev/")) return plain;
    try {
      return posix.join(await fs.realpath(folder), posix.basename(plain));
    } catch {
      throw failure("ENOENT", "no such file or directory", call, path);
    }
  };
  const followed = async (path: string, call: string): Promise<string> => {
    const place = await placeOf(path, call);
    try {
      return await fs.realpath(place);
    } catch {
      return place;
    }
  };
  const store = async (path: string, content: FileContent, options: Encoding, append: boolean): Promise<void> => {
    const sink = sinkOf(path);
    const bytes = bytesOf(content, options);
    if (sink !== null) {
      if (bytes.length > 0) await sink.write(path === ERR_PATH ? unmarked(bytes) : bytes);
      return;
    }
    if (virtual(path) !== null) return;
    const place = await followed(path, "open");
    const before = (await fs.exists(place)) ? await fs.stat(place) : null;
    if (before?.isDirectory === true) throw failure("EISDIR", "illegal operation on a directory", "open", path);
    await allow(rights.write(place), "open", path);
    if (append && before !== null && bytes.length === 0) return;
    if (append) await fs.appendFile(place, bytes);
    else await fs.writeFile(place, bytes);
    await fs.chmod(place, before?.mode ?? 0o666 & ~process.umask);
    await stamp(place);
    if (before === null) claim(place);
  };
  /** Why a file cannot be opened for writing; null: it can. */
  const refusal = async (path: string): Promise<Error | null> => {
    if (sinkOf(path) !== null || virtual(path) !== null) return null;
    try {
      await allow(rights.write(await followed(path, "open")), "open", path);
      return null;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  };
  const isMarked = (path: string): boolean => path.startsWith(TARGET_MARK);
  const bare = (path: string): string => (isMarked(path) ? path.slice(TARGET_MARK.length) : path);
  const statAt = async (path: string, link: boolean): Promise<FsStat> => {
    const entry = virtual(path);
    if (entry !== null && typeof entry !== "string") return statOf("folder", 0, 0o555);
    if (entry !== null) return statOf("file", Buffer.byteLength(entry), path.startsWith("/dev/") ? 0o666 : 0o444);
    if (await stub(path)) return statOf("file", 1024, 0o755);
    return link ? fs.lstat(path) : fs.stat(path);
  };
  const readBytes = async (path: string): Promise<Uint8Array> => {
    const entry = virtual(path);
    if (entry !== null && typeof entry !== "string") throw failure("EISDIR", "illegal operation on a directory", "read", path);
    if (entry !== null) return Buffer.from(entry, "utf8");
    if (await stub(path)) return Buffer.from("\x7fELF");
    if (process.user !== "root" && (await fs.exists(path))) await allow(rights.read(await fs.realpath(path)), "open", path);
    return fs.readFileBuffer(path);
  };
  const list = async (path: string): Promise<DirentEntry[]> => {
    const plain = posix.normalize(path).replace(/(.)\/$/, "$1");
    const own = (await fs.exists(plain)) ? await fs.readdirWithFileTypes(await fs.realpath(plain)) : null;
    const extra = (names: Iterable<string>, folders: boolean): DirentEntry[] =>
      [...names].map((name) => ({ name, isFile: !folders, isDirectory: folders, isSymbolicLink: false }));
    let more: DirentEntry[] = [];
    if (plain === "/proc") more = extra(["self", ...[...machine.processes.keys()].map(String)], true);
    else if (/^\/proc\/(self|\d+)$/.test(plain) && typeof virtual(plain) === "object" && virtual(plain) !== null)
      more = extra(PROCESS_FILES, false);
    else if (plain === "/bin" || plain === "/usr/bin") more = extra(programs, false);
    else if (own === null) throw failure("ENOENT", "no such file or directory", "scandir", path);
    const seen = new Set(own?.map((entry) => entry.name));
    return [...(own ?? []), ...more.filter((entry) => !seen.has(entry.name))].sort((a, b) => (a.name < b.name ? -1 : 1));
  };
  const makeFolder = async (path: string, recursive: boolean): Promise<void> => {
    const plain = posix.normalize(path).replace(/(.)\/$/, "$1");
    if (recursive && plain !== "/" && !(await fs.exists(posix.dirname(plain)))) await makeFolder(posix.dirname(plain), true);
    const place = await placeOf(plain, "mkdir");
    // The in-memory file system lets a recursive mkdir pass over a file and a plain one over a missing parent below /.
    const isThere = async (): Promise<boolean> => recursive && (await fs.exists(place)) && (await fs.stat(place)).isDirectory;
    if (await isThere()) return;
    await allow(rights.change(place), "mkdir", path);
    try {
      await fs.mkdir(place);
    } catch (error) {
      // Somebody else made it meanwhile.
      if (await isThere()) return;
      throw error;
    }
    await fs.chmod(place, 0o777 & ~process.umask);
    await stamp(place);
    claim(place);
  };

  const view: IFileSystem = {
    readFile: async (path, options) => {
      const encoding = typeof options === "string" ? options : options?.encoding;
      return viewed(await readBytes(path)).toString(encoding === "binary" || encoding === "latin1" ? "latin1" : "utf8");
    },
    readFileBuffer: readBytes,
    // One character a byte; without this just-bash converts large files character by character.
    readFileBytes: async (path) => viewed(await readBytes(path)).toString("latin1") as unknown as ByteString,
    writeFile: (path, content, options) => store(bare(path), content, options, false),
    appendFile: (path, content, options) => store(bare(path), content, options, true),
    exists: async (given) => {
      const path = bare(given);
      if (isMarked(given) && (await refusal(path)) !== null) return true;
      return virtual(path) !== null || (await fs.exists(path)) || (await stub(path));
    },
    stat: async (given) => {
      const path = bare(given);
      const error = isMarked(given) ? await refusal(path) : null;
      if (error !== null) throw error;
      return statAt(path, false);
    },
    lstat: (path) => statAt(path, true),
    mkdir: (path, options) => makeFolder(path, options?.recursive === true),
    readdir: async (path) => (await list(path)).map((entry) => entry.name),
    readdirWithFileTypes: list,
    rm: async (path, options) => {
      if (!(await fs.exists(posix.dirname(path))) && options?.force === true) return;
      const place = await placeOf(path, "rm");
      await allow(rights.change(place), "rm", path);
      await fs.rm(place, options);
      machine.owners.delete(place);
    },
    cp: async (from, to, options) => {
      const [source, target] = [await followed(from, "cp"), await placeOf(to, "cp")];
      await allow(rights.read(source), "cp", from);
      await allow(rights.write(target), "cp", to);
      await fs.cp(source, target, options);
      claim(target);
    },
    mv: async (from, to) => {
      const [source, target] = [await placeOf(from, "mv"), await placeOf(to, "mv")];
      await allow(rights.change(source), "mv", from);
      await allow(rights.change(target), "mv", to);
      const before = await fs.lstat(source);
      const owner = machine.owners.get(source);
      await fs.mv(source, target);
      // Moving a folder makes it anew in this file system.
      if (before.isDirectory) await fs.chmod(target, before.mode);
      machine.owners.delete(source);
      if (owner === undefined) machine.owners.delete(target);
      else machine.owners.set(target, owner);
    },
    resolvePath: (base, path) => (isMarked(path) ? TARGET_MARK : "") + fs.resolvePath(base, bare(path)),
    getAllPaths: () => fs.getAllPaths(),
    chmod: async (path, mode) => {
      if (virtual(path) !== null) return;
      const place = await followed(path, "chmod");
      await allow(rights.own(place), "chmod", path);
      await fs.chmod(place, mode);
    },
    symlink: async (target, path) => {
      const place = await placeOf(path, "symlink");
      await allow(rights.change(place), "symlink", path);
      await fs.symlink(target, place);
    },
    link: async (existing, path) => {
      const place = await placeOf(path, "link");
      await allow(rights.change(place), "link", path);
      await fs.link(await followed(existing, "link"), place);
    },
    readlink: async (path) => (path === "/proc/self" ? String(process.pid) : fs.readlink(await placeOf(path, "readlink"))),
    realpath: async (path) => (virtual(path) !== null || (await stub(path)) ? path : fs.realpath(path)),
    utimes: async (path, atime, mtime) => {
      if (virtual(path) !== null) return;
      const place = await followed(path, "utimes");
      await allow(rights.own(place), "utimes", path);
      await fs.utimes(place, atime, mtime);
    },
  };
  return Object.assign(Object.create(VIEW) as IFileSystem, view);
}
