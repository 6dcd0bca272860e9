import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMasker } from "../../src/artifact/mask.ts";
import { openArtifactStore, readArtifact } from "../../src/artifact/store.ts";
import type { RunEventBody } from "../../src/domain/events.ts";
import type { Json } from "../../src/domain/json.ts";
import { createJournal } from "../../src/journal/file-journal.ts";
import { writePlan } from "../../src/journal/plan-file.ts";
import { reportFiles } from "../../src/report/files.ts";
import { STORY_PLAN } from "../report/story.ts";
import { runCommandLine } from "../../src/cli/main.ts";
import type { ExitName } from "../../src/domain/errors.ts";
import { capturedIo } from "./captured-io.ts";

export async function workFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "pawl-cli-record-"));
}

/** A sealed run under `<cwd>/backups/<cluster>/<name>`; a snapshot where a summary is given; `worked`: a node of it was changed. */
export async function recordedRun(
  cwd: string,
  name: string,
  over: {
    readonly cluster?: string;
    readonly summary?: Json;
    readonly end?: RunEventBody;
    readonly sealed?: boolean;
    readonly worked?: true;
    readonly platform?: string;
  } = {},
): Promise<string> {
  const plan = { ...STORY_PLAN, platform: over.platform ?? STORY_PLAN.platform };
  const folder = join(cwd, "backups", over.cluster ?? "production", name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const start = Date.UTC(2026, 10, 20, 15);
  let seconds = 0;
  const journal = await createJournal({
    folder,
    clock: { now: () => start + (seconds += 60) * 1000 },
    actor: "ada@desk",
    derive: (events, manifest) => reportFiles(events, plan, manifest, (artifact) => readArtifact(folder, artifact)),
  });
  await journal.append({
    type: "run.created",
    run: name,
    kind: over.summary === undefined ? "upgrade" : "dcos-snapshot",
    cluster: "7d1b-42",
    plan: await writePlan(folder, plan),
    pawl: "0.1.0",
    ticket: null,
  });
  await journal.append({ type: "run.opened", pid: 1, host: "desk", boot: "b", resumed: false });
  if (over.summary !== undefined) {
    const store = await openArtifactStore({ folder, masker: createMasker({ key: Buffer.alloc(32) }) });
    const meta = {
      name: "collect/capture/summary.json",
      mediaType: "application/json",
      step: null,
      node: null,
      evidenceOf: "the essence",
    };
    await journal.append({
      type: "artifact.recorded",
      ...(await store.put(meta, JSON.stringify({ v: 1, summary: over.summary }))),
    });
  }
  if (over.worked === true) {
    await journal.append({ type: "lock.taken", holder: "ada@desk", nodes: ["m1"] });
    for (const to of ["prepared", "starting", "started", "complete"] as const)
      await journal.append({ type: "step.moved", step: "managers/m1/upgrade", to, problem: null, note: null, output: null });
    await journal.append({ type: "lock.released", nodes: ["m1"] });
  }
  await journal.append(over.end ?? { type: "run.completed", exit: 0, setAside: [] });
  if (over.sealed !== false) await journal.seal();
  await journal.close();
  return folder;
}

/** Runs one command line in process, with `cwd` as the working folder. */
export async function pawl(
  cwd: string,
  ...args: readonly string[]
): Promise<{ readonly exit: ExitName | null; readonly out: string; readonly err: string }> {
  const io = { ...capturedIo(cwd), env: { LANG: "C.UTF-8", PAWL_STATE_DIR: join(cwd, ".state") } };
  await runCommandLine(io, args, "0.0.0");
  return { exit: io.ended(), out: io.stdout.join("\n"), err: io.stderr.join("\n") };
}
