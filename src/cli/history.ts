import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileNameOf } from "../domain/file-name.ts";
import type { RunEvent } from "../domain/events.ts";
import type { Plan, Step } from "../domain/plan.ts";
import type { Before } from "../engine/ports.ts";
import { sha256Of } from "../journal/event-line.ts";
import { estimatePlan, type Estimate } from "../view/estimate.ts";
import type { Cluster } from "./cluster.ts";
import type { Io } from "./io.ts";

const RUNS_LOOKED_AT = 5;

function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}

/** Lengths of completed steps of one run, by step kind and role. */
function lengthsOf(folder: string): readonly (readonly [string, number])[] {
  const plan = JSON.parse(readFileSync(join(folder, "plan.json"), "utf8")) as Plan;
  const keyOf = new Map(
    plan.phases.flatMap((phase) =>
      phase.units.flatMap((unit) => unit.steps.map((step) => [step.address, `${step.kind} ${phase.role ?? ""}`] as const)),
    ),
  );
  const began = new Map<string, number>();
  const lengths: (readonly [string, number])[] = [];
  for (const line of readFileSync(join(folder, "journal.jsonl"), "utf8").split("\n")) {
    if (!line.includes('"step.moved"')) continue;
    const event = JSON.parse(line) as RunEvent;
    if (event.type !== "step.moved") continue;
    if (event.to === "starting") began.set(event.step, Date.parse(event.time));
    const from = began.get(event.step);
    const key = keyOf.get(event.step);
    if (event.to === "complete" && from !== undefined && key !== undefined) lengths.push([key, Date.parse(event.time) - from]);
  }
  return lengths;
}

/** What the last runs on this cluster teach about a plan. */
export interface History {
  readonly estimate: Estimate;
  /** How long the steps of a node took at most by the median of such steps; null where none was ever timed. */
  expectedMs(phase: string, node: string): number | null;
}

/** Nothing where there is no such folder: whoever writes there says why. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Medians of the last runs on this cluster, by step kind and role. A run that cannot be read teaches nothing. */
function medians(folder: string): ReadonlyMap<string, number> {
  const runs = namesIn(folder)
    .filter((name) => name.includes("-upgrade-"))
    .toSorted()
    .slice(-RUNS_LOOKED_AT);
  const seen = new Map<string, number[]>();
  for (const run of runs) {
    try {
      for (const [key, ms] of lengthsOf(join(folder, run))) seen.set(key, [...(seen.get(key) ?? []), ms]);
    } catch {
      continue;
    }
  }
  return new Map([...seen].map(([key, values]) => [key, median(values) ?? 0]));
}

/** The plan's estimate, and how long each node is expected to take; steps nobody has timed yet count as "no history". */
export function historyOf(io: Io, outputDir: string, cluster: Cluster, plan: Plan): History {
  const known = medians(resolve(io.cwd, outputDir, fileNameOf(cluster.inventory.document.name)));
  const roleOf = new Map(plan.phases.map((phase) => [phase.name, phase.role ?? ""]));
  const lengthOf = (step: Step): number | null => known.get(`${step.kind} ${roleOf.get(step.phase) ?? ""}`) ?? null;
  return {
    estimate: estimatePlan(plan, lengthOf),
    expectedMs(phase, node) {
      const unit = plan.phases.find((one) => one.name === phase)?.units.find((one) => one.node === node);
      const lengths = (unit?.steps ?? []).map(lengthOf).filter((ms) => ms !== null);
      return lengths.length === 0 ? null : lengths.reduce((sum, ms) => sum + ms, 0);
    },
  };
}

/** How much of a journal is looked through for its opening: it comes right after the findings. */
const OPENING_BYTES = 4 * 1024 * 1024;

/** Whether the run was begun, with this very plan: the journal's first event holds its digest. */
function wasBegun(folder: string, plan: string): boolean {
  const file = openSync(join(folder, "journal.jsonl"), "r");
  try {
    const buffer = Buffer.alloc(Math.min(OPENING_BYTES, fstatSync(file).size));
    readSync(file, buffer, 0, buffer.length, 0);
    const created = JSON.parse(buffer.toString("utf8", 0, buffer.indexOf("\n"))) as RunEvent;
    return created.type === "run.created" && created.plan === sha256Of(plan) && buffer.includes('"type":"run.opened"');
  } finally {
    closeSync(file);
  }
}

/**
 * What the last run on this very cluster that was begun had observed: an upgrade or a snapshot, never a preflight, which would
 * make whatever it finds the new state of things. Null where there is none that can be read.
 */
export function beforeOf(io: Io, outputDir: string, cluster: Cluster, clusterId: string): Before | null {
  const parent = resolve(io.cwd, outputDir, fileNameOf(cluster.inventory.document.name));
  for (const run of namesIn(parent).toSorted().toReversed()) {
    try {
      const text = readFileSync(join(parent, run, "plan.json"), "utf8");
      const plan = JSON.parse(text) as Plan;
      if (plan.cluster.id === clusterId && wasBegun(join(parent, run), text)) return { run, facts: plan.facts };
    } catch {
      // Not a run, or one that cannot be read: it tells nothing.
    }
  }
  return null;
}
