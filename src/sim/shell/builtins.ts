import { FILE_BUILTINS } from "./builtins-file.ts";
import { PROCESS_BUILTINS } from "./builtins-process.ts";
import { SYSTEM_BUILTINS } from "./builtins-system.ts";
import type { Adjusted, Builtin } from "./caller.ts";
import { grepWords } from "./grep-words.ts";

/** Every command of the process layer by name. Programs of the node model win over these. */
export const BUILTINS: ReadonlyMap<string, Builtin> = new Map([...PROCESS_BUILTINS, ...FILE_BUILTINS, ...SYSTEM_BUILTINS]);

const without =
  (...options: readonly string[]) =>
  (args: readonly string[]): Adjusted => ({ args: args.filter((word) => !options.includes(word)) });

/** Commands of just-bash that lack an option or understand one in a way of their own. */
export const ADJUSTMENTS: ReadonlyMap<string, (args: readonly string[]) => Adjusted> = new Map([
  ["mv", without("-T", "-f", "--")],
  ["du", without("-k")],
  ["tar", without("--numeric-owner", "--warning=no-file-changed", "--warning=no-file-removed", "--warning=no-file-ignored")],
  ["grep", grepWords],
  [
    "xargs",
    (args: readonly string[]): Adjusted => ({
      args: args.flatMap((word) => (/^-n\d+$/.test(word) ? ["-n", word.slice(2)] : [word])),
    }),
  ],
]);
