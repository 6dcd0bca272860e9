import { hostname, userInfo } from "node:os";
import { isatty } from "node:tty";
import { EXIT } from "../domain/errors.ts";
import { literalMask } from "../artifact/mask-literals.ts";
import type { Io } from "./io.ts";
import { safeText } from "./terminal-text.ts";

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "unknown";
  }
}

function colourWanted(env: Io["env"], tty: boolean): boolean {
  if (env["NO_COLOR"] !== undefined && env["NO_COLOR"] !== "") return false;
  return tty && env["TERM"] !== "dumb";
}

/** Texts for people and pipes with the known secrets hidden; the set may grow. */
function hider(secrets: ReadonlySet<string>): (text: string) => string {
  let known = 0;
  let hide: (text: string) => string = (text) => text;
  return (text) => {
    if (secrets.size !== known) {
      known = secrets.size;
      hide = literalMask([...secrets], () => "masked");
    }
    return hide(text);
  };
}

/** The real terminal. `process` is touched here and in main.ts, nowhere else in the CLI. */
export function processIo(): Io {
  const { stdout, stderr, stdin, env } = process;
  const runs = new Set<string>();
  const secrets = new Set<string>();
  const hide = hider(secrets);
  // `stdout.isTTY` is undefined for a pipe, and picocolors would then decide by itself: colours in the logs of every CI.
  const stdoutTty = isatty(stdout.fd);
  const colour = colourWanted(env, stdoutTty);
  return {
    out: (text) => void stdout.write(`${safeText(hide(text), colour)}\n`),
    err: (text) => void stderr.write(`${safeText(hide(text), colour)}\n`),
    stdoutTty,
    stdinTty: isatty(stdin.fd),
    get columns() {
      const own = Number(env["COLUMNS"]);
      return stdout.columns > 0 ? stdout.columns : own > 0 ? own : 80;
    },
    get rows() {
      return stdout.rows > 0 ? stdout.rows : 24;
    },
    colour,
    env,
    secrets,
    cwd: process.cwd(),
    now: () => Date.now(),
    actor: `${userName()}@${hostname()}`,
    terminal: () => stdout,
    keyboard: () => (stdin.isTTY ? { input: stdin } : {}),
    onStop(act) {
      const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
      for (const signal of signals) process.on(signal, act);
      return () => {
        for (const signal of signals) process.off(signal, act);
      };
    },
    began: (folder) => void runs.add(folder),
    begun: () => [...runs],
    exit: (name) => {
      process.exitCode = EXIT[name];
    },
  };
}
