import { promptOperator } from "../../src/view/operator.ts";
import { createPrompts } from "../../src/view/prompt.ts";

/** A program that asks one question on its standard input and has nothing else to do; the exit code must tell that nobody answered. */
const paper = { columns: 80, colour: false };
const operator = promptOperator({
  view: null,
  io: { out: (text) => void process.stdout.write(`${text}\n`), stdinTty: true, stdoutTty: true, ...paper },
  actor: "ada@desk",
  prompts: createPrompts(paper, { input: process.stdin, output: process.stdout, settleMs: 0 }),
});
const choices = [{ choice: "approve", does: "go on", needsReason: false }] as const;
const answer = await operator.ask({ kind: "start", step: null, title: "Start?", announced: true, problem: null, choices }, 1, new AbortController().signal);
await new Promise((resolve) => setTimeout(resolve, 20)); // an engine still has its record to write
process.stdout.write(`${answer.kind} answered\n`);
process.exitCode = answer.kind === "nobody" ? 8 : 0;
