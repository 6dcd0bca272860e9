import type { Paper } from "./paper.ts";
import { guarded, themeOf, type PromptStreams } from "./prompt.ts";

const TERMINAL: PromptStreams = { input: process.stdin, output: process.stdout, settleMs: 150 };

/** Asks for a line of text at the terminal; an empty one is an answer too. Rejects with PromptEnded. */
export function askText(message: string, signal: AbortSignal, paper: Paper, streams: PromptStreams = TERMINAL): Promise<string> {
  return guarded(streams, signal, async (context) => {
    const { input } = await import("@inquirer/prompts");
    return input({ message, theme: themeOf(paper) }, context);
  });
}
