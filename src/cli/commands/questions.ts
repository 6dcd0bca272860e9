import { Command } from "commander";
import { resolve } from "node:path";
import type { Loaded, Runbook } from "../../domain/documents.ts";
import { formatDuration } from "../../domain/duration.ts";
import type { Inventory } from "../../domain/inventory.ts";
import { endsAtMs, standingsOf, type Answer, type PersonQuestion, type Standing } from "../../domain/question.ts";
import type { Io } from "../io.ts";
import { runbookFile } from "../places.ts";
import { settledBy } from "../questions.ts";

export interface QuestionOptions {
  readonly inventory: string;
  readonly runbook?: string;
  readonly json?: true;
}

/** The inventory, and the runbook whose questions are meant: by default the platform's upgrade. */
export async function questionsOf(
  io: Io,
  options: QuestionOptions,
): Promise<{ readonly inventory: Loaded<Inventory>; readonly runbook: Loaded<Runbook> }> {
  const { loadInventory, loadRunbook } = await import("../../document/load.ts");
  const inventory = await loadInventory(resolve(io.cwd, options.inventory));
  const wanted = options.runbook ?? `${inventory.document.platform}-upgrade`;
  return { inventory, runbook: await loadRunbook(runbookFile(wanted, io.cwd)) };
}

/** What the inventory alone tells of a question: apps are known to the cluster only, so of them those that were answered about. */
interface Told {
  readonly question: PersonQuestion;
  readonly settled: string | null;
  readonly standings: readonly Standing[];
}

function toldOf(question: PersonQuestion, inventory: Inventory, nowMs: number): Told {
  const answers = inventory.answers ?? [];
  const known =
    question.per === undefined
      ? [null]
      : question.per === "node"
        ? inventory.nodes.map((node) => node.name)
        : answers.filter((one) => one.question === question.name).map((one) => one.subject);
  return { question, settled: settledBy(question, inventory), standings: standingsOf(question, known, answers, nowMs) };
}

/** `pawl questions`: what only a person can say, with the answers, their age and their end. Asks nobody, changes nothing. */
export function questionsCommand(io: Io): Command {
  return new Command("questions")
    .description("what only a person can say: the questions of a runbook with their answers")
    .requiredOption("-i, --inventory <file>", "the cluster: an inventory file")
    .option("--runbook <file>", "the runbook that asks (default: the platform's upgrade)")
    .option("--json", "one JSON document")
    .addHelpText("after", "\nExample:\n  pawl questions -i production.yaml")
    .action(async (options: QuestionOptions) => {
      const { inventory, runbook } = await questionsOf(io, options);
      const nowMs = io.now();
      const told = runbook.document.questions.map((one) => toldOf(one, inventory.document, nowMs));
      const names = new Set(runbook.document.questions.map((one) => one.name));
      const others = (inventory.document.answers ?? []).filter((one) => !names.has(one.question));
      if (options.json === true) io.out(JSON.stringify(asJson(inventory, runbook, told, others)));
      else await show(io, options, told, others, nowMs);
      io.exit("ok");
    });
}

function asJson(inventory: Loaded<Inventory>, runbook: Loaded<Runbook>, told: readonly Told[], others: readonly Answer[]) {
  return {
    inventory: inventory.file,
    runbook: runbook.file,
    questions: told.map(({ question, settled, standings }) => ({
      ...question,
      settled,
      subjects: standings.map(({ subject, state, answer }) => ({
        subject,
        state,
        answer,
        endsAt: answer === null ? null : endsAt(question, answer),
      })),
    })),
    others,
  };
}

function endsAt(question: PersonQuestion, answer: Answer): string | null {
  const ends = endsAtMs(question, answer);
  return Number.isFinite(ends) ? new Date(ends).toISOString() : null;
}

async function show(
  io: Io,
  options: QuestionOptions,
  told: readonly Told[],
  others: readonly Answer[],
  nowMs: number,
): Promise<void> {
  const { inkOf, printable, speaksUnicode, symbolsOf } = await import("../../view/paper.ts");
  const { beside, oneLine } = await import("../../view/text.ts");
  const paper = { columns: io.columns, colour: io.colour, unicode: speaksUnicode(io.env) };
  const ink = inkOf(paper);
  const symbols = symbolsOf(paper);
  const line = (mark: string, text: string): void =>
    io.out(printable(beside(`  ${mark} `, 4, oneLine(text), paper.columns).join("\n"), paper));
  for (const { question, settled, standings } of told) {
    const each = question.per === undefined ? "" : `, for each ${question.per}`;
    const when = question.when === undefined ? "" : `, before a hop to ${question.when.crosses} or above`;
    io.out(printable(beside("", 0, oneLine(question.title), paper.columns, (text) => ink.strong(text)).join("\n"), paper));
    io.out(
      ink.quiet(`  ${question.name}, ${question.severity}${each}${when}, holds ${formatDuration(question.validForMs)} at most`),
    );
    if (settled !== null) line(ink.proven(symbols.ok), settled);
    else if (question.per === "app" && standings.length === 0)
      line(
        ink.waiting(symbols.unknown),
        "which apps are meant is read from the cluster: pawl preflight names those that are open",
      );
    else for (const one of standings) line(markOf(one, ink, symbols), standingText(question, one, nowMs));
    io.out("");
  }
  if (told.length === 0) io.out("This runbook asks nobody anything.");
  for (const one of others) line(ink.quiet(symbols.dot), `${one.question}: ${one.answer} (this runbook does not ask it)`);
  const open = told.filter(({ settled, standings }) => settled === null && standings.some((one) => one.state !== "answered"));
  if (open.length > 0) io.out(`Answer: pawl answer ${open[0]?.question.name ?? "QUESTION"} --text TEXT -i ${options.inventory}`);
}

function markOf(
  one: Standing,
  ink: { proven(text: string): string; waiting(text: string): string },
  symbols: { readonly ok: string; readonly unknown: string },
): string {
  return one.state === "answered" ? ink.proven(symbols.ok) : ink.waiting(symbols.unknown);
}

function standingText(question: PersonQuestion, { subject, state, answer }: Standing, nowMs: number): string {
  const about = subject === null ? "" : `${subject}: `;
  if (answer === null) return `${about}not answered`;
  const age = formatDuration(Math.max(0, nowMs - Date.parse(answer.at)));
  const ends = endsAt(question, answer)?.slice(0, 16).replace("T", " ") ?? "a time that cannot be read";
  return `${about}${answer.answer} (${answer.by}, ${age} ago; ${state === "expired" ? "ended" : "holds until"} ${ends} UTC)`;
}
