import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { link, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { formatDuration } from "../domain/duration.ts";
import { PawlError } from "../domain/errors.ts";
import { fileNameOf } from "../domain/file-name.ts";
import { onOwnFile } from "../domain/system-error.ts";
import { replaceFile } from "../disk/durable-file.ts";
import { makeFolder, syncFolder } from "../disk/folder.ts";
import { lookFor, thisProcess, type ProcessIdentity } from "./process-identity.ts";

/** Who holds a cluster on this machine. */
export interface LockHolder extends ProcessIdentity {
  readonly v: 1;
  /** Tells this holding of the lock from every other. */
  readonly token: string;
  readonly clusterId: string;
  readonly run: string;
  readonly runFolder: string;
  readonly operator: string;
  /** ISO time it was taken. */
  readonly since: string;
}

export interface LockRequest {
  readonly stateDir: string;
  /** The cluster's own identity, not the inventory's name (design rule 7). */
  readonly clusterId: string;
  readonly run: string;
  readonly runFolder: string;
  readonly operator: string;
  /** Wall time, epoch ms. */
  readonly nowMs: number;
}

export interface HeldLock {
  readonly holder: LockHolder;
  /** The dead holder it was taken over from, to be told and journaled. */
  readonly tookOver: LockHolder | null;
  /** Whether it is still ours: a person may have broken it. */
  check(): Promise<boolean>;
  /** Gives it back; does nothing where it is not ours any more. */
  release(): Promise<void>;
}

export type LockAnswer =
  | { readonly kind: "taken"; readonly lock: HeldLock }
  | { readonly kind: "held"; readonly holder: LockHolder; readonly alive: "alive" | "dead" | "unknown" };

/** Beside the journal it guards; gone when nobody writes. */
export const WRITER = "writer.lock";

function pathOf(stateDir: string, clusterId: string): string {
  return join(stateDir, "locks", `${fileNameOf(clusterId)}.lock`);
}

/**
 * Takes the cluster's lock on this machine. A lock whose holder is certainly dead (same host, boot and pid namespace, and
 * no such process) is taken over and told; any other stays until its holder releases it or a person breaks it. It never
 * expires: a suspended laptop would let a second run start.
 */
export async function takeLocalLock(request: LockRequest): Promise<LockAnswer> {
  await makeFolder(join(request.stateDir, "locks"));
  return takeAt(pathOf(request.stateDir, request.clusterId), request);
}

/**
 * The lock of a run's record, in its own folder: a journal has one writer, whatever state folder and machine it comes from. Taken
 * by an engine for as long as it works, and by a verb for its one line. Taken over where its holder is certainly dead.
 */
export async function takeWriterLock(request: Omit<LockRequest, "stateDir">): Promise<LockAnswer> {
  return takeAt(join(request.runFolder, WRITER), request);
}

/** Who writes the record in this folder; null where nobody does, or where no folder is. */
export async function readWriterLock(runFolder: string): Promise<LockHolder | null> {
  return readHolder(join(runFolder, WRITER));
}

/** `pawl unlock`: takes the lock of a record away from the holder that was found. Throws PawlError `locked` where another has it by now. */
export async function breakWriterLock(runFolder: string, found: LockHolder): Promise<void> {
  const path = join(runFolder, WRITER);
  needSame(await readHolder(path), found);
  await rm(path, { force: true });
  await rm(takeoverOf(path), { force: true });
  await syncFolder(runFolder);
}

async function takeAt(path: string, request: Omit<LockRequest, "stateDir">): Promise<LockAnswer> {
  const holder: LockHolder = {
    v: 1,
    token: randomUUID(),
    ...thisProcess(),
    clusterId: request.clusterId,
    run: request.run,
    runFolder: request.runFolder,
    operator: request.operator,
    since: new Date(request.nowMs).toISOString(),
  };
  if (await createWhole(path, holder)) return { kind: "taken", lock: heldLock(path, holder, null) };
  const other = await readHolder(path);
  if (other === null) return takeAt(path, request);
  const alive = lookFor(other);
  if (alive !== "dead") return { kind: "held", holder: other, alive };
  return (await replaceDead(path, other, holder))
    ? { kind: "taken", lock: heldLock(path, holder, other) }
    : takeAt(path, request);
}

/** The holder of a cluster's lock on this machine, or null. */
export async function readLocalLock(stateDir: string, clusterId: string): Promise<LockHolder | null> {
  return readHolder(pathOf(stateDir, clusterId));
}

/** Looking at managers takes a while, and whoever has taken a lock meanwhile is at work. */
function needSame(holder: LockHolder | null, found: LockHolder | null): void {
  if (holder === null || holder.token === found?.token) return;
  throw new PawlError("locked", "lock-changed", "another run has taken the lock since it was looked at", {
    expected: found === null ? "no lock" : `the lock of run ${found.run}, held since ${found.since}`,
    observed: `the lock of run ${holder.run}, process ${holder.pid} on ${holder.host}, held since ${holder.since}`,
    evidence: [holder.runFolder],
    next: `pawl status ${holder.runFolder}`,
  });
}

/**
 * `pawl unlock`: takes the lock away from the holder that was found, and keeps it with the reason beside the locks. Returns the
 * holder it was taken from, for the journal; null when nobody held it. Throws PawlError `usage` without a reason, `locked` where
 * another has it by now.
 */
export async function breakLocalLock(
  request: Pick<LockRequest, "stateDir" | "clusterId" | "operator" | "nowMs"> & {
    readonly reason: string;
    readonly found: LockHolder | null;
  },
): Promise<LockHolder | null> {
  if (request.reason.trim() === "")
    throw new PawlError("usage", "no-reason", "a lock is broken only with a reason", { next: "--reason TEXT" });
  const path = pathOf(request.stateDir, request.clusterId);
  const holder = await readHolder(path);
  needSame(holder, request.found);
  if (holder !== null) {
    await keepBroken(request, holder);
    await rm(path, { force: true });
  }
  await rm(takeoverOf(path), { force: true });
  if (holder !== null) await syncFolder(join(request.stateDir, "locks"));
  return holder;
}

/** The holder as a person reads it: who, where, which run, for how long, and whether it still lives. */
export function describeHolder(holder: LockHolder, alive: "alive" | "dead" | "unknown", nowMs: number): string {
  const age = formatDuration(Math.max(0, nowMs - Date.parse(holder.since)));
  const state = { alive: "is running", dead: "is not running any more", unknown: "cannot be looked at from here" }[alive];
  return `${holder.operator}, run ${holder.run}, for ${age} (process ${holder.pid} on ${holder.host}, which ${state}; ${holder.runFolder})`;
}

/** What else is known where a lock is refused: the inventory, for the exact next command, and what the holder's record says. */
export interface LockedContext {
  readonly inventory: string;
  readonly record: string | null;
}

/** The error a command ends with when somebody else holds the cluster: exit code 9. */
export function lockedError(
  answer: Extract<LockAnswer, { readonly kind: "held" }>,
  nowMs: number,
  context: LockedContext,
): PawlError {
  const { holder, alive } = answer;
  const who = describeHolder(holder, alive, nowMs);
  return new PawlError("locked", "cluster-locked", `another run holds this cluster: ${who}`, {
    expected: "a cluster nobody is working on",
    observed: `held since ${holder.since}${context.record === null ? "" : `; ${context.record}`}`,
    evidence: [holder.runFolder],
    next:
      alive === "alive"
        ? `pawl status ${holder.runFolder}`
        : `make sure that nothing runs on ${holder.host}, then: pawl unlock -i ${context.inventory} --reason TEXT`,
  });
}

/** The error a command ends with when somebody else writes the record: exit code 9. */
export function writerLockedError(
  answer: Extract<LockAnswer, { readonly kind: "held" }>,
  nowMs: number,
  context: LockedContext & { readonly unlock: string },
): PawlError {
  const { holder, alive } = answer;
  return new PawlError(
    "locked",
    "record-locked",
    `another pawl writes the record of this run: ${describeHolder(holder, alive, nowMs)}`,
    {
      expected: "a record nobody is writing",
      observed: `held since ${holder.since}${context.record === null ? "" : `; ${context.record}`}`,
      evidence: [join(holder.runFolder, WRITER)],
      next:
        alive === "alive"
          ? `Ask it from where it was started: with another PAWL_STATE_DIR its engine is not found (pawl status ${holder.runFolder})`
          : `make sure that nothing runs on ${holder.host}, then: ${context.unlock}`,
    },
  );
}

/** Keeps beside the locks that one was broken: whose, by whom, when and why. `lock` is what was found. */
export async function keepBroken(
  request: Pick<LockRequest, "stateDir" | "clusterId" | "operator" | "nowMs"> & { readonly reason: string },
  lock: object,
): Promise<void> {
  const broken = {
    ...lock,
    brokenBy: request.operator,
    brokenAt: new Date(request.nowMs).toISOString(),
    reason: request.reason,
  };
  await makeFolder(join(request.stateDir, "locks"));
  const path = pathOf(request.stateDir, request.clusterId);
  await replaceFile(`${path}.${request.nowMs}.broken`, `${JSON.stringify(broken, null, 1)}\n`);
}

function heldLock(path: string, holder: LockHolder, tookOver: LockHolder | null): HeldLock {
  const check = async (): Promise<boolean> => (await readHolder(path))?.token === holder.token;
  return {
    holder,
    tookOver,
    check,
    release: async () => {
      if (!(await check())) return;
      await rm(path, { force: true });
    },
  };
}

/** Creates the file with all its content, or not at all: nobody ever reads half a lock. False where it exists. */
async function createWhole(path: string, holder: LockHolder): Promise<boolean> {
  return onOwnFile(path, () => create(path, holder));
}

async function create(path: string, holder: LockHolder): Promise<boolean> {
  const temporary = `${path}.${holder.token}.tmp`;
  try {
    const handle = await open(temporary, "wx", 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(holder)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await link(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

function takeoverOf(path: string): string {
  return `${path}.takeover`;
}

/** Replaces a dead holder. Only one process at a time may do that, or two could both believe that they won. */
async function replaceDead(path: string, dead: LockHolder, holder: LockHolder): Promise<boolean> {
  if (!(await createWhole(takeoverOf(path), holder))) {
    const other = await readHolder(takeoverOf(path));
    if (other === null || lookFor(other) === "alive") return false;
    throw new PawlError(
      "locked",
      "takeover-interrupted",
      `taking over this cluster's lock was interrupted: ${other.operator}, run ${other.run}`,
      {
        expected: "a lock that is held or free",
        evidence: [takeoverOf(path)],
        next: "make sure that no pawl runs on this cluster, then: pawl unlock -i INVENTORY --reason TEXT",
      },
    );
  }
  try {
    if ((await readHolder(path))?.token !== dead.token) return false;
    const temporary = `${path}.${holder.token}.new`;
    if (!(await createWhole(temporary, holder))) return false;
    await rename(temporary, path);
    return true;
  } finally {
    await rm(takeoverOf(path), { force: true });
  }
}

/** Read before every step of every node: handing so little to another thread would cost ten times the reading. */
function readHolder(path: string): Promise<LockHolder | null> {
  return new Promise((resolve) => resolve(holderIn(path)));
}

function holderIn(path: string): LockHolder | null {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    // A file in the place of the folder: no lock of ours lies in it.
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return null;
    throw error;
  }
  try {
    const holder = JSON.parse(text) as Partial<LockHolder> | null;
    if (holder?.v === 1 && typeof holder.token === "string" && typeof holder.pid === "number") return holder as LockHolder;
  } catch {
    // Said below: a lock nobody can read still locks.
  }
  throw new PawlError("locked", "bad-lock", `the lock of this cluster cannot be read: ${path}`, {
    expected: "a lock written by pawl",
    evidence: [path],
    next: `make sure that no pawl runs on this cluster, then remove the file`,
  });
}
