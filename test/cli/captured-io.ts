import type { ExitName } from "../../src/domain/errors.ts";
import type { Io } from "../../src/cli/io.ts";

/** A terminal, of 100 columns if nothing else is said, that keeps what a command printed and how it ended. */
export interface CapturedIo extends Io {
  readonly stdout: string[];
  readonly stderr: string[];
  readonly ended: () => ExitName | null;
}

/** A fresh one per command; `cwd` is where relative paths start. */
export function capturedIo(cwd: string, columns = 100): CapturedIo {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const runs = new Set<string>();
  let exit: ExitName | null = null;
  return {
    stdout,
    stderr,
    ended: () => exit,
    out: (text) => void stdout.push(text),
    err: (text) => void stderr.push(text),
    stdoutTty: false,
    stdinTty: false,
    columns,
    rows: 40,
    colour: false,
    env: { LANG: "C.UTF-8" },
    cwd,
    now: () => 0,
    actor: "op@host",
    terminal: () => ({ isTTY: false, write: (text) => stdout.push(text) }),
    keyboard: () => ({}),
    onStop: () => () => undefined,
    began: (folder) => void runs.add(folder),
    begun: () => [...runs],
    exit: (name) => {
      exit = name;
    },
  };
}
