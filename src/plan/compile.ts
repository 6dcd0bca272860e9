import { budgetOf } from "../domain/budget.ts";
import type { Check, Loaded, PhaseSpec, Runbook, StepSpec } from "../domain/documents.ts";
import { PawlError } from "../domain/errors.ts";
import type { Inventory, InventoryNode, NodeName } from "../domain/inventory.ts";
import { canonical } from "../domain/json.ts";
import type { OrderGroup } from "../domain/order.ts";
import {
  allSteps,
  type EffectClass,
  type Facts,
  type Gate,
  type Phase,
  type Plan,
  type Step,
  type Unit,
} from "../domain/plan.ts";
import { leaderLast, waves } from "../domain/strategy.ts";
import { obeyContract } from "./contract.ts";
import { fillIn, type TemplateScope } from "./template.ts";

/** What the plan needs to know of a step kind; the engine's StepKind fits. */
export interface KindInfo {
  readonly name: string;
  readonly effect: EffectClass;
  shows(step: Pick<Step, "with" | "node">, inventory: Inventory): readonly string[];
  plannedMs?(step: Pick<Step, "with">): number | null;
  readonly asks?: true;
}

export interface CompileInput {
  readonly runbook: Loaded<Runbook>;
  readonly checks: ReadonlyMap<string, Loaded<Check>>;
  readonly inventory: Loaded<Inventory>;
  /** Fingerprint of the version policy, or a dash where none applies. */
  readonly policySha256: string;
  readonly facts: Facts;
  readonly inputs: Readonly<Record<string, string>>;
  readonly platform: { readonly name: string; readonly contract: readonly OrderGroup[]; readonly lockPath: string };
  readonly kinds: ReadonlyMap<string, KindInfo>;
  /** SHA-256 of a text, hex. A parameter, because this folder computes and does nothing else. */
  readonly hash: (text: string) => string;
  /** Folder of the check documents, recorded for a resume. */
  readonly checksFolder: string;
  readonly journey: Plan["journey"];
  /** Only these nodes are changed; reading phases stay whole. */
  readonly only: readonly NodeName[];
}

interface Draft {
  readonly spec: PhaseSpec;
  readonly input: CompileInput;
}

function gatesOf(spec: StepSpec, input: CompileInput, where: string): readonly Gate[] {
  return spec.gates.map((gate) => {
    const check = input.checks.get(gate.check);
    if (check === undefined)
      throw new PawlError("invalid-document", "plan.unknown-check", `${where}: there is no check named ${gate.check}`, {
        next: "pawl lint shows every broken reference.",
      });
    return { check: gate.check, ...check.document.gate, ...gate.policy, advisory: gate.advisory };
  });
}

function stepOf(spec: StepSpec, phase: string, node: InventoryNode | null, input: CompileInput): Step {
  const address = node === null ? `${phase}/${spec.name}` : `${phase}/${node.name}/${spec.name}`;
  const kind = input.kinds.get(spec.uses);
  if (kind === undefined)
    throw new PawlError("invalid-document", "plan.unknown-kind", `${address}: there is no step kind named ${spec.uses}`, {
      next: "pawl lint shows every broken reference.",
    });
  const inventory = input.inventory.document;
  const scope: TemplateScope = { inputs: input.inputs, node, cluster: { name: inventory.name, id: input.facts.clusterId } };
  const filled = fillIn(spec.with, scope, address);
  const gates = gatesOf(spec, input, address);
  // Design rule 4: what would be green without having asserted anything is no plan.
  if ((spec.uses === "check" || kind.effect === "restart") && gates.every((gate) => gate.advisory))
    throw new PawlError("invalid-document", "plan.vacuous", `${address}: no gate decides whether this step held`, {
      expected: "at least one gate that is not advisory",
      next: "pawl lint shows every such step.",
    });
  return {
    address,
    phase,
    name: spec.name,
    kind: spec.uses,
    title: spec.title,
    node: node?.name ?? null,
    effect: kind.effect,
    with: filled,
    gates,
    optional: spec.optional && kind.effect === "read",
    shows: kind.shows({ with: filled, node: node?.name ?? null }, inventory),
    plannedMs: kind.plannedMs?.({ with: filled }) ?? null,
    ...(kind.asks === true ? { asks: true } : {}),
  };
}

function hasEffect(spec: PhaseSpec, input: CompileInput): boolean {
  return spec.steps.some((step) => (input.kinds.get(step.uses)?.effect ?? "read") !== "read");
}

function restarts(spec: PhaseSpec, input: CompileInput): boolean {
  return spec.steps.some((step) => input.kinds.get(step.uses)?.effect === "restart");
}

function isRollout(spec: PhaseSpec, input: CompileInput): boolean {
  return input.platform.contract.some((group) => group.role === spec.role && group.budget === "rollout");
}

/**
 * Whether the first nodes of this phase are the canary of all that follow: the first nodes that are taken out of service. A phase
 * that only writes proves nothing about them, unless the runbook restarts nothing at all.
 */
function takesCanary(spec: PhaseSpec, input: CompileInput): boolean {
  if (!isRollout(spec, input) || !hasEffect(spec, input)) return false;
  return restarts(spec, input) || !input.runbook.document.phases.some((one) => isRollout(one, input) && restarts(one, input));
}

/** Nodes the phase is for, without those that are done already or not asked for, in rollout order. */
function selectNodes({ spec, input }: Draft): {
  readonly chosen: readonly InventoryNode[];
  readonly found: readonly InventoryNode[];
  readonly all: number;
} {
  const all = input.inventory.document.nodes.filter((node) => node.role === spec.role);
  const effect = hasEffect(spec, input);
  const asked = effect && input.only.length > 0 ? all.filter((node) => input.only.includes(node.name)) : all;
  const done = (node: InventoryNode): boolean => spec.skipComplete && (input.facts.nodes[node.name]?.complete ?? false);
  const chosen = asked.filter((node) => !done(node));
  const last = spec.role === undefined ? [] : (input.facts.last[spec.role] ?? []);
  const sorted =
    spec.order === "leader-last"
      ? leaderLast(
          chosen.map((node) => ({ ...node, node: node.name })),
          last,
        )
      : chosen;
  return {
    chosen: sorted.map((node) => input.inventory.document.nodes.find((one) => one.name === node.name) ?? node),
    found: asked.filter(done),
    all: all.length,
  };
}

function unitsOf(nodes: readonly InventoryNode[], phase: string, { spec, input }: Draft): readonly Unit[] {
  return nodes.map((node) => ({
    node: node.name,
    critical: node.critical,
    ...(node.rack === undefined ? {} : { rack: node.rack }),
    steps: spec.steps.map((step) => stepOf(step, phase, node, input)),
  }));
}

function expand(
  draft: Draft,
  groups: readonly OrderGroup[],
  canaryTaken: boolean,
): { readonly phases: readonly Phase[]; readonly omitted: string | null; readonly found: readonly InventoryNode[] } {
  const { spec, input } = draft;
  const base = { title: spec.title, source: spec.source, role: spec.role ?? null, leaderLast: spec.order === "leader-last" };
  if (spec.role === undefined) {
    const unit: Unit = { node: null, critical: false, steps: spec.steps.map((step) => stepOf(step, spec.name, null, input)) };
    const after = spec.after.map((step) => stepOf(step, spec.name, null, input));
    const whole: Phase = {
      ...base,
      name: spec.name,
      strategy: { kind: "serial" },
      budget: "none",
      wave: null,
      units: [unit],
      after,
    };
    return { phases: [whole], omitted: null, found: [] };
  }
  const { chosen, found, all } = selectNodes(draft);
  if (chosen.length === 0) {
    const seen = input.facts.counts[spec.role];
    const counted = seen === null || seen === undefined ? "the cluster did not say how many it has" : `the cluster has ${seen}`;
    const reason =
      found.length > 0
        ? `all ${found.length} ${spec.role} nodes are complete (found so)`
        : `no ${spec.role} node to do (inventory: ${all}, ${counted})`;
    return { phases: [], omitted: reason, found };
  }
  const rollout = hasEffect(spec, input) && groups.some((group) => group.role === spec.role && group.budget === "rollout");
  if (spec.strategy !== "canary") {
    const strategy =
      spec.strategy === "serial" ? ({ kind: "serial" } as const) : ({ kind: "parallel", maxInFlight: spec.maxInFlight } as const);
    const after = spec.after.map((step) => stepOf(step, spec.name, null, input));
    return {
      phases: [
        {
          ...base,
          name: spec.name,
          strategy,
          budget: rollout && canaryTaken ? "rollout" : "none",
          wave: null,
          units: unitsOf(chosen, spec.name, draft),
          after,
        },
      ],
      omitted: null,
      found,
    };
  }
  const cut = waves(chosen, spec.waves);
  const phases = cut.map((nodes, index): Phase => {
    const name = `${spec.name}-${index + 1}`;
    const canary = index === 0 && !canaryTaken;
    const after = canary ? (spec.afterCanary ?? spec.after) : spec.after;
    return {
      ...base,
      name,
      title: `${spec.title}, ${canary ? "canary" : "wave"} ${index + 1} of ${cut.length}`,
      strategy: { kind: "parallel", maxInFlight: Math.min(spec.maxInFlight, nodes.length) },
      budget: rollout && !canary ? "rollout" : "none",
      wave: { of: spec.name, index: index + 1, count: cut.length },
      units: unitsOf(nodes, name, draft),
      after: after.map((step) => stepOf(step, name, null, input)),
    };
  });
  return { phases, omitted: null, found };
}

/** Names of every check a runbook uses: gates, preflight, watches. */
export function usedChecks(runbook: Runbook): readonly string[] {
  const steps = [
    ...runbook.phases.flatMap((phase) => [...phase.steps, ...phase.after, ...(phase.afterCanary ?? [])]),
    ...runbook.finally,
  ];
  return [
    ...new Set([
      ...steps.flatMap((step) => step.gates.map((gate) => gate.check)),
      ...runbook.preflight,
      ...runbook.watches.map((watch) => watch.check),
    ]),
  ].sort();
}

/** One fingerprint over all checks a runbook uses; a changed check makes a plan stale. */
export function checksFingerprint(
  runbook: Runbook,
  checks: ReadonlyMap<string, Loaded<Check>>,
  hash: (text: string) => string,
): string {
  return hash(canonical(usedChecks(runbook).map((name) => [name, checks.get(name)?.sha256 ?? "missing"])));
}

/**
 * The plan: documents × observed facts → what is left to do, in order, with every gate, soak and stop in it. Pure.
 * Throws PawlError invalid-document for broken references, `refused` where the runbook breaks the platform's order contract.
 */
export function compile(input: CompileInput): Plan {
  const { document: runbook } = input.runbook;
  const inventory = input.inventory.document;
  const unknown = input.only.filter((name) => !inventory.nodes.some((node) => node.name === name));
  if (unknown.length > 0)
    throw new PawlError("usage", "plan.unknown-node", `the inventory has no node named ${unknown.join(", ")}`);

  const phases: Phase[] = [];
  const omitted: { phase: string; reason: string }[] = [];
  const found = new Map<NodeName, string>();
  let canaryTaken = false;
  for (const spec of runbook.phases) {
    const expanded = expand({ spec, input }, input.platform.contract, canaryTaken);
    phases.push(...expanded.phases);
    if (expanded.omitted !== null) omitted.push({ phase: spec.name, reason: expanded.omitted });
    for (const node of expanded.found) found.set(node.name, input.facts.nodes[node.name]?.version ?? "unknown");
    if (takesCanary(spec, input) && expanded.phases.length > 0) canaryTaken = true;
  }
  const rolloutNodes = new Set(
    phases
      .filter((phase) => input.platform.contract.some((group) => group.role === phase.role && group.budget === "rollout"))
      .filter((phase) => phase.units.some((unit) => unit.steps.some((step) => step.effect !== "read")))
      .flatMap((phase) => phase.units.map((unit) => unit.node)),
  ).size;
  const effective = phases.some((phase) =>
    [...phase.units.flatMap((unit) => unit.steps), ...phase.after].some((step) => step.effect !== "read"),
  );
  const managers = inventory.nodes.filter((node) =>
    input.platform.contract.some((group) => group.manager && group.role === node.role),
  );
  for (const watch of runbook.watches)
    if (!input.checks.has(watch.check))
      throw new PawlError("invalid-document", "plan.unknown-check", `watches: there is no check named ${watch.check}`);

  const plan: Plan = {
    v: 1,
    cluster: { id: input.facts.clusterId, name: inventory.name },
    platform: input.platform.name,
    runbook: { name: runbook.name, version: runbook.version, title: runbook.title },
    inputs: input.inputs,
    sources: { runbook: input.runbook.file, inventory: input.inventory.file, checks: input.checksFolder },
    journey: input.journey,
    ...(input.only.length === 0 ? {} : { only: input.only }),
    fingerprints: {
      runbook: input.runbook.sha256,
      checks: checksFingerprint(runbook, input.checks, input.hash),
      inventory: input.inventory.sha256,
      policy: input.policySha256,
    },
    facts: input.facts,
    phases,
    finally: effective ? runbook.finally.map((spec) => stepOf(spec, "finally", null, input)) : [],
    watches: runbook.watches,
    ...(runbook.monitors === undefined ? {} : { monitors: runbook.monitors }),
    omitted,
    found: [...found].map(([node, version]) => ({ node, version })),
    budget: budgetOf(rolloutNodes),
    rolloutNodes,
    lock: effective && managers.length > 0 ? { nodes: managers.map((node) => node.name), path: input.platform.lockPath } : null,
  };
  const addresses = allSteps(plan).map((step) => step.address);
  const twice = addresses.find((address, index) => addresses.indexOf(address) !== index);
  // Two steps of one address would share one status: the second would be complete before it began.
  if (twice !== undefined)
    throw new PawlError("invalid-document", "plan.address-twice", `two steps of this plan have the address ${twice}`, {
      next: "Rename a phase or a step.",
    });
  obeyContract(plan, inventory, input.platform.contract);
  return plan;
}
