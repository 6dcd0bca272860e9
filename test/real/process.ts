import { spawn } from "node:child_process";

/** A program that runs until it is stopped, or until the process that started it is gone, however it goes. */
export interface Started {
  readonly pid: number;
  /** What it wrote so far. */
  log(): string;
  /** Ends it (SIGTERM to its own pid, then SIGKILL) and waits until it has. */
  stop(): Promise<void>;
}

/** A small guard keeps the program's pid and ends it when its standard input, our pipe, closes. */
const GUARD = `"$@" </dev/null & p=$!; echo "$p"; cat >/dev/null; kill $p 2>/dev/null
i=0; while kill -0 $p 2>/dev/null && [ $i -lt 100 ]; do sleep 0.1; i=$((i+1)); done; kill -9 $p 2>/dev/null; wait $p`;

/** Starts a program of this machine for a test. */
export async function startProgram(
  argv: readonly string[],
  options: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
): Promise<Started> {
  const guard = spawn("sh", ["-c", GUARD, "guard", ...argv], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let text = "";
  guard.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
  // Not "close": what the program started may keep its outputs open longer than it lives.
  guard.stdin.on("error", () => undefined);
  const ended = new Promise<void>((resolve) => guard.once("exit", () => resolve()));
  const pid = await new Promise<number>((resolve) => {
    let first = "";
    guard.stdout.on("data", (chunk: Buffer) => {
      if (first.includes("\n")) text += chunk.toString();
      else {
        first += chunk.toString();
        if (first.includes("\n")) resolve(Number(first.slice(0, first.indexOf("\n"))));
      }
    });
  });
  return {
    pid,
    log: () => text,
    stop: async () => {
      guard.stdin.end();
      await ended;
    },
  };
}

/** Asks until the answer is true; throws with what `describe` says after `timeoutMs`. */
export async function eventually(
  isSo: () => boolean | Promise<boolean>,
  describe: () => string,
  timeoutMs = 30_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`not so after ${String(timeoutMs)} ms: ${describe()}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
