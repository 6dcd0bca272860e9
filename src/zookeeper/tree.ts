import { createHash, randomUUID } from "node:crypto";
import { open, unlink, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Acl, Stat } from "./records.ts";
import { createZnodes, type Znodes } from "./znodes.ts";

/** Where the bytes of a znode are: null data and empty data are two different things. */
export type DataPlace = { readonly kind: "null" } | { readonly kind: "kept"; readonly offset: number; readonly length: number };

/** One znode as it was read. */
export interface Znode {
  readonly stat: Stat;
  /** Canonical text of its ACL; equal ACLs share one text. */
  readonly acl: string;
  /** SHA-256 of its data as it came from the server, hex; null for null data. */
  readonly sha256: string | null;
  readonly data: DataPlace;
}

/** What could not be read, by path: an ERRORS code and what was asked. */
export interface Unreadable {
  readonly what: "data" | "children" | "acl";
  readonly err: number;
}

/** A tree being read: its znodes in memory, some two hundred bytes each, and the data of all of them in one file, or nowhere. */
export interface Tree {
  readonly nodes: Znodes;
  readonly unreadable: Map<string, Unreadable>;
  readonly spool: Spool;
}

/** Where data goes while a tree is read. */
export interface Spool {
  /** Offset at which the bytes are kept. */
  keep(bytes: Buffer): number | Promise<number>;
  read(offset: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

/** Written in pieces of about this size. */
const BATCH_BYTES = 1 << 20;
/** Read in pieces of this size, of which so many are kept: a disk read for every znode costs more than the znode. */
const WINDOW_BYTES = 256 * 1024;
const WINDOWS = 8;

export function createTree(spool: Spool): Tree {
  return { nodes: createZnodes(), unreadable: new Map(), spool };
}

/** Keeps no data: for a tree that is only compared, by the digests of its data. */
export function noSpool(): Spool {
  return {
    keep: () => 0,
    read: () => Promise.reject(new RangeError("no data was kept")),
    close: () => Promise.resolve(),
  };
}

/** Keeps data in a file that has no name any more: nothing of it is left however this process ends. 0600 while it had one. */
export async function openSpool(folder: string = tmpdir()): Promise<Spool> {
  const path = join(folder, `.pawl-znodes-${randomUUID()}`);
  const handle: FileHandle = await open(path, "wx+", 0o600);
  await unlink(path);
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let written = 0;
  let writing: Promise<void> = Promise.resolve();
  const flush = (): Promise<void> => {
    const batch = Buffer.concat(waiting, waitingBytes);
    waiting = [];
    waitingBytes = 0;
    const at = written;
    written += batch.length;
    writing = writing.then(async () => {
      for (let from = 0; from < batch.length;)
        from += (await handle.write(batch, from, batch.length - from, at + from)).bytesWritten;
    });
    return writing;
  };
  const wholeFrom = async (offset: number, length: number): Promise<Buffer> => {
    const bytes = Buffer.allocUnsafe(length);
    const { bytesRead } = await handle.read(bytes, 0, length, offset);
    if (bytesRead !== length) throw new RangeError(`${String(bytesRead)} of ${String(length)} bytes at ${String(offset)}`);
    return bytes;
  };
  const windows = new Map<number, Buffer>();
  /** One piece of the file, with at least so many bytes of it; the one that was used longest ago makes room. */
  const windowAt = async (index: number, least: number): Promise<Buffer> => {
    const known = windows.get(index);
    windows.delete(index);
    const bytes =
      known !== undefined && known.length >= least
        ? known
        : await wholeFrom(index * WINDOW_BYTES, Math.min(WINDOW_BYTES, written - index * WINDOW_BYTES));
    windows.set(index, bytes);
    const [oldest] = windows.keys();
    if (windows.size > WINDOWS && oldest !== undefined) windows.delete(oldest);
    return bytes;
  };
  return {
    keep(bytes) {
      const offset = written + waitingBytes;
      waiting.push(bytes);
      waitingBytes += bytes.length;
      return waitingBytes < BATCH_BYTES ? offset : flush().then(() => offset);
    },
    async read(offset, length) {
      if (offset + length > written) await flush();
      await writing;
      const index = Math.floor(offset / WINDOW_BYTES);
      const within = offset - index * WINDOW_BYTES;
      if (within + length > WINDOW_BYTES) return wholeFrom(offset, length);
      const bytes = await windowAt(index, within + length);
      return bytes.subarray(within, within + length);
    },
    async close() {
      await writing.catch(() => undefined);
      await handle.close();
    },
  };
}

export function sha256Of(data: Buffer | null): string | null {
  return data === null ? null : createHash("sha256").update(data).digest("hex");
}

/** An ACL as one text: its entries in the order that does not matter, sorted. */
export function aclText(acl: readonly Acl[]): string {
  return acl
    .map((one) => JSON.stringify([one.scheme, one.id, one.perms]))
    .toSorted()
    .join(",");
}

/** The ACL behind a text of aclText. Throws SyntaxError for another text. */
export function aclOf(text: string): readonly Acl[] {
  const entries = JSON.parse(`[${text}]`) as readonly (readonly [string, string, number])[];
  return entries.map(([scheme, id, perms]) => ({ scheme, id, perms }));
}

export function parentOf(path: string): string {
  const at = path.lastIndexOf("/");
  return at <= 0 ? "/" : path.slice(0, at);
}

export function childOf(path: string, name: string): string {
  return path === "/" ? `/${name}` : `${path}/${name}`;
}

/** Whether a server may call a child so: one that is nothing, leads elsewhere or holds a slash is no name (ZooKeeper, PathUtils). */
export function isChildName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !/[/\u0000]/.test(name);
}

/** Whether a path is the root or below it. */
export function isBelow(path: string, root: string): boolean {
  return path === root || path.startsWith(root === "/" ? "/" : `${root}/`);
}

/** What a znode is: a persistent one stays when the session that made it ends. Containers and those with a time to live count as persistent. */
export function kindOf(stat: Pick<Stat, "ephemeralOwner">): "persistent" | "ephemeral" {
  // The highest bits of the owner mark containers (all but the sign bit clear) and times to live (0xff), from 3.5 and 3.6 on.
  const owner = BigInt.asUintN(64, stat.ephemeralOwner);
  return owner === 0n || owner === 1n << 63n || owner >> 56n === 0xffn ? "persistent" : "ephemeral";
}

/** zxids as ZooKeeper writes them. */
export function zxidText(zxid: bigint): string {
  return `0x${BigInt.asUintN(64, zxid).toString(16)}`;
}
