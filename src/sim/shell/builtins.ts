import { FILE_BUILTINS } from "./builtins-file.ts";
import { PROCESS_BUILTINS } from "./builtins-process.ts";
import { SYSTEM_BUILTINS } from "./builtins-system.ts";
import type { Builtin } from "./caller.ts";

/** Every command of the process layer by name. Programs of the node model win over these. */
export const BUILTINS: ReadonlyMap<string, Builtin> = new Map([...PROCESS_BUILTINS, ...FILE_BUILTINS, ...SYSTEM_BUILTINS]);

const without =
  (...options: readonly string[]) =>
  (args: readonly string[]): string[] =>
    args.filter((word) => !options.includes(word));

/** Commands of just-bash that only lack an option: the arguments it understands instead. */
export const ADJUSTMENTS: ReadonlyMap<string, (args: readonly string[]) => string[]> = new Map([
  ["mv", without("-T", "-f", "--")],
  ["du", without("-k")],
  ["tar", without("--numeric-owner", "--warning=no-file-changed", "--warning=no-file-removed", "--warning=no-file-ignored")],
  [
    "xargs",
    (args: readonly string[]): string[] => args.flatMap((word) => (/^-n\d+$/.test(word) ? ["-n", word.slice(2)] : [word])),
  ],
]);
