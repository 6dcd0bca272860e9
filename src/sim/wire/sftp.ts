import { posix } from "node:path";
import type { FsStat, IFileSystem } from "just-bash";
import type * as Ssh2Module from "ssh2";
import type { Attributes, FileEntry, SFTPWrapper } from "ssh2";
import type { SimClock, SimNode } from "../ports.ts";
import { endProcess, machineOf, startProcess } from "../shell/machine.ts";
import { modeText } from "../shell/mode-text.ts";
import { NOWHERE } from "../shell/sink.ts";
import { viewOf } from "../shell/view.ts";

type Ssh2 = Pick<typeof Ssh2Module, "Server" | "utils">;

export interface SftpOptions {
  accept(): SFTPWrapper;
  readonly ssh2: Ssh2;
  readonly node: SimNode;
  readonly clock: SimClock;
  readonly user: string;
}

type Handle =
  | { readonly kind: "file"; readonly path: string; bytes: Buffer; length: number; changed: boolean }
  | { readonly kind: "folder"; readonly path: string; read: boolean };

/** What ssh2 has no public call for: an exit status on the channel of a subsystem, without which scp waits for ever. */
interface SftpInside {
  readonly _protocol: { exitStatus(channel: number, code: number): void };
  readonly outgoing: { readonly id: number };
}

const FOLDER = 0o040000;
const FILE = 0o100000;
const LINK = 0o120000;
const FIRST_ROOM = 65_536;

function attributes(stat: FsStat): Attributes {
  const kind = stat.isDirectory ? FOLDER : stat.isSymbolicLink ? LINK : FILE;
  const time = Math.floor(stat.mtime.getTime() / 1000);
  return { mode: kind | (stat.mode & 0o7777), uid: 0, gid: 0, size: stat.size, atime: time, mtime: time };
}

function entry(name: string, stat: FsStat): FileEntry {
  const when = stat.mtime.toISOString().slice(0, 16).replace("T", " ");
  return {
    filename: name,
    longname: `${modeText(stat)}    1 root     root     ${String(stat.size).padStart(10)} ${when} ${name}`,
    attrs: attributes(stat),
  };
}

/** The SFTP subsystem over a node's files, as much of it as sftp and scp of OpenSSH use. Files are stored when they are closed. */
export function serveSftp(options: SftpOptions): void {
  const { node, clock, user } = options;
  const sftp = options.accept();
  const machine = machineOf(node, clock);
  const process = startProcess(machine, { parent: null, leader: true, argv: ["sftp-server"], user, out: NOWHERE, err: NOWHERE });
  const view = viewOf(machine, process, new Set());
  const home = user === "root" ? "/root" : `/home/${user}`;
  sftp.on("error", () => undefined);
  sftp.on("close", () => endProcess(machine, process));
  sftp.on("end", () => {
    const inside = sftp as unknown as SftpInside;
    inside._protocol.exitStatus(inside.outgoing.id, 0);
    sftp.end();
  });
  serveRequests(sftp, options.ssh2, view, (path) => posix.resolve(home, path));
}

function serveRequests(sftp: SFTPWrapper, ssh2: Ssh2, view: IFileSystem, placeOf: (path: string) => string): void {
  const { STATUS_CODE: code, OPEN_MODE: mode } = ssh2.utils.sftp;
  const handles = new Map<number, Handle>();
  let nextHandle = 0;
  const open = (handle: Handle): Buffer => {
    const id = Buffer.alloc(4);
    id.writeUInt32BE((nextHandle += 1));
    handles.set(nextHandle, handle);
    return id;
  };
  const handleOf = (id: Buffer): Handle | undefined => (id.length === 4 ? handles.get(id.readUInt32BE()) : undefined);
  /** Answers OK, or the status that fits the error. */
  const attempt = (request: number, work: () => Promise<void>): void => {
    work().catch((error: unknown) => {
      const text = error instanceof Error ? error.message : "";
      const status = text.startsWith("ENOENT")
        ? code.NO_SUCH_FILE
        : text.startsWith("EACCES")
          ? code.PERMISSION_DENIED
          : code.FAILURE;
      sftp.status(request, status, text);
    });
  };
  const done = (request: number): void => sftp.status(request, code.OK);

  sftp.on("OPEN", (request: number, name: string, flags: number) =>
    attempt(request, async () => {
      const path = placeOf(name);
      const there = await view.exists(path);
      if (there && (flags & mode.EXCL) !== 0) throw new Error("EEXIST: file already exists");
      if (!there && (flags & mode.CREAT) === 0) throw new Error("ENOENT: no such file");
      const fresh = !there || (flags & mode.TRUNC) !== 0;
      if (fresh) await view.writeFile(path, "");
      const bytes = fresh ? Buffer.alloc(0) : Buffer.from(await view.readFileBuffer(path));
      sftp.handle(request, open({ kind: "file", path, bytes, length: bytes.length, changed: false }));
    }),
  );
  sftp.on("READ", (request: number, id: Buffer, offset: number, length: number) => {
    const handle = handleOf(id);
    if (handle?.kind !== "file") sftp.status(request, code.FAILURE);
    else if (offset >= handle.length) sftp.status(request, code.EOF);
    else sftp.data(request, handle.bytes.subarray(offset, Math.min(offset + length, handle.length)));
  });
  sftp.on("WRITE", (request: number, id: Buffer, offset: number, data: Buffer) => {
    const handle = handleOf(id);
    if (handle?.kind !== "file") {
      sftp.status(request, code.FAILURE);
      return;
    }
    const end = offset + data.length;
    if (end > handle.bytes.length)
      handle.bytes = Buffer.concat([handle.bytes], Math.max(end, handle.bytes.length * 2, FIRST_ROOM));
    data.copy(handle.bytes, offset);
    handle.length = Math.max(handle.length, end);
    handle.changed = true;
    done(request);
  });
  sftp.on("CLOSE", (request: number, id: Buffer) =>
    attempt(request, async () => {
      const handle = handleOf(id);
      handles.delete(id.readUInt32BE());
      if (handle?.kind === "file" && handle.changed)
        await view.writeFile(handle.path, Buffer.from(handle.bytes.subarray(0, handle.length)));
      done(request);
    }),
  );
  const stat = (link: boolean) => (request: number, name: string) =>
    attempt(request, async () =>
      sftp.attrs(request, attributes(await (link ? view.lstat(placeOf(name)) : view.stat(placeOf(name))))),
    );
  sftp.on("STAT", stat(false));
  sftp.on("LSTAT", stat(true));
  sftp.on("FSTAT", (request: number, id: Buffer) =>
    attempt(request, async () => {
      const handle = handleOf(id);
      if (handle === undefined) throw new Error("no such handle");
      sftp.attrs(request, attributes(await view.stat(handle.path)));
    }),
  );
  const setAttributes = async (path: string, given: Partial<Attributes>): Promise<void> => {
    if (given.mode !== undefined) await view.chmod(path, given.mode & 0o7777);
    if (given.mtime !== undefined) await view.utimes(path, new Date(given.mtime * 1000), new Date(given.mtime * 1000));
  };
  sftp.on("SETSTAT", (request: number, name: string, given: Partial<Attributes>) =>
    attempt(request, async () => {
      await setAttributes(placeOf(name), given);
      done(request);
    }),
  );
  sftp.on("FSETSTAT", (request: number, id: Buffer, given: Partial<Attributes>) =>
    attempt(request, async () => {
      const handle = handleOf(id);
      if (handle !== undefined) await setAttributes(handle.path, given);
      done(request);
    }),
  );
  sftp.on("OPENDIR", (request: number, name: string) =>
    attempt(request, async () => {
      const path = placeOf(name);
      if (!(await view.stat(path)).isDirectory) throw new Error("ENOTDIR: not a directory");
      sftp.handle(request, open({ kind: "folder", path, read: false }));
    }),
  );
  sftp.on("READDIR", (request: number, id: Buffer) =>
    attempt(request, async () => {
      const handle = handleOf(id);
      if (handle?.kind !== "folder" || handle.read) {
        sftp.status(request, handle?.kind === "folder" ? code.EOF : code.FAILURE);
        return;
      }
      handle.read = true;
      const names = await view.readdir(handle.path);
      const here = entry(".", await view.stat(handle.path));
      sftp.name(request, [
        here,
        { ...here, filename: ".." },
        ...(await Promise.all(names.map(async (name) => entry(name, await view.lstat(posix.join(handle.path, name)))))),
      ]);
    }),
  );
  sftp.on("REALPATH", (request: number, name: string) => {
    const path = placeOf(name === "" ? "." : name);
    sftp.name(request, [
      { filename: path, longname: path, attrs: { mode: FOLDER, uid: 0, gid: 0, size: 0, atime: 0, mtime: 0 } },
    ]);
  });
  sftp.on("READLINK", (request: number, name: string) =>
    attempt(request, async () => {
      const target = await view.readlink(placeOf(name));
      sftp.name(request, [
        { filename: target, longname: target, attrs: { mode: LINK, uid: 0, gid: 0, size: 0, atime: 0, mtime: 0 } },
      ]);
    }),
  );
  const simply = (event: "REMOVE" | "RMDIR" | "MKDIR", work: (path: string) => Promise<void>): void => {
    sftp.on(event, (request: number, name: string) =>
      attempt(request, async () => {
        await work(placeOf(name));
        done(request);
      }),
    );
  };
  simply("REMOVE", (path) => view.rm(path));
  simply("RMDIR", (path) => view.rm(path));
  simply("MKDIR", (path) => view.mkdir(path));
  sftp.on("RENAME", (request: number, from: string, to: string) =>
    attempt(request, async () => {
      await view.mv(placeOf(from), placeOf(to));
      done(request);
    }),
  );
  sftp.on("SYMLINK", (request: number, target: string, link: string) =>
    attempt(request, async () => {
      await view.symlink(target, placeOf(link));
      done(request);
    }),
  );
}
