import { constants, fstatSync, writeSync } from "node:fs";
import { open, stat, truncate } from "node:fs/promises";
import { join, resolve } from "node:path";
import { PawlError } from "../domain/errors.ts";
import type { RunEvent, RunEventBody } from "../domain/events.ts";
import { onOwnFile } from "../domain/system-error.ts";
import type { Clock, Journal } from "../engine/ports.ts";
import { removeTemporaries } from "../disk/durable-file.ts";
import { makeFolder, syncFolder } from "../disk/folder.ts";
import { encodeEvent, lineHash, NO_LINE_BEFORE } from "./event-line.ts";
import { readForWriting } from "./opening.ts";
import { writeSeal, type Derive } from "./seal.ts";

/** The journal's file as the writer sees it; tests put one in between that fails or loses what was not synced. */
export interface JournalFile {
  write(bytes: Buffer): Promise<void> | void;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface JournalOptions {
  /** The run folder: `<output>/<cluster>/<run>`. */
  readonly folder: string;
  readonly clock: Pick<Clock, "now">;
  /** Who acts where `append` does not say otherwise: `engine`, `user@host`. */
  readonly actor: string;
  /** Replaces secrets in text fields before the first write. */
  readonly mask?: (text: string) => string;
  /** Reports and the like, written at every seal. */
  readonly derive?: Derive;
  /** Wraps the real file; for failure injection. */
  readonly through?: (file: JournalFile) => JournalFile;
}

/** A journal in a folder. Its owner closes it; after a failed write every further append fails the same way. */
export interface FileJournal extends Journal {
  readonly folder: string;
  close(): Promise<void>;
}

interface Waiting {
  readonly body: RunEventBody;
  readonly actor: string;
  readonly done: (event: RunEvent) => void;
  readonly failed: (error: unknown) => void;
}

/** Creates folder (0700) and journal (0600), both durable before this resolves. Throws PawlError when a journal is there already. */
export async function createJournal(options: JournalOptions): Promise<FileJournal> {
  const folder = resolve(options.folder);
  await makeFolder(folder);
  const path = join(folder, "journal.jsonl");
  try {
    await (await open(path, "wx", 0o600)).close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new PawlError("said-no", "run-exists", `there is a journal in ${folder} already`, {
      expected: "a new folder",
      evidence: [path],
      next: "resume that run, or start one with another name",
    });
  }
  await syncFolder(folder);
  return writer({ ...options, folder }, [], NO_LINE_BEFORE, 0);
}

/**
 * Opens a journal to go on writing. A torn last line (its append never resolved) is moved to `journal.torn`; anything else
 * that is wrong, a tail that was cut, and events a newer pawl wrote throw PawlError `said-no` and change nothing.
 * The caller holds the cluster's lock.
 */
export async function openJournal(options: JournalOptions): Promise<FileJournal> {
  const folder = resolve(options.folder);
  const path = join(folder, "journal.jsonl");
  const found = await readForWriting(folder);
  if (found.torn.length > 0) {
    const aside = await open(join(folder, "journal.torn"), "a", 0o600);
    try {
      await aside.writeFile(Buffer.concat([found.torn, Buffer.from("\n")]));
      await aside.sync();
    } finally {
      await aside.close();
    }
    await truncate(path, found.bytes);
  }
  await removeTemporaries(folder);
  await syncFolder(folder);
  return writer({ ...options, folder }, found.events, found.hash, found.bytes);
}

/**
 * Never through a link: it would lead the record out of its folder. Only the fsync is handed to another thread: what the page cache
 * answers at once costs less than waking one.
 */
async function openFile(path: string): Promise<JournalFile> {
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
  const handle = await onOwnFile(path, () => open(path, flags, 0o600));
  await handle.sync();
  let length = fstatSync(handle.fd).size;
  return {
    write: (bytes) => {
      // Two writers would break the chain for good, and the lock of one machine or one state folder is not that of another.
      if (fstatSync(handle.fd).size !== length)
        throw Object.assign(new Error("EBUSY: another process writes this journal, fstat"), { code: "EBUSY", syscall: "fstat" });
      for (let written = 0; written < bytes.length;) written += writeSync(handle.fd, bytes, written);
      length += bytes.length;
    },
    sync: async () => {
      // datasync also flushes the new length; what it leaves out is the time stamp.
      await handle.datasync();
      // A journal that was removed takes bytes without a word, and nobody would ever read them.
      if (fstatSync(handle.fd).nlink === 0)
        throw Object.assign(new Error("ENOENT: the journal was removed, fstat"), { code: "ENOENT", syscall: "fstat" });
    },
    close: () => handle.close(),
  };
}

/** One writer. Appends that wait for the same fsync share it, in their order. */
async function writer(options: JournalOptions, events: RunEvent[], hash: string, bytes: number): Promise<FileJournal> {
  const {
    folder,
    clock,
    actor,
    mask = (text: string) => text,
    derive = () => [],
    through = (file: JournalFile) => file,
  } = options;
  const path = join(folder, "journal.jsonl");
  const file = through(await openFile(path));
  let head = { hash, bytes };
  let queue: Waiting[] = [];
  let flushing: Promise<void> | null = null;
  let sealing: Promise<void> = Promise.resolve();
  let broken: unknown = null;
  let closed = false;

  const flushOnce = async (): Promise<void> => {
    const taken = queue;
    queue = [];
    const written: { readonly event: RunEvent; readonly done: (event: RunEvent) => void }[] = [];
    const lines: string[] = [];
    let next = head;
    for (const { body, actor: by, done, failed } of taken) {
      try {
        const place = {
          seq: events.length + written.length + 1,
          time: new Date(clock.now()).toISOString(),
          actor: by,
          prev: next.hash,
        };
        const { event, line } = encodeEvent(body, place, mask);
        next = { hash: lineHash(line), bytes: next.bytes + Buffer.byteLength(line) + 1 };
        lines.push(`${line}\n`);
        written.push({ event, done });
      } catch (error) {
        failed(error);
      }
    }
    if (lines.length === 0) return;
    try {
      await file.write(Buffer.from(lines.join("")));
      await file.sync();
    } catch (cause) {
      // After a failed fsync nobody knows what is on disk: never try again, the next opening looks.
      broken = new PawlError(
        "step-failed",
        "journal-write-failed",
        "the journal could not be written, so nothing further may happen",
        {
          expected: "an append that is on disk",
          observed: cause instanceof Error ? cause.message : String(cause),
          evidence: [path],
          next: "make room or repair the disk, then resume the run",
          cause,
        },
      );
      const unsure = new Set(written.map(({ done }) => done));
      for (const one of [...taken.filter(({ done }) => unsure.has(done)), ...queue.splice(0)]) one.failed(broken);
      return;
    }
    head = next;
    for (const { event, done } of written) {
      events.push(event);
      done(event);
    }
  };

  const flush = async (): Promise<void> => {
    while (queue.length > 0) await flushOnce();
    flushing = null;
  };

  const sealNow = async (): Promise<void> => {
    await flushing;
    if (broken !== null) throw broken as Error;
    await writeSeal(folder, { v: 1, seq: events.length, ...head }, [...events], derive);
  };

  return {
    folder,
    events,
    append: (body, by = actor) =>
      new Promise<RunEvent>((done, failed) => {
        if (broken !== null || closed) {
          failed(
            broken instanceof Error
              ? broken
              : new PawlError("internal", "journal-closed", "the journal was closed before this append"),
          );
          return;
        }
        queue.push({ body, actor: by, done, failed });
        flushing ??= flush();
      }),
    seal: () => {
      sealing = sealing.catch(() => undefined).then(sealNow);
      return sealing;
    },
    close: async () => {
      if (closed) return;
      closed = true;
      await flushing;
      await sealing.catch(() => undefined);
      await file.close();
    },
  };
}

/** Whether a run folder holds a journal. */
export async function hasJournal(folder: string): Promise<boolean> {
  return stat(join(folder, "journal.jsonl")).then(
    (found) => found.isFile(),
    () => false,
  );
}
