import { join } from "node:path";
import type { Bench } from "./bench.ts";
import type { Contender } from "./compare.ts";
import { measure } from "./measure.ts";

/** What a subject (`subjects/`) prints: its own times, without the start of the process it runs in. */
export interface InsideFigures {
  readonly wallS: number;
  readonly cpuS: number;
  readonly extra: Readonly<Record<string, number>>;
}

/**
 * A piece of pawl, or its peer, in a process of its own. Time is what the subject says of itself; memory is that of the whole
 * process, runtime included, for both sides alike.
 */
export function inside(bench: Bench, name: string, subject: string, args: readonly string[]): Contender {
  return insideProgram(bench, name, join(bench.subjects, `${subject}.js`), args);
}

/** The same for a peer that is a program of its own and prints its figures (`peers/`). */
export function insideProgram(bench: Bench, name: string, program: string, args: readonly string[]): Contender {
  return {
    name,
    async run() {
      const { stdout, peakMiB } = await measure({
        argv: [process.execPath, program, ...args],
        cwd: bench.folder,
        env: { PAWL_STATE_DIR: join(bench.folder, "state") },
      });
      return { peakMiB, ...(JSON.parse(stdout) as InsideFigures) };
    },
  };
}
