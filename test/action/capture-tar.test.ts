import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { captureTar, CAPTURE_TAR_COMMANDS, parseDigests } from "../../src/action/capture-tar.ts";
import { guard } from "../../src/check/guard.ts";
import type { Json, JsonRecord } from "../../src/domain/json.ts";
import type { Effect, Remote, StepContext } from "../../src/engine/ports.ts";
import { memoryStore, type Kept } from "../artifact/kept.ts";
import { createShellRemote } from "../edge/shell-remote.ts";

describe("the step kind capture-tar", () => {
  let folder: string;
  let data: string;
  let kept: Map<string, Kept>;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "pawl-capture-tar-"));
    data = join(folder, "data");
    kept = new Map();
    mkdirSync(join(data, "version-2"), { recursive: true });
    writeFileSync(join(data, "myid"), "1\n");
    writeFileSync(join(data, "version-2/snapshot.0"), "s".repeat(70_000));
    writeFileSync(join(data, "with 'quotes' and blanks"), "q");
    writeFileSync(join(data, "back\\slash\nand line"), "b");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** The step over this machine behind the guard; `meddle` may change what the node sends. */
  async function capture(more: JsonRecord = {}, meddle: (remote: Remote) => Remote = (remote) => remote): Promise<Effect> {
    const remote = guard(meddle(createShellRemote("dash", mkdtempSync(join(folder, "shell-")))), {
      http: [],
      commands: CAPTURE_TAR_COMMANDS,
      fourLetter: [],
    });
    const context = {
      run: "run-1",
      step: { address: "backup/n1/tar", node: "n1", kind: "capture-tar", with: { paths: [data], ...more } },
      remote,
      artifacts: memoryStore(kept),
      recorded: async () => undefined,
      spell: (verb: string) => `pawl ${verb} run-1`,
    };
    return captureTar.doIt(context as unknown as StepContext);
  }

  const during =
    (act: () => void) =>
    (remote: Remote): Remote => ({
      ...remote,
      async stream(target, command, onChunk, signal) {
        act();
        return remote.stream(target, command, onChunk, signal);
      },
    });
  const code = (effect: Effect): string => (effect.kind === "failed" ? effect.problem.code : effect.kind);

  it("keeps a sealed archive that another tar reads, and an open list of what it holds", async () => {
    const effect = await capture({ require: ["myid", "version-2/snapshot.*"] });
    expect(effect).toMatchObject({ kind: "done", note: expect.stringContaining("4 files, ") as unknown });
    const tar = kept.get("backup/n1/tar.tar");
    expect(tar?.meta.sealed).toBe(true);
    const out = join(folder, "out");
    mkdirSync(out);
    execFileSync("tar", ["-xf", "-", "-C", out], { input: tar?.bytes });
    expect(execFileSync("diff", ["-r", data, join(out, data)], { encoding: "utf8" })).toBe("");
    const list = kept.get("backup/n1/tar.entries.json");
    expect(list?.meta.sealed ?? false).toBe(false);
    const entries = JSON.parse(list?.bytes.toString() ?? "") as { readonly proven: number; readonly files: readonly Json[] };
    expect({ proven: entries.proven, files: entries.files.length }).toEqual({ proven: 4, files: 4 });
  });

  it("notes a file that changed or went while it was copied", async () => {
    const effect = await capture(
      {},
      during(() => {
        appendFileSync(join(data, "version-2/snapshot.0"), "more");
        rmSync(join(data, "with 'quotes' and blanks"));
      }),
    );
    expect(effect).toMatchObject({
      kind: "done",
      note: expect.stringMatching(/2 digests as on the node; 2 files changed while they were read/) as unknown,
    });
  });

  it("refuses an archive with other bytes than the node has, although both ends are content", async () => {
    const effect = await capture({}, (remote) => ({
      ...remote,
      stream: (target, command, onChunk, signal) =>
        remote.stream(
          target,
          command,
          (chunk) => onChunk(Buffer.from(chunk.toString("latin1").replaceAll("sss", "ssx"), "latin1")),
          signal,
        ),
    }));
    expect(effect).toMatchObject({
      kind: "failed",
      problem: { code: "tar-differs", node: "n1", expected: expect.stringContaining("snapshot.0") as unknown },
    });
    expect([...kept.keys()]).toEqual([]);
  });

  it("refuses what is cut, incomplete, empty or not there, and keeps nothing of it", async () => {
    const cut = (remote: Remote): Remote => ({
      ...remote,
      async stream(target, command, onChunk, signal) {
        let left = 20_000;
        return remote.stream(
          target,
          command,
          async (chunk) => {
            await onChunk(chunk.subarray(0, left));
            left -= Math.min(left, chunk.length);
          },
          signal,
        );
      },
    });
    expect(code(await capture({}, cut))).toBe("tar-damaged");
    expect(code(await capture({ require: ["version-2/log.*"] }))).toBe("tar-incomplete");
    expect(code(await capture({ paths: [join(data, "nowhere")] }))).toBe("tar-failed");
    const empty = join(folder, "empty");
    mkdirSync(empty);
    expect(code(await capture({ paths: [empty] }))).toBe("tar-unproven");
    expect([...kept.keys()]).toEqual([]);
  });

  it.each([[[]], [["relative/path"]], [["/"]], [["/.."]]])("takes only absolute paths below the root, not %j", async (paths) => {
    expect(code(await capture({ paths }))).toBe("tar-paths");
  });

  it("takes a path that looks like an option for a path", async () => {
    mkdirSync(join(folder, "-x"));
    writeFileSync(join(folder, "-x/file"), "x");
    expect((await capture({ paths: [`${folder}/-x`] })).kind).toBe("done");
    for (const paths of [["relative"], ["/"], ["/a\\nb"], [1.1, "/x"], []])
      expect(code(await capture({ paths }))).toBe("tar-paths");
    expect(code(await capture({ paths: ["/--checkpoint-action=exec=touch"] }))).toBe("tar-failed");
  });
});

describe("the digests of a node's files", () => {
  it("are no list when their end is missing", () => {
    const line = `${"a".repeat(64)}  /data/myid\n`;
    expect(parseDigests(line)).toBeNull();
    expect(parseDigests(`${line}end\n`)).toEqual(new Map([["/data/myid", "a".repeat(64)]]));
  });
});
