import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { inspectTar } from "../../src/artifact/tar.ts";

/** Made by the system's own tar, with a preallocated log of zeros as ZooKeeper writes it. */
let archive = Buffer.alloc(0);
let listing: string[] = [];
const LONG = `${"a-rather-long-name-".repeat(8)}.bin`;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "pawl-tar-"));
  await mkdir(join(folder, "zookeeper", "version-2"), { recursive: true });
  await writeFile(join(folder, "zookeeper", "myid"), "1\n");
  await writeFile(join(folder, "zookeeper", LONG), "long");
  await writeFile(join(folder, "zookeeper", "version-2", "snapshot.100000001"), Buffer.alloc(1000, 7));
  await writeFile(join(folder, "zookeeper", "version-2", "log.100000001"), Buffer.alloc(8192));
  execFileSync("tar", ["--sort=name", "-cf", "a.tar", "zookeeper"], { cwd: folder });
  archive = execFileSync("cat", ["a.tar"], { cwd: folder });
  listing = execFileSync("tar", ["tf", "a.tar"], { cwd: folder }).toString().trim().split("\n");
});

/** In pieces of varying size, as a connection gives them. */
function stream(bytes: Buffer, piece = 700): Readable {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += piece) pieces.push(bytes.subarray(at, at + piece));
  return Readable.from(pieces);
}

describe("inspecting a tar", () => {
  it("lists what the system's tar lists, with size and digest of the stream", async () => {
    const seen = await inspectTar(stream(archive), { required: ["version-2/", "myid", `zookeeper/${LONG}`], listing });
    expect(seen).toMatchObject({
      ok: true,
      problems: [],
      bytes: archive.length,
      sha256: createHash("sha256").update(archive).digest("hex"),
    });
    expect(seen.entries.map((entry) => entry.name.replace(/\/$/, ""))).toEqual(listing.map((name) => name.replace(/\/$/, "")));
    expect(seen.entries.find((entry) => entry.name.endsWith("log.100000001"))).toMatchObject({ type: "file", bytes: 8192 });
  });

  it("refuses every proper beginning of an archive, wherever it was cut", async () => {
    let end = archive.length;
    while (archive[end - 1] === 0) end -= 1;
    // The last entry's content and the two blocks behind it; padding up to tar's record size may be missing.
    const enough = Math.ceil(end / 512) * 512 + 1024;
    expect((await inspectTar(stream(archive.subarray(0, enough)))).ok).toBe(true);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: enough - 1 }), fc.integer({ min: 1, max: 5000 }), async (length, piece) => {
        expect((await inspectTar(stream(archive.subarray(0, length), piece))).ok).toBe(false);
      }),
      { numRuns: 300 },
    );
    for (let length = 0; length < enough; length += 512)
      expect((await inspectTar(stream(archive.subarray(0, length)))).ok, `${length}`).toBe(false);
  });

  it("does not take the zeros of a file's content for the end", async () => {
    const at = archive.indexOf("zookeeper/version-2/log.100000001");
    const seen = await inspectTar(stream(archive.subarray(0, at + 512 + 8192)));
    expect(seen.problems).toEqual(["it was cut off: 0 of the 2 zero blocks that end a tar are there"]);
  });

  it.each([
    ["an empty file", Buffer.alloc(0), "it is empty"],
    ["a file of zeros", Buffer.alloc(10_240), "it holds no entry"],
    [
      "something else",
      Buffer.from("tar: /var/lib/zookeeper: Cannot open: Permission denied\n".repeat(30)),
      /cannot be read as a tar/,
    ],
  ])("refuses %s", async (_name, bytes, problem) => {
    const seen = await inspectTar(stream(bytes));
    expect(seen.ok).toBe(false);
    expect(seen.problems.join("\n")).toMatch(problem);
  });

  it("names required entries that are missing, and a file where a folder was wanted", async () => {
    const seen = await inspectTar(stream(archive), { required: ["version-3/", "myid/", "acceptedEpoch"] });
    expect(seen.problems).toEqual(["version-3/ is not in it", "myid/ is not in it", "acceptedEpoch is not in it"]);
  });

  it("names differences to the listing of the node", async () => {
    const seen = await inspectTar(stream(archive), {
      listing: [...listing.filter((name) => !name.endsWith("myid")), "zookeeper/gone"],
    });
    expect(seen.problems).toEqual([
      "1 entries of the listing are not in it: zookeeper/gone",
      "1 entries are not in the listing: zookeeper/myid",
    ]);
  });

  it("finds bytes behind the end", async () => {
    expect((await inspectTar(stream(Buffer.concat([archive, Buffer.from("more")])))).ok).toBe(false);
    expect((await inspectTar(stream(Buffer.concat([archive, Buffer.alloc(512, 1)])))).problems).toContain(
      "something follows behind its end",
    );
  });

  it("passes on an error of the source", async () => {
    const broken = Readable.from(
      (async function* () {
        yield archive.subarray(0, 1024);
        throw new Error("connection lost");
      })(),
    );
    await expect(inspectTar(broken)).rejects.toThrow("connection lost");
  });
});
