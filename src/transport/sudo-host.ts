import type { Outcome } from "../engine/ports.ts";
import type { SshCall, SshHost } from "./ssh-host.ts";
import { NEEDS_NONE, sudoRefusal, TRY_PASSWORD, unknownRefusal, withPassword, type SudoState } from "./sudo.ts";
import type { SshTarget } from "./target.ts";

const TRY_MS = 30_000;

/** A host whose commands may need root. */
export interface RootHost {
  readonly run: SshHost["run"];
  /** Finds out whether sudo there wants the password and takes it, before any command needs that. */
  readonly prove: () => Promise<"free" | "password" | Outcome>;
}

/**
 * Runs the commands of a host that need root. Without a password by `sudo -n`. With one: a node with NOPASSWD never gets it; on any
 * other it is tried once, before the first command, on one node of the pool before it goes to a second. What sudo turned down comes
 * back as `lost`, not sent, with a code `sudo-…`.
 */
export function runAsRoot(host: SshHost, target: SshTarget, state: SudoState): RootHost {
  const who = `${target.name} (${target.user})`;
  let way: "free" | "password" | Outcome | null = null;
  let finding: Promise<"free" | "password" | Outcome> | null = null;

  const told = async (call: SshCall): Promise<Outcome> => {
    let given = 0;
    const { sink } = call;
    const counting: SshCall["sink"] =
      sink === undefined
        ? undefined
        : (chunk) => {
            given += chunk.length;
            return sink(chunk);
          };
    const outcome = await host.run({ ...call, sink: counting });
    return given > 0 ? outcome : sudoRefusal(outcome, who);
  };

  const ask = (argv: readonly string[], stdin?: string): Promise<Outcome> =>
    told({
      command: { argv, timeoutMs: TRY_MS, ...(stdin === undefined ? {} : { stdin }) },
      signal: undefined,
      sink: undefined,
    });

  const prove = async (password: string): Promise<"password" | Outcome> => {
    while (!state.proven && state.wrong === null && state.first !== null) await state.first;
    if (state.wrong !== null) return state.wrong;
    const trying = ask(TRY_PASSWORD, `${password}\n`);
    if (!state.proven) state.first = trying;
    const outcome = await trying;
    if (!state.proven) state.first = null;
    if (outcome.kind === "exited" && outcome.code === 0) {
      state.proven = true;
      return "password";
    }
    if (outcome.kind === "lost" && outcome.code === "sudo-password-wrong" && !state.proven)
      state.wrong = { ...outcome, reason: `${outcome.reason}. It was sent to no other machine` };
    return state.wrong ?? unknownRefusal(outcome, who);
  };

  const find = async (password: string): Promise<"free" | "password" | Outcome> => {
    const free = await ask(NEEDS_NONE);
    if (free.kind === "exited" && free.code === 0) return "free";
    if (free.kind === "timed-out" || (free.kind === "lost" && !/^sudo-(?:password|refused)/.test(free.code))) return free;
    return prove(password);
  };

  const run: SshHost["run"] = async (call) => {
    if (call.command.sudo !== true || !target.sudo) return host.run(call);
    const { password } = state;
    if (password === null) return told(call);
    if (way === null) {
      finding ??= find(password);
      const found = await finding;
      finding = null;
      // A node that was not reached is asked again; what sudo said is not.
      if (typeof found !== "object" || (found.kind === "lost" && found.code.startsWith("sudo-"))) way = found;
      else return found;
    }
    if (way === "free") return told(call);
    if (typeof way === "object") return way;
    const { argv, stdin } = withPassword(call.command.argv, call.command.stdin, password);
    const outcome = await told({ ...call, command: { ...call.command, argv, stdin, sudo: false } });
    if (outcome.kind === "lost" && outcome.code === "sudo-password-wrong") way = outcome;
    return outcome;
  };

  return {
    run,
    async prove() {
      const { password } = state;
      if (password === null || !target.sudo) return "free";
      const found = await find(password);
      if (typeof found === "string") way = found;
      return found;
    },
  };
}
