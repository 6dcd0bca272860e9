import type { GatePolicy, Severity } from "./documents.ts";
import type { NodeName } from "./inventory.ts";
import type { JsonRecord } from "./json.ts";
import type { Monitor } from "./monitor.ts";
import type { Answer } from "./question.ts";
import type { Waiver } from "./waiver.ts";

/** `read` never changes anything; `write` changes files or settings; `restart` takes a node out of service for a while. */
export type EffectClass = "read" | "write" | "restart";

/** `phase/node/step`, or `phase/step` for steps without a node. A person can type it. */
export type StepAddress = string;

export interface Gate extends GatePolicy {
  readonly check: string;
  readonly advisory: boolean;
}

export interface Step {
  readonly address: StepAddress;
  readonly phase: string;
  readonly name: string;
  readonly kind: string;
  readonly title: string;
  readonly node: NodeName | null;
  readonly effect: EffectClass;
  readonly with: JsonRecord;
  readonly gates: readonly Gate[];
  readonly optional: boolean;
  /** What will be run or asked, as text for the plan. Purely for people. */
  readonly shows: readonly string[];
  /** Planned length where it is known from the plan itself (soaks), in ms. */
  readonly plannedMs: number | null;
  /** It asks a person before it ends; a `confirm` does nothing else. Missing: it does not. */
  readonly asks?: true;
}

/** The steps of one node, in order; or of no node. */
export interface Unit {
  readonly node: NodeName | null;
  readonly critical: boolean;
  /** Where it stands, where the inventory knows: nodes of two racks are never in hand at once. */
  readonly rack?: string;
  readonly steps: readonly Step[];
}

export type Strategy = { readonly kind: "serial" } | { readonly kind: "parallel"; readonly maxInFlight: number };

export interface Phase {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly role: string | null;
  readonly strategy: Strategy;
  /** Leadership is read again before every unit and what is left is re-ordered. */
  readonly leaderLast: boolean;
  /** `none`: the first failure halts. `rollout`: failures may be set aside within the plan's budget. */
  readonly budget: "none" | "rollout";
  readonly wave: { readonly of: string; readonly index: number; readonly count: number } | null;
  readonly units: readonly Unit[];
  readonly after: readonly Step[];
}

export interface Watch {
  readonly check: string;
  readonly intervalMs: number;
  readonly haltAfterMs: number;
  readonly phases: readonly string[];
}

/** What was observed on one node when the plan was made. */
export interface NodeFacts {
  readonly version: string | null;
  /** The role the node itself claims. */
  readonly role: string | null;
  readonly reachable: boolean;
  /** True when nothing is left to do: at the target, no half-done activation, serving. */
  readonly complete: boolean;
  readonly details: JsonRecord;
}

export interface Facts {
  /** The cluster's own identity (DC/OS cluster-id), not the inventory's name. */
  readonly clusterId: string;
  readonly observedAt: string;
  readonly nodes: Readonly<Record<NodeName, NodeFacts>>;
  /** By role: nodes that must come last, in that order (the last one is the leader). */
  readonly last: Readonly<Record<string, readonly NodeName[]>>;
  /** Nodes by role as the cluster itself counts them; null where it could not say. */
  readonly counts: Readonly<Record<string, number | null>>;
  /** The platform's own baseline: what checks compare with later. */
  readonly baseline: JsonRecord;
}

/** One answer of the preflight. */
export interface Finding {
  readonly id: string;
  readonly severity: Severity;
  readonly verdict: "pass" | "fail" | "inconclusive";
  readonly title: string;
  readonly expected: string;
  readonly observed: string;
  readonly nodes: readonly NodeName[];
  readonly remedy: string;
  /** Exit code `refused` instead of `said-no`: policy forbids it and nothing can allow it. */
  readonly refusal: boolean;
  /** A requirement that nothing can be asked about: told as not evaluated, for a person to look after. */
  readonly byHand?: true;
  /** A waivable finding that did not pass: fingerprint of the value that was seen, which a waiver has to name. */
  readonly print?: string;
  /** Somebody lets it stand. */
  readonly waived?: Waiver;
}

export interface Plan {
  readonly v: 1;
  readonly cluster: { readonly id: string; readonly name: string };
  readonly platform: string;
  readonly runbook: { readonly name: string; readonly version: string; readonly title: string };
  readonly inputs: Readonly<Record<string, string>>;
  /** The files the plan was made from, so that a resume finds them again. */
  readonly sources: { readonly runbook: string; readonly inventory: string; readonly checks: string };
  /** Where this run stands on a way of several hops; null for runs that are a whole of their own. */
  readonly journey: { readonly goal: string; readonly policy: string; readonly hop: number; readonly hops: number } | null;
  readonly fingerprints: {
    readonly runbook: string;
    readonly checks: string;
    readonly inventory: string;
    readonly policy: string;
  };
  readonly facts: Facts;
  readonly phases: readonly Phase[];
  readonly finally: readonly Step[];
  readonly watches: readonly Watch[];
  /** What is read and kept from before the first phase to after the last; missing where the runbook names nothing. */
  readonly monitors?: readonly Monitor[];
  /** Selectors that chose no node, and why. */
  readonly omitted: readonly { readonly phase: string; readonly reason: string }[];
  /** Nodes left out because they are at the target already. */
  readonly found: readonly { readonly node: NodeName; readonly version: string }[];
  /** How many nodes of the rollout may be set aside by policy. */
  readonly budget: number;
  /** How many nodes of the rollout the budget was counted over. */
  readonly rolloutNodes: number;
  /** The nodes that alone were to be changed; missing where none were named. */
  readonly only?: readonly NodeName[];
  /** What somebody let stand when the plan was made; missing where an older pawl made it. */
  readonly waivers?: readonly Waiver[];
  /** What people had answered to the runbook's questions when the plan was made; missing where an older pawl made it. */
  readonly answers?: readonly Answer[];
  /** Managers on which the advisory cluster lock is held; empty where the plan has no effect. */
  readonly lock: { readonly nodes: readonly NodeName[]; readonly path: string } | null;
}

/**
 * Whether the next hop follows by itself where this one has ended well. It begins where every node of this one has arrived: with
 * `--only` some were never meant to, and nobody has asked for them.
 */
export function leadsOn(plan: Pick<Plan, "journey" | "only">): boolean {
  return plan.journey !== null && plan.journey.hop < plan.journey.hops && (plan.only ?? []).length === 0;
}

/** Every step in the order of the plan: units, then what follows them, phase by phase; finally-steps last. */
export function allSteps(plan: Plan): readonly Step[] {
  return [...plan.phases.flatMap((phase) => stepsOf(phase)), ...plan.finally];
}

/** Whether the run stops at this step for a person: a stop that the plan announces. */
export function isStop(step: Pick<Step, "kind" | "asks">): boolean {
  return step.kind === "confirm" || step.asks === true;
}

export function stepsOf(phase: Phase): readonly Step[] {
  return [...phase.units.flatMap((unit) => unit.steps), ...phase.after];
}

/** What a name given with `--stop-after` stands for: a phase, all waves of a phase, or one step. Both empty: nothing of this plan. */
export function stopPlaces(plan: Plan, name: string): { readonly phases: readonly Phase[]; readonly steps: readonly Step[] } {
  const phases = plan.phases.filter((phase) => phase.name === name || phase.wave?.of === name);
  return { phases, steps: allSteps(plan).filter((step) => step.address === name) };
}
