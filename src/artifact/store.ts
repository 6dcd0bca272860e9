import { createHash, randomUUID, type Hash } from "node:crypto";
import { createReadStream, lstatSync, renameSync, rmSync } from "node:fs";
import { open, readdir, readFile, rm, type FileHandle } from "node:fs/promises";
import { join, resolve } from "node:path";
import { PawlError } from "../domain/errors.ts";
import type { ArtifactRecord, ArtifactRef } from "../domain/events.ts";
import { onOwnFile } from "../domain/system-error.ts";
import type { ArtifactMeta, ArtifactSink, ArtifactStore } from "../engine/ports.ts";
import { writeNewFile } from "../disk/durable-file.ts";
import { makeOwnFolder, syncFolder } from "../disk/folder.ts";
import type { Masker } from "./mask.ts";
import { openSpool } from "./spool.ts";
import { isLongDocument, keepLong, textSink, type TextShelter } from "./text-sink.ts";

/** Written in pieces of about this size: a syscall per SSH packet costs a third of the throughput. */
const BATCH_BYTES = 1 << 20;
/** Text that is to be masked is held in memory up to this size; what is larger cannot be masked and is sealed instead. JSON may be of any size. */
const MASKED_BYTES = 64 << 20;

export interface StoreOptions {
  /** The run folder; bytes go to its `artifacts/`. */
  readonly folder: string;
  /** Replaces secrets in everything that is text and not sealed, before the first write. */
  readonly masker: Masker;
  /** Lower it in tests. Default 64 MiB. */
  readonly maskedBytes?: number;
}

/** Media types whose bytes are text and are masked. */
function isText(mediaType: string): boolean {
  const essence = mediaType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return essence.startsWith("text/") || /[/+](?:json|yaml|x-yaml|xml|x-ndjson|javascript|x-sh|toml)$/.test(essence);
}

/**
 * The content-addressed store of one run: `artifacts/<sha256>`, 0600, equal bytes once. Every file is complete and synced
 * before it gets its name, so a crash leaves no half artifact. The hash is that of the bytes stored, after masking.
 */
export async function openArtifactStore(options: StoreOptions): Promise<ArtifactStore> {
  const folder = resolve(options.folder, "artifacts");
  await makeOwnFolder(folder);
  const shelf = await onOwnFile(folder, () => openShelf(folder));
  const { masker, maskedBytes = MASKED_BYTES } = options;

  const record = (meta: ArtifactMeta, ref: ArtifactRef, sealed: boolean): ArtifactRecord => ({
    name: meta.name,
    sha256: ref.sha256,
    bytes: ref.bytes,
    mediaType: meta.mediaType,
    step: meta.step,
    node: meta.node,
    evidenceOf: meta.evidenceOf,
    sealed,
  });

  const putWhole = async (meta: ArtifactMeta, raw: Buffer): Promise<ArtifactRecord> => {
    const masks = meta.sealed !== true && isText(meta.mediaType);
    if (masks && raw.length > maskedBytes) return putWhole({ ...meta, sealed: true }, raw);
    const kept = masks ? await masker.bytes(raw, meta.mediaType) : raw;
    const ref = { sha256: createHash("sha256").update(kept).digest("hex"), bytes: kept.length };
    if (!shelf.holds(ref)) {
      // Equal bytes that come at the same moment, from fifty nodes for instance, are written once.
      const write = (): Promise<void> => onOwnFile(folder, () => writeWhole(shelf, ref.sha256, kept));
      const writing = shelf.writing.get(ref.sha256) ?? write().finally(() => shelf.writing.delete(ref.sha256));
      shelf.writing.set(ref.sha256, writing);
      await writing;
    }
    return record(meta, ref, meta.sealed === true);
  };

  const shelter: TextShelter = {
    masker,
    maskedBytes,
    whole: putWhole,
    file: (meta) => fileSink(shelf, (ref) => record(meta, ref, meta.sealed === true)),
    spool: () => onOwnFile(folder, () => openSpool(folder)),
  };

  const sink: ArtifactStore["sink"] = async (meta) =>
    meta.sealed !== true && isText(meta.mediaType) ? textSink(meta, shelter) : shelter.file(meta);

  return {
    put: async (meta, bytes) => {
      const raw = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
      return isLongDocument(meta, raw, maskedBytes) ? keepLong(await sink(meta), raw) : putWhole(meta, raw);
    },
    sink,
    read: (ref) => readArtifact(options.folder, ref),
    stream: (ref) => streamArtifact(options.folder, ref),
  };
}

async function writeWhole(shelf: Shelf, sha256: string, bytes: Buffer): Promise<void> {
  const path = partPath(shelf);
  await writeNewFile(path, bytes);
  await shelve(shelf, path, sha256);
}

/** Gives a whole and synced file its name. */
async function shelve(shelf: Shelf, path: string, sha256: string): Promise<void> {
  try {
    renameSync(path, join(shelf.folder, sha256));
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
  await shelf.sync();
  shelf.names.add(sha256);
}

/** Captured bytes of a run, for readers that write nothing. Throws PawlError `said-no` where they are missing or were changed. */
export async function readArtifact(runFolder: string, ref: Pick<ArtifactRef, "sha256">): Promise<Buffer> {
  const path = resolve(runFolder, "artifacts", ref.sha256);
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new PawlError("said-no", "no-artifact", `captured bytes are missing: ${path}`, {
      expected: `a file with SHA-256 ${ref.sha256}`,
      evidence: [path],
      next: `pawl verify ${runFolder}`,
      cause,
    });
  });
  const found = createHash("sha256").update(bytes).digest("hex");
  if (found === ref.sha256) return bytes;
  throw new PawlError("said-no", "artifact-changed", `captured bytes were changed: ${path}`, {
    expected: ref.sha256,
    observed: found,
    evidence: [path],
    next: `pawl verify ${runFolder}`,
  });
}

/** The same, piece by piece: whatever the size, memory stays at one piece. Throws as `readArtifact` does, at the end where they were changed. */
export async function* streamArtifact(runFolder: string, ref: Pick<ArtifactRef, "sha256">): AsyncGenerator<Buffer> {
  const path = resolve(runFolder, "artifacts", ref.sha256);
  const hash = createHash("sha256");
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) {
    await readArtifact(runFolder, ref);
    return;
  }
  for await (const chunk of createReadStream(path, { highWaterMark: BATCH_BYTES })) {
    const bytes = chunk as Buffer;
    hash.update(bytes);
    yield bytes;
  }
  const found = hash.digest("hex");
  if (found === ref.sha256) return;
  throw new PawlError("said-no", "artifact-changed", `captured bytes were changed: ${path}`, {
    expected: ref.sha256,
    observed: found,
    evidence: [path],
    next: `pawl verify ${runFolder}`,
  });
}

/** Streams to a part file, hashing on the way; memory stays at one batch. */
async function fileSink(shelf: Shelf, record: (ref: ArtifactRef) => ArtifactRecord): Promise<ArtifactSink> {
  const part = await onOwnFile(shelf.folder, () => openPart(shelf));
  const hash: Hash = createHash("sha256");
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let bytes = 0;
  let ended = false;
  let writing: Promise<void> = Promise.resolve();
  const flush = (): Promise<void> => {
    const batch = waiting;
    waiting = [];
    waitingBytes = 0;
    // One after the other: a sender that does not wait for the promise must not reorder bytes. A failure shows at the end.
    writing = writing.then(() => onOwnFile(shelf.folder, () => writeAll(part.handle, batch)));
    writing.catch(() => undefined);
    return writing;
  };
  return {
    get bytes() {
      return bytes;
    },
    write: (chunk) => {
      if (ended) throw new PawlError("internal", "sink-ended", "bytes came after the end of a captured stream");
      hash.update(chunk);
      bytes += chunk.length;
      waiting.push(Buffer.from(chunk));
      waitingBytes += chunk.length;
      return waitingBytes >= BATCH_BYTES ? flush() : undefined;
    },
    finish: async () => {
      ended = true;
      try {
        await flush();
        const ref = { sha256: hash.digest("hex"), bytes };
        await onOwnFile(shelf.folder, () => part.keep(ref.sha256));
        return record(ref);
      } catch (error) {
        await part.drop();
        throw error;
      }
    },
    abandon: async () => {
      ended = true;
      await writing.catch(() => undefined);
      await part.drop();
    },
  };
}

async function writeAll(handle: FileHandle, batch: readonly Buffer[]): Promise<void> {
  if (batch.length === 0) return;
  const total = batch.reduce((sum, part) => sum + part.length, 0);
  const { bytesWritten } = await handle.writev([...batch]);
  if (bytesWritten < total) await handle.writeFile(Buffer.concat([...batch]).subarray(bytesWritten));
}

interface Part {
  readonly handle: FileHandle;
  /** Synced, then named by its digest. */
  keep(sha256: string): Promise<void>;
  drop(): Promise<void>;
}

function partPath(shelf: Shelf): string {
  return join(shelf.folder, `.part.${randomUUID()}.tmp`);
}

async function openPart(shelf: Shelf): Promise<Part> {
  const path = partPath(shelf);
  const handle = await open(path, "wx", 0o600);
  let open_ = true;
  const close = async (): Promise<void> => {
    if (!open_) return;
    open_ = false;
    await handle.close();
  };
  return {
    handle,
    keep: async (sha256) => {
      await handle.sync();
      await close();
      await shelve(shelf, path, sha256);
    },
    drop: async () => {
      await close();
      await rm(path, { force: true });
    },
  };
}

/** The folder of a run's artifacts, and what is known about it without asking the disk again. */
interface Shelf {
  readonly folder: string;
  /** Names in it, from before and from now. */
  readonly names: Set<string>;
  /** What is being written right now, by digest. */
  readonly writing: Map<string, Promise<void>>;
  /** Whether the bytes are there already, whole. */
  holds(ref: ArtifactRef): boolean;
  /** Makes renames that have returned before this call durable. Calls that wait for the disk at the same time share one fsync. */
  sync(): Promise<void>;
}

async function openShelf(folder: string): Promise<Shelf> {
  const names = new Set(await readdir(folder));
  // What a crash or a full disk left half written: nobody else writes here, and nothing refers to it.
  for (const name of names) if (/^\.part\..*\.tmp$/.test(name)) await rm(join(folder, name), { force: true });
  let running: Promise<void> | null = null;
  let next: Promise<void> | null = null;
  const begin = (): Promise<void> => {
    next = null;
    running = syncFolder(folder);
    return running;
  };
  return {
    folder,
    names,
    writing: new Map(),
    holds: (ref) => {
      if (!names.has(ref.sha256)) return false;
      const found = lstatSync(join(folder, ref.sha256), { throwIfNoEntry: false });
      return found?.isFile() === true && found.size === ref.bytes;
    },
    // One that runs already may have begun before the rename, so it does not count.
    sync: () => (next ??= (running ?? Promise.resolve()).then(begin, begin)),
  };
}
