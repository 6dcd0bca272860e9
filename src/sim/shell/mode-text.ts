import type { FsStat } from "just-bash";

const LETTERS = ["r", "w", "x", "r", "w", "x", "r", "w", "x"];

/** The first column of `ls -l`: kind and permissions. */
export function modeText(stat: FsStat): string {
  const kind = stat.isDirectory ? "d" : stat.isSymbolicLink ? "l" : "-";
  return kind + LETTERS.map((letter, index) => ((stat.mode & (0o400 >> index)) === 0 ? "-" : letter)).join("");
}
