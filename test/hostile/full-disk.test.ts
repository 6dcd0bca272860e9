import fc from "fast-check";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { describeReal } from "../real/requires.ts";
import { makeFolder, runbookOf, runsIn, startHostsStory, type HostsStory, type Told } from "./hosts.ts";
import { mountSmallDisk, type SmallDisk } from "./small-disk.ts";

const ENOUGH = 16 << 20;
const MANY = 100_000;
/** What a whole run of this story takes, and a little more. */
const WHOLE_KIB = 190;
let story: HostsStory;
let disk: SmallDisk;
let round = 0;
const at = (...parts: string[]): string => join(disk.path, ...parts);
const trace = (step: number): string =>
  existsSync(join(story.folder, `trace-${step}`)) ? readFileSync(join(story.folder, `trace-${step}`), "utf8") : "";

/** Bytes left over after making room and resuming, whatever it takes: a step whose outcome is unknown is looked at by a person. */
async function finish(run: string): Promise<void> {
  for (let attempt = 0; attempt < 6; attempt += 1) {
    const resumed = await story.pawl(["resume", run, "--yes"]);
    if (resumed.exit === "ok") return;
    // The effect happened, its record could not be kept: pawl does not repeat it by itself (rule 3).
    expect(resumed.exit, resumed.err).toBe("outcome-unknown");
    const step = /work\/n1\/s\d/.exec(resumed.err + resumed.out)?.[0] ?? "";
    const forced = await story.pawl(["force-complete", run, step, "--reason", "looked at it: it is done"]);
    expect(forced.exit, forced.err + forced.out).toBe("ok");
  }
  throw new Error("it never ends");
}

function expectClear(told: Told): void {
  expect(told.exit, told.err).toBe("step-failed");
  expect(told.err).toContain(disk.path);
  expect(told.err).toMatch(/no space|journal could not be written/i);
  expect(told.err).toMatch(/next/);
  expect(told.err).not.toMatch(/ at .*\.ts:\d+/);
}

describeReal("a disk that fills up", ["openssh-server", "openssh-client", "util-linux"], () => {
  beforeAll(async () => {
    disk = await mountSmallDisk({ bytes: ENOUGH, files: MANY });
    story = await startHostsStory();
    writeFileSync(join(story.folder, "big"), Buffer.alloc(40_000, "evidence\n"));
    story.write(
      "story.yaml",
      runbookOf([
        `uses: command, with: { argv: [sh, -c, "echo done >> $1", sh, ${story.folder}/trace-1] }`,
        `uses: capture-file, with: { path: ${story.folder}/big, media-type: application/octet-stream }`,
        `uses: command, with: { argv: [head, -c, "30000", ${story.folder}/big] }`,
        `uses: capture-tar, with: { paths: [${story.folder}/big] }`,
        `uses: command, with: { argv: [sh, -c, "echo done >> $1; echo told", sh, ${story.folder}/trace-2] }`,
      ]),
    );
  }, 120_000);
  afterAll(async () => {
    await story.close();
    await disk.close();
  });
  beforeEach(() => {
    disk.resize({ bytes: ENOUGH, files: MANY });
    for (const step of [1, 2]) rmSync(join(story.folder, `trace-${step}`), { force: true });
  });

  const run = (output: string, env: Readonly<Record<string, string>> = {}): Promise<Told> =>
    story.pawl(["run", "story.yaml", "-i", "hosts.yaml", "--yes", "--output-dir", output], env);

  /** One run with a limit from its beginning, then room, then to its end. */
  async function fillUp(limit: { readonly bytes?: number; readonly files?: number }): Promise<"whole" | "begun" | "nothing"> {
    for (const step of [1, 2]) rmSync(join(story.folder, `trace-${step}`), { force: true });
    const output = makeFolder(at(`r${(round += 1)}`));
    const { bytes, files } = disk.used();
    disk.resize({
      ...(limit.bytes === undefined ? {} : { bytes: bytes + limit.bytes }),
      ...(limit.files === undefined ? {} : { files: files + limit.files }),
    });
    const told = await run(output);
    disk.resize({ bytes: ENOUGH, files: MANY });
    const [folder] = runsIn(output);
    if (told.exit === "ok") {
      expect((await story.pawl(["verify", folder ?? ""])).exit).toBe("ok");
      rmSync(output, { recursive: true });
      return "whole";
    }
    expectClear(told);
    if (folder === undefined) {
      expect(trace(1)).toBe("");
      rmSync(output, { recursive: true });
      return "nothing";
    }
    // What is there may be little, but nothing of it is wrong: only the missing seal, or a torn last line.
    const before = await story.pawl(["verify", folder]);
    expect(before.out + before.err).not.toMatch(/broken|changed|does not follow|is not the|contradict/);
    await finish(folder);
    const after = await story.pawl(["verify", folder]);
    expect(after.exit, after.out).toBe("ok");
    expect([trace(1), trace(2)]).toEqual(["done\n", "done\n"]);
    expect((await story.pawl(["report", folder])).exit).toBe("ok");
    rmSync(output, { recursive: true });
    return "begun";
  }

  it(
    "at any moment ends the run clearly, and after making room the same run comes to its end; no step happens twice",
    { timeout: 240_000 },
    async () => {
      const sizes = fc
        .sample(fc.integer({ min: 16, max: WHOLE_KIB * 4 }), { seed: 20261121, numRuns: 22 })
        .map((quarter) => quarter * 256);
      const ends = [];
      for (const bytes of [...sizes, WHOLE_KIB * 1024]) ends.push(await fillUp({ bytes }));
      expect(new Set(ends)).toEqual(new Set(["nothing", "begun", "whole"]));
      expect(ends.filter((end) => end === "begun").length).toBeGreaterThan(9);
    },
  );

  it("in its number of files is the same", { timeout: 120_000 }, async () => {
    const ends = [];
    for (const files of [1, 3, 4, 5, 6, 8, 10, 12, 15, 18, 30, 60]) ends.push(await fillUp({ files }));
    expect(new Set(ends)).toEqual(new Set(["nothing", "begun", "whole"]));
  });
});
