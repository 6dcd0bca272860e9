import type { Choice, Question } from "../domain/events.ts";
import { symbolsOf, type Paper } from "./paper.ts";
import { choiceWords } from "./question.ts";
import { cells, clip, oneLine, pad } from "./text.ts";

/** A prompt that gave no answer: Ctrl-C, the signal, or a terminal that went away. */
export class PromptEnded extends Error {
  override readonly name = "PromptEnded";
  readonly how: "interrupted" | "aborted" | "closed";

  constructor(how: PromptEnded["how"]) {
    super(`the prompt ended without an answer (${how})`);
    this.how = how;
  }
}

/** The two prompts an operator needs. Both reject with PromptEnded. An empty reason means: back to the choices. */
export interface Prompts {
  select(question: Question, signal: AbortSignal): Promise<Choice>;
  reason(choice: Choice, signal: AbortSignal): Promise<string>;
}

export interface PromptStreams {
  readonly input: NodeJS.ReadableStream & { setRawMode?(raw: boolean): unknown; readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream;
  /** How long keys that were typed before the question are thrown away, wall-clock ms. */
  readonly settleMs: number;
}

const TERMINAL: PromptStreams = { input: process.stdin, output: process.stdout, settleMs: 150 };

/** Prompts by @inquirer/prompts on the given streams. The package is loaded at the first question only. */
export function createPrompts(paper: Paper, streams: PromptStreams = TERMINAL): Prompts {
  const { arrow, ellipsis } = symbolsOf(paper);
  const look = themeOf(paper);
  return {
    select: (question, signal) =>
      guarded(streams, signal, async (context) => {
        const { select } = await import("@inquirer/prompts");
        const width = Math.max(...question.choices.map(({ choice }) => cells(choiceWords(choice)))) + 3;
        const room = Math.max(12, paper.columns - width - 4);
        const choices = question.choices.map(({ choice, does, needsReason }) => {
          const text = `${oneLine(does)}${needsReason ? ` (asks for a reason)` : ""}`;
          const fits = cells(text) <= room;
          return {
            value: choice,
            short: choiceWords(choice),
            name: `${pad(choiceWords(choice), width)}${clip(text, room, ellipsis)}`,
            ...(fits ? {} : { description: `${arrow} ${text}` }),
          };
        });
        return select<Choice>(
          { message: "What now?", choices, loop: false, pageSize: 10, default: safest(question), theme: look },
          context,
        );
      }),
    reason: (choice, signal) =>
      guarded({ ...streams, settleMs: 0 }, signal, async (context) => {
        const { input } = await import("@inquirer/prompts");
        return input({ message: `Reason for "${choiceWords(choice)}" (empty: back):`, theme: look }, context);
      }),
  };
}

/** Where something went wrong, Enter alone changes nothing more: the cursor rests on `stop`. */
function safest(question: Question): Choice | null {
  const stop = question.choices.find(({ choice }) => choice === "stop");
  const first = question.choices[0]?.choice ?? null;
  return question.problem === null ? first : (stop?.choice ?? first);
}

/** Plain signs and no colour where the paper has none; the package itself knows only the environment. */
export function themeOf(paper: Paper): object {
  const same = (text: string): string => text;
  const prefix = symbolsOf(paper).stop;
  const icon = paper.unicode === false ? { icon: { cursor: ">" } } : {};
  const keys = (list: readonly (readonly [string, string])[]): string =>
    paper.unicode === false ? "up/down moves, Enter decides" : list.map(([key, action]) => `${key} ${action}`).join(", ");
  if (paper.colour)
    return {
      ...icon,
      prefix: { idle: prefix, done: prefix },
      ...(paper.unicode === false ? { style: { keysHelpTip: keys } } : {}),
    };
  const style = {
    answer: same,
    message: same,
    error: same,
    help: same,
    highlight: same,
    key: same,
    disabled: same,
    description: same,
    defaultAnswer: same,
    keysHelpTip: keys,
  };
  return { ...icon, prefix: { idle: prefix, done: prefix }, style };
}

/** A terminal that hangs up ends, closes or fails with EIO. */
const ENDS = ["end", "close", "error"] as const;

/** Read again: it changes while a prompt is open. */
export function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

interface PromptContext {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  readonly signal: AbortSignal;
}

/**
 * Runs one prompt. A standard input that closes would otherwise leave the promise unsettled and let the process end with
 * exit 0 (reference: dependencies, prompts); here it rejects, and a timer keeps the process alive until it has. Ctrl-D closes the
 * package's reader and nothing else: the terminal would echo what is typed from then on, a passphrase too. It ends the prompt.
 */
export async function guarded<T>(
  streams: PromptStreams,
  signal: AbortSignal,
  prompt: (context: PromptContext) => Promise<T>,
): Promise<T> {
  const { input, output, settleMs } = streams;
  if (isAborted(signal)) throw new PromptEnded("aborted");
  if (!input.readable) throw new PromptEnded("closed");
  const gone = new AbortController();
  const close = (): void => gone.abort();
  const left = new AbortController();
  const key = (_text: unknown, pressed: { readonly name?: string; readonly ctrl?: boolean } | undefined): void => {
    if (pressed?.ctrl === true && pressed.name === "d") left.abort();
  };
  const alive = setInterval(() => undefined, 1_000);
  for (const event of ENDS) input.once(event, close);
  input.on("keypress", key);
  try {
    if (settleMs > 0) await discardTypedAhead(streams);
    return await prompt({ input, output, signal: AbortSignal.any([signal, gone.signal, left.signal]) });
  } catch (error) {
    if (error instanceof PromptEnded) throw error;
    if (gone.signal.aborted) throw new PromptEnded("closed");
    if (isAborted(signal)) throw new PromptEnded("aborted");
    if (left.signal.aborted) throw new PromptEnded("interrupted");
    if (error instanceof Error && (error.name === "ExitPromptError" || error.name === "CancelPromptError"))
      throw new PromptEnded("interrupted");
    throw error;
  } finally {
    clearInterval(alive);
    input.off("keypress", key);
    for (const event of ENDS) input.off(event, close);
  }
}

/** Throws away what was typed before the question was on the screen. Ctrl-C among it still interrupts. */
async function discardTypedAhead({ input, settleMs }: PromptStreams): Promise<void> {
  const typed: string[] = [];
  const drop = (chunk: Buffer | string): void => void typed.push(chunk.toString());
  if (input.isTTY === true) input.setRawMode?.(true);
  input.on("data", drop).resume();
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  input.off("data", drop).pause();
  if (input.isTTY === true) input.setRawMode?.(false);
  if (typed.join("").includes("\u0003")) throw new PromptEnded("interrupted");
}
