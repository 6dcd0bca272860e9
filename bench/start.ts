import type { Benchmark } from "./bench.ts";
import { compare } from "./compare.ts";
import { measure } from "./measure.ts";

const PAWL = "pawl --help";

export const start: Benchmark = {
  name: "start",
  title: "the program's start, to its help",
  async run(bench) {
    const cwd = bench.folder;
    const medians = await compare(
      [
        { name: PAWL, run: () => measure({ argv: [process.execPath, bench.pawl, "--help"], cwd }) },
        { name: "node -e 0", run: () => measure({ argv: [process.execPath, "-e", "0"], cwd }) },
      ],
      bench.sizes.rounds * 3,
    );
    const wallS = medians.get(PAWL)?.wallS ?? Number.NaN;
    const measured = `${(wallS * 1000).toFixed(0)} ms`;
    return { medians, goals: [{ text: "at most 300 ms", met: wallS <= 0.3, measured }], notRun: [] };
  },
};
