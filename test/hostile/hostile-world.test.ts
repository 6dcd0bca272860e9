import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeReal } from "../real/requires.ts";
import { makeFolder, runbookOf, runsIn, startHostsStory, type HostsStory, type Told } from "./hosts.ts";
import { mountSmallDisk, type SmallDisk } from "./small-disk.ts";

let story: HostsStory;
let disk: SmallDisk;
let round = 0;
const output = (): string => join(story.folder, `out-${(round += 1)}`);

/** A run whose second step does something to this machine, as an accident beside it would. */
function accident(name: string, script: string): string {
  return story.write(
    `${name}.yaml`,
    runbookOf(
      [
        "uses: command, with: { argv: [echo, before] }",
        `uses: command, with: { argv: [sh, -c, ${JSON.stringify(script)}, sh, "{{ inputs.out }}"] }`,
        "uses: command, with: { argv: [echo, after] }",
      ],
      "  out: { type: text, title: output folder, required: true }",
    ),
  );
}

const run = (runbook: string, out: string, env: Readonly<Record<string, string>> = {}): Promise<Told> =>
  story.pawl(
    [
      "run",
      runbook,
      "-i",
      "hosts.yaml",
      "--yes",
      "--output-dir",
      out,
      ...(/accident/.test(runbook) ? ["--set", `out=${out}`] : []),
    ],
    env,
  );

function expectClear(told: Told, ...words: readonly string[]): void {
  expect(told.exit, told.err).toBe("step-failed");
  for (const word of words) expect(told.err.replace(/\s+/g, " ")).toContain(word);
  expect(told.err).toContain("next");
  expect(told.err).not.toMatch(/ at .*\.ts:\d+/);
}

describeReal("a hostile world around the record", ["openssh-server", "openssh-client", "util-linux"], () => {
  beforeAll(async () => {
    disk = await mountSmallDisk({ bytes: 4 << 20, files: 10_000 });
    story = await startHostsStory();
    story.write(
      "plain.yaml",
      runbookOf(["uses: command, with: { argv: [echo, hello] }", "uses: command, with: { argv: [echo, again] }"]),
    );
  }, 120_000);
  afterAll(async () => {
    await story.close();
    await disk.close();
  });

  it("says that the output folder is read-only, and has touched nothing", async () => {
    const out = makeFolder(join(disk.path, "out"));
    disk.readOnly(true);
    const told = await run("plain.yaml", out);
    disk.readOnly(false);
    expectClear(told, out, "the file system is read-only");
    expect(readdirSync(out)).toEqual([]);
    expect((await run("plain.yaml", out)).exit).toBe("ok");
  });

  it("says that the state folder is read-only, or full, and leaves no half run, lock or key", async () => {
    for (const spoil of ["read-only", "full"] as const) {
      const state = makeFolder(join(disk.path, `state-${spoil}`));
      const out = output();
      if (spoil === "full") disk.resize({ bytes: Math.max(4096, disk.used().bytes) });
      else disk.readOnly(true);
      const told = await run("plain.yaml", out, { PAWL_STATE_DIR: state });
      if (spoil === "full") disk.resize({ bytes: 4 << 20 });
      else disk.readOnly(false);
      expectClear(told, state, spoil === "full" ? "no space is left" : "read-only");
      expect(runsIn(out)).toEqual([]);
      expect((await run("plain.yaml", out, { PAWL_STATE_DIR: state })).exit).toBe("ok");
      expect(readdirSync(join(state, "keys")).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    }
  });

  it("says that the disk became read-only in mid-run, and goes on later where it was", async () => {
    const out = makeFolder(join(disk.path, "mid"));
    const before = story.write(
      "wait.yaml",
      runbookOf([
        "uses: command, with: { argv: [echo, before] }",
        `uses: command, with: { argv: [sh, -c, "while [ ! -e ${story.folder}/go ]; do sleep 0.02; done"] }`,
        "uses: command, with: { argv: [echo, after] }",
      ]),
    );
    const going = run(before, out);
    while (
      !runsIn(out).some(
        (folder) =>
          existsSync(join(folder, "journal.jsonl")) &&
          readFileSync(join(folder, "journal.jsonl"), "utf8").includes('"work/n1/s2","to":"starting"'),
      )
    )
      await new Promise((done) => setTimeout(done, 20));
    // A file that is open for writing keeps a file system writable: so is the case with a remount by the kernel after an error.
    disk.resize({ bytes: Math.max(4096, disk.used().bytes) });
    writeFileSync(join(story.folder, "go"), "");
    const told = await going;
    disk.resize({ bytes: 4 << 20 });
    const [folder = ""] = runsIn(out);
    if (told.exit !== "ok") {
      expectClear(told, folder);
      const resumed = await story.pawl(["resume", folder, "--yes"]);
      expect(["ok", "outcome-unknown"]).toContain(resumed.exit);
    }
    expect((await story.pawl(["verify", folder])).exit).toBe("ok");
  });

  it.each([
    ["removed", 'rm -rf "$1"/boxes/*', "gone"],
    ["moved away", 'mv "$1" "$1.moved"', "gone"],
    ["replaced by a file", 'mv "$1"/boxes "$1"/was; echo x > "$1"/boxes', "file"],
  ])("says that the run folder was %s in mid-run, and starts nothing more", async (name, script, word) => {
    const out = output();
    const told = await run(accident(`accident-${name.replaceAll(" ", "-")}`, script), out);
    expect(told.exit, told.err).toBe("step-failed");
    expect(told.err.replace(/\s+/g, " ")).toMatch(new RegExp(word === "gone" ? "gone|removed" : "file where a folder|gone"));
    expect(told.err).not.toMatch(/ at .*\.ts:\d+/);
    if (name === "removed") expect(told.out).not.toMatch(/s3 +started/);
  });

  it("says that something else lies where a folder should be", async () => {
    const file = story.write("a-file", "x");
    expectClear(await run("plain.yaml", file), file, "a file where a folder should be");
    const out = makeFolder(output());
    writeFileSync(join(out, "boxes"), "x");
    expectClear(await run("plain.yaml", out), join(out, "boxes"));
    expectClear(await run("plain.yaml", output(), { PAWL_STATE_DIR: file }), file, "a file where a folder should be");
  });

  it("follows no link out of the run folder, and overwrites nothing through one", async () => {
    const out = output();
    const told = await run(accident("accident-stop", "exit 3"), out);
    expect(told.exit).toBe("step-failed");
    const [folder = ""] = runsIn(out);
    const outside = makeFolder(join(story.folder, "outside"));
    const precious = join(outside, "precious");
    writeFileSync(precious, "precious");
    // Reports, head and sums are replaced as a whole: a link in their place is replaced too, never written through.
    for (const name of ["report.md", "report.json", "manifest.json", "SHA256SUMS"]) {
      rmSync(join(folder, name), { force: true });
      symlinkSync(precious, join(folder, name));
    }
    const retried = await story.pawl(["retry", folder, "work/n1/s2"]);
    expect(retried.exit, retried.err).toBe("ok");
    expect(readFileSync(precious, "utf8")).toBe("precious");
    expect((await story.pawl(["verify", folder])).exit).toBe("ok");
    // A folder for artifacts, or a journal, that is a link would lead everything that follows elsewhere.
    const artifacts = join(folder, "artifacts");
    const kept = readdirSync(artifacts);
    spawnSync("mv", [artifacts, join(outside, "artifacts")]);
    symlinkSync(join(outside, "artifacts"), artifacts);
    expectClear(await story.pawl(["resume", folder, "--yes"]), artifacts, "a link lies in its place");
    expect(readdirSync(join(outside, "artifacts"))).toEqual(kept);
    rmSync(artifacts);
    spawnSync("mv", [join(outside, "artifacts"), artifacts]);
    const journal = join(folder, "journal.jsonl");
    spawnSync("mv", [journal, join(outside, "journal.jsonl")]);
    symlinkSync(join(outside, "journal.jsonl"), journal);
    const bytes = readFileSync(join(outside, "journal.jsonl"), "utf8");
    expectClear(await story.pawl(["resume", folder, "--yes"]), journal, "a link lies in its place");
    expect(readFileSync(join(outside, "journal.jsonl"), "utf8")).toBe(bytes);
  });

  it("leaves alone what lies at the name of a new run, a link that leads nowhere too", async () => {
    const out = makeFolder(output());
    mkdirSync(join(out, "boxes"));
    const names = (at: number): string => `${new Date(at).toISOString().replace(/[-:]/g, "").replace(/\.\d+/, "")}-story`;
    const now = Date.now();
    for (let second = 0; second < 30; second += 1)
      symlinkSync(join(story.folder, "nowhere"), join(out, "boxes", names(now + second * 1_000)));
    expect((await run("plain.yaml", out)).exit).toBe("ok");
    expect(existsSync(join(story.folder, "nowhere"))).toBe(false);
    expect(runsIn(out).filter((one) => one.endsWith("-story-2"))).toHaveLength(1);
  });

  it("keeps every file to its owner whatever the umask: 0600 and 0700, also of what lies beside the runs", async () => {
    const out = output();
    const state = join(story.folder, "state-modes");
    const before = process.umask(0);
    try {
      expect((await run("plain.yaml", out, { PAWL_STATE_DIR: state })).exit).toBe("ok");
    } finally {
      process.umask(before);
    }
    for (const root of [out, state]) {
      for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
        const mode = statSync(join(entry.parentPath, entry.name)).mode & 0o777;
        expect(`${entry.name} ${mode.toString(8)}`).toBe(`${entry.name} ${entry.isDirectory() ? "700" : "600"}`);
      }
      expect((statSync(root).mode & 0o777).toString(8)).toBe("700");
    }
  });

  it("tells a user who may not read the records so, without a stack", () => {
    const out = join(story.folder, "foreign");
    mkdirSync(out, { mode: 0o700 });
    chmodSync(story.folder, 0o755);
    const bin = resolve(import.meta.dirname, "../../bin/pawl.js");
    const asNobody = (words: readonly string[]) =>
      spawnSync("setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", process.execPath, bin, ...words], {
        encoding: "utf8",
        cwd: "/",
        env: { ...process.env, HOME: "/", PAWL_STATE_DIR: join(story.folder, "state") },
      });
    const ended = asNobody(["runs", "--output-dir", out]);
    expect(ended.status, ended.stderr).toBe(2);
    expect(ended.stderr).toContain("cannot be read");
    expect(ended.stderr).not.toContain("bug");
  });
});
