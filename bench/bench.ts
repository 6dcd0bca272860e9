import type { Outcome } from "./compare.ts";
import type { Fleet } from "./fleet.ts";

/** How large everything is: as the goals demand, or small enough to see in a minute that each benchmark still works. */
export interface Sizes {
  readonly rounds: number;
  readonly few: number;
  readonly many: number;
  readonly steps: number;
  readonly backupMiB: number;
  readonly events: number;
  readonly agents: number;
  readonly znodes: number;
}

export const FULL: Sizes = {
  rounds: 3,
  few: 50,
  many: 200,
  steps: 10,
  backupMiB: 256,
  events: 100_000,
  agents: 5_000,
  znodes: 20_000,
};
export const QUICK: Sizes = { rounds: 1, few: 2, many: 3, steps: 2, backupMiB: 2, events: 500, agents: 20, znodes: 200 };

/** What every benchmark works with. Everything it writes goes below `folder`, which is gone afterwards. */
export interface Bench {
  readonly folder: string;
  readonly sizes: Sizes;
  /** The built program. */
  readonly pawl: string;
  /** Folder of the built pieces that are measured from within (`subjects/`). */
  readonly subjects: string;
  /** At least `many` servers; started at the first call, shared by all. */
  fleet(): Promise<Fleet>;
  /** A program of the PATH, or null where it is not installed. */
  find(program: string): string | null;
}

export interface Benchmark {
  readonly name: string;
  readonly title: string;
  run(bench: Bench): Promise<Pick<Outcome, "medians" | "goals" | "notRun">>;
}
