/** What one DC/OS release ships (dcos.md 14.4). `mesos` is the version its processes report. */
export interface Release {
  readonly version: string;
  readonly released: string;
  readonly mesos: string;
  readonly mesosCommit: string;
  readonly marathon: string;
  readonly metronome: string;
  readonly cosmos: string;
  readonly zookeeper: string;
  /** Second number of the DC/OS version: 9 to 13. */
  readonly minor: number;
}

/**
 * Release, date, reported Mesos, Mesos commit, Marathon, Metronome, Cosmos, ZooKeeper (dcos.md 14.4: components from the
 * release tags; the reported Mesos version of 1.13 patches is inferred there as 1.8.0 to 1.8.2, placed here by date).
 */
const ROWS: readonly (readonly [string, string, string, string, string, string, string, string])[] = [
  ["1.9.0", "2017-03-28", "1.2.0", "27761cab0c", "1.4.2", "0.2.2", "0.3.0-5", "3.4.8"],
  ["1.9.1", "2017-07-11", "1.2.1", "f219b2e4f6", "1.4.5", "0.2.3", "0.3.1-9", "3.4.8"],
  ["1.9.2", "2017-07-25", "1.2.2", "f3b9f67759", "1.4.5", "0.2.3", "0.3.1-9", "3.4.8"],
  ["1.9.3", "2017-09-01", "1.2.2", "e91c7bd056", "1.4.7", "0.2.3", "0.3.1-9", "3.4.8"],
  ["1.9.4", "2017-09-07", "1.2.3", "def524d5bf", "1.4.7", "0.2.3", "0.3.1-9", "3.4.8"],
  ["1.9.5", "2017-10-12", "1.2.3", "def524d5bf", "1.4.8", "0.2.3", "0.3.1-9", "3.4.8"],
  ["1.9.6", "2017-12-20", "1.2.3", "7fdb5cb179", "1.4.9", "0.2.4", "0.3.1-9", "3.4.8"],
  ["1.9.7", "2018-02-01", "1.2.3", "bd983e54c7", "1.4.11", "0.3.2", "0.3.1-9", "3.4.8"],
  ["1.9.8", "2018-03-28", "1.2.3", "05ba66b1ea", "1.4.11", "0.3.5", "0.3.1-9", "3.4.8"],
  ["1.9.9", "2018-07-10", "1.2.3", "1296f66a67", "1.4.11", "0.3.5", "0.3.1-9", "3.4.8"],
  ["1.9.10", "2018-07-17", "1.2.3", "66fdb0749d", "1.4.12", "0.3.6", "0.3.1-9", "3.4.8"],
  ["1.10.0", "2017-09-08", "1.4.0", "c968b18baf", "1.5.0-SNAPSHOT-713-g14280a6", "0.2.3", "0.4.1-14", "3.4.10"],
  ["1.10.1", "2017-11-01", "1.4.0", "c968b18baf", "1.5.1.2", "0.2.4", "0.4.2-15", "3.4.10"],
  ["1.10.2", "2017-11-30", "1.4.0", "c968b18baf", "1.5.2", "0.2.4", "0.4.2-15", "3.4.10"],
  ["1.10.3", "2017-12-12", "1.4.0", "c968b18baf", "1.5.2", "0.2.4", "0.4.2-15", "3.4.10"],
  ["1.10.4", "2018-01-16", "1.4.2", "732c49e6e9", "1.5.5", "0.3.2", "0.4.2-15", "3.4.10"],
  ["1.10.5", "2018-02-22", "1.4.2", "c8bfe874c6", "1.5.6", "0.3.4", "0.4.2-15", "3.4.10"],
  ["1.10.6", "2018-04-24", "1.4.2", "178a8addd3", "1.5.7", "0.4.2", "0.4.2-15", "3.4.10"],
  ["1.10.7", "2018-05-24", "1.4.2", "621ac66716", "1.5.8", "0.4.2", "0.4.2-15", "3.4.10"],
  ["1.10.8", "2018-07-19", "1.4.2", "5f6d4cdc79", "1.5.11", "0.4.2", "0.4.4-26", "3.4.10"],
  ["1.10.9", "2018-11-06", "1.4.3", "3071ff7ba9", "1.5.12", "0.4.4", "0.4.4-26", "3.4.10"],
  ["1.10.10", "2019-01-29", "1.4.3", "e929d41332", "1.5.12", "0.4.4", "0.4.4-26", "3.4.10"],
  ["1.10.11", "2019-02-12", "1.4.3", "e929d41332", "1.5.12", "0.4.4", "0.4.4-26", "3.4.10"],
  ["1.11.0", "2018-03-08", "1.5.0", "0ba40f8675", "1.6.322-2bf46b341", "0.4.0", "0.5.1-18", "3.4.10"],
  ["1.11.1", "2018-04-18", "1.5.1", "b2eeb11ede", "1.6.352-044939181", "0.4.1", "0.5.3-21", "3.4.10"],
  ["1.11.2", "2018-05-18", "1.5.1", "27d91e1fe4", "1.6.392-f9d087d2f", "0.4.2", "0.5.3-21", "3.4.10"],
  ["1.11.3", "2018-06-26", "1.5.2", "197c9105c2", "1.6.496-b83ae55eb", "0.4.2", "0.5.4-24", "3.4.10"],
  ["1.11.4", "2018-07-26", "1.5.2", "2440c73106", "1.6.535-dae1ce111", "0.4.2", "0.5.4-24", "3.4.10"],
  ["1.11.5", "2018-09-12", "1.5.2", "19d17cec3e", "1.6.544-6b23a51d9", "0.4.3", "0.5.4-24", "3.4.10"],
  ["1.11.6", "2018-09-25", "1.5.2", "5a7ad47e8f", "1.6.549-aabf74302", "0.4.4", "0.5.4-24", "3.4.13"],
  ["1.11.7", "2018-11-01", "1.5.2", "2ead30d000", "1.6.564-3fa693b32", "0.4.4", "0.5.4-24", "3.4.13"],
  ["1.11.8", "2018-12-06", "1.5.2", "9c28b26580", "1.6.567-2d8b3e438", "0.4.5", "0.5.4-24", "3.4.13"],
  ["1.11.9", "2019-01-31", "1.5.2", "5f6225bd6e", "1.6.567-2d8b3e438", "0.4.5", "0.5.4-24", "3.4.13"],
  ["1.11.10", "2019-02-12", "1.5.2", "5f6225bd6e", "1.6.567-2d8b3e438", "0.4.5", "0.5.4-24", "3.4.13"],
  ["1.11.11", "2019-06-05", "1.5.4", "6a8b61b594", "1.6.585-3e0898228", "0.6.18-b4016b0", "0.5.4-24", "3.4.14"],
  ["1.11.12", "2019-10-10", "1.5.4", "14904009a1", "1.6.585-3e0898228", "0.6.33-b28106a", "0.5.4-24", "3.4.14"],
  ["1.11.13", "2019-11-26", "1.5.4", "ea5e6e87eb", "1.6.585-3e0898228", "0.6.33-b28106a", "0.5.4-24", "3.4.14"],
  ["1.12.0", "2018-10-25", "1.7.0", "d0186a2cef", "1.7.174-da9365d80", "0.5.71-2294545", "0.6.1-29", "3.4.13"],
  [
    "1.12.1",
    "2019-01-03",
    "1.7.1",
    "b97f0ba29d",
    "1.7.189-48bfd6000",
    "0.5.71-2294545",
    "0.6.2-SNAPSHOT-361-master-5dd2b541f5",
    "3.4.13",
  ],
  [
    "1.12.2",
    "2019-02-11",
    "1.7.2",
    "4f21147a93",
    "1.7.189-48bfd6000",
    "0.6.10-391637c",
    "0.6.2-SNAPSHOT-361-master-5dd2b541f5",
    "3.4.13",
  ],
  [
    "1.12.3",
    "2019-03-14",
    "1.7.3",
    "5e234c8d8e",
    "1.7.203-b26a8b310",
    "0.6.11-cf8887d",
    "0.6.2-SNAPSHOT-369-master-0bebe986e5",
    "3.4.13",
  ],
  [
    "1.12.4",
    "2019-07-02",
    "1.7.3",
    "33a1ba9704",
    "1.7.216-9e2a9b579",
    "0.6.27-b8a73dd",
    "0.6.2-SNAPSHOT-375-master-9afd051e46",
    "3.4.14",
  ],
  [
    "1.12.5",
    "2020-01-13",
    "1.7.3",
    "d8acd9cfac",
    "1.7.216-9e2a9b579",
    "0.6.33-b28106a",
    "0.6.2-SNAPSHOT-375-master-9afd051e46",
    "3.4.14",
  ],
  [
    "1.13.0",
    "2019-05-08",
    "1.8.0",
    "d2a368363c",
    "1.8.180-b00f71136",
    "0.6.21-9055768",
    "0.6.2-SNAPSHOT-373-master-04b70bf9d2",
    "3.4.14",
  ],
  [
    "1.13.1",
    "2019-05-31",
    "1.8.0",
    "f5770dcf32",
    "1.8.194-1590825ea",
    "0.6.21-9055768",
    "0.6.2-SNAPSHOT-373-master-04b70bf9d2",
    "3.4.14",
  ],
  [
    "1.13.2",
    "2019-07-03",
    "1.8.1",
    "fca89344af",
    "1.8.204-5209e3183",
    "0.6.27-b8a73dd",
    "0.6.2-SNAPSHOT-375-master-9afd051e46",
    "3.4.14",
  ],
  [
    "1.13.3",
    "2019-07-24",
    "1.8.1",
    "07d053f68b",
    "1.8.207-9f3550487",
    "0.6.33-b28106a",
    "0.6.2-SNAPSHOT-375-master-9afd051e46",
    "3.4.14",
  ],
  [
    "1.13.4",
    "2019-09-05",
    "1.8.1",
    "6ecaa5106f",
    "1.8.222-86475ddac",
    "0.6.33-b28106a",
    "0.6.2-SNAPSHOT-375-master-9afd051e46",
    "3.4.14",
  ],
  [
    "1.13.5",
    "2019-10-02",
    "1.8.1",
    "adc958f553",
    "1.8.227-8615e776b",
    "0.6.33-b28106a",
    "0.6.2-SNAPSHOT-375-master-9afd051e46",
    "3.4.14",
  ],
  [
    "1.13.6",
    "2019-11-07",
    "1.8.2",
    "91e6cef51e",
    "1.8.230-dd7806a1f",
    "0.6.33-b28106a",
    "0.6.2-SNAPSHOT-375-master-9afd051e46",
    "3.4.14",
  ],
  [
    "1.13.7",
    "2020-01-03",
    "1.8.2",
    "c7c716dbc9",
    "1.8.232-d3517aee0",
    "0.6.33-b28106a",
    "0.6.2-SNAPSHOT-375-master-9afd051e46",
    "3.4.14",
  ],
  [
    "1.13.8",
    "2020-03-19",
    "1.8.2",
    "bb32bf8732",
    "1.8.239-a6095a83d",
    "0.6.33-b28106a",
    "0.6.2-SNAPSHOT-375-master-9afd051e46",
    "3.4.14",
  ],
  [
    "1.13.9",
    "2020-04-29",
    "1.8.2",
    "bb32bf8732",
    "1.8.242-ee9086220",
    "0.6.33-b28106a",
    "0.6.2-SNAPSHOT-375-master-9afd051e46",
    "3.4.14",
  ],
];

const RELEASES: ReadonlyMap<string, Release> = new Map(
  ROWS.map(([version, released, mesos, mesosCommit, marathon, metronome, cosmos, zookeeper]) => {
    const minor = Number(version.split(".")[1]);
    return [version, { version, released, mesos, mesosCommit, marathon, metronome, cosmos, zookeeper, minor }] as const;
  }),
);

/** Every release the model knows, oldest first. */
export const RELEASE_VERSIONS: readonly string[] = [...RELEASES.keys()];

/** The release, or null where the model does not know the version. */
export function findRelease(version: string): Release | null {
  return RELEASES.get(version) ?? null;
}

/** The release a node of the model runs; nodes only ever get versions the model knows. */
export function releaseOf(version: string): Release {
  const found = RELEASES.get(version);
  if (found === undefined) throw new Error(`the model has no release ${version}`);
  return found;
}

/** Compares dotted versions part by part: negative, zero or positive. A suffix behind the numbers is ignored. */
export function compareVersions(a: string, b: string): number {
  const parts = (text: string): readonly number[] => (/^[\d.]+/.exec(text)?.[0] ?? "").split(".").map(Number);
  const [left, right] = [parts(a), parts(b)];
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
