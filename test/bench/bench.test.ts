import { execFile } from "node:child_process";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { describeReal } from "../real/requires.ts";

const ROOT = resolve(import.meta.dirname, "../..");

interface Shown {
  readonly benchmark: string;
  readonly medians: Readonly<Record<string, { readonly wallS: number; readonly cpuS: number; readonly peakMiB: number }>>;
  readonly goals: readonly { readonly text: string; readonly met: boolean; readonly measured: string }[];
  readonly notRun: readonly string[];
}

describeReal("the benchmarks", ["openssh-server", "openssh-client", "clustershell", "zookeeper"], () => {
  it("run beside their peers at toy size, and say what they measured", { timeout: 600_000 }, async () => {
    const tsx = join(ROOT, "node_modules", "tsx", "dist", "cli.mjs");
    const { stdout } = await promisify(execFile)(process.execPath, [tsx, "bench/main.ts", "--quick", "--json"], { cwd: ROOT });
    const shown = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Shown);
    expect(shown.map(({ benchmark }) => benchmark)).toEqual([
      "one-command-50",
      "one-command-200",
      "ten-steps",
      "backup",
      "preflight",
      "journal-append",
      "journal-verify",
      "state",
      "zookeeper-dump",
      "start",
    ]);
    for (const { benchmark, medians, notRun } of shown) {
      expect(Object.keys(medians).length, `${benchmark} has a peer`).toBeGreaterThan(1);
      expect(notRun, benchmark).toEqual([]);
      for (const [contender, cost] of Object.entries(medians)) {
        expect(cost.wallS, `wall time of ${contender} in ${benchmark}`).toBeGreaterThanOrEqual(0);
        expect(Number.isFinite(cost.cpuS), `processor time of ${contender} in ${benchmark}`).toBe(true);
      }
    }
    const [tenSteps] = shown.filter(({ benchmark }) => benchmark === "ten-steps");
    expect(tenSteps?.goals).toHaveLength(2);
  });
});
