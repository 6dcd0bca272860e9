import type { Command, ResolvedCommandContext } from "just-bash";
import type { Builtin, Caller } from "./caller.ts";
import { testNumbers } from "./number-test.ts";
import { createCollector } from "./sink.ts";
import { ownName, type OwnCommand } from "./view.ts";

/** Calls of the loop's own command between two turns of the event loop. */
const YIELD_EVERY = 200;

/** A builtin as a command of just-bash: what it writes is collected and handed over as bytes. */
export function asCommand(name: string, builtin: Builtin, callerOf: (ctx: ResolvedCommandContext) => Caller): Command {
  return {
    name,
    execute: async (args, ctx) => {
      const [out, err] = [createCollector(), createCollector()];
      const stdin = (): Buffer => Buffer.from(ctx.stdin as unknown as string, "latin1");
      const exitCode = await builtin({ args, caller: callerOf(ctx), stdin, out, err });
      const stdout = out.bytes().toString("latin1");
      return { stdout, stdoutKind: "bytes", stdoutEncoding: "binary", stderr: err.bytes().toString("utf8"), exitCode };
    },
  };
}

/** What `loop` and `leaving` of syntax.ts call, for one shell. All but `leave` answer with the `$?` they found. */
export function loopCommands(): Command[] {
  let calls = 0;
  let left = false;
  const yielded = async (found: number): Promise<number> => {
    calls += 1;
    if (calls % YIELD_EVERY === 0) await new Promise((resolve) => setImmediate(resolve));
    return found;
  };
  const own = (name: OwnCommand, answer: (found: number) => number | Promise<number>): Command => ({
    name: ownName(name),
    execute: async (_args, ctx) => ({ stdout: "", stderr: "", exitCode: await answer(Number(ctx.env.get("?") ?? 0)) }),
  });
  return [
    own("yield", yielded),
    own("round", (found) => {
      left = false;
      return yielded(found);
    }),
    own("leave", () => {
      left = true;
      return 0;
    }),
    own("left", (found) => (left ? 0 : found)),
  ];
}

/** `[ A -ge B ]` (number-test.ts). */
export const NUMBERS: Command = {
  name: ownName("numbers"),
  execute: ([name = "[", ...words]) => {
    const { code, complaint } = testNumbers(name, words);
    return Promise.resolve({ stdout: "", stderr: complaint, exitCode: code });
  },
};
