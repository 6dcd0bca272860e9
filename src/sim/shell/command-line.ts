import type { SimClock, SimNode } from "../ports.ts";
import { loginEnv } from "./login.ts";
import { killTarget, machineOf, type Sink } from "./machine.ts";
import { runScript, type Ending } from "./run.ts";

/** What sshd gives a command: input, where output goes, who asks. */
export interface CommandIo {
  readonly stdin: Buffer;
  /** A returned promise holds the command back. */
  readonly out: (chunk: Buffer) => void | Promise<void>;
  readonly err: (chunk: Buffer) => void | Promise<void>;
  /** Ends the command as SIGHUP would. A lost connection does not: sshd without a terminal leaves commands running. */
  readonly signal?: AbortSignal;
  readonly user: string;
  readonly clock: SimClock;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Told at the start how to send a signal (name without SIG) to the command while it runs. */
  readonly started?: (kill: (signal: string) => void) => void;
  /** Told the environment the line left behind (`cd` is in PWD), for shells that read line by line. */
  readonly finished?: (env: Record<string, string>) => void;
}

/** Runs a command line on a node as the user's login shell would (`sh -c LINE`). Simulated time stands still while it is awake. */
export async function runCommandLine(node: SimNode, line: string, io: CommandIo): Promise<Ending> {
  const machine = machineOf(node, io.clock);
  const env = { ...loginEnv(node.name, io.user), ...io.env };
  const out: Sink = { write: (chunk) => io.out(chunk) };
  const err: Sink = { write: (chunk) => io.err(chunk) };
  return machine.busy((clock) =>
    runScript(
      { text: line, name: "bash", args: [] },
      {
        machine,
        parent: null,
        leader: true,
        argv: ["bash", "-c", line],
        user: io.user,
        clock,
        cwd: io.cwd ?? env.HOME ?? "/",
        env,
        ...(io.finished === undefined ? {} : { finished: io.finished }),
        streams: { stdin: () => io.stdin, out, err },
        started: (process) => {
          // As sshd does: the whole process group gets it.
          const kill = (signal: string): void => void killTarget(machine, -process.pid, signal);
          io.started?.(kill);
          if (io.signal?.aborted === true) kill("HUP");
          io.signal?.addEventListener("abort", () => kill("HUP"), { once: true });
        },
      },
    ),
  );
}
