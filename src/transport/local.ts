import { constants } from "node:os";
import type { LocalRunner, Outcome } from "../engine/ports.ts";
import { boundedOutput } from "./output.ts";

/** What a program gets to clean up after SIGTERM before SIGKILL follows. */
const GRACE_MS = 2_000;

/**
 * Runs local programs (hooks, site steps) as argument lists. They get no input, their own process group (so that an operator's
 * Ctrl-C reaches pawl only, and a time-out reaches their children too) and pawl's environment plus `env`. A program that does
 * not exist or may not be executed is `lost`, never sent. Death by signal is 128 + its number, as shells say it.
 */
export function createLocalRunner(options: { readonly cwd?: string } = {}): LocalRunner {
  return {
    async run(argv, { timeoutMs, env }) {
      const [file, ...words] = argv;
      // No program can be handed one; execa would throw.
      if (argv.some((word) => word.includes("\0")))
        return { kind: "lost", reason: "a word of the command holds a NUL character", code: "failed", sent: false };
      if (file === undefined) return { kind: "lost", reason: "the command has no words", code: "not-found", sent: false };
      const stdout = boundedOutput();
      const stderr = boundedOutput();
      // Most runs start no local program: they need not load the library for it.
      const { execa } = await import("execa");
      const child = execa(file, words, {
        reject: false,
        stdin: "ignore",
        buffer: false,
        detached: true,
        cleanup: true,
        ...(env === undefined ? {} : { env: { ...env } }),
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      });
      child.stdout.on("data", (chunk: Buffer) => stdout.add(chunk));
      child.stderr.on("data", (chunk: Buffer) => stderr.add(chunk));
      const pid = child.pid;
      const timeOut = new AbortController();
      const timers = [
        setTimeout(() => {
          timeOut.abort();
          killGroup(pid, "SIGTERM");
        }, timeoutMs),
        setTimeout(() => killGroup(pid, "SIGKILL"), timeoutMs + GRACE_MS),
      ];
      const ended = await child;
      for (const timer of timers) clearTimeout(timer);
      const texts = { stdout: stdout.text(), stderr: stderr.text() };
      if (timeOut.signal.aborted) return { kind: "timed-out", afterMs: timeoutMs, ...texts };
      return outcomeOf(ended, texts);
    },
  };
}

interface Ended {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly code?: string | undefined;
  readonly shortMessage?: string | undefined;
}

function outcomeOf(ended: Ended, texts: { readonly stdout: string; readonly stderr: string }): Outcome {
  if (ended.exitCode !== undefined) return { kind: "exited", code: ended.exitCode, ...texts };
  if (ended.signal !== undefined)
    return {
      kind: "exited",
      code: 128 + (Object.entries(constants.signals).find(([name]) => name === ended.signal)?.[1] ?? 0),
      ...texts,
    };
  const code = ended.code === "ENOENT" ? "not-found" : ended.code === "EACCES" ? "not-executable" : "failed";
  return { kind: "lost", reason: ended.shortMessage ?? "the program could not be started", code, sent: false };
}

/** The child leads its own group; one that has ended is not an error. */
function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody left to signal.
  }
}
