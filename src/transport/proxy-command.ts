import { spawn } from "node:child_process";
import { Duplex } from "node:stream";
import { whereOf, type Reached } from "./reach.ts";
import type { SshTarget } from "./target.ts";

/** What a value may hold that OpenSSH's tokens bring into a shell line (CVE-2023-51385): names and addresses, nothing a shell reads. */
const PLAIN = /^[A-Za-z0-9_.:@%-]*$/;
/** Code of the error a stream ends with when its program has ended. */
export const PROXY_ENDED = "PROXY_ENDED";
const LONGEST_COMPLAINT = 500;

/**
 * Runs the ProxyCommand of the user's own ~/.ssh/config as OpenSSH does (`$SHELL -c "exec …"`): its input and output are the
 * connection. It is ended with its process group. Codes: `proxy-refused` (a host or user name with shell characters),
 * `proxy-failed` (it ended; with the last of what it complained).
 */
export function reachByProxyCommand(target: SshTarget, line: string, shell: string): Promise<Reached> {
  const odd = [target.host, target.user, target.name].find((word) => !PLAIN.test(word));
  if (odd !== undefined)
    return Promise.resolve({
      kind: "failed",
      code: "proxy-refused",
      reason: `${JSON.stringify(odd)} would be part of the shell line ${line} (ProxyCommand), and holds characters a shell reads`,
    });
  return new Promise((resolve) => {
    const child = spawn(shell, ["-c", `exec ${line}`], { stdio: ["pipe", "pipe", "pipe"], detached: true });
    let complaint = "";
    child.stderr.on("data", (chunk: Buffer) => (complaint = `${complaint}${chunk.toString()}`.slice(-LONGEST_COMPLAINT)));
    const ended = (how: string): Error =>
      Object.assign(
        new Error(`the ProxyCommand for ${whereOf(target)} ${how}${complaint === "" ? "" : `: ${complaint.trim()}`}`),
        {
          code: PROXY_ENDED,
        },
      );
    const stream = new Duplex({
      read: () => void child.stdout.resume(),
      write: (chunk: Buffer, _encoding, done) => void child.stdin.write(chunk, () => done()),
      final: (done) => void child.stdin.end(done),
      destroy: (error, done) => {
        if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) endGroup(child.pid);
        done(error);
      },
    });
    child.stdout.pause();
    child.stdout.on("data", (chunk: Buffer) => {
      if (!stream.push(chunk)) child.stdout.pause();
    });
    // How it ended is known only once all it wrote has been read.
    child.once("close", (code, signal) => stream.destroy(ended(`ended with ${signal ?? String(code)}`)));
    child.stdin.on("error", () => undefined);
    stream.on("error", () => undefined);
    child.once("error", (error) => resolve({ kind: "failed", code: "proxy-failed", reason: ended(error.message).message }));
    child.once("spawn", () => resolve({ kind: "open", stream }));
  });
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGTERM");
  } catch {
    // It has just ended by itself.
  }
}
