import { expect } from "vitest";
import { COMMANDS } from "../src/cli/commands.ts";
import type { Problem } from "../src/domain/errors.ts";
import type { RunEvent } from "../src/domain/events.ts";
import { allSteps, type Plan } from "../src/domain/plan.ts";
import { decidedAt, effectsBegun, eventsOf, nodesComplete, nodesTouched } from "./e2e/record.ts";
import { exitCode, faultyNode, isOwn, type FaultCase } from "./faults.ts";

const isMaster = (node: string): boolean => node.startsWith("m");

/** Every line of the text that is a command, or ends in one, as `pawl VERB …`. */
function commandsIn(text: string): readonly string[] {
  return text.split("\n").flatMap((line) => /(?:^|: )(pawl [a-z].*)$/.exec(line)?.[1] ?? []);
}

/** A message a person can act on: what was expected and seen, where the evidence lies, and a command that exists. */
export function expectWholeProblem(problem: Problem, plan: Plan, run: string, kept: readonly string[]): void {
  const said = JSON.stringify(problem);
  expect(problem.text, said).not.toBe("");
  expect(problem.expected ?? "", `expected: ${said}`).not.toBe("");
  expect(problem.observed ?? "", `observed: ${said}`).not.toBe("");
  expect(problem.evidence?.length ?? 0, `evidence: ${said}`).toBeGreaterThan(0);
  expect(kept).toEqual(expect.arrayContaining([...(problem.evidence ?? [])]));
  const commands = commandsIn(problem.next ?? "");
  expect(commands.length, `a command to go on with: ${said}`).toBeGreaterThan(0);
  for (const command of commands) {
    const [, verb = "", ...words] = command.split(" ");
    expect(COMMANDS.map((one) => one.name)).toContain(verb);
    if (verb === "retry" || verb === "resume") expect(words[0]).toBe(run);
    if (verb === "retry") expect(allSteps(plan).map((step) => step.address)).toContain(words[1]);
  }
}

/** What holds of every run that was halted: known point, nothing with an effect after the decision, and the message is whole. */
export function expectHalt(row: FaultCase, plan: Plan, run: string, events: readonly RunEvent[]): void {
  const [halt] = eventsOf(events, "run.halted");
  if (halt === undefined) throw new Error("the run was not halted");
  expect(halt.exit).toBe(exitCode(row));
  expect(row.causes, halt.problem.text).toContain(halt.problem.code);
  const kept = eventsOf(events, "artifact.recorded").map((one) => `artifacts/${one.sha256}`);
  expectWholeProblem(halt.problem, plan, run, kept);
  // A watch looks at the whole cluster; everything else is about the node.
  if (halt.step === null) expect(halt.problem.code).toMatch(/^watch\./);
  else if (isOwn(row)) {
    expect(halt.step.split("/")).toContain(faultyNode(row));
    // Lost tasks are counted by the leading master: the gate of the agent's step may name that one.
    if (halt.problem.code !== "gate.tasks-lost") expect(halt.problem.node).toBe(faultyNode(row));
  }
  const decided = decidedAt(events, halt.step);
  const later = effectsBegun(plan, events).filter(({ seq, step }) => seq > decided && step.phase !== "finally");
  expect(
    later.map(({ step }) => step.address),
    "effects begun after the decision",
  ).toEqual([]);
  for (const step of plan.finally)
    expect(
      eventsOf(events, "step.moved").filter((move) => move.step === step.address && move.to === "starting").length,
    ).toBeLessThan(2);
  expect(eventsOf(events, "run.completed")).toEqual([]);
  expect(eventsOf(events, "lock.released")).toHaveLength(1);
  expect(events.at(-1)?.type).toBe("run.halted");
}

/** Whom a halted run may have touched at the latest: the masters up to the faulty one, or all of them and the agents so far. */
export function expectUntouched(row: FaultCase, plan: Plan, events: readonly RunEvent[]): void {
  const touched = nodesTouched(plan, events);
  const planned = allSteps(plan).flatMap((step) => (step.kind === "dcos/upgrade-node" && step.node !== null ? [step.node] : []));
  expect(new Set(touched).size, "each node once").toBe(touched.length);
  const agents = touched.filter((node) => !isMaster(node));
  switch (row.at) {
    case "bootstrap":
      expect(touched, "the first of all").toHaveLength(1);
      expect(touched.filter((node) => !isMaster(node))).toEqual([]);
      return;
    case "master":
      expect(agents).toEqual([]);
      expect(touched.at(-1)).toBe(faultyNode(row));
      // A watch halts beside the step in hand, which is let finish.
      expect(nodesComplete(plan, events).slice(0, touched.length - 1)).toEqual(touched.slice(0, -1));
      return;
    case "canary":
    case "agent":
    case "public":
      expect(touched.filter(isMaster).toSorted()).toEqual(planned.filter(isMaster).toSorted());
      expect(agents).toContain(faultyNode(row));
      if (row.at === "canary") expect(agents).toEqual([faultyNode(row)]);
      // The wave of the faulty one may be in flight; the public agent is of a later one.
      if (row.at === "agent") expect(agents).not.toContain("p1");
  }
}

/** A run that went to its end: every node is complete, but for the one that policy has set aside. */
export function expectFinished(row: FaultCase, plan: Plan, run: string, events: readonly RunEvent[]): void {
  const left = row.exit === "set-aside" ? [faultyNode(row)] : [];
  expect(eventsOf(events, "run.halted")).toEqual([]);
  expect(eventsOf(events, "run.completed")).toMatchObject([{ exit: exitCode(row), setAside: left }]);
  const planned = allSteps(plan).flatMap((step) => (step.kind === "dcos/upgrade-node" && step.node !== null ? [step.node] : []));
  expect(nodesTouched(plan, events).toSorted()).toEqual(planned.toSorted());
  expect(nodesComplete(plan, events).toSorted()).toEqual(planned.filter((node) => !left.includes(node)).toSorted());
  const moves = eventsOf(events, "step.moved").filter((event) => event.to === "set-aside");
  expect(moves.map((event) => event.step.split("/")[1])).toEqual(left);
  const kept = eventsOf(events, "artifact.recorded").map((one) => `artifacts/${one.sha256}`);
  for (const move of moves) {
    expect((move as unknown as RunEvent).actor).toBe("policy");
    expect(row.causes).toContain(move.problem?.code);
    expect(move.problem?.node).toBe(faultyNode(row));
    if (move.problem !== null) expectWholeProblem(move.problem, plan, run, kept);
  }
}

/** How often contact was lost and taken up again: once at the node whose connection breaks, else never. */
export function expectReattached(row: FaultCase, events: readonly RunEvent[]): void {
  const reattached = eventsOf(events, "step.reattached").map((event) => event.step.split("/")[1]);
  expect(reattached).toEqual(row.fault === "ssh-drop" ? [faultyNode(row)] : []);
}
