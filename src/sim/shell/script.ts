import { posix } from "node:path";
import type { Program } from "../ports.ts";
import { say, type Caller, type Streams } from "./caller.ts";
import type { Machine } from "./machine.ts";

/** Names the shell goes by. */
export const SHELLS: ReadonlySet<string> = new Set(["sh", "bash", "dash"]);

/** Text for a shell with `$0` and the words after it. */
export interface Script {
  readonly text: string;
  readonly name: string;
  readonly args: readonly string[];
}

/** A program of the node model, by bare name, by absolute path, or by the /bin path of a bare name. */
export function programOf(machine: Machine, name: string): Program | null {
  const bare = /^\/(?:usr\/)?s?bin\/([^/]+)$/.exec(name)?.[1];
  return machine.node.programs.get(name) ?? (bare === undefined ? undefined : machine.node.programs.get(bare)) ?? null;
}

/** A name without the /bin or /usr/bin before it; other paths stay. */
export function bareName(name: string): string {
  return /^\/(?:usr\/)?s?bin\/([^/]+)$/.exec(name)?.[1] ?? name;
}

/** The script of `sh ARGS` / `bash ARGS`; a number is the exit code of a refusal. */
export async function shellScript(argv: readonly string[], caller: Caller, streams: Streams): Promise<Script | Program | number> {
  const shell = posix.basename(argv[0] ?? "sh");
  let flags = "";
  let index = 1;
  let text: string | null = null;
  for (; index < argv.length; index += 1) {
    const word = argv[index] ?? "";
    if (word === "--" || word === "-") {
      index += 1;
      break;
    }
    if (word.startsWith("--")) continue;
    if (!/^[-+][A-Za-z]+$/.test(word)) break;
    if (word.includes("o") && word.startsWith("-")) flags += ` -o ${argv[(index += 1)] ?? ""}`;
    const letters = word.slice(1).replaceAll(/[^euxfv]/g, "");
    if (letters !== "") flags += ` ${word[0] ?? "-"}${letters}`;
    if (!word.includes("c")) continue;
    text = argv[index + 1] ?? "";
    index += 2;
    break;
  }
  const prefix = flags === "" ? "" : `set${flags}; `;
  if (text !== null) return { text: prefix + text, name: argv[index] ?? shell, args: argv.slice(index + 1) };
  const file = argv[index];
  if (file === undefined) return { text: prefix + streams.stdin().toString("utf8"), name: shell, args: [] };
  const path = caller.view.resolvePath(caller.cwd, file);
  const program = caller.machine.node.scriptProgram(path);
  if (program !== null) return program;
  try {
    return { text: prefix + (await caller.view.readFile(path)), name: file, args: argv.slice(index + 1) };
  } catch {
    await say(streams.err, `${shell}: ${file}: No such file or directory\n`);
    return 127;
  }
}

/** A file run by its path: only shell scripts, and only with the right to. */
export async function fileScript(
  caller: Caller,
  name: string,
  argv: readonly string[],
  streams: Streams,
): Promise<Script | number> {
  const path = caller.view.resolvePath(caller.cwd, name);
  const fail = async (text: string, code: number): Promise<number> => {
    await say(streams.err, `sh: ${name}: ${text}\n`);
    return code;
  };
  if (!(await caller.view.exists(path))) return fail("No such file or directory", 127);
  const stat = await caller.view.stat(path);
  if (stat.isDirectory) return fail("Is a directory", 126);
  if ((stat.mode & 0o111) === 0) return fail("Permission denied", 126);
  const text = await caller.view.readFile(path);
  const first = text.split("\n", 1)[0] ?? "";
  if (first.startsWith("#!") && !/\b(ba|da)?sh\b/.test(first))
    return fail("cannot execute: this node runs shell scripts only", 126);
  return { text, name, args: argv.slice(1) };
}
