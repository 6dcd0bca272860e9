import { EXIT, type ExitName } from "../domain/errors.ts";

/** The last line of running work with --json, however it ended (design section 1): scripts rely on it. */
export function resultLine(exit: ExitName, runs: readonly string[]): string {
  return JSON.stringify({ type: "result", exit: EXIT[exit], name: exit, run: runs.at(-1) ?? null, runs });
}
