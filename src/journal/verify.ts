import { lstat, readdir, readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { PawlError } from "../domain/errors.ts";
import { canonical, type Json } from "../domain/json.ts";
import { isTemporary } from "../disk/durable-file.ts";
import { sha256Of } from "./event-line.ts";
import { hasJournal } from "./file-journal.ts";
import { manifestOf, type Manifest } from "./manifest.ts";
import { readHead } from "./opening.ts";
import { hashFile, recordFiles, type JournalHead } from "./seal.ts";
import { isEarlierJournal, surveyJournal, type JournalSurvey, type RecordFinding } from "./verify-journal.ts";

export type { RecordFinding } from "./verify-journal.ts";

/** The answer of `pawl verify`. `ok` only when nothing is broken and the record is shown to be whole. */
export interface Verification {
  readonly folder: string;
  readonly ok: boolean;
  readonly findings: readonly RecordFinding[];
  readonly events: number;
  /** Hash of the last line: whoever keeps it elsewhere can tell this record from any other. */
  readonly head: string;
  readonly artifacts: number;
  readonly artifactBytes: number;
  /** Files whose digests were compared. */
  readonly files: number;
}

/** Files a stop writes from the journal: an interrupted seal may have left newer ones than SHA256SUMS names. */
const DERIVED = /^(?:manifest\.json|head\.json|report\.[a-z]+|plots\/[^/]+\.svg)$/;

/**
 * Checks a run folder offline and changes nothing: hash chain, sequence, head, manifest, artifacts, plan, SHA256SUMS.
 * Throws PawlError `usage` where there is no run.
 */
export async function verifyRun(runFolder: string): Promise<Verification> {
  const folder = resolve(runFolder);
  if (!(await hasJournal(folder))) {
    throw new PawlError("usage", "no-run", `there is no run in ${folder}`, {
      expected: "a folder with journal.jsonl",
      next: "pawl runs",
    });
  }
  const findings: RecordFinding[] = [];
  const say = (level: RecordFinding["level"], file: string, text: string, line: number | null = null): void => {
    findings.push({ level, file, line, text });
  };
  const head = await readHead(folder).catch((error: unknown) => {
    if (!(error instanceof PawlError)) throw error;
    say("broken", "head.json", error.message);
    return null;
  });
  const survey = await surveyJournal(folder, head);
  findings.push(...survey.findings);
  if (survey.seq === 0) say("broken", "journal.jsonl", "holds no event");
  sayHead(survey, head, findings, say);
  await checkPlan(folder, survey, say);
  const manifestSeq = await checkManifest(folder, survey, say);
  const stored = await checkArtifacts(folder, survey, say);
  const files = await checkSums(folder, survey, head, manifestSeq, stored.digests, say);
  const ok = findings.every((finding) => finding.level === "note");
  return {
    folder,
    ok,
    findings,
    events: survey.seq,
    head: survey.hash,
    artifacts: stored.digests.size,
    artifactBytes: stored.bytes,
    files,
  };
}

type Say = (level: RecordFinding["level"], file: string, text: string, line?: number | null) => void;

function sayHead(survey: JournalSurvey, head: JournalHead | null, before: readonly RecordFinding[], say: Say): void {
  if (head === null) {
    if (before.every((one) => one.file !== "head.json"))
      say("unproven", "head.json", "is missing: the run never came to a stop, so a cut tail could not be seen");
    return;
  }
  const more = survey.seq - head.seq;
  if (more > 0)
    say(
      "unproven",
      "journal.jsonl",
      `goes on for ${more} events after the last stop: the run is at work, or it was interrupted (resume it)`,
      head.seq + 1,
    );
}

async function checkPlan(folder: string, survey: JournalSurvey, say: Say): Promise<void> {
  if (survey.created === null) return;
  const bytes = await readOr(join(folder, "plan.json"));
  if (bytes === null) {
    say("broken", "plan.json", "is missing");
    return;
  }
  if (sha256Of(bytes) === survey.created.plan) return;
  const plan = parseJson(bytes);
  if (plan === undefined || sha256Of(canonical(plan)) !== survey.created.plan)
    say("broken", "plan.json", "is not the plan that was approved: its SHA-256 differs from run.created in journal.jsonl:1");
}

/** The seq the manifest speaks of, or null. */
async function checkManifest(folder: string, survey: JournalSurvey, say: Say): Promise<number | null> {
  const bytes = await readOr(join(folder, "manifest.json"));
  if (bytes === null) {
    say(survey.artifacts.length === 0 ? "note" : "unproven", "manifest.json", "is missing: it is written at every stop");
    return null;
  }
  const manifest = parseJson(bytes) as unknown as Manifest | null | undefined;
  if (manifest === null || manifest === undefined || !Number.isInteger(manifest.seq)) {
    say("broken", "manifest.json", "is not a manifest");
    return null;
  }
  const expected = manifestOf(
    survey.artifacts.filter((event) => event.seq <= manifest.seq),
    manifest.seq,
  );
  if (manifest.seq > survey.seq || !isDeepStrictEqual(manifest, expected))
    say("broken", "manifest.json", `differs from what the journal recorded up to event ${manifest.seq}`);
  return manifest.seq;
}

/** Digests by path of every file under artifacts/, after comparing each with its name, its size and the journal. */
async function checkArtifacts(
  folder: string,
  survey: JournalSurvey,
  say: Say,
): Promise<{ readonly digests: ReadonlyMap<string, string>; readonly bytes: number }> {
  const digests = new Map<string, string>();
  const sizes = new Map<string, number>();
  let total = 0;
  for (const path of (await recordFiles(folder)).filter((name) => name.startsWith("artifacts/"))) {
    const found = await hashFile(join(folder, path));
    digests.set(path, found.sha256);
    sizes.set(path, found.bytes);
    total += found.bytes;
    if (path !== `artifacts/${found.sha256}`) say("broken", path, `was changed: its content has SHA-256 ${found.sha256}`);
  }
  const wanted = new Set<string>();
  for (const event of survey.artifacts) {
    const ref = event.type === "artifact.recorded" ? event : event.evidence;
    if (ref === null) continue;
    const path = `artifacts/${ref.sha256}`;
    const name = event.type === "artifact.recorded" ? event.name : `the reading of ${event.check}`;
    const size = sizes.get(path);
    if (size === undefined && !wanted.has(path)) say("broken", path, `is missing: ${name} (${ref.bytes} bytes)`, null);
    else if (size !== undefined && size !== ref.bytes)
      say("broken", path, `has ${size} bytes; the journal recorded ${ref.bytes} for ${name} (event ${event.seq})`);
    wanted.add(path);
  }
  const orphans = [...digests.keys()].filter((path) => !wanted.has(path));
  if (orphans.length > 0)
    say(
      "note",
      "artifacts",
      `${orphans.length} captured files are in no event: stored just before an interruption, evidence of nothing`,
    );
  const unfinished = (await readdir(folder, { recursive: true })).filter((name) => isTemporary(basename(name)));
  if (unfinished.length > 0)
    say(
      "note",
      unfinished.toSorted()[0] ?? "artifacts",
      `${unfinished.length === 1 ? "is an unfinished file" : `and ${unfinished.length - 1} more are unfinished files`}: a writer was interrupted. Nothing refers to what it wrote; the next resume removes it`,
    );
  return { digests, bytes: total };
}

const SUM_LINE = /^([0-9a-f]{64}) {2}([^\0]+)$/;

/** Compares SHA256SUMS with the folder. Returns how many files were compared. */
async function checkSums(
  folder: string,
  survey: JournalSurvey,
  head: JournalHead | null,
  manifestSeq: number | null,
  stored: ReadonlyMap<string, string>,
  say: Say,
): Promise<number> {
  const bytes = await readOr(join(folder, "SHA256SUMS"));
  if (bytes === null) {
    // The last thing a stop writes: where it is missing, the disk may have been full just then.
    const why = head === null ? "it is written at every stop" : "the last stop did not come to its end, or it was removed";
    say("unproven", "SHA256SUMS", `is missing: ${why}`);
    return stored.size;
  }
  const listed = new Map<string, { readonly sha256: string; readonly line: number }>();
  for (const [index, text] of bytes.toString("utf8").replace(/\n$/, "").split("\n").entries()) {
    const [, sha256, name] = SUM_LINE.exec(text) ?? [];
    if (sha256 === undefined || name === undefined || listed.has(name))
      say("broken", "SHA256SUMS", "is not a line of SHA256SUMS", index + 1);
    else listed.set(name, { sha256, line: index + 1 });
  }
  const journal = listed.get("journal.jsonl")?.sha256 ?? "";
  const inStep = journal === survey.sealedSha256 && (manifestSeq === null || manifestSeq === head?.seq);
  const stale = !inStep && (await isEarlierJournal(folder, journal));
  if (stale)
    say(
      "unproven",
      "SHA256SUMS",
      "was written at an earlier stop than head.json or manifest.json: the last stop was interrupted (resume or stop the run again)",
    );
  for (const [name, { sha256, line }] of listed) {
    if (name === "journal.jsonl") {
      if (sha256 !== survey.sealedSha256 && sha256 !== survey.sha256 && !stale)
        say("broken", "SHA256SUMS", "does not match journal.jsonl", line);
      continue;
    }
    const found = stored.get(name) ?? (await digestOf(folder, name));
    if (found === null) say("broken", name, "is missing; SHA256SUMS lists it", null);
    else if (found !== sha256 && !(stale && DERIVED.test(name))) {
      // A stop writes the reports first: with events behind the last seal, a newer report is no proof of tampering.
      const newer = /^(?:report\.|plots\/)/.test(name) && head !== null && survey.seq > head.seq;
      say(
        newer ? "unproven" : "broken",
        name,
        newer ? "is newer than the last stop" : `was changed: SHA256SUMS:${line} has another digest`,
      );
    }
  }
  if (!listed.has("journal.jsonl")) say("broken", "SHA256SUMS", "does not list journal.jsonl");
  for (const name of ["plan.json", "head.json", "manifest.json"]) {
    if (!stale && !listed.has(name) && (await digestOf(folder, name)) !== null)
      say("broken", "SHA256SUMS", `does not list ${name}`);
  }
  const unlisted = (await recordFiles(folder)).filter(
    (name) => !listed.has(name) && !name.startsWith("artifacts/") && !DERIVED.test(name),
  );
  for (const name of unlisted)
    if (name !== "plan.json" && name !== "journal.torn") say("note", name, "is not part of the record");
  return new Set([...listed.keys(), ...stored.keys()]).size;
}

async function digestOf(folder: string, name: string): Promise<string | null> {
  const path = resolve(folder, name);
  if (!path.startsWith(`${folder}/`)) return null;
  const isFile = await lstat(path).then(
    (found) => found.isFile(),
    () => false,
  );
  return isFile ? (await hashFile(path)).sha256 : null;
}

async function readOr(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function parseJson(bytes: Buffer): Json | undefined {
  try {
    return JSON.parse(bytes.toString("utf8")) as Json;
  } catch {
    return undefined;
  }
}
