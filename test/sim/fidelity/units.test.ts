import { describe, expect, it } from "vitest";
import { get, lab, parse, until } from "../model/support.ts";
import { MASTER, systemctl } from "./moments.ts";
import { RECORDED } from "./real.ts";

/** What a number of this name is counted in: true only for values in that unit. Ranges are far apart, so that a wrong unit falls out. */
const UNITS: readonly (readonly [RegExp, string, (value: number) => boolean])[] = [
  [
    /(^|\/)(start_time|elected_time|registered_time|reregistered_time|timestamp|build_time)$/,
    "epoch seconds, or 0 for never",
    (value) => value === 0 || (value > 1.4e9 && value < 3e9),
  ],
  [/^(mem)$/, "MiB", (value) => value === 0 || (value >= 16 && value < 1e6)],
  [/^(disk)$/, "MiB", (value) => value === 0 || (value >= 16 && value < 1e9)],
  [/^(cpus)$/, "cores", (value) => value >= 0 && value < 1_000],
  [/^(mem_total_bytes|mem_free_bytes|system\/mem_(total|free)_bytes)$/, "bytes", (value) => value > 1e8],
  [/\/uptime_secs$/, "seconds", (value) => value >= 0 && value < 1e7],
  [/_percent$/, "share of one", (value) => value >= 0 && value <= 1],
  [/^failover_timeout$/, "seconds", (value) => value >= 0 && value < 1e8],
];

/** Every number of an answer with the name it stands under. */
function numbers(value: unknown, name = ""): readonly (readonly [string, number])[] {
  if (typeof value === "number") return [[name, value]];
  if (Array.isArray(value)) return value.flatMap((one) => numbers(one, name));
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, one]) => numbers(one, key));
}

/** Values that are not in the unit of their name, and how many names were looked at. */
function odd(body: string): { readonly wrong: readonly string[]; readonly looked: ReadonlySet<string> } {
  const looked = new Set<string>();
  const wrong = numbers(parse<unknown>(body)).flatMap(([name, value]) => {
    const unit = UNITS.find(([pattern]) => pattern.test(name));
    if (unit === undefined) return [];
    looked.add(unit[0].source);
    return unit[2](value) ? [] : [`${name} ${value} is not in ${unit[1]}`];
  });
  return { wrong, looked };
}

const PATHS = [
  "/state",
  "/state-summary",
  "/slaves",
  "/frameworks",
  "/tasks",
  "/metrics/snapshot",
  "/system/stats.json",
] as const;

describe("numbers are counted in the same units", () => {
  it("in the recorded answers and in the model's", async () => {
    const real = new Set<string>();
    const ours = new Set<string>();
    const one = lab({ version: "1.13.9" });
    for (const path of PATHS) {
      for (const capture of RECORDED.filter((it) => it.path === path && it.status === 200)) {
        const { wrong, looked } = odd(capture.body);
        expect([capture.moment, wrong]).toEqual([capture.moment, []]);
        for (const name of looked) real.add(name);
      }
      const { wrong, looked } = odd((await get(one.cluster, one.at("m3"), 5050, path)).body);
      expect([path, wrong]).toEqual([path, []]);
      for (const name of looked) ours.add(name);
    }
    expect([...ours].toSorted()).toEqual([...real].toSorted());
    expect(real.size).toBe(UNITS.length);
  });

  it("and a scheduler that has not come back after an election was never registered with its leader: 0", async () => {
    type Frameworks = { readonly frameworks: readonly { readonly recovered: boolean; readonly registered_time: number }[] };
    const check = (body: string): number => {
      const all = parse<Frameworks>(body).frameworks;
      for (const framework of all) expect(framework.registered_time === 0).toBe(framework.recovered);
      return all.filter((framework) => framework.recovered).length;
    };
    const real = RECORDED.filter((it) => it.path === "/state" && it.status === 200 && it.node.startsWith("m")).map((it) =>
      check(it.body),
    );
    expect(Math.max(...real)).toBe(3);
    const one = lab({ version: "1.13.9" });
    expect(check((await get(one.cluster, one.at("m3"), 5050, "/state")).body)).toBe(0);
    await systemctl(one, "m3", "stop", MASTER);
    await until(
      one,
      15_000,
      50,
      async () => (await get(one.cluster, one.at("m1"), 5050, "/redirect")).location === `//${one.at("m1")}:5050`,
    );
    await one.clock.sleep(600);
    expect(check((await get(one.cluster, one.at("m1"), 5050, "/state")).body)).toBe(3);
  });

  it("so that a process is as old as it has run: start and uptime add up to the moment of the question", async () => {
    const sum = (state: string, metrics: string): number =>
      parse<{ start_time: number }>(state).start_time +
      (parse<Record<string, number>>(metrics)["master/uptime_secs"] ?? Number.NaN);
    const [state, metrics] = ["/state", "/metrics/snapshot"].map((path) =>
      RECORDED.find((it) => it.moment.endsWith("steady/01-leader") && it.node === "m1" && it.path === path),
    );
    if (state === undefined || metrics === undefined) throw new Error("not recorded");
    expect(Math.abs(sum(state.body, metrics.body) - metrics.epochSeconds)).toBeLessThan(2);
    const one = lab({ version: "1.13.9" });
    await one.clock.sleep(12_345);
    const body = async (path: string): Promise<string> => (await get(one.cluster, one.at("m3"), 5050, path)).body;
    expect(Math.abs(sum(await body("/state"), await body("/metrics/snapshot")) - one.clock.now() / 1_000)).toBeLessThan(0.01);
  });
});
