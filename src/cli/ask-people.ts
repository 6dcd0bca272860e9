import { PawlError } from "../domain/errors.ts";
import type { Answer } from "../domain/question.ts";
import type { Cluster } from "./cluster.ts";
import type { Presence } from "./execute.ts";
import type { Io } from "./io.ts";
import { keepAnswers, needWritable } from "./keep-answers.ts";
import type { OpenQuestion } from "./questions.ts";
import { shownFolder } from "./places.ts";

/** An answer as it is kept: whose, from now, for as long as asked for (default and most: as long as the question says). */
export function answerOf(
  { question, subject }: Pick<OpenQuestion, "question" | "subject">,
  said: { readonly text: string; readonly by: string; readonly nowMs: number; readonly forMs?: number },
): Answer {
  const whole = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
  return {
    question: question.name,
    subject,
    answer: said.text.replace(/\s+/g, " ").trim(),
    by: said.by,
    at: whole(said.nowMs),
    until: whole(said.nowMs + (said.forMs ?? question.validForMs)),
  };
}

/** Whether a person is there who can be asked: at a terminal, and not in a hurry (`--yes` answers nothing). */
function isThere(io: Io, presence: Presence): boolean {
  return io.stdinTty && io.stdoutTty && !presence.json && !presence.yes;
}

/**
 * Puts what is open to the person at the terminal, each once, and keeps every answer in the inventory as soon as it is given. Enter
 * alone leaves a question open. True where anything was answered. Throws PawlError interrupted for Ctrl-C.
 */
export async function askPeople(io: Io, cluster: Cluster, open: readonly OpenQuestion[], presence: Presence): Promise<boolean> {
  if (open.length === 0 || !isThere(io, presence)) return false;
  const { file } = cluster.inventory;
  await needWritable(file, []);
  const { askText } = await import("../view/ask-text.ts");
  const { PromptEnded } = await import("../view/prompt.ts");
  const { oneLine } = await import("../view/text.ts");
  const { speaksUnicode } = await import("../view/paper.ts");
  const paper = { columns: io.columns, colour: io.colour, unicode: speaksUnicode(io.env) };
  io.out(
    `${open.length === 1 ? "One question" : `${open.length} questions`} that only a person can answer. What you say is kept in ${shownFolder(io, file)}; Enter alone leaves a question open.\n`,
  );
  const stopped = new AbortController();
  const off = io.onStop(() => stopped.abort());
  let answered = false;
  try {
    for (const one of open) {
      const about = one.subject === null ? "" : ` [${one.subject}]`;
      io.out(oneLine(`${one.question.title}${about}`));
      io.out(oneLine(`  ${one.question.severity}; ${one.question.source}`));
      if (one.ended !== null) io.out(oneLine(`  before: ${one.ended.answer} (${one.ended.by}, ${one.ended.at.slice(0, 10)})`));
      const text = (await askText("Answer:", stopped.signal, paper)).trim();
      if (text === "") continue;
      await keepAnswers(file, [answerOf(one, { text, by: io.actor, nowMs: cluster.clock.now() })]);
      answered = true;
    }
  } catch (error) {
    if (!(error instanceof PromptEnded)) throw error;
    if (error.how === "closed") return answered;
    throw new PawlError("interrupted", "prompt-ended", "The question was not answered, so nothing was begun.", {
      expected: "an answer, or Enter alone",
      observed: error.how === "interrupted" ? "Ctrl-C or Ctrl-D" : "a signal to end",
      next: "Run the same command again: what was answered so far is kept.",
      cause: error,
    });
  } finally {
    off();
  }
  io.out("");
  return answered;
}
