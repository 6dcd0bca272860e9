import { formatDuration } from "../domain/duration.ts";
import { allSteps, isStop, type Plan, type Step } from "../domain/plan.ts";
import { estimateWords, type Estimate } from "./estimate.ts";
import { inkOf, symbolsOf, type Paper } from "./paper.ts";
import { versionsOf } from "./plan-words.ts";
import { foldNames, sortNames } from "./ranges.ts";
import { beside, cells, count } from "./text.ts";

const LABEL = 14;

/** `3 master (m1–m3), 5 agent (a1–a5)`: nodes of steps with the given effect, by the role their phase names. */
function byRole(
  plan: Plan,
  wanted: (step: Step) => boolean,
  except: ReadonlySet<string>,
  paper: Paper,
): { readonly nodes: ReadonlySet<string>; readonly text: string } {
  const nodes = new Set<string>();
  const roles = new Map<string, Set<string>>();
  for (const phase of plan.phases)
    for (const unit of phase.units) {
      if (unit.node === null || except.has(unit.node) || !unit.steps.some(wanted)) continue;
      nodes.add(unit.node);
      const role = phase.role ?? "node";
      roles.set(role, (roles.get(role) ?? new Set()).add(unit.node));
    }
  const parts = [...roles].map(
    ([role, names]) => `${names.size} ${role} (${foldNames(sortNames([...names]), symbolsOf(paper).dash)})`,
  );
  return { nodes, text: parts.join(", ") };
}

function radius(plan: Plan, paper: Paper): readonly (readonly [string, string])[] {
  const restarted = byRole(plan, (step) => step.effect === "restart", new Set(), paper);
  const written = byRole(plan, (step) => step.effect === "write", restarted.nodes, paper);
  const steps = allSteps(plan);
  const reading = steps.filter((step) => step.effect === "read").length;
  const elsewhere = [
    ...plan.phases.flatMap((phase) => [
      ...phase.after,
      ...phase.units.filter((unit) => unit.node === null).flatMap((unit) => unit.steps),
    ]),
    ...plan.finally,
  ];
  const once = elsewhere.filter((step) => step.effect !== "read").map((step) => step.address);
  const restarts = steps.filter((step) => step.effect === "restart").length;
  const total = (nodes: number, text: string): string => (nodes === 0 ? "no node" : `${count(nodes, "node")}: ${text}`);
  return [
    [
      "restarts",
      restarts > restarted.nodes.size
        ? `${total(restarted.nodes.size, restarted.text)}, ${count(restarts, "restart")}`
        : total(restarted.nodes.size, restarted.text),
    ],
    ...(written.nodes.size > 0 ? [["writes to", `${total(written.nodes.size, written.text)}, without restart`] as const] : []),
    ...(once.length > 0 ? [["writes once", once.join(", ")] as const] : []),
    [
      "only reads",
      reading === steps.length
        ? `all ${count(steps.length, "step")}: nothing is changed`
        : `${reading} of ${count(steps.length, "step")}`,
    ],
  ];
}

/** Steps at which the run stops for a person; the start of a plan with effects is one more. */
export function announcedStops(plan: Plan): { readonly start: boolean; readonly steps: readonly Step[] } {
  const steps = allSteps(plan);
  return { start: steps.some((step) => step.effect !== "read"), steps: steps.filter(isStop) };
}

/** A document's name without its folder and ending. */
function nameOf(path: string): string {
  return (path.split("/").at(-1) ?? path).replace(/\.ya?ml$/, "");
}

/** Watches of the same phases in one sentence. */
function watchLines(plan: Plan, paper: Paper): readonly string[] {
  const groups = new Map<string, string[]>();
  for (const { check, intervalMs, haltAfterMs, phases } of plan.watches) {
    const where = `read every ${formatDuration(intervalMs)} in ${foldNames(phases, symbolsOf(paper).dash)}`;
    groups.set(where, [...(groups.get(where) ?? []), `${check} (${formatDuration(haltAfterMs)})`]);
  }
  return [...groups].map(([where, checks]) => `bad for the time in brackets halts the run: ${checks.join(", ")}; ${where}`);
}

/** What is read and kept beside the phases. */
function monitorLine(plan: Plan): string {
  const all = (plan.monitors ?? []).map(({ title, intervalMs }) => `${title} every ${formatDuration(intervalMs)}`);
  return `${all.join(", ")}; kept in files, they decide nothing`;
}

/** What a person must know before anything else: which cluster, from where to where, what is touched, how long, where it stops. */
export function planHeader(plan: Plan, estimate: Estimate, paper: Paper): readonly string[] {
  const ink = inkOf(paper);
  const { arrow, stop } = symbolsOf(paper);
  const { from, to } = versionsOf(plan);
  const found = from.length === 0 ? "unknown" : from.join(" and ");
  const { start, steps: stops } = announcedStops(plan);
  const words = [start ? "the start" : "", stops.length > 0 ? count(stops.length, "confirmation") : ""]
    .filter((part) => part !== "")
    .join(" and ");
  const title = plan.runbook.title;
  const id = `${plan.runbook.name} ${plan.runbook.version}`;
  const gap = paper.columns - cells(title) - cells(id);
  const lines =
    gap >= 2 ? [`${ink.strong(title)}${" ".repeat(gap)}${ink.quiet(id)}`, ""] : [ink.strong(title), ink.quiet(id), ""];
  const row = (label: string, text: string): void => void lines.push(...beside(ink.quiet(label), LABEL, text, paper.columns));
  row("cluster", `${plan.cluster.name} (${plan.cluster.id}), ${plan.platform}`);
  const hop =
    plan.journey === null
      ? ""
      : `, hop ${plan.journey.hop} of ${plan.journey.hops} on the way to ${plan.journey.goal} (policy ${nameOf(plan.journey.policy)})`;
  row("versions", to === null ? found : `${from.length === 0 ? "" : `${found} ${arrow} `}${to}${hop}`);
  const complete = plan.found.length;
  if (complete > 0)
    row(
      "already done",
      `${count(complete, "node")}: ${foldNames(sortNames(plan.found.map((one) => one.node)), symbolsOf(paper).dash)}`,
    );
  for (const [label, text] of radius(plan, paper)) row(label, text);
  row("time", estimateWords(estimate));
  row("stops", words === "" ? "none" : `${words}, marked ${stop}`);
  if (plan.rolloutNodes > 0)
    row("may fail", `${plan.budget} of ${count(plan.rolloutNodes, "rollout node")}; elsewhere the first failure halts`);
  if (plan.lock !== null)
    row(
      "lock",
      `${plan.lock.path} on ${foldNames(plan.lock.nodes, symbolsOf(paper).dash)}, taken before the first effect, removed at the end`,
    );
  for (const line of watchLines(plan, paper)) row("watches", line);
  if ((plan.monitors ?? []).length > 0) row("monitors", monitorLine(plan));
  const people = [...new Set((plan.answers ?? []).map((one) => one.by))];
  if (people.length > 0) row("answers", `${count(plan.answers?.length ?? 0, "answer")} of ${people.join(", ")} (pawl questions)`);
  row("observed", plan.facts.observedAt);
  const prints = Object.entries(plan.fingerprints).map(([name, print]) => `${name}:${print.slice(0, 12)}`);
  row("fingerprints", prints.join(" "));
  return lines;
}
