import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import type { Command, Outcome, Remote } from "../../src/engine/ports.ts";

/** The shells nodes really have; each is what `sh` means to everything that runs under it. */
export type Shell = "dash" | "bash" | "busybox";

/**
 * A `Remote` whose every target is this machine: commands run under the given shell, without a connection. It is for trying
 * shell texts on several shells; everything else of the port is not there.
 */
export function createShellRemote(shell: Shell, folder: string): Remote {
  const bin = join(folder, `bin-${shell}`);
  mkdirSync(bin, { recursive: true });
  if (shell === "busybox") {
    // All of its tools, not only its shell: tail, wc, setsid, mkdir are its own there.
    execFileSync("busybox", ["--install", "-s", bin]);
  } else symlinkSync(`/bin/${shell}`, join(bin, "sh"));
  const run = (command: Command, onChunk: (chunk: Buffer) => void | Promise<void>): Promise<Outcome> =>
    new Promise((resolve) => {
      const [program = "", ...words] = command.argv;
      const child = spawn(program, words, { env: { ...process.env, PATH: `${bin}:/usr/bin:/bin` }, cwd: folder });
      let stderr = "";
      child.stdout.on("data", (chunk: Buffer) => void onChunk(chunk));
      child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
      child.stdin.on("error", () => undefined);
      child.stdin.end(command.stdin ?? "");
      child.on("close", (code, signal) =>
        resolve({ kind: "exited", code: code ?? 128 + (signal === null ? 0 : constants.signals[signal]), stdout: "", stderr }),
      );
    });
  const absent = { kind: "no-answer", code: "failed", reason: "not part of this adapter" } as const;
  return {
    async run(_, command) {
      const chunks: Buffer[] = [];
      const outcome = await run(command, (chunk) => void chunks.push(chunk));
      return outcome.kind === "exited" ? { ...outcome, stdout: Buffer.concat(chunks).toString() } : outcome;
    },
    stream: (_, command, onChunk) => run(command, onChunk),
    http: () => Promise.resolve(absent),
    tcp: () => Promise.resolve(absent),
    close: () => Promise.resolve(),
  };
}
