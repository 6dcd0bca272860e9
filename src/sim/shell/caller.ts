import type { IFileSystem } from "just-bash";
import type { SimClock } from "../ports.ts";
import type { Machine, Process, Sink } from "./machine.ts";

/** Input and output of something that runs. `stdin` is only taken when it is asked for, so that loops over input keep theirs. */
export interface Streams {
  stdin(): Buffer;
  readonly out: Sink;
  readonly err: Sink;
}

/** The surroundings a command runs in: its process, its view of the files, folder and environment. */
export interface Caller {
  readonly machine: Machine;
  readonly process: Process;
  readonly view: IFileSystem;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** The clock of the work this is part of. */
  readonly clock: SimClock;
  /** Runs an argument list as this caller would, for `sudo`, `nohup`, `timeout`… Resolves with the exit code. */
  run(argv: readonly string[], streams: Streams, change?: RunChange): Promise<number>;
}

/** What is different for a command run on behalf of another. */
export interface RunChange {
  readonly user?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Heads its own process group, which `kill -PID` ends as a whole. */
  readonly leader?: boolean;
  /** Told as soon as the process is in the table. */
  started?(process: Process): void;
}

/** One call of a command of the process layer. */
export interface Call extends Streams {
  readonly args: readonly string[];
  readonly caller: Caller;
}

/** A command that just-bash lacks or gets wrong. Resolves with the exit code. */
export type Builtin = (call: Call) => Promise<number>;

/** Writes text or bytes to a sink. */
export async function say(sink: Sink, content: string | Uint8Array): Promise<void> {
  await sink.write(typeof content === "string" ? Buffer.from(content, "utf8") : Buffer.from(content));
}

/** `NAME: TEXT` on stderr, and the exit code. */
export async function complain(call: Call, text: string, code = 1): Promise<number> {
  await say(call.err, `${text}\n`);
  return code;
}

/** Options (words that begin with `-`, up to `--` or the first other word) and the rest of an argument list. */
export function splitOptions(
  args: readonly string[],
  withValue: ReadonlySet<string> = new Set(),
): { options: Map<string, string>; rest: string[] } {
  const options = new Map<string, string>();
  let index = 0;
  for (; index < args.length; index += 1) {
    const word = args[index] ?? "";
    if (word === "--") {
      index += 1;
      break;
    }
    if (!word.startsWith("-") || word === "-") break;
    if (word.startsWith("--")) {
      const [name = "", value = ""] = word.split(/=(.*)/s);
      options.set(name, value);
    } else if (withValue.has(word)) options.set(word, args[(index += 1)] ?? "");
    else if (withValue.has(word.slice(0, 2))) options.set(word.slice(0, 2), word.slice(2));
    else for (const letter of word.slice(1)) options.set(`-${letter}`, "");
  }
  return { options, rest: args.slice(index) };
}

/** A call of one of just-bash's own commands as it understands it (`hush`: without its error messages), or why it cannot be done. */
export type Adjusted = { readonly args: readonly string[]; readonly hush?: boolean } | { readonly complaint: string };
