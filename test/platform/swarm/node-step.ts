import type { Inventory } from "../../../src/domain/inventory.ts";
import type { Json, JsonRecord } from "../../../src/domain/json.ts";
import type { Plan, Step } from "../../../src/domain/plan.ts";
import { EMPTY_RUN, stepRecord, type StepRecord } from "../../../src/domain/run-state.ts";
import type { Remote, StepContext, StepKind } from "../../../src/engine/ports.ts";
import { memoryStore, type Kept } from "../../artifact/kept.ts";

export interface NodeSteps {
  readonly kept: Map<string, Kept>;
  readonly said: string[];
  readonly records: Map<string, StepRecord>;
  context(kind: StepKind, node: string | null, options?: { readonly with?: JsonRecord; readonly attempts?: number }): StepContext;
}

const UNTOUCHED = stepRecord(EMPTY_RUN, "untouched");

/** Contexts for single steps about nodes of a Swarm; `facts`: details of each node as the plan has seen it, and its baseline. */
export function nodeSteps(
  inventory: Inventory,
  remote: Remote,
  facts: { readonly nodes: Readonly<Record<string, JsonRecord>>; readonly baseline?: JsonRecord },
): NodeSteps {
  const kept = new Map<string, Kept>();
  const said: string[] = [];
  const records = new Map<string, StepRecord>();
  const steps: Step[] = [];
  const recorded: string[] = [];
  let ms = 0;
  const details = Object.entries(facts.nodes).map(([name, one]) => [
    name,
    { version: null, role: null, reachable: true, complete: false, details: one },
  ]);
  const plan = {
    ...{ v: 1, cluster: { id: "c", name: "lab" }, platform: "swarm", inputs: {}, finally: [] },
    facts: { nodes: Object.fromEntries(details) as JsonRecord, baseline: facts.baseline ?? {}, last: {}, counts: {} },
    phases: [{ name: "all", units: [{ node: null, critical: false, steps }], after: [] }],
  } as unknown as Plan;
  return {
    kept,
    said,
    records,
    context(kind, node, options = {}) {
      const address = `all/${node ?? "none"}/${kind.name.replace("swarm/", "")}`;
      const step: Step = {
        ...{ address, phase: "all", name: "step", kind: kind.name, title: "", node, effect: kind.effect, gates: [] },
        ...{ with: options.with ?? {}, optional: false, shows: [], plannedMs: null },
      };
      if (!steps.some((one) => one.address === address)) steps.push(step);
      records.set(address, { ...UNTOUCHED, attempts: options.attempts ?? 0, status: "starting" });
      return {
        ...{ run: "20261120T150000Z-run", plan, step, inventory, remote, startedMs: 0 },
        spell: (verb, rest = "") => `pawl ${verb} RUN ${rest}`.trim(),
        node: inventory.nodes.find((one) => one.name === node) ?? null,
        local: { run: () => Promise.reject(new Error("no local commands here")) },
        checks: { measure: () => Promise.resolve([]), describe: () => ({ title: "", remedy: "", expects: "" }) },
        artifacts: memoryStore(kept),
        clock: {
          now: () => ms,
          monotonic: () => ms,
          sleep: (forMs) => {
            ms += forMs;
            return Promise.resolve();
          },
        },
        record: (one) => records.get(one) ?? UNTOUCHED,
        recorded: (artifact) => Promise.resolve(void recorded.push(artifact.name)),
        hasRecorded: (name) => recorded.includes(name),
        reattached: () => Promise.resolve(),
        notice: () => Promise.resolve(),
        say: (line) => void said.push(line),
        sleeping: () => undefined,
        ask: () => Promise.resolve("approved"),
        stopping: new AbortController().signal,
      };
    },
  };
}

/** What a finished step leaves in its record, so that later steps find it. */
export function settle(steps: NodeSteps, address: string, output: Json): void {
  steps.records.set(address, { ...UNTOUCHED, status: "complete", attempts: 1, output });
}
