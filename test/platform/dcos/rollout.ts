import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { kindsOf } from "../../../src/action/kinds.ts";
import { guard } from "../../../src/check/guard.ts";
import { createChecks } from "../../../src/check/runner.ts";
import { loadChecks, loadRunbook } from "../../../src/document/load.ts";
import type { RunEvent } from "../../../src/domain/events.ts";
import { EMPTY_RUN } from "../../../src/domain/run-state.ts";
import type { Plan } from "../../../src/domain/plan.ts";
import type { Checks, Clock, Operator, Platform, Remote, StepKind } from "../../../src/engine/ports.ts";
import { startEngine, type RunResult } from "../../../src/engine/run.ts";
import { compile } from "../../../src/plan/compile.ts";
import { resolveInputs } from "../../../src/plan/inputs.ts";
import { createDcosPlatform } from "../../../src/platform/dcos/platform.ts";
import { memoryScratch } from "../../sim/zookeeper/restored.ts";
import { memoryArtifacts, memoryJournal } from "../../toy/memory.ts";
import { labJq, SOAKS, testLab, type TestLab } from "./lab.ts";

const ROOT = join(import.meta.dirname, "../../..");
const CHECK_FILES = readdirSync(join(ROOT, "checks/dcos")).map((file) => join(ROOT, "checks/dcos", file));
export const TARGET = "1.11.3";

export interface Rollout {
  readonly lab: TestLab;
  readonly events: readonly RunEvent[];
  readonly result: RunResult;
}

/** One hop of the shipped runbook, planned over an embedded cluster that nobody has touched yet. */
export interface PlannedRollout {
  readonly lab: TestLab;
  readonly clock: Clock;
  readonly platform: Platform;
  readonly kinds: ReadonlyMap<string, StepKind>;
  readonly plan: Plan;
  /** Checks as the plan pins them, measured through the given door. */
  checksOver(reader: Remote, clock: Clock): Checks;
  close(): Promise<void>;
}

/** Name of the one run that is made here. */
export const RUN = "20261120T150000Z-upgrade-1.11.3";

export type RolloutOptions = NonNullable<Parameters<typeof testLab>[0]> & {
  /** Stands between whoever asks and the cluster. */
  readonly watch?: (remote: Remote) => Remote;
};

/** Read once for all the clusters of a process. */
let shipped: Promise<[Awaited<ReturnType<typeof loadChecks>>, Awaited<ReturnType<typeof loadRunbook>>]> | null = null;

/** Plans the hop: facts, findings (all must pass), documents and plan, in simulated time. */
export async function planRollOut(options: RolloutOptions = {}): Promise<PlannedRollout> {
  const bare = testLab(options);
  const lab = options.watch === undefined ? bare : { ...bare, remote: options.watch(bare.remote) };
  const { inventory } = lab;
  // Simulated time has no end to sleep to: a wait for ever is looked at again after a second.
  const clock: Clock = {
    now: () => lab.clock.now(),
    monotonic: () => lab.clock.monotonic(),
    sleep: (ms, signal) => lab.clock.sleep(Number.isFinite(ms) ? ms : 1_000, signal),
  };
  const platform = createDcosPlatform({ scratch: () => memoryScratch() });
  const kinds = kindsOf(platform);
  const [documents, runbook] = await (shipped ??= Promise.all([
    loadChecks(CHECK_FILES),
    loadRunbook(join(ROOT, "runbooks/dcos-upgrade.yaml")),
  ]));
  const inputs = resolveInputs(runbook.document, { target: TARGET, ...SOAKS }, true);
  const { facts } = await platform.observe(guard(lab.remote, platform.allow), inventory, inputs, clock);
  const bad = platform.findings(facts, inventory, inputs).filter((one) => one.verdict !== "pass" && one.severity !== "advisory");
  if (bad.length > 0)
    throw new Error(`the cluster is not fit to begin with: ${bad.map((one) => `${one.id}: ${one.observed}`).join("; ")}`);
  const plan = compile({
    runbook,
    checks: new Map(documents.map((one) => [one.document.name, one])),
    inventory: { document: inventory, file: "inventory", sha256: "0" },
    policySha256: "-",
    facts,
    inputs,
    platform,
    kinds,
    hash: (text) => createHash("sha256").update(text).digest("hex"),
    checksFolder: "checks",
    journey: null,
    only: [],
  });
  const jq = labJq(lab);
  return {
    lab,
    clock,
    platform,
    kinds,
    plan,
    checksOver: (reader, measuredBy) =>
      createChecks({
        checks: documents.map((one) => one.document),
        remote: reader,
        inventory,
        platform,
        facts,
        clock: measuredBy,
        jq,
      }),
    close: () => jq.close(),
  };
}

/** `--yes`: every planned stop is approved, nothing else. */
export const announcedOnly: Operator = {
  ask: async (question) =>
    question.announced && (question.kind === "start" || question.kind === "confirm")
      ? { kind: "answered", choice: "approve", actor: "policy:--yes", reason: null }
      : { kind: "nobody" },
};

/** One hop of the shipped runbook over an embedded cluster, in simulated time; every planned stop is approved, nothing else. */
export async function rollOut(options: RolloutOptions = {}): Promise<Rollout> {
  const planned = await planRollOut(options);
  const { lab, clock, platform, plan, kinds } = planned;
  const reader = guard(lab.remote, platform.allow);
  const journal = memoryJournal(clock);
  const engine = startEngine(
    {
      run: RUN,
      plan,
      inventory: lab.inventory,
      platform,
      kinds,
      journal,
      state: EMPTY_RUN,
      artifacts: memoryArtifacts(),
      remote: lab.remote,
      reader,
      local: { run: async () => ({ kind: "exited", code: 0, stdout: "", stderr: "" }) },
      checks: planned.checksOver(reader, clock),
      clock,
      operator: announcedOnly,
      control: null,
      lock: null,
      viewer: { show: () => undefined },
      limits: { stopAfter: null, untilMs: null, expectedMs: () => null },
      process: { pid: 1, host: "test", boot: "test" },
    },
    false,
  );
  try {
    return { lab, events: journal.events, result: await engine.done };
  } finally {
    await planned.close();
  }
}

/** Nodes whose upgrade script ran, and how often. */
export function scriptRuns({ lab }: Rollout): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(lab.cluster.inspect()).flatMap(([node, one]) =>
      one.scriptRuns.length === 0 ? [] : [[node, one.scriptRuns.length]],
    ),
  );
}
