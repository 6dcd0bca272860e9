import { Command } from "commander";
import { formatDuration, parseDuration } from "../../domain/duration.ts";
import { PawlError } from "../../domain/errors.ts";
import type { Inventory } from "../../domain/inventory.ts";
import type { PersonQuestion } from "../../domain/question.ts";
import type { Io } from "../io.ts";
import { shownFolder } from "../places.ts";
import type { QuestionOptions } from "./questions.ts";

interface AnswerOptions extends QuestionOptions {
  readonly text: string;
  readonly for?: string;
}

/** The longest answer that is kept, in characters: it is shown in plans and reports. */
const LONGEST = 2_000;

function usage(code: string, text: string, next: string): PawlError {
  return new PawlError("usage", code, text, { next });
}

function durationOf(question: PersonQuestion, given: string | undefined): number {
  if (given === undefined) return question.validForMs;
  const ms = parseDuration(given);
  if (ms === null || ms === 0) throw usage("answer.bad-duration", `--for ${given}: that is no duration`, "--for 14d");
  if (ms > question.validForMs)
    throw usage(
      "answer.too-long",
      `--for ${given}: an answer to ${question.name} holds ${formatDuration(question.validForMs)} at most`,
      "leave --for out",
    );
  return ms;
}

/** Who the answer is about: names where the question is asked about each, null otherwise. Throws PawlError usage for anything else. */
function subjectsFor(question: PersonQuestion, given: readonly string[], inventory: Inventory): readonly (string | null)[] {
  const command = `pawl answer ${question.name}`;
  if (question.per === undefined) {
    if (given.length > 0)
      throw usage(
        "answer.no-subject",
        `${question.name} is not asked about each app or node: ${given.join(" ")}`,
        `${command} --text TEXT`,
      );
    return [null];
  }
  if (given.length === 0)
    throw usage(
      "answer.which",
      `${question.name} is asked about each ${question.per}`,
      `${command} ${question.per.toUpperCase()} --text TEXT`,
    );
  const unknown = question.per === "node" ? given.find((name) => !inventory.nodes.some((node) => node.name === name)) : undefined;
  if (unknown !== undefined)
    throw usage(
      "answer.unknown-node",
      `the inventory has no node ${unknown}`,
      inventory.nodes.map((node) => node.name).join(", "),
    );
  return [...new Set(given)];
}

/** `pawl answer QUESTION [SUBJECT…] --text TEXT`: keeps what a person says in the inventory. */
export function answerCommand(io: Io): Command {
  return new Command("answer")
    .description("answer a question that only a person can answer; kept in the inventory until it ends")
    .argument("<question>", "its name, as pawl questions shows it")
    .argument("[subject...]", "the apps or nodes it is about, where it is asked about each")
    .requiredOption("--text <text>", "the answer")
    .requiredOption("-i, --inventory <file>", "the cluster: an inventory file")
    .option("--for <duration>", "how long it holds (default and most: as long as the question says)")
    .option("--runbook <file>", "the runbook that asks (default: the platform's upgrade)")
    .option("--json", "one JSON document")
    .addHelpText(
      "after",
      '\nExamples:\n  pawl answer support-cases --text "none open, asked on Friday" -i production.yaml\n  pawl answer application-data /shop/db --text "dumped nightly by dba, last on the 20th" -i production.yaml --for 2d',
    )
    .action(async (name: string, given: readonly string[], options: AnswerOptions) => {
      const { questionsOf } = await import("./questions.ts");
      const { answerOf } = await import("../ask-people.ts");
      const { keepAnswers } = await import("../keep-answers.ts");
      const { inventory, runbook } = await questionsOf(io, options);
      const question = runbook.document.questions.find((one) => one.name === name);
      if (question === undefined)
        throw usage(
          "answer.unknown-question",
          `runbook ${runbook.document.name} asks no question named ${name}`,
          `it asks: ${runbook.document.questions.map((one) => one.name).join(", ") || "none"}`,
        );
      if (options.text.trim() === "") throw usage("answer.empty", "--text says nothing", "--text TEXT");
      if (options.text.length > LONGEST)
        throw usage("answer.long", `--text has more than ${LONGEST} characters`, "say where it is written down instead");
      const forMs = durationOf(question, options.for);
      const answers = subjectsFor(question, given, inventory.document).map((subject) =>
        answerOf({ question, subject }, { text: options.text, by: io.actor, nowMs: io.now(), forMs }),
      );
      await keepAnswers(inventory.file, answers);
      if (options.json === true) io.out(JSON.stringify({ inventory: inventory.file, answers }));
      else
        for (const one of answers)
          io.out(
            `${one.question}${one.subject === null ? "" : ` (${one.subject})`}: kept in ${shownFolder(io, inventory.file)} as ${one.by}'s answer until ${one.until}.`,
          );
      io.exit("ok");
    });
}
