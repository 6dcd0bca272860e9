import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ArtifactRecord, RunEvent } from "../../src/domain/events.ts";
import { Desk } from "../e2e/pawl.ts";
import { eventsOf } from "../e2e/record.ts";
import { describeReal } from "../real/requires.ts";

type Lab = Awaited<ReturnType<Desk["lab"]>>;

/** What `pawl restore zookeeper --drill --json` prints. */
interface Drill {
  readonly proven: boolean;
  readonly faults: readonly string[];
  readonly copies: readonly { readonly copy: string; readonly verdict: string; readonly server: string }[];
}

/** One backup's story, in order. The cluster is embedded; Java and ZooKeeper are the real ones. */
describeReal("pawl backup zookeeper, and its drill", ["zookeeper"], () => {
  let desk: Desk;
  let lab: Lab;
  let events: readonly RunEvent[] = [];
  let run = "";

  beforeAll(async () => {
    desk = await Desk.create();
    lab = await desk.lab("--masters", "3", "--private", "1", "--public", "0");
  }, 120_000);
  afterAll(async () => {
    await lab.stop();
    await desk.clear();
  });

  const drill = async (...args: readonly string[]): Promise<{ readonly code: number | null; readonly value: Drill }> => {
    const { code, value } = await desk.document("restore", "zookeeper", "--drill", ...args);
    return { code, value: value as Drill };
  };
  const stored = (name: RegExp): readonly ArtifactRecord[] =>
    eventsOf(events, "artifact.recorded").filter((one) => name.test(one.name));
  /** The archives of the run as files of their names in a folder of their own. */
  const folderOf = async (name: string): Promise<string> => {
    const folder = desk.path(name);
    await mkdir(folder);
    for (const one of stored(/\.tar$/))
      await copyFile(join(run, "artifacts", one.sha256), join(folder, one.name.replace("zookeeper/", "")));
    return folder;
  };

  it(
    "is a run with a record: sealed copies of every master and of the tree, and the proof that they come back",
    { timeout: 120_000 },
    async () => {
      const ended = await desk.json("backup", "zookeeper", "-i", lab.inventory);
      expect(ended.code, ended.err).toBe(0);
      run = ended.value.run ?? "";
      events = await desk.journal(run);
      expect(stored(/^zookeeper\/.*\.tar$/).map((one) => [one.name.replace(/^zookeeper\/m\d/, "mN"), one.sealed])).toEqual([
        ["mN.tar", true],
        ["mN.tar", true],
        ["mN.tar", true],
        ["mN.znodes.tar", true],
      ]);
      expect(stored(/zookeeper-proof\.json$/)).toHaveLength(1);
      expect((await desk.pawl("verify", run)).code).toBe(0);
      // Nothing was changed, so nothing was locked.
      expect(eventsOf(events, "lock.taken")).toEqual([]);
    },
  );

  it(
    "is tried again later from its record alone, by a server of its own: the cluster is gone by then",
    { timeout: 120_000 },
    async () => {
      await lab.stop();
      const { code, value } = await drill("latest");
      expect([code, value.proven, value.faults]).toEqual([0, true, []]);
      expect(value.copies.map((one) => one.verdict)).toEqual(["proven", "proven", "proven", "proven"]);
      expect(value.copies[0]?.server).toMatch(/^3\.\d+\.\d+$/);
      const shown = await desk.pawl("restore", "zookeeper", "--drill", run);
      expect(shown.code).toBe(0);
      expect(shown.out).toMatch(/The backup in \S+ comes back\./);
      expect(shown.out).toContain("The cluster was not asked.");
    },
  );

  it(
    "is tried from a folder of archives too, and a byte that changed there is found and named",
    { timeout: 120_000 },
    async () => {
      const folder = await folderOf("kept elsewhere");
      expect((await drill("--from", folder)).value).toMatchObject({ proven: true, faults: [] });
      const [dump] = stored(/znodes\.tar$/);
      const file = join(folder, dump?.name.replace("zookeeper/", "") ?? "");
      const bytes = await readFile(file);
      // The data of a znode lies behind the header of its entry.
      const at = bytes.lastIndexOf("tree/cluster-id") + 512;
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      await writeFile(file, bytes);
      const { code, value } = await drill("--from", folder);
      expect([code, value.proven]).toEqual([1, false]);
      expect(value.faults).toEqual([expect.stringContaining("/cluster-id: data: expected")]);
    },
  );

  it(
    "says no where an archive of the record was changed, or there is no Java, or the folder holds something else",
    { timeout: 120_000 },
    async () => {
      const none = await desk.pawl("restore", "zookeeper", "--drill", "latest", "--java", "/nowhere/java");
      expect([none.code, none.err]).toEqual([1, expect.stringContaining("/nowhere/java is no program")]);

      const folder = await folderOf("with something else");
      await writeFile(join(folder, "holiday.tar"), Buffer.alloc(10_240));
      const other = await desk.pawl("restore", "zookeeper", "--drill", "--from", folder);
      expect([other.code, other.err]).toEqual([2, expect.stringContaining("holiday.tar is no backup pawl knows")]);

      const [tar] = stored(/^zookeeper\/m1\.tar$/);
      const kept = join(run, "artifacts", tar?.sha256 ?? "");
      const bytes = await readFile(kept);
      await writeFile(kept, bytes.fill(0x2a, 2_000, 2_010));
      const changed = await desk.pawl("restore", "zookeeper", "--drill", run);
      expect(changed.code).toBe(1);
      expect(changed.out + changed.err).toContain(tar?.sha256.slice(0, 12));
    },
  );

  it("never restores into a cluster", { timeout: 60_000 }, async () => {
    const refused = await desk.pawl("restore", "zookeeper");
    expect([refused.code, refused.err]).toEqual([4, expect.stringContaining("pawl does not restore ZooKeeper into a cluster")]);
  });
});
