import { basename, dirname, resolve } from "node:path";
import type { Spell } from "../engine/ports.ts";
import type { Io } from "./io.ts";
import { DEFAULT_OUTPUT, shownFolder } from "./places.ts";

/** A word as it is typed in a shell: quoted only where it must be. */
function typed(word: string): string {
  return /^[A-Za-z0-9_./:@%+,=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** ` --output-dir FOLDER` where the run folder lies under another output folder than the one that is looked into by default. */
export function outputDirWords(io: Pick<Io, "cwd">, runFolder: string): string {
  const outputDir = dirname(dirname(resolve(io.cwd, runFolder)));
  return outputDir === resolve(io.cwd, DEFAULT_OUTPUT) ? "" : ` --output-dir ${typed(shownFolder(io, outputDir))}`;
}

/** How commands on this run are typed: `pawl VERB RUN REST`, and where its name alone would not find it, the output folder too. */
export function spellOf(io: Pick<Io, "cwd">, runFolder: string): Spell {
  const words = outputDirWords(io, runFolder);
  return (verb, rest = "") => `${["pawl", verb, basename(runFolder), rest].filter((word) => word !== "").join(" ")}${words}`;
}
