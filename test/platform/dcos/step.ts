import type { Json, JsonRecord } from "../../../src/domain/json.ts";
import type { Facts, Plan, Step } from "../../../src/domain/plan.ts";
import { EMPTY_RUN, stepRecord, type StepRecord } from "../../../src/domain/run-state.ts";
import { guard } from "../../../src/check/guard.ts";
import type { AllowList, Checks, StepContext, StepKind } from "../../../src/engine/ports.ts";
import { ALLOW } from "../../../src/platform/dcos/allow.ts";
import { memoryStore, type Kept } from "../../artifact/kept.ts";
import type { TestLab } from "./lab.ts";

export interface TestSteps {
  readonly kept: Map<string, Kept>;
  readonly recorded: string[];
  readonly said: string[];
  readonly reattached: string[];
  readonly notices: string[];
  /** Steps of the plan by address, with what they have come to. */
  readonly records: Map<string, StepRecord>;
  context(
    kind: StepKind,
    node: string | null,
    options?: { readonly attempts?: number; readonly with?: JsonRecord; readonly checks?: Checks },
  ): StepContext;
}

const UNTOUCHED = stepRecord(EMPTY_RUN, "untouched");

/** Contexts for single steps over one lab, as the engine would give them: reading kinds get the guarded remote. */
export function testSteps(
  lab: Pick<TestLab, "remote" | "inventory" | "clock">,
  facts: Facts,
  target: string,
  allow: AllowList = ALLOW,
): TestSteps {
  const kept = new Map<string, Kept>();
  const [recorded, said, reattached, notices]: [string[], string[], string[], string[]] = [[], [], [], []];
  const records = new Map<string, StepRecord>();
  const steps: Step[] = [];
  const plan = {
    v: 1,
    cluster: { id: facts.clusterId, name: "lab" },
    sources: { inventory: "lab.yaml" },
    inputs: { target },
    facts,
    phases: [{ name: "all", units: [{ node: null, critical: false, steps }], after: [] }],
    finally: [],
  } as unknown as Plan;
  const reader = guard(lab.remote, allow);
  return {
    kept,
    recorded,
    said,
    reattached,
    notices,
    records,
    context(kind, node, options = {}) {
      const address = node === null ? `all/${kind.name.replace("dcos/", "")}` : `all/${node}/${kind.name.replace("dcos/", "")}`;
      const step: Step = {
        address,
        phase: "all",
        name: "step",
        kind: kind.name,
        title: "",
        node,
        effect: kind.effect,
        with: options.with ?? { target },
        gates: [],
        optional: false,
        shows: [],
        plannedMs: null,
      };
      if (!steps.some((one) => one.address === address)) steps.push(step);
      records.set(address, { ...(records.get(address) ?? UNTOUCHED), attempts: options.attempts ?? 1, status: "starting" });
      return {
        run: "20261120T150000Z-upgrade",
        spell: (verb, rest = "") => `pawl ${verb} 20261120T150000Z-upgrade ${rest}`.trim(),
        plan,
        step,
        inventory: lab.inventory,
        node: lab.inventory.nodes.find((one) => one.name === node) ?? null,
        remote: kind.effect === "read" ? reader : lab.remote,
        local: {
          run: async () => {
            throw new Error("no local commands here");
          },
        },
        checks: options.checks ?? { measure: async () => [], describe: () => ({ title: "", remedy: "", expects: "" }) },
        artifacts: memoryStore(kept),
        clock: lab.clock,
        startedMs: lab.clock.now(),
        record: (one) => records.get(one) ?? UNTOUCHED,
        recorded: async (artifact) => void recorded.push(artifact.name),
        hasRecorded: (name) => recorded.includes(name),
        notice: async (_subject, text) => void notices.push(text),
        reattached: async (note) => void reattached.push(note),
        say: (line) => void said.push(line),
        sleeping: () => undefined,
        ask: async () => "approved",
        stopping: new AbortController().signal,
      };
    },
  };
}

/** What a finished step leaves in its record, so that later steps find it. */
export function settle(steps: TestSteps, address: string, output: Json): void {
  steps.records.set(address, { ...UNTOUCHED, status: "complete", attempts: 1, output });
}
