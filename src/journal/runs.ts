import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Acceptance } from "../domain/acceptance.ts";
import { EXIT, PawlError } from "../domain/errors.ts";
import type { RunEvent } from "../domain/events.ts";
import type { RunPhase } from "../domain/run-state.ts";
import { hasJournal } from "./file-journal.ts";
import { readJournal } from "./read.ts";

/** One run under an output folder, as `pawl runs` lists it. */
export interface RunSummary {
  readonly folder: string;
  /** Name of the cluster's folder. */
  readonly cluster: string;
  readonly run: string;
  /** What made it: `upgrade`, `snapshot`, … Empty where the journal cannot be read. */
  readonly kind: string;
  readonly phase: RunPhase | "unreadable";
  readonly exit: number | null;
  /** ISO times of the first and the last event; empty where there is none. */
  readonly startedAt: string;
  readonly lastAt: string;
  readonly startedBy: string;
  /** Who or what made it stop, where it is not at work; why it cannot be read. */
  readonly note: string | null;
  /** Who took the finished run as good; null until then. */
  readonly accepted: Acceptance | null;
  /** It has changed something and come to its end, and nobody has accepted it. */
  readonly awaitsAcceptance: boolean;
}

/** Folders with a journal under `<output>/<cluster>/<run>`, by run name, oldest first. An output folder that is missing has none. */
async function runFolders(outputDir: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const cluster of await foldersIn(resolve(outputDir))) {
    for (const run of await foldersIn(cluster)) if (await hasJournal(run)) found.push(run);
  }
  return found.sort((a, b) => compare(basename(a), basename(b)) || compare(a, b));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

async function foldersIn(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith(".")).map((entry) => join(folder, entry.name));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return [];
    if (code !== "EACCES" && code !== "ENOTDIR") throw error;
    throw new PawlError("usage", "no-output-dir", `the output folder cannot be read: ${folder}`, {
      observed: code,
      next: "name another one with --output-dir",
      cause: error,
    });
  }
}

/** Every run under the output folder, oldest first; those that cannot be read are listed as such, not left out. */
export async function listRuns(outputDir: string): Promise<readonly RunSummary[]> {
  const runs: RunSummary[] = [];
  for (const folder of await runFolders(outputDir)) runs.push(await summariseRun(folder));
  return runs;
}

/** What the run's journal says about it in one line. Never throws for a bad journal: it says so in the summary. */
async function summariseRun(folder: string): Promise<RunSummary> {
  const place = { folder, cluster: basename(dirname(folder)), run: basename(folder) };
  try {
    const { events } = await readJournal(folder);
    return { ...place, ...summaryOf(events) };
  } catch (error) {
    if (!(error instanceof PawlError)) throw error;
    const unknown = { kind: "", exit: null, startedAt: "", lastAt: "", startedBy: "", accepted: null, awaitsAcceptance: false };
    return { ...place, ...unknown, phase: "unreadable", note: error.message };
  }
}

function summaryOf(events: readonly RunEvent[]): Omit<RunSummary, "folder" | "cluster" | "run"> {
  const created = events.find((event) => event.type === "run.created");
  const turn = events.findLast(
    (event) => event.type === "run.opened" || event.type === "run.halted" || event.type === "run.completed",
  );
  const accepted = events.find((event) => event.type === "run.accepted");
  return {
    kind: created?.type === "run.created" ? created.kind : "",
    phase:
      turn === undefined ? "created" : turn.type === "run.opened" ? "open" : turn.type === "run.halted" ? "halted" : "completed",
    exit: turn === undefined || turn.type === "run.opened" ? null : turn.exit,
    startedAt: events[0]?.time ?? "",
    lastAt: events.findLast((event) => event.type !== "run.accepted")?.time ?? "",
    startedBy: created?.actor ?? "",
    note: turn?.type === "run.halted" ? turn.problem.text : null,
    accepted: accepted === undefined ? null : { by: accepted.actor, at: accepted.time, reason: accepted.reason },
    // Only what changes a cluster takes its lock; a preflight is completed without ever being opened.
    awaitsAcceptance:
      accepted === undefined &&
      turn?.type === "run.completed" &&
      [EXIT.ok, EXIT["set-aside"]].some((exit) => exit === turn.exit) &&
      events.some((event) => event.type === "lock.taken"),
  };
}

/** The run written to last. Names are not asked: a run of an embedded cluster is named by that cluster's time. */
async function lastWritten(folders: readonly string[]): Promise<string | undefined> {
  const written = await Promise.all(
    folders.map(async (folder) => ({ folder, at: (await stat(join(folder, "journal.jsonl"))).mtimeMs })),
  );
  return written.toSorted((a, b) => a.at - b.at).at(-1)?.folder;
}

/**
 * The run a command may act on. `latest` is taken only where it can mean one run: the single one that is not finished, of
 * whatever cluster. Throws PawlError `usage` that lists them where there are several, or says that there is none.
 */
export async function findRunToActOn(outputDir: string, wanted: string, cwd: string): Promise<string> {
  if (wanted !== "latest") return findRun(outputDir, wanted, cwd);
  const runs = await listRuns(resolve(cwd, outputDir));
  const unfinished = runs.filter((run) => ["created", "open", "halted"].includes(run.phase));
  const [only] = unfinished;
  if (only !== undefined && unfinished.length === 1) return only.folder;
  const names = unfinished.slice(-5).map((run) => `${run.cluster}/${run.run}`);
  throw new PawlError(
    "usage",
    only === undefined ? "nothing-unfinished" : "ambiguous-run",
    only === undefined
      ? "every run here has come to its end: there is nothing to act on"
      : "several runs have not come to their end: say which",
    {
      expected: "one unfinished run, or the name of one",
      observed: names.length === 0 ? `no unfinished run in ${outputDir}` : names.join(", "),
      next: `pawl runs --output-dir ${outputDir}`,
    },
  );
}

/**
 * The folder of the run a person means: a path, a run's name, the beginning of one that fits one run only,
 * `<cluster>/<run>`, `latest`, or `<cluster>/latest`. Throws PawlError `usage` that names what there is.
 */
export async function findRun(outputDir: string, wanted: string, cwd: string): Promise<string> {
  const path = resolve(cwd, wanted);
  if (await hasJournal(path)) return path;
  const folders = await runFolders(resolve(cwd, outputDir));
  const short = (folder: string): string => `${basename(dirname(folder))}/${basename(folder)}`;
  if (wanted === "latest" || wanted.endsWith("/latest")) {
    const fitting = folders.filter(
      (folder) => wanted === "latest" || short(folder).startsWith(wanted.slice(0, -"latest".length)),
    );
    const newest = await lastWritten(fitting);
    if (newest !== undefined) return newest;
  }
  const exact = folders.filter((folder) => basename(folder) === wanted || short(folder) === wanted);
  const begins = (folder: string): boolean =>
    wanted !== "" && (wanted.includes("/") ? short(folder) : basename(folder)).startsWith(wanted);
  const matches = exact.length > 0 ? exact : folders.filter(begins);
  const [only] = matches;
  if (only !== undefined && matches.length === 1) return only;
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const names = (matches.length > 1 ? matches : folders).slice(-5).map(short);
  throw new PawlError(
    "usage",
    matches.length > 1 ? "ambiguous-run" : "no-run",
    matches.length > 1
      ? `"${wanted}" fits ${matches.length} runs`
      : isFolder
        ? `${wanted} is a folder, but not that of a run`
        : `there is no run "${wanted}"`,
    {
      expected: "a run folder, a run's name or its beginning, or latest",
      observed: names.length === 0 ? `no runs in ${outputDir}` : `runs: ${names.join(", ")}`,
      next: `pawl runs --output-dir ${outputDir}`,
    },
  );
}
