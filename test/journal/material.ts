import { randomUUID } from "node:crypto";
import { mkdtemp, writeFile, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunEventBody } from "../../src/domain/events.ts";
import type { Plan } from "../../src/domain/plan.ts";
import { createJournal, type FileJournal } from "../../src/journal/file-journal.ts";
import { sha256Of } from "../../src/journal/event-line.ts";
import { writePlan } from "../../src/journal/plan-file.ts";

export async function scratch(): Promise<string> {
  return mkdtemp(join(tmpdir(), "pawl-journal-"));
}

/** A clock that moves one second with every look. */
export function tickingClock(startMs = Date.UTC(2026, 10, 20, 15)): { now(): number } {
  let at = startMs;
  return { now: () => (at += 1000) };
}

export const PLAN: Plan = {
  v: 1,
  cluster: { id: "c-1", name: "production" },
  platform: "toy",
  runbook: { name: "toy-upgrade", version: "1", title: "Upgrade the toys" },
  inputs: { target: "2.0" },
  fingerprints: { runbook: "a".repeat(64), checks: "b".repeat(64), inventory: "c".repeat(64), policy: "d".repeat(64) },
  sources: { runbook: "runbooks/toy.yaml", inventory: "inventories/toy.yaml", checks: "checks" },
  journey: null,
  facts: { clusterId: "c-1", observedAt: "2026-11-20T15:00:00.000Z", nodes: {}, last: {}, counts: {}, baseline: {} },
  phases: [],
  finally: [],
  watches: [],
  omitted: [],
  found: [],
  budget: 0,
  rolloutNodes: 0,
  lock: null,
};

export function moved(step: string, to: "prepared" | "starting" | "started" | "complete"): RunEventBody {
  return { type: "step.moved", step, to, problem: null, note: null, output: null };
}

export function created(plan: string): RunEventBody {
  return {
    type: "run.created",
    run: "20261120T150000Z-upgrade-2.0",
    kind: "upgrade",
    cluster: "c-1",
    plan,
    pawl: "0.1.0",
    ticket: null,
  };
}

/** Puts bytes where the artifact store puts them, and gives the event that records them. */
export async function captured(folder: string, name: string, text: string): Promise<RunEventBody> {
  const sha256 = sha256Of(text);
  await mkdir(join(folder, "artifacts"), { recursive: true, mode: 0o700 });
  await writeFile(join(folder, "artifacts", sha256), text, { mode: 0o600 });
  return {
    type: "artifact.recorded",
    name,
    sha256,
    bytes: Buffer.byteLength(text),
    mediaType: "text/plain",
    step: "p/n1/s",
    node: "n1",
    evidenceOf: "a test",
    sealed: false,
  };
}

/** A small run with plan, two artifacts, one reading and an end; sealed. */
export async function finishedRun(
  extra: readonly RunEventBody[] = [],
): Promise<{ readonly folder: string; readonly journal: FileJournal }> {
  const folder = join(await scratch(), "production", `20261120T150000Z-upgrade-${randomUUID().slice(0, 6)}`);
  const journal = await createJournal({
    folder,
    clock: tickingClock(),
    actor: "engine",
    derive: (events) => [{ name: "report.md", text: `# ${events.length} events\n` }],
  });
  await journal.append(created(await writePlan(folder, PLAN)), "ada@desk");
  await journal.append({ type: "run.opened", pid: 1, host: "desk", boot: "b", resumed: false });
  for (const to of ["prepared", "starting", "started"] as const) await journal.append(moved("p/n1/s", to));
  await journal.append(await captured(folder, "p/n1/s/stdout", "hello\n"));
  await journal.append(await captured(folder, "p/n1/s/stderr", "a warning\n"));
  const reading = await captured(folder, "", '{"n1":{"up":true}}');
  if (reading.type !== "artifact.recorded") throw new Error("not an artifact");
  await journal.append({
    type: "check.measured",
    check: "up",
    verdict: "pass",
    why: null,
    fatal: false,
    asserted: { subjects: 1, passed: 1 },
    observed: "n1: up",
    step: "p/n1/s",
    watch: false,
    evidence: { sha256: reading.sha256, bytes: reading.bytes },
  });
  await journal.append(moved("p/n1/s", "complete"));
  for (const body of extra) await journal.append(body);
  await journal.append({ type: "run.completed", exit: 0, setAside: [] });
  await journal.seal();
  await journal.close();
  return { folder, journal };
}
