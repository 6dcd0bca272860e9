import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rm } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { openArtifactStore, readArtifact } from "../artifact/store.ts";
import { PawlError } from "../domain/errors.ts";
import type { RunEvent, RunEventBody } from "../domain/events.ts";
import { fileNameOf } from "../domain/file-name.ts";
import type { Finding, Plan } from "../domain/plan.ts";
import { fold, type RunState } from "../domain/run-state.ts";
import type { ArtifactStore, Clock, Observation } from "../engine/ports.ts";
import { makeFolder, syncFolder } from "../disk/folder.ts";
import { createJournal, openJournal, type FileJournal } from "../journal/file-journal.ts";
import { lockedError, takeLocalLock, takeWriterLock, writerLockedError, type HeldLock } from "../journal/local-lock.ts";
import { recordSays } from "../journal/record-says.ts";
import { writePlan } from "../journal/plan-file.ts";
import { reportFiles } from "../report/files.ts";
import type { AcceptedKeys } from "./accepted-keys.ts";
import type { Io } from "./io.ts";
import { maskerOf } from "./masked.ts";
import { pawlVersion, stateDir } from "./places.ts";
import { outputDirWords } from "./spell.ts";

/** A run's record, open for writing: folder, journal, artifacts, and the state so far. */
export interface RunRecord {
  readonly run: string;
  readonly folder: string;
  readonly journal: FileJournal;
  readonly artifacts: ArtifactStore;
  readonly plan: Plan;
  /** Replaces secrets in a text that is to be printed, as they are replaced in the record. */
  mask(text: string): string;
  state(): RunState;
  /** What tells this run from every other: its mark on the cluster's lock. */
  id(): string;
  /** Whether this machine's lock and the record's own are still this run's: somebody may have broken one. */
  holds(): Promise<boolean>;
  /** Closes the journal and gives the local lock back. */
  close(): Promise<void>;
}

/**
 * `20261120T150000Z-upgrade-1.11.3`: sorts by time. A second one within the same second gets a number. The folder is made here:
 * it belongs to nobody else, and whatever lies at a name already (a link too) is left alone.
 */
async function claimFolder(
  io: Io,
  outputDir: string,
  cluster: string,
  what: string,
  nowMs: number,
): Promise<{ readonly run: string; readonly folder: string }> {
  const stamp = new Date(nowMs).toISOString().replace(/[-:]/g, "").replace(/\.\d+/, "");
  const parent = resolve(io.cwd, outputDir, fileNameOf(cluster));
  await makeFolder(parent);
  for (let number = 1; ; number += 1) {
    const run = `${stamp}-${fileNameOf(what)}${number === 1 ? "" : `-${number}`}`;
    const folder = join(parent, run);
    try {
      await mkdir(folder, { mode: 0o700 });
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EEXIST") continue;
      throw error;
    }
    await syncFolder(parent);
    return { run, folder };
  }
}

/** The lock of this machine, by cluster identity (design rule 7). Throws PawlError `locked`, naming holder, host, run and age. */
async function lockHere(io: Io, plan: Plan, run: string, runFolder: string): Promise<HeldLock> {
  const nowMs = io.now();
  const request = { stateDir: stateDir(io.env), clusterId: plan.cluster.id, run, runFolder, operator: io.actor, nowMs };
  const answer = await takeLocalLock(request);
  if (answer.kind === "taken") return answer.lock;
  const record = await recordSays(answer.holder.runFolder);
  throw lockedError(answer, nowMs, { inventory: plan.sources.inventory, record: record?.text ?? null });
}

/** The lock of the record itself: one writer, whatever state folder and machine it comes from. Throws PawlError `locked`. */
async function lockRecord(io: Io, plan: Plan, run: string, runFolder: string): Promise<HeldLock> {
  const nowMs = io.now();
  const answer = await takeWriterLock({ clusterId: plan.cluster.id, run, runFolder, operator: io.actor, nowMs });
  if (answer.kind === "taken") return answer.lock;
  const record = await recordSays(runFolder);
  const { inventory } = plan.sources;
  const unlock = `pawl unlock -i ${inventory}${outputDirWords(io, runFolder)} --reason TEXT`;
  throw writerLockedError(answer, nowMs, { inventory, record: record?.text ?? null, unlock });
}

/** What a run holds while its record is open: the cluster's lock on this machine (null: it may run beside anything), and the record's own. */
interface Locks {
  readonly cluster: HeldLock | null;
  readonly record: HeldLock;
}

async function releaseAll(locks: Locks): Promise<void> {
  try {
    await locks.record.release();
  } finally {
    await locks.cluster?.release();
  }
}

/** A dead run's lock that was taken over is told in the journal of the run that took it. */
async function tellTakeover(journal: FileJournal, lock: HeldLock | null, run: string): Promise<void> {
  const dead = lock?.tookOver ?? null;
  if (dead === null || dead.run === run) return;
  const holder = `${dead.operator}, run ${dead.run}, process ${dead.pid} on ${dead.host}`;
  await journal.append({ type: "lock.broken", holder, reason: "its process is not running any more" }, "policy");
}

async function recordOf(
  io: Io,
  folder: string,
  run: string,
  plan: Plan,
  clock: Clock,
  open: typeof createJournal,
  locks: Locks,
): Promise<RunRecord> {
  io.began(folder);
  const masker = await maskerOf(io, plan.cluster.id);
  const journal = await open({
    folder,
    clock,
    actor: io.actor,
    mask: (text) => masker.text(text),
    derive: (events, manifest) => reportFiles(events, plan, manifest, (artifact) => readArtifact(folder, artifact)),
  });
  const artifacts = await openArtifactStore({ folder, masker }).catch(async (error: unknown) => {
    await journal.close();
    throw error;
  });
  return {
    run,
    folder,
    journal,
    artifacts,
    plan,
    mask: (text) => masker.text(text),
    state: () => fold(journal.events),
    id: () => journal.events.find((event) => event.type === "run.created")?.id ?? run,
    holds: async () => (await locks.record.check()) && (locks.cluster === null || (await locks.cluster.check())),
    async close() {
      try {
        await journal.close();
      } finally {
        await releaseAll(locks);
      }
    },
  };
}

export interface NewRun {
  readonly outputDir: string;
  /** First word of the run's name: `upgrade-1.11.3`, `snapshot`, `preflight-1.11.3`. */
  readonly what: string;
  readonly plan: Plan;
  readonly observation: Observation;
  readonly findings: readonly Finding[];
  readonly ticket: string | null;
  /** False for a preflight: it may run beside anything. */
  readonly locked: boolean;
  /** Host keys that were accepted on the way here: they have been said, and belong on record. */
  readonly acceptedKeys: AcceptedKeys | undefined;
}

/** Creates a run's folder with its plan, what was observed, and every finding. Where that fails, nothing of it is left. */
export async function createRun(io: Io, clock: Clock, wanted: NewRun): Promise<RunRecord> {
  const { plan } = wanted;
  const { run, folder } = await claimFolder(io, wanted.outputDir, plan.cluster.name, wanted.what, clock.now());
  let lock: HeldLock | null = null;
  let record: RunRecord | null = null;
  try {
    lock = wanted.locked ? await lockHere(io, plan, run, folder) : null;
    const locks = { cluster: lock, record: await lockRecord(io, plan, run, folder) };
    const sha256 = await writePlan(folder, plan);
    record = await recordOf(io, folder, run, plan, clock, createJournal, locks);
    await tellSurvey(record, sha256, wanted);
    await tellTakeover(record.journal, lock, run);
    return record;
  } catch (error) {
    // Nothing has happened yet: a folder that says less than the whole would only be taken for a run.
    await record?.journal.close().catch(() => undefined);
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    await lock?.release().catch(() => undefined);
    throw error;
  }
}

async function tellSurvey({ run, journal, artifacts }: RunRecord, sha256: string, wanted: NewRun): Promise<void> {
  // In this order, and durable together: nothing happens before all of it is on disk.
  const told: Promise<unknown>[] = [];
  const tell = (body: RunEventBody, actor?: string): void => {
    const event = journal.append(body, actor);
    event.catch(() => undefined);
    told.push(event);
  };
  tell({
    type: "run.created",
    run,
    kind: wanted.plan.runbook.name,
    cluster: wanted.plan.cluster.id,
    plan: sha256,
    pawl: pawlVersion(),
    ticket: wanted.ticket,
    id: randomUUID(),
  });
  for (const event of wanted.acceptedKeys?.unrecorded() ?? []) tell(event);
  for (const { meta, bytes } of wanted.observation.evidence) {
    tell({ type: "artifact.recorded", ...(await artifacts.put(meta, bytes)) });
  }
  const meta = {
    name: "preflight.json",
    mediaType: "application/json",
    step: null,
    node: null,
    evidenceOf: "every finding of the preflight",
  };
  tell({ type: "artifact.recorded", ...(await artifacts.put(meta, JSON.stringify(wanted.findings, null, 1))) });
  for (const finding of wanted.findings) {
    tell({
      type: "finding.reported",
      id: finding.id,
      verdict: finding.verdict,
      severity: finding.severity,
      observed: finding.observed.slice(0, 500),
    });
  }
  for (const { finding, print, observed, person, reason, until } of wanted.plan.waivers ?? []) {
    tell({ type: "finding.waived", id: finding, print, observed: observed.slice(0, 500), reason, until }, person);
  }
  await Promise.all(told);
}

/** The events of a record so far, for a reader of JSON lines who wants the whole journal. */
export function tellEvents(io: Io, record: RunRecord): void {
  for (const event of record.journal.events) io.out(JSON.stringify(event));
}

/** Throws PawlError refused where plan.json is not the plan that was approved: the journal holds its digest. */
async function needSamePlan(folder: string, events: readonly RunEvent[]): Promise<void> {
  const created = events.find((event) => event.type === "run.created");
  const path = join(folder, "plan.json");
  const found = createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
  if (created?.plan === found) return;
  throw new PawlError("refused", "plan-altered", "plan.json is not the plan that was approved", {
    expected: created?.plan ?? "the digest in the journal's first event",
    observed: found,
    evidence: [path],
    next: `Put it back as it was (pawl verify ${folder}), or start a new run.`,
  });
}

/** Opens a run that exists, to go on with it; holds the local lock until it is closed. Throws PawlError for another plan. */
export async function openRun(io: Io, folder: string, plan: Plan, clock: Clock): Promise<RunRecord> {
  const run = basename(folder);
  const lock = await lockHere(io, plan, run, folder);
  let own: HeldLock | null = null;
  try {
    own = await lockRecord(io, plan, run, folder);
    const record = await recordOf(io, folder, run, plan, clock, openJournal, { cluster: lock, record: own });
    await needSamePlan(folder, record.journal.events);
    await tellTakeover(record.journal, lock, run);
    return record;
  } catch (error) {
    await own?.release();
    await lock.release();
    throw error;
  }
}
