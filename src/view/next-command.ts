import { stepRecord, type RunState } from "../domain/run-state.ts";
import { allSteps, type Plan } from "../domain/plan.ts";

/** A command a person may type next, and what it does. */
export interface NextCommand {
  readonly command: string;
  readonly does: string;
}

/** How a verb is spelled for this run: `retry masters/m2/upgrade` → the whole command line. */
export type Spell = (verb: string) => string;

/** Plain spelling, where the caller knows nothing better. */
export const spellPawl: Spell = (verb) => `pawl ${verb}`;

/** What can be done now, most useful first. Empty for a finished run without set-aside nodes. */
export function nextCommands(state: RunState, plan: Plan, spell: Spell = spellPawl): readonly NextCommand[] {
  const commands: NextCommand[] = [];
  const say = (verb: string, does: string): void => void commands.push({ command: spell(verb), does });
  if (state.asked !== null) {
    const { question } = state.asked;
    for (const { choice, does, needsReason } of question.choices) {
      const target = choice === "retry" || choice === "force-complete" ? ` ${question.step ?? ""}` : choice === "set-aside" ? ` ${nodeOf(plan, question.step) ?? ""}` : "";
      if (choice === "measure-again") continue;
      say(`${choice}${target.trimEnd()}${needsReason ? " --reason TEXT" : ""}`, does);
    }
    if (state.phase === "halted") say("resume", "takes the run up and asks again");
    return commands;
  }
  if (state.phase === "halted") {
    for (const step of allSteps(plan)) {
      const { status } = stepRecord(state, step.address);
      if (status === "error") say(`retry ${step.address}`, "does this one step again");
      if (status === "unknown") say("resume", `looks at ${step.node ?? "the cluster"} first, then decides about ${step.address}`);
    }
    if (!commands.some(({ command }) => command === spell("resume"))) say("resume", "takes the run up where it halted");
    return commands;
  }
  if (state.phase === "open") {
    if (state.interrupted === null) say("pause", "starts nothing new");
    else say("resume", "starts new steps again");
    say("stop", "waits for what runs, writes the record, ends the engine");
    return commands;
  }
  if (state.phase === "created") say("resume", "takes the run up");
  for (const step of allSteps(plan)) if (stepRecord(state, step.address).status === "set-aside") say(`retry ${step.address}`, `does the step that was set aside${step.node === null ? "" : ` on ${step.node}`}`);
  return commands;
}

function nodeOf(plan: Plan, address: string | null): string | null {
  return allSteps(plan).find((step) => step.address === address)?.node ?? null;
}
