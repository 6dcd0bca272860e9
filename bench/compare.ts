import type { Cost } from "./measure.ts";

/** One of the things compared: pawl, or what a user would pick instead. */
export interface Contender {
  readonly name: string;
  run(): Promise<Cost & Extra>;
}

/** Figures of one contender only, such as the longest block of the event loop. */
export interface Extra {
  readonly extra?: Readonly<Record<string, number>>;
}

/** A bound that design or plan set, judged from the medians. */
export interface Goal {
  readonly text: string;
  readonly met: boolean;
  readonly measured: string;
}

/** The medians of a contender, by name. */
export type Medians = ReadonlyMap<string, Cost & { readonly extra: Readonly<Record<string, number>> }>;

export interface Outcome {
  readonly benchmark: string;
  readonly title: string;
  /** First the one all others are divided by. */
  readonly medians: Medians;
  readonly goals: readonly Goal[];
  readonly notRun: readonly string[];
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Runs the contenders in turn, round after round, so that a slow moment of the machine meets all of them. */
export async function compare(contenders: readonly Contender[], rounds: number): Promise<Medians> {
  const seen = new Map<string, (Cost & Extra)[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const contender of contenders) seen.get(contender.name)?.push(await contender.run());
  return new Map(
    [...seen].map(([name, costs]) => {
      const extras = Object.keys(costs[0]?.extra ?? {});
      return [
        name,
        {
          wallS: median(costs.map((cost) => cost.wallS)),
          cpuS: median(costs.map((cost) => cost.cpuS)),
          peakMiB: median(costs.map((cost) => cost.peakMiB)),
          extra: Object.fromEntries(extras.map((key) => [key, median(costs.map((cost) => cost.extra?.[key] ?? Number.NaN))])),
        },
      ];
    }),
  );
}

/** `of`'s wall time divided by `by`'s. */
export function wallRatio(medians: Medians, of: string, by: string): number {
  return (medians.get(of)?.wallS ?? Number.NaN) / (medians.get(by)?.wallS ?? Number.NaN);
}
