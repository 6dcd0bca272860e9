import { isStop, type Phase, type Plan, type Step, type Unit } from "../domain/plan.ts";
import { formatDuration } from "../domain/duration.ts";
import { estimatePlan, type Estimate } from "./estimate.ts";
import { inkOf, printable, symbolsOf, type Paper } from "./paper.ts";
import { announcedStops, planHeader } from "./plan-header.ts";
import { effectWord, orderWords, policyWords } from "./plan-words.ts";
import { foldNames, sortNames } from "./ranges.ts";
import { beside, cells, clip, count, oneLine, pad, wrap } from "./text.ts";

export interface PlanPaper extends Paper {
  /** With history where the caller has some; without it only what the plan fixes is counted. */
  readonly estimate?: Estimate;
  /** Every command of every node, every wave in full. */
  readonly verbose?: boolean;
}

interface Group {
  readonly units: readonly Unit[];
  readonly sample: Unit;
}

/** A step without what differs from node to node: equal shapes are shown once. */
function shapeOf(step: Step): string {
  const text = JSON.stringify([step.name, step.kind, step.effect, step.title, step.gates, step.optional, step.plannedMs]);
  return step.node === null ? text : text.replaceAll(step.node, "<node>");
}

function groupsOf(phase: Phase): readonly Group[] {
  const groups = new Map<string, { units: Unit[]; sample: Unit }>();
  for (const unit of phase.units) {
    const shape = unit.steps.map(shapeOf).join("\n");
    const group = groups.get(shape);
    if (group === undefined) groups.set(shape, { units: [unit], sample: unit });
    else group.units.push(unit);
  }
  return [...groups.values()];
}

function phaseShape(phase: Phase): string {
  const groups = groupsOf(phase).map((group) => group.sample.steps.map(shapeOf));
  return JSON.stringify([phase.wave?.of, phase.budget, groups, phase.after.map(shapeOf)]);
}

function nodesText(phase: Phase, units: readonly Unit[], paper: PlanPaper): string {
  const names = units.flatMap((unit) => (unit.node === null ? [] : [unit.node]));
  const { dash, ellipsis } = symbolsOf(paper);
  const folded = foldNames(phase.leaderLast ? names : sortNames(names), dash);
  return paper.verbose === true ? folded : clip(folded, 3 * paper.columns, ellipsis);
}

/** The commands of a step; without `verbose` the first three, cut to the line. */
function showLines(steps: readonly Step[], indent: string, paper: PlanPaper): readonly string[] {
  const ink = inkOf(paper);
  const { ellipsis } = symbolsOf(paper);
  const [sample] = steps;
  if (sample === undefined || sample.kind === "confirm" || sample.kind === "soak") return [];
  const room = paper.columns - cells(indent) - 2;
  const differs = steps.some((step) => step.shows.join("\n") !== sample.shows.join("\n"));
  if (paper.verbose !== true) {
    const left = sample.shows.length - 3;
    const lines = sample.shows.slice(0, 3).map((line) => `${indent}${ink.quiet(`$ ${clip(oneLine(line), room, ellipsis)}`)}`);
    return left > 0 ? [...lines, `${indent}${ink.quiet(`  ${ellipsis} and ${left} more (--verbose)`)}`] : lines;
  }
  return (differs ? steps : [sample]).flatMap((step) => [
    ...(differs && step.node !== null && step.shows.length > 0 ? [`${indent}${ink.quiet(`on ${step.node}`)}`] : []),
    ...step.shows.flatMap((line) =>
      wrap(oneLine(line), room).map((part, index) => `${indent}${ink.quiet(`${index === 0 ? "$" : " "} ${part}`)}`),
    ),
  ]);
}

function paintEffect(word: ReturnType<typeof effectWord>, paper: Paper): string {
  const ink = inkOf(paper);
  const text = pad(word, 9);
  switch (word) {
    case "reads":
      return ink.quiet(text);
    case "writes":
      return text;
    case "restarts":
      return ink.strong(text);
    case "stop":
    case "waits":
      return ink.waiting(text);
  }
}

/** A stop is shown with the words the person will be asked. */
function askedText(step: Step): string {
  const message = step.with.message;
  return step.kind === "confirm" && typeof message === "string" ? message : step.title;
}

/** One step with its gates and commands. `steps` are the same step of several nodes; the first one is shown. */
function stepLines(steps: readonly Step[], last: boolean, stem: string, nameWidth: number, paper: PlanPaper): readonly string[] {
  const [step] = steps;
  if (step === undefined) return [];
  const ink = inkOf(paper);
  const { tee, corner, pipe, stop } = symbolsOf(paper);
  const word = effectWord(step);
  const title = oneLine(steps.length > 1 && step.node !== null ? step.title.replaceAll(step.node, "<node>") : askedText(step));
  const length = step.plannedMs === null || step.plannedMs === 0 ? "" : formatDuration(step.plannedMs);
  const head = `${stem}${ink.quiet(last ? corner : tee)} ${isStop(step) ? ink.waiting(stop) : " "} ${pad(step.name, nameWidth)}  ${paintEffect(word, paper)} `;
  const note = `${title}${step.optional ? " (may be skipped)" : ""}`;
  const [first = "", ...more] = wrap(note, Math.max(20, paper.columns - cells(head) - (length === "" ? 0 : cells(length) + 2)));
  const gap = length === "" ? "" : " ".repeat(Math.max(2, paper.columns - cells(head) - cells(first) - cells(length)));
  const below = `${stem}${ink.quiet(last ? " " : pipe)}${" ".repeat(5)}`;
  const checkWidth = Math.min(26, Math.max(0, ...step.gates.map((gate) => cells(gate.check))));
  const gates = step.gates.flatMap((gate) => {
    const label = `${below}${ink.quiet("gate")} ${pad(gate.check, checkWidth)}  `;
    return beside(
      label,
      cells(below) + 7 + checkWidth,
      `${policyWords(gate)}${gate.advisory ? " (advisory)" : ""}`,
      paper.columns,
      (one) => one,
      below,
    );
  });
  const hanging = more.map((line) => `${below}${" ".repeat(Math.max(0, cells(head) - cells(below)))}${line}`);
  return [`${head}${first}${gap}${length}`.trimEnd(), ...hanging, ...gates, ...showLines(steps, below, paper)];
}

function phaseLines(phase: Phase, index: number, nameWidth: number, paper: PlanPaper): readonly string[] {
  const ink = inkOf(paper);
  const number = pad(String(index + 1), 2, "right");
  const wave = phase.wave === null || /\d+ of \d+/.test(phase.title) ? "" : `wave ${phase.wave.index} of ${phase.wave.count}`;
  const nodes = phase.units.filter((unit) => unit.node !== null);
  const who = nodes.length === 0 ? "" : `${nodes.length} ${phase.role ?? "node"}: ${nodesText(phase, nodes, paper)}`;
  const order = orderWords(phase);
  const head = beside(`${number} ${ink.strong(phase.name)}  `, cells(phase.name) + 5, oneLine(phase.title), paper.columns);
  const extent = [wave, order].filter((part) => part !== "").join(", ");
  const about = [
    who,
    extent,
    phase.budget === "none" &&
    phase.role !== null &&
    phase.units.some((unit) => unit.steps.some((step) => step.effect !== "read"))
      ? "the first failure halts"
      : "",
  ]
    .filter((part) => part !== "")
    .join("; ");
  const lines = [...head, ...(about === "" ? [] : beside("   ", 3, about, paper.columns, (text) => ink.quiet(text)))];
  const groups = groupsOf(phase);
  const sections = [
    ...groups.map((group) => ({
      label: groups.length > 1 ? nodesText(phase, group.units, paper) : "",
      steps: group.sample.steps.map((_, at) => group.units.flatMap((unit) => unit.steps[at] ?? [])),
    })),
    { label: "", steps: phase.after.map((step) => [step]) },
  ];
  const total = sections.reduce((sum, section) => sum + section.steps.length, 0);
  let at = 0;
  for (const section of sections) {
    if (section.label !== "") lines.push(...beside("   ", 3, `on ${section.label}`, paper.columns, (text) => ink.quiet(text)));
    for (const steps of section.steps) lines.push(...stepLines(steps, ++at === total, "   ", nameWidth, paper));
  }
  return lines;
}

/** Consecutive waves whose steps are those of the wave before them: one line each, the steps are named once. */
function waveLines(waves: readonly Phase[], index: number, before: Phase, paper: PlanPaper): readonly string[] {
  const ink = inkOf(paper);
  const { stop, dash, ellipsis } = symbolsOf(paper);
  const numbers = waves.length === 1 ? pad(String(index + 1), 2, "right") : `${index + 1}${dash}${index + waves.length}`;
  const rows = waves.map((phase) => ({
    name: phase.name,
    size: count(phase.units.length, phase.role ?? "node", phase.role ?? "nodes"),
    nodes: nodesText(phase, phase.units, paper),
    pace: orderWords(phase),
    stops: stop.repeat(phase.after.filter(isStop).length),
  }));
  const width = (pick: (row: (typeof rows)[number]) => string): number => Math.max(...rows.map((row) => cells(pick(row))));
  const [name, size, pace] = [width((row) => row.name), width((row) => row.size), width((row) => row.pace)];
  const room = Math.max(
    8,
    Math.min(
      width((row) => row.nodes),
      paper.columns - name - size - pace - 14,
    ),
  );
  return [
    `${numbers} ${ink.strong(waves.length === 1 ? "one more wave" : `${waves.length} more waves`)}${ink.quiet(`, ${waves.length === 1 ? "" : "each "}with the steps of ${before.name}`)}`,
    ...rows.map((row) =>
      `   ${ink.waiting(pad(row.stops, 2))}${pad(row.name, name)}  ${pad(row.size, size, "right")}  ${pad(clip(row.nodes, room, ellipsis), room)}  ${ink.quiet(row.pace)}`.trimEnd(),
    ),
  ];
}

/** Phases in order; waves that repeat the one before are gathered. */
function allPhaseLines(plan: Plan, nameWidth: number, paper: PlanPaper): readonly string[] {
  const lines: string[] = [];
  for (let index = 0; index < plan.phases.length;) {
    const phase = plan.phases[index];
    if (phase === undefined) break;
    lines.push(...phaseLines(phase, index, nameWidth, paper), "");
    index += 1;
    if (paper.verbose === true || phase.wave === null) continue;
    const end = plan.phases.findIndex((later, at) => at >= index && phaseShape(later) !== phaseShape(phase));
    const same = plan.phases.slice(index, end === -1 ? plan.phases.length : end);
    if (same.length > 0) lines.push(...waveLines(same, index, phase, paper), "");
    index += same.length;
  }
  return lines;
}

/**
 * The plan for a person: what is touched, the tree of phases and steps with gates and commands, every stop, what was left
 * out and why. Waves whose steps are those of the wave before take one line. `columns` is never exceeded except by words
 * that do not fit a line (paths, hashes).
 */
export function renderPlan(plan: Plan, paper: PlanPaper): string {
  const ink = inkOf(paper);
  const { stop, ok } = symbolsOf(paper);
  const nameWidth = widthOf(plan.phases.flatMap((phase) => [...(phase.units[0]?.steps ?? []), ...phase.after]));
  const lines: string[] = [...planHeader(plan, paper.estimate ?? estimatePlan(plan), paper), ""];
  if (announcedStops(plan).start)
    lines.push(` ${ink.waiting(stop)} ${ink.strong("start")}  this plan is approved by a person`, "");
  lines.push(...allPhaseLines(plan, nameWidth, paper));
  if (plan.finally.length > 0) {
    const always = plan.finally.every((step) => step.with["on-halt"] === true);
    lines.push(`   ${ink.strong("finally")}  ${ink.quiet(`once, when the run ends${always ? ", also after a halt" : ""}`)}`);
    plan.finally.forEach((step, index) =>
      lines.push(...stepLines([step], index === plan.finally.length - 1, "   ", widthOf(plan.finally), paper)),
    );
    lines.push("");
  }
  for (const one of plan.omitted)
    lines.push(
      ...beside(`omitted: ${one.phase}  `, cells(one.phase) + 11, oneLine(one.reason), paper.columns, (text) => ink.quiet(text)),
    );
  for (const [version, names] of foundByVersion(plan))
    lines.push(
      ...beside(
        `${ink.proven(ok)} complete (found so): `,
        cells(ok) + 22,
        `${foldNames(sortNames(names), symbolsOf(paper).dash)} at ${version}`,
        paper.columns,
      ),
    );
  if (plan.phases.length === 0) lines.push("Nothing is left to do.");
  else
    lines.push(ink.quiet(`${count(plan.phases.length, "phase")}, ${count(announcedStops(plan).steps.length, "confirmation")}.`));
  return printable(lines.join("\n"), paper);
}

/** The column of step names; longer names push their line to the right rather than all others. */
function widthOf(steps: readonly Step[]): number {
  return Math.min(18, Math.max(4, ...steps.map((step) => cells(step.name))));
}

function foundByVersion(plan: Plan): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const { node, version } of plan.found) found.set(version, [...(found.get(version) ?? []), node]);
  return found;
}
