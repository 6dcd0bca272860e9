import { constants } from "node:os";
import type { ClientChannel } from "ssh2";
import type { Command, Outcome } from "../engine/ports.ts";
import { boundedOutput } from "./output.ts";
import type { OpenConnection } from "./ssh-connection.ts";

export type ChunkSink = (chunk: Buffer) => void | Promise<void>;

/** An outcome, or the certainty that nothing was begun and that it may be tried again. */
export type Attempt =
  Outcome | { readonly kind: "not-begun"; readonly because: "connection-gone" | "channel-refused"; readonly reason: string };

export interface ExecOptions {
  readonly line: string;
  readonly command: Command;
  /** Gets stdout as it comes; without it stdout is collected. */
  readonly sink?: ChunkSink;
  readonly signal: AbortSignal | undefined;
  /** Told once the node runs the command. */
  readonly onOpened: () => void;
}

/**
 * Runs one command line on its own channel. A channel that closes without an exit status is `lost`, sent: nobody knows how the
 * command ended. At a time-out or abort the command is asked to end by SIGTERM (sshd passes that on for other users than root) and
 * the channel is closed without waiting. Rejects only with what the sink threw.
 */
export function execute(connection: OpenConnection, options: ExecOptions): Promise<Attempt> {
  const { command, signal, sink } = options;
  const stdout = boundedOutput(command.maxOutputBytes);
  const stderr = boundedOutput(command.maxOutputBytes);
  return new Promise((resolve, reject) => {
    let channel: ClientChannel | null = null;
    let settled = false;
    let exitCode: number | null = null;
    let held: Promise<void> = Promise.resolve();

    const finish = (act: () => void): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      act();
    };
    const settle = (attempt: Attempt): void => finish(() => resolve(attempt));
    const give = (attempt: Attempt): void => {
      settle(attempt);
      if (channel !== null) discard(channel);
    };
    const abort = (): void => give({ kind: "lost", reason: "given up while the command ran", code: "aborted", sent: true });
    const timer = setTimeout(
      () => give({ kind: "timed-out", afterMs: command.timeoutMs, stdout: stdout.text(), stderr: stderr.text() }),
      command.timeoutMs,
    );
    signal?.addEventListener("abort", abort, { once: true });

    const deliver = (chunk: Buffer): void => {
      if (sink === undefined) {
        stdout.add(chunk);
        return;
      }
      const failed = (error: unknown): void => {
        finish(() => reject(error instanceof Error ? error : new Error(String(error))));
        if (channel !== null) discard(channel);
      };
      try {
        const taken = sink(chunk);
        if (taken === undefined) return;
        channel?.pause();
        held = taken.then(() => void channel?.resume(), failed);
      } catch (error) {
        failed(error);
      }
    };

    const begin = (opened: ClientChannel): void => {
      channel = opened;
      options.onOpened();
      if (settled) {
        discard(opened);
        return;
      }
      opened.on("exit", (code: number | null, name?: string) => {
        exitCode = code ?? signalCode(name ?? "");
      });
      opened.on("data", (chunk: Buffer) => {
        if (!settled) deliver(chunk);
      });
      opened.stderr.on("data", (chunk: Buffer) => stderr.add(chunk));
      opened.on("error", () => undefined);
      opened.on("close", () => {
        void held.then(() => {
          if (exitCode !== null) settle({ kind: "exited", code: exitCode, stdout: stdout.text(), stderr: stderr.text() });
          else
            settle({
              kind: "lost",
              reason: connection.isOpen() ? "the command's channel was closed without an exit status" : connection.why(),
              code: "connection-lost",
              sent: true,
            });
        });
      });
      opened.end(command.stdin ?? "");
    };

    try {
      connection.client.exec(options.line, (error, opened) =>
        error === undefined ? begin(opened) : settle(beginFailure(error, connection)),
      );
    } catch (error) {
      settle({ kind: "not-begun", because: "connection-gone", reason: error instanceof Error ? error.message : String(error) });
    }
  });
}

/**
 * What ssh2 says before a command runs. Its request goes out only after the channel is open, so a failed opening is certain not
 * to have begun anything; after that (`Unable to exec`) only a living connection proves that the node itself refused.
 */
function beginFailure(error: Error, connection: OpenConnection): Attempt {
  if (error.message.startsWith("(SSH) Channel open failure"))
    return { kind: "not-begun", because: "channel-refused", reason: error.message };
  if (error.message === "No response from server" || error.message === "Channel is not open")
    return { kind: "not-begun", because: "connection-gone", reason: connection.why() };
  if (connection.isOpen())
    return { kind: "lost", reason: "the node refuses to run commands over SSH", code: "exec-refused", sent: false };
  return { kind: "lost", reason: connection.why(), code: "connection-lost", sent: true };
}

/** Stops the command as far as SSH can, and lets what is still under way drain into nothing. */
function discard(channel: ClientChannel): void {
  channel.removeAllListeners("data");
  channel.resume();
  channel.signal("TERM");
  channel.close();
}

/** Death by signal as shells count it: 128 + number; 128 for a name nobody knows. */
export function signalCode(name: string): number {
  const full = name.startsWith("SIG") ? name : `SIG${name}`;
  return 128 + (Object.entries(constants.signals).find(([known]) => known === full)?.[1] ?? 0);
}
