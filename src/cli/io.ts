import type { ExitName } from "../domain/errors.ts";

/** What a command may do to the terminal. Commands never touch `process` themselves, so tests can run them in process. */
export interface Io {
  /** One or more lines to standard output; a newline is added. */
  out(text: string): void;
  /** One or more lines to standard error; a newline is added. */
  err(text: string): void;
  readonly stdoutTty: boolean;
  readonly stdinTty: boolean;
  readonly columns: number;
  readonly rows: number;
  /** Colours wanted (NO_COLOR, --no-color and pipes say no). */
  readonly colour: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Secrets this process came to know: whatever is written or printed has them masked. */
  readonly secrets?: Set<string>;
  readonly cwd: string;
  /** Wall time, epoch ms. */
  now(): number;
  /** Who is at the keyboard: `user@host`. */
  readonly actor: string;
  /** The stream a live picture is drawn on. */
  terminal(): { readonly isTTY?: boolean; write(text: string): unknown };
  /** The keyboard, where there is one: a live picture keeps typed keys out of itself. */
  keyboard(): { readonly input?: NodeJS.ReadStream };
  /** Calls back when the user wants an end (SIGINT, SIGTERM, SIGHUP); the returned function takes it back. */
  onStop(act: () => void): () => void;
  /** A run's folder that this command line writes to. The result of running work names it, also where it ends with an error. */
  began(folder: string): void;
  /** Those folders, in the order they were begun. */
  begun(): readonly string[];
  /** The exit code the process ends with; the last call wins. Without a call a command that returns ends with 0. */
  exit(name: ExitName): void;
}
