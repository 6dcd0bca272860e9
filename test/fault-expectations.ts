import { expect } from "vitest";
import { EXIT, type Problem } from "../src/domain/errors.ts";
import type { RunEvent } from "../src/domain/events.ts";
import { allSteps, type Finding, type Plan } from "../src/domain/plan.ts";
import { fold } from "../src/domain/run-state.ts";
import { nextCommands } from "../src/view/next-command.ts";
import { commandsIn, expectAccepted } from "./accepted-command.ts";
import { decidedAt, effectsBegun, eventsOf, nodesComplete, nodesTouched } from "./e2e/record.ts";
import { exitCode, faultyNode, isOwn, type FaultCase } from "./faults.ts";

const isMaster = (node: string): boolean => node.startsWith("m");

/** A message a person can act on: what was expected and seen, where the evidence lies, and a command that pawl takes. */
export async function expectWholeProblem(problem: Problem, plan: Plan, run: string, kept: readonly string[]): Promise<void> {
  const said = JSON.stringify(problem);
  expect(problem.text, said).not.toBe("");
  expect(problem.expected ?? "", `expected: ${said}`).not.toBe("");
  expect(problem.observed ?? "", `observed: ${said}`).not.toBe("");
  expect(problem.evidence?.length ?? 0, `evidence: ${said}`).toBeGreaterThan(0);
  expect(kept).toEqual(expect.arrayContaining([...(problem.evidence ?? [])]));
  const commands = commandsIn(problem.next ?? "");
  expect(commands.length, `a command to go on with: ${said}`).toBeGreaterThan(0);
  for (const command of commands) {
    await expectAccepted(command);
    const [, verb = "", ...words] = command.split(" ");
    if (verb === "retry" || verb === "resume") expect(words[0]).toBe(run);
    if (verb === "retry") expect(allSteps(plan).map((step) => step.address)).toContain(words[1]);
  }
}

/** What `pawl status` offers then: something to do, if only to accept a whole upgrade, and nothing that pawl would not take. */
async function expectOffers(plan: Plan, run: string, events: readonly RunEvent[]): Promise<void> {
  // A run in memory has no event of its creation, which names it.
  const state = { ...fold(events), run };
  const offered = nextCommands(state, plan);
  const verbs = offered.map(({ command }) => command.split(" ").slice(0, 3));
  if (state.exit === EXIT.ok) expect(verbs).toEqual([["pawl", "accept", run]]);
  else expect(verbs.length).toBeGreaterThan(0);
  for (const { command } of offered) await expectAccepted(command);
}

/** A finding of a preflight that a person can act on. */
export function expectWholeFinding(finding: Finding | undefined, row: FaultCase): void {
  const said = JSON.stringify(finding);
  expect(["fail", "inconclusive"], said).toContain(finding?.verdict);
  expect(finding?.severity, said).toBe("mandatory");
  for (const part of ["title", "expected", "observed", "remedy"] as const)
    expect(finding?.[part], `${part}: ${said}`).not.toBe("");
  if (isOwn(row)) expect(finding?.nodes, said).toContain(faultyNode(row));
}

/** What holds of every run that was halted: known point, nothing with an effect after the decision, and the message is whole. */
export async function expectHalt(row: FaultCase, plan: Plan, run: string, events: readonly RunEvent[]): Promise<void> {
  const [halt] = eventsOf(events, "run.halted");
  if (halt === undefined) throw new Error("the run was not halted");
  expect(halt.exit).toBe(exitCode(row));
  expect(row.causes, halt.problem.text).toContain(halt.problem.code);
  const kept = eventsOf(events, "artifact.recorded").map((one) => `artifacts/${one.sha256}`);
  await expectWholeProblem(halt.problem, plan, run, kept);
  await expectOffers(plan, run, events);
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
      if (row.when === "start") {
        expect(touched, "found before anything was touched").toEqual([]);
        return;
      }
      // Before its effect: the masters before it are done, and it is as it was.
      if (row.when === "before") {
        expect(touched).toEqual(nodesComplete(plan, events));
        expect(touched).toEqual(planned.slice(0, planned.indexOf(faultyNode(row))));
        return;
      }
      expect(touched.at(-1)).toBe(faultyNode(row));
      // A watch halts beside the step in hand, which is let finish.
      expect(nodesComplete(plan, events).slice(0, touched.length - 1)).toEqual(touched.slice(0, -1));
      return;
    case "canary":
    case "agent":
    case "public":
      expect(touched.filter(isMaster).toSorted()).toEqual(planned.filter(isMaster).toSorted());
      if (row.when === "before") {
        expect(agents).not.toContain(faultyNode(row));
        if (row.at === "canary") expect(agents).toEqual([]);
        return;
      }
      expect(agents).toContain(faultyNode(row));
      if (row.at === "canary") expect(agents).toEqual([faultyNode(row)]);
      // The wave of the faulty one may be in flight; the public agent is of a later one.
      if (row.at === "agent") expect(agents).not.toContain("p1");
  }
}

/** A run that went to its end: every node is complete, but for the one that policy has set aside. */
export async function expectFinished(row: FaultCase, plan: Plan, run: string, events: readonly RunEvent[]): Promise<void> {
  const left = row.exit === "set-aside" ? [faultyNode(row)] : [];
  expect(eventsOf(events, "run.halted")).toEqual([]);
  expect(eventsOf(events, "run.completed")).toMatchObject([{ exit: exitCode(row), setAside: left }]);
  const planned = allSteps(plan).flatMap((step) => (step.kind === "dcos/upgrade-node" && step.node !== null ? [step.node] : []));
  const touched = row.when === "before" ? planned.filter((node) => !left.includes(node)) : planned;
  expect(nodesTouched(plan, events).toSorted()).toEqual(touched.toSorted());
  expect(nodesComplete(plan, events).toSorted()).toEqual(planned.filter((node) => !left.includes(node)).toSorted());
  const moves = eventsOf(events, "step.moved").filter((event) => event.to === "set-aside");
  expect(moves.map((event) => event.step.split("/")[1])).toEqual(left);
  const kept = eventsOf(events, "artifact.recorded").map((one) => `artifacts/${one.sha256}`);
  for (const move of moves) {
    expect((move as unknown as RunEvent).actor).toBe("policy");
    expect(row.causes).toContain(move.problem?.code);
    expect(move.problem?.node).toBe(faultyNode(row));
    if (move.problem !== null) await expectWholeProblem(move.problem, plan, run, kept);
  }
  await expectOffers(plan, run, events);
}

/** How often contact was lost and taken up again: once at the node whose connection breaks, else never. */
export function expectReattached(row: FaultCase, events: readonly RunEvent[]): void {
  const reattached = eventsOf(events, "step.reattached").map((event) => event.step.split("/")[1]);
  expect(reattached).toEqual(row.fault === "ssh-drop" ? [faultyNode(row)] : []);
}
