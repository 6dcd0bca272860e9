import { stepRecord, type RunState } from "../domain/run-state.ts";
import { awaitsAcceptance } from "../domain/acceptance.ts";
import { allSteps, type Plan } from "../domain/plan.ts";
import type { Spell } from "../engine/ports.ts";

/** A command a person may type next, and what it does. */
export interface NextCommand {
  readonly command: string;
  readonly does: string;
}

/** `pawl VERB RUN REST`, as the commands themselves print it. */
function spellFor(run: string): Spell {
  return (verb, rest = "") => ["pawl", verb, run, rest].filter((word) => word !== "").join(" ");
}

/** The command that plans and finishes the nodes a run has set aside, with the words that name its output folder; null where there are none. */
export function finishCommand(state: RunState, plan: Plan, outputDir = ""): string | null {
  const left = allSteps(plan)
    .filter((step) => stepRecord(state, step.address).status === "set-aside")
    .flatMap((step) => step.node ?? []);
  if (left.length === 0) return null;
  const target = plan.inputs["target"];
  return [
    "pawl upgrade",
    "-i",
    plan.sources.inventory,
    ...(target === undefined ? [] : ["--to", target]),
    "--only",
    [...new Set(left)].join(","),
  ]
    .join(" ")
    .concat(outputDir);
}

/** How commands are spelled for a run, and whether its engine lives (null: not known). */
export interface Spelling {
  readonly spell?: Spell;
  /** The words that name the run's output folder, with a space before them; empty where it is the usual one. */
  readonly outputDir?: string;
  readonly alive?: boolean | null;
}

/** What can be done now, most useful first. Empty for a finished run without set-aside nodes. */
export function nextCommands(
  state: RunState,
  plan: Plan,
  { spell = spellFor(state.run), outputDir = "", alive = null }: Spelling = {},
): readonly NextCommand[] {
  const commands: NextCommand[] = [];
  const say = (verb: string, rest: string, does: string): void => {
    const command = spell(verb, rest);
    if (!commands.some((one) => one.command === command)) commands.push({ command, does });
  };
  const steps = allSteps(plan);
  if (state.asked !== null) {
    const { question } = state.asked;
    const node = steps.find((step) => step.address === question.step)?.node ?? "";
    for (const { choice, does, needsReason } of question.choices) {
      if (choice === "measure-again") continue;
      const target = choice === "set-aside" ? node : choice === "stop" ? "" : (question.step ?? "");
      say(choice, [target, needsReason ? "--reason TEXT" : ""].filter((word) => word !== "").join(" "), does);
    }
  }
  if (state.phase === "halted") {
    for (const step of steps) {
      const { status } = stepRecord(state, step.address);
      if (status === "error") say("retry", step.address, "lets this one step run again");
      if (status === "unknown")
        say("resume", "", `looks at ${step.node ?? "the cluster"} before it decides about ${step.address}`);
    }
    say("resume", "", "takes the run up where it halted");
  }
  if (state.phase === "created") say("resume", "", "takes the run up");
  if (state.phase === "open" && alive === false) say("resume", "", "looks at the nodes, then takes the run up");
  else if (state.phase === "open") {
    if (state.interrupted === null) say("pause", "", "starts nothing new");
    else say("resume", "", "starts new steps again");
    say("stop", "", "waits for what runs, writes the record, ends the engine");
  }
  if (state.phase === "completed") {
    const command = finishCommand(state, plan, outputDir);
    if (command !== null) commands.push({ command, does: "plans and finishes the nodes that were set aside" });
    if (awaitsAcceptance(state, plan)) say("accept", "--reason TEXT", "records that you take the result as good, and why");
  }
  return commands;
}
