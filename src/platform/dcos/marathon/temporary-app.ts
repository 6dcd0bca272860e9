import type { InventoryNode } from "../../../domain/inventory.ts";
import type { Json, JsonRecord } from "../../../domain/json.ts";
import { allSteps, type Plan, type Step } from "../../../domain/plan.ts";
import type { StepRecord } from "../../../domain/run-state.ts";
import { isNode, type AgentEntry } from "../mesos.ts";
import { list, record, text } from "../../../domain/json-fields.ts";

/** Labels by which pawl knows an app as its own: the run that made it, and the step. */
export const RUN_LABEL = "PAWL_RUN";
const STEP_LABEL = "PAWL_STEP";

/** Name of the step kind that makes such apps. */
export const DEPLOY_APP = "dcos/deploy-app";

/** Name of the step kind that removes them. */
export const REMOVE_APP = "dcos/remove-app";

/** Agents a temporary app is for, by the inventory's word. */
export type AgentRole = "agent" | "agent_public";

/** What tasks of an app for these agents must accept (dcos.md: public agents offer resources reserved for `slave_public`). */
const RESOURCE_ROLES: Readonly<Record<AgentRole, readonly string[]>> = { agent: ["*"], agent_public: ["slave_public"] };

/** Words of the id: Marathon takes lower-case letters, digits and dashes between letters or digits. */
function plain(words: string): string {
  return words
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
}

/**
 * The id of a step's app. It carries the run, so that apps of two runs never meet, and lies in no group: a group that is
 * emptied stays behind (dcos.md 11.2).
 */
export function appIdOf(run: string, step: Pick<Step, "name" | "phase">): string {
  return `/pawl-${plain(step.name)}-${plain(run)}-${plain(step.phase)}`;
}

/** A text as a regular expression that matches only itself, in Java's dialect as in ours. */
export function literally(value: string): string {
  return value.replaceAll(/[\\^$.|?*+()[\]{}]/g, String.raw`\$&`);
}

/**
 * The app as it is posted: what the runbook says, one instance, pinned to one agent where one is named (workbook, step 6, whose
 * sample lost the inner brackets of its constraint), and marked as this step's.
 */
export function definitionOf(
  given: JsonRecord,
  own: {
    readonly id: string;
    readonly run: string;
    readonly step: string;
    readonly role: AgentRole;
    readonly hostname: string | null;
  },
): JsonRecord {
  return {
    disk: 0,
    ...given,
    id: own.id,
    instances: 1,
    acceptedResourceRoles: RESOURCE_ROLES[own.role],
    constraints: own.hostname === null ? list(given["constraints"]) : [["hostname", "LIKE", literally(own.hostname)]],
    labels: { ...record(given["labels"]), [RUN_LABEL]: own.run, [STEP_LABEL]: own.step },
  };
}

/** Whether an app of Marathon's is the one that this step of this run made. */
export function isOwn(app: JsonRecord, run: string, step: string): boolean {
  const labels = record(app["labels"]);
  return labels[RUN_LABEL] === run && labels[STEP_LABEL] === step;
}

/** Why the app does not run as it was asked to yet, in words; null where it does. */
export function whyNotRunning(app: JsonRecord, hostname: string | null): string | null {
  const running = app["tasksRunning"];
  if (running !== 1) return `${typeof running === "number" ? running : "an unknown number of"} of 1 tasks run`;
  if (!Array.isArray(app["deployments"])) return "Marathon does not say whether it still deploys the app";
  if (list(app["deployments"]).length > 0) return "its deployment is not finished";
  const tasks = list(app["tasks"]).map(record);
  const [task] = tasks;
  if (tasks.length !== 1 || task === undefined) return `${tasks.length} tasks are listed`;
  if (task["state"] !== undefined && task["state"] !== "TASK_RUNNING")
    return `its task is ${text(task["state"]) ?? "in no state"}`;
  const host = text(task["host"]);
  return hostname === null || host === hostname ? null : `it runs on ${host ?? "no host"}, not on ${hostname}`;
}

/** Where a test app can stand: the node, and the name the leading master knows it by. */
export interface Place {
  readonly node: InventoryNode;
  readonly hostname: string;
}

/**
 * The agent a step's app is pinned to: one of the role that this phase has finished, else one that the run finished before, else
 * one that was found at the target. `none`: no agent of the role is upgraded, so that there is nothing to test. `unnamed`: these
 * are, and Mesos named none of them when the plan was made.
 */
export function upgradedNode(
  from: {
    readonly plan: Plan;
    readonly phase: string;
    readonly role: AgentRole;
    readonly nodes: readonly InventoryNode[];
    readonly agents: readonly Pick<AgentEntry, "address" | "hostname">[];
  },
  recordOf: (address: string) => StepRecord,
): Place | "none" | { readonly unnamed: readonly string[] } {
  const unnamed: string[] = [];
  const units = from.plan.phases
    .toReversed()
    .toSorted((a, b) => Number(b.name === from.phase) - Number(a.name === from.phase))
    .filter((phase) => phase.role === from.role)
    .flatMap((phase) => phase.units)
    .filter((unit) => unit.steps.some((step) => step.effect === "restart"))
    .filter((unit) => unit.steps.every((step) => recordOf(step.address).status === "complete"));
  const found = Object.entries(from.plan.facts.nodes).flatMap(([name, facts]) => (facts.complete ? [name] : []));
  for (const name of [...units.map((unit) => unit.node), ...found]) {
    const node = from.nodes.find((one) => one.name === name && one.role === from.role);
    const agent = node === undefined ? undefined : from.agents.find((one) => isNode(one, node));
    if (node !== undefined && agent !== undefined) return { node, hostname: agent.hostname };
    if (node !== undefined) unnamed.push(node.name);
  }
  return unnamed.length === 0 ? "none" : { unnamed };
}

/** A step of a plan that makes an app, by its address, with the app's id. */
export interface BegunApp {
  readonly step: string;
  readonly id: string;
}

/** Whether a removing step is for the app of that deploying step: `with.of` names it in its phase, or by its whole address. */
function isFor(remover: Step, deployer: Step): boolean {
  const of = text(remover.with["of"]);
  return of === null || of === deployer.address || (of === deployer.name && remover.phase === deployer.phase);
}

/** Apps that this removing step is for: those whose making has begun, without those an earlier step has removed. */
export function appsToRemove(
  plan: Plan,
  run: string,
  remover: Step,
  recordOf: (address: string) => StepRecord,
): readonly BegunApp[] {
  const removers = allSteps(plan).filter(
    (step) => step.kind === REMOVE_APP && step.address !== remover.address && recordOf(step.address).status === "complete",
  );
  return allSteps(plan)
    .filter((step) => step.kind === DEPLOY_APP && isFor(remover, step) && recordOf(step.address).startedAt !== null)
    .filter((step) => !removers.some((one) => isFor(one, step)))
    .map((step) => ({ step: step.address, id: appIdOf(run, step) }));
}

/** The inventory's word for agents in a step's `with.role`; private agents where it says nothing. */
export function roleOf(value: Json | undefined): AgentRole {
  return value === "agent_public" ? "agent_public" : "agent";
}
