import { guarded, type PromptStreams } from "./prompt.ts";

/** Standard error: standard output may be a document, or a pipe. */
const TERMINAL: PromptStreams = { input: process.stdin, output: process.stderr, settleMs: 0 };

/** Asks for a secret at the terminal; what is typed is not shown. Rejects with PromptEnded. */
export function askSecret(message: string, signal: AbortSignal, streams: PromptStreams = TERMINAL): Promise<string> {
  return guarded(streams, signal, async (context) => {
    const { password } = await import("@inquirer/prompts");
    const help = (): string => "(not shown)";
    return password({ message, theme: { prefix: "?", style: { help, message: (text: string) => text } } }, context);
  });
}
