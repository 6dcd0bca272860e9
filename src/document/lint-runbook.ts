import type { PhaseSpec, Runbook, StepSpec } from "../domain/documents.ts";
import { formatDuration, parseDuration } from "../domain/duration.ts";
import type { Json } from "../domain/json.ts";
import type { OrderGroup } from "../domain/order.ts";
import type { EffectClass } from "../domain/plan.ts";
import { quoted, type Path } from "./complaint.ts";
import type { AnyDocument } from "./documents.ts";
import { pathText } from "./issues.ts";
import type { LintRule, SafetyFinding } from "./lint.ts";
import { suggest } from "./suggest.ts";

type RunbookDocument = Extract<AnyDocument, { kind: "Runbook" }>;

/** What a runbook is judged against. */
export interface RunbookWorld {
  /** Effect of each step kind; null where only the name is known. */
  readonly kinds: ReadonlyMap<string, EffectClass | null>;
  /** Empty where the platform is unknown: then nothing is said about order and roles. */
  readonly contract: readonly OrderGroup[];
  /** Names of the platform's checks. */
  readonly checks: readonly string[];
}

/** Design section 4: on a real cluster no soak is shorter. */
const LEAST_SOAK_MS = 300_000;

const PLACE = /\{\{\s*([A-Za-z0-9_.-]+)\s*\}\}/g;
const NODE_NAMES = ["node.name", "node.address", "node.role"];
const CLUSTER_NAMES = ["cluster.name", "cluster.id"];

interface PlacedStep {
  readonly step: StepSpec;
  readonly path: Path;
  /** The step runs once per node: `{{ node.… }}` has a meaning. */
  readonly perNode: boolean;
}

type Report = (rule: LintRule, path: Path, message: string, hint?: string) => void;

/** Safety rules a runbook breaks (design sections 4 and 5). The order rules are those the plan enforces again with the facts. */
export function lintRunbook(loaded: RunbookDocument, world: RunbookWorld): readonly SafetyFinding[] {
  const findings: SafetyFinding[] = [];
  const report: Report = (rule, path, message, hint) => {
    findings.push({ file: loaded.file, ...loaded.where(path), rule, message, ...(hint === undefined ? {} : { hint }) });
  };
  const runbook = loaded.document;
  lintReferences(runbook, world, report);
  lintMonitors(runbook, world, report);
  for (const [name, input] of Object.entries(runbook.inputs)) {
    if (input.floorMs !== undefined && /soak/.test(name) && input.floorMs < LEAST_SOAK_MS)
      shortSoak(report, ["inputs", name, "floor"], formatDuration(input.floorMs));
  }
  for (const placed of placedSteps(runbook)) lintStep(placed, runbook, world, report);
  runbook.phases.forEach((phase, index) => lintPhase(phase, ["phases", index], world, report));
  lintOrder(runbook, world, report);
  return findings;
}

function lintReferences(runbook: Runbook, world: RunbookWorld, report: Report): void {
  runbook.preflight.forEach((check, index) => needCheck(check, ["preflight", index], world, report));
  const phases = runbook.phases.map((phase) => phase.name);
  runbook.watches.forEach((watch, index) => {
    needCheck(watch.check, ["watches", index, "check"], world, report);
    watch.phases.forEach((phase, place) => {
      if (!phases.includes(phase))
        report(
          "unknown-phase",
          ["watches", index, "phases", place],
          `there is no phase named ${quoted(phase)}: this watch would guard nothing`,
          suggest(phase, phases),
        );
    });
  });
}

/** A monitor that reads in no phase, or of nobody, would leave an empty picture. */
function lintMonitors(runbook: Runbook, world: RunbookWorld, report: Report): void {
  const phases = runbook.phases.map((phase) => phase.name);
  const roles = world.contract.map((group) => group.role);
  (runbook.monitors ?? []).forEach((monitor, index) => {
    monitor.phases.forEach((phase, place) => {
      if (!phases.includes(phase))
        report(
          "unknown-phase",
          ["monitors", index, "phases", place],
          `there is no phase named ${quoted(phase)}: this monitor would read nothing in it`,
          suggest(phase, phases),
        );
    });
    const { scope } = monitor;
    for (const role of "roles" in scope && roles.length > 0 ? scope.roles : [])
      if (!roles.includes(role))
        report("unknown-role", ["monitors", index, "each"], `the platform has no role ${quoted(role)}`, suggest(role, roles));
  });
}

function needCheck(name: string, path: Path, world: RunbookWorld, report: Report): void {
  if (!world.checks.includes(name))
    report("unknown-check", path, `there is no check named ${quoted(name)} for this platform`, suggest(name, world.checks));
}

function placedSteps(runbook: Runbook): readonly PlacedStep[] {
  const place = (steps: readonly StepSpec[], path: Path, perNode: boolean): readonly PlacedStep[] =>
    steps.map((step, index) => ({ step, path: [...path, index], perNode }));
  return [
    ...runbook.phases.flatMap((phase, index) => [
      ...place(phase.steps, ["phases", index, "steps"], phase.role !== undefined),
      ...place(phase.after, ["phases", index, "after"], false),
      ...place(phase.afterCanary ?? [], ["phases", index, "after-canary"], false),
    ]),
    ...place(runbook.finally, ["finally"], false),
  ];
}

function lintStep({ step, path, perNode }: PlacedStep, runbook: Runbook, world: RunbookWorld, report: Report): void {
  const effect = world.kinds.get(step.uses);
  if (effect === undefined)
    report(
      "unknown-kind",
      [...path, "uses"],
      `there is no step kind named ${quoted(step.uses)}`,
      suggest(step.uses, [...world.kinds.keys()]),
    );
  const deciding = step.gates.filter((gate) => !gate.advisory);
  if (effect === "restart" && deciding.length === 0)
    report(
      "ungated-restart",
      path,
      `step ${quoted(step.name)} takes a node out of service and no gate says that it came back`,
      "add `gates`, at least one of them not advisory",
    );
  if (step.uses === "check" && deciding.length === 0)
    report(
      "vacuous-check",
      path,
      `step ${quoted(step.name)} checks nothing: a check step is its gates`,
      "add `gates`, at least one of them not advisory",
    );
  if (step.optional && (effect === "write" || effect === "restart"))
    report(
      "optional-effect",
      [...path, "optional"],
      `step ${quoted(step.name)} has an effect: only steps without one can be optional`,
    );
  step.gates.forEach((gate, index) => needCheck(gate.check, [...path, "gates", index], world, report));
  if (step.uses === "soak") lintSoak(step, path, runbook, report);
  const known = [
    ...Object.keys(runbook.inputs).map((name) => `inputs.${name}`),
    ...(perNode ? NODE_NAMES : []),
    ...CLUSTER_NAMES,
  ];
  lintTemplates(step.with, [...path, "with"], known, report);
}

function lintSoak(step: StepSpec, path: Path, runbook: Runbook, report: Report): void {
  const length = step.with["for"];
  const at: Path = [...path, "with", "for"];
  if (typeof length !== "string") {
    report("short-soak", at, `soak ${quoted(step.name)} does not say how long`, 'write `with: { for: "{{ inputs.… }}" }`');
    return;
  }
  const name = /^\{\{\s*inputs\.([A-Za-z0-9_.-]+)\s*\}\}$/.exec(length)?.[1];
  const input = name !== undefined && Object.hasOwn(runbook.inputs, name) ? runbook.inputs[name] : undefined;
  if (name === undefined) {
    const ms = parseDuration(length);
    if (ms === null)
      report(
        "short-soak",
        at,
        `${quoted(length)} is no duration and no single input`,
        "write a duration such as 30m, or one input of type duration",
      );
    else if (ms < LEAST_SOAK_MS) shortSoak(report, at, length);
  } else if (input !== undefined && input.type !== "duration") {
    report("short-soak", at, `input ${quoted(name)} is of type ${input.type}: a soak needs one of type duration`);
  } else if (input !== undefined && input.floorMs === undefined) {
    report(
      "short-soak",
      ["inputs", name],
      `input ${quoted(name)} is how long a soak takes and has no floor`,
      "add `floor: 5m` or more",
    );
  } else if (input?.floorMs !== undefined && input.floorMs < LEAST_SOAK_MS && !/soak/.test(name)) {
    shortSoak(report, ["inputs", name, "floor"], formatDuration(input.floorMs));
  }
}

function shortSoak(report: Report, path: Path, found: string): void {
  report("short-soak", path, `${found} is too short for a soak: on a real cluster never under ${formatDuration(LEAST_SOAK_MS)}`);
}

function lintTemplates(value: Json, path: Path, known: readonly string[], report: Report): void {
  if (typeof value === "string") {
    for (const [, name = ""] of value.matchAll(PLACE)) {
      if (!known.includes(name))
        report("unknown-input", path, `${pathText(path)}: {{ ${name} }} names nothing`, suggest(name, known));
    }
  } else if (Array.isArray(value)) {
    value.forEach((one: Json, index) => lintTemplates(one, [...path, index], known, report));
  } else if (value !== null && typeof value === "object") {
    for (const [key, one] of Object.entries(value)) lintTemplates(one, [...path, key], known, report);
  }
}

/** A step whose kind is unknown counts as changing its node: what cannot be told is not taken as harmless. */
function changesNodes(phase: PhaseSpec, world: RunbookWorld): boolean {
  return phase.role !== undefined && phase.steps.some((step) => world.kinds.get(step.uses) !== "read");
}

function lintPhase(phase: PhaseSpec, path: Path, world: RunbookWorld, report: Report): void {
  const roles = world.contract.map((group) => group.role);
  if (phase.role !== undefined && roles.length > 0 && !roles.includes(phase.role))
    report(
      "unknown-role",
      [...path, "each", "role"],
      `the platform has no role ${quoted(phase.role)}`,
      suggest(phase.role, roles),
    );
  if (phase.strategy === "canary" && phase.waves.length === 0)
    report(
      "canary-without-waves",
      [...path, "strategy"],
      `phase ${quoted(phase.name)} is a canary without waves`,
      "add `waves: [1, 5, 20]`",
    );
  if (phase.strategy !== "serial" && phase.role === undefined)
    report(
      "nothing-to-spread",
      [...path, "strategy"],
      `phase ${quoted(phase.name)} runs once: strategy ${phase.strategy} needs \`each\``,
    );
  const group = world.contract.find((one) => one.role === phase.role);
  if (group === undefined || !changesNodes(phase, world)) return;
  if (group.serial && phase.strategy !== "serial")
    report(
      "not-serial",
      [...path, "strategy"],
      `phase ${quoted(phase.name)}: ${group.title} one at a time, always`,
      "write `strategy: serial`",
    );
  if (group.leaderLast && phase.order !== "leader-last")
    report(
      "leader-not-last",
      [...path, "each", "order"],
      `phase ${quoted(phase.name)}: the leader of ${group.title} comes last`,
      "write `order: leader-last`",
    );
}

/** A role that another must come after may not be touched by a later phase (workbook, FAQ: managers before the rest). */
function lintOrder(runbook: Runbook, world: RunbookWorld, report: Report): void {
  runbook.phases.forEach((phase, index) => {
    const group = world.contract.find((one) => one.role === phase.role);
    if (group === undefined || !changesNodes(phase, world)) return;
    const late = runbook.phases.find(
      (other, place) =>
        place > index && other.role !== undefined && group.after.includes(other.role) && changesNodes(other, world),
    );
    if (late !== undefined)
      report(
        "wrong-order",
        ["phases", index],
        `phase ${quoted(phase.name)} touches ${group.title} before phase ${quoted(late.name)} is complete`,
        `every ${late.role ?? ""} is complete before any ${group.role} is touched`,
      );
  });
}
