import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { kindsOf } from "../../../src/action/kinds.ts";
import { guard } from "../../../src/check/guard.ts";
import { createJq } from "../../../src/check/jq.ts";
import { createChecks } from "../../../src/check/runner.ts";
import { loadChecks, loadRunbook } from "../../../src/document/load.ts";
import type { RunEvent } from "../../../src/domain/events.ts";
import { EMPTY_RUN } from "../../../src/domain/run-state.ts";
import type { Question } from "../../../src/domain/events.ts";
import type { Clock } from "../../../src/engine/ports.ts";
import { startEngine, type RunResult } from "../../../src/engine/run.ts";
import { compile } from "../../../src/plan/compile.ts";
import { resolveInputs } from "../../../src/plan/inputs.ts";
import { createDcosPlatform } from "../../../src/platform/dcos/platform.ts";
import { memoryArtifacts, memoryJournal } from "../../toy/memory.ts";
import { testLab, type TestLab } from "./lab.ts";

const ROOT = join(import.meta.dirname, "../../..");
const CHECK_FILES = readdirSync(join(ROOT, "checks/dcos")).map((file) => join(ROOT, "checks/dcos", file));
export const TARGET = "1.11.3";

export interface Rollout {
  readonly lab: TestLab;
  readonly events: readonly RunEvent[];
  readonly result: RunResult;
}

/** One hop of the shipped runbook over an embedded cluster, in simulated time; every planned stop is approved, nothing else. */
export async function rollOut(options: Parameters<typeof testLab>[0] = {}): Promise<Rollout> {
  const lab = testLab(options);
  const { inventory, remote } = lab;
  // Simulated time has no end to sleep to: a wait for ever is looked at again after a second.
  const clock: Clock = { now: () => lab.clock.now(), monotonic: () => lab.clock.monotonic(), sleep: (ms, signal) => lab.clock.sleep(Number.isFinite(ms) ? ms : 1_000, signal) };
  const platform = createDcosPlatform();
  const reader = guard(remote, platform.allow);
  const kinds = kindsOf(platform);
  const documents = await loadChecks(CHECK_FILES);
  const runbook = await loadRunbook(join(ROOT, "runbooks/dcos-upgrade.yaml"));
  const inputs = resolveInputs(runbook.document, { target: TARGET }, true);
  const { facts } = await platform.observe(reader, inventory, inputs, clock);
  const bad = platform.findings(facts, inventory, inputs).filter((one) => one.verdict !== "pass");
  if (bad.length > 0) throw new Error(`the cluster is not fit to begin with: ${bad.map((one) => `${one.id}: ${one.observed}`).join("; ")}`);
  const checks = new Map(documents.map((one) => [one.document.name, one]));
  const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
  const plan = compile({ runbook, checks, inventory: { document: inventory, file: "inventory", sha256: "0" }, policySha256: "-", facts, inputs, platform, kinds, hash, checksFolder: "checks", journey: null, only: [] });
  const jq = createJq();
  const journal = memoryJournal(clock);
  const yes = (question: Question): boolean => question.announced && (question.kind === "start" || question.kind === "confirm");
  const engine = startEngine(
    {
      run: "20261120T150000Z-upgrade-1.11.3", plan, inventory, platform, kinds, journal, state: EMPTY_RUN, artifacts: memoryArtifacts(), remote, reader,
      local: { run: async () => ({ kind: "exited", code: 0, stdout: "", stderr: "" }) },
      checks: createChecks({ checks: documents.map((one) => one.document), remote: reader, inventory, platform, facts, clock, jq }),
      clock,
      operator: { ask: async (question) => (yes(question) ? { kind: "answered", choice: "approve", actor: "policy:--yes", reason: null } : { kind: "nobody" }) },
      control: null, lock: null, viewer: { show: () => undefined },
      limits: { stopAfter: null, untilMs: null, expectedMs: () => null },
      process: { pid: 1, host: "test", boot: "test" },
    },
    false,
  );
  try {
    return { lab, events: journal.events, result: await engine.done };
  } finally {
    await jq.close();
  }
}

/** Nodes whose upgrade script ran, and how often. */
export function scriptRuns({ lab }: Rollout): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(lab.cluster.inspect()).flatMap(([node, one]) => (one.scriptRuns.length === 0 ? [] : [[node, one.scriptRuns.length]])));
}
