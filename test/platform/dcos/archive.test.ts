import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  filesArgv,
  FILES_NAME,
  FILES_SCRIPT,
  parseListing,
  type FileListing,
} from "../../../src/platform/dcos/facts/files-script.ts";
import { createTarScan, type TarReport } from "../../../src/action/tar-scan.ts";
import { judgeArchive } from "../../../src/platform/dcos/zookeeper/archive.ts";

const BASE = "var/lib/dcos/exhibitor/zookeeper";
const FILES: Readonly<Record<string, string>> = {
  [`${BASE}/snapshot/myid`]: "1\n",
  [`${BASE}/snapshot/version-2/snapshot.100000001`]: "s".repeat(5_000),
  [`${BASE}/snapshot/version-2/snapshot.200000001`]: "t".repeat(1_536),
  [`${BASE}/transactions/version-2/log.100000002`]: "l".repeat(70_000),
  [`${BASE}/zookeeper.out`]: "",
};

let root = "";
let tar: Buffer = Buffer.alloc(0);

function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "pawl-archive-"));
  for (const [path, text] of Object.entries(FILES)) put(path, text);
  tar = execFileSync("tar", ["-cf", "-", "-C", root, "var/lib/dcos/exhibitor"], { maxBuffer: 1 << 24 });
});

afterAll(() => rmSync(root, { recursive: true }));

function scan(bytes: Buffer, chunk = 4_096): TarReport {
  const scanning = createTarScan();
  for (let at = 0; at < bytes.length; at += chunk) scanning.write(bytes.subarray(at, at + chunk));
  return scanning.finish();
}

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

function listing(change: Readonly<Record<string, string>> = {}): FileListing {
  const known = Object.entries({ ...FILES, ...change }).filter(([path]) => /myid$|snapshot\.[0-9a-f]+$/.test(path));
  return { folders: ["/var/lib/dcos/exhibitor"], files: new Map(known.map(([path, text]) => [`/${path}`, digest(text)])) };
}

describe("an archive that streams by", () => {
  it.each([1, 7, 512, 513, 1 << 20])("is read the same in chunks of %i bytes", (chunk) => {
    const report = scan(tar, chunk);
    expect(report).toMatchObject({ ended: true, damage: null, bytes: tar.length });
    expect(report.files.map((file) => [file.name, file.bytes, file.sha256]).toSorted()).toEqual(
      Object.entries(FILES)
        .map(([path, text]) => [path, text.length, digest(text)])
        .toSorted(),
    );
  });

  it("is never whole when it is cut anywhere before its end", () => {
    const lastData = tar.length - [...tar].reverse().findIndex((byte) => byte !== 0);
    for (let at = 0; at < lastData; at += 509) expect(scan(tar.subarray(0, at)).ended, `cut at ${at}`).toBe(false);
    const blocks = Math.ceil(lastData / 512) * 512;
    expect(scan(tar.subarray(0, blocks)).ended, "cut on a block, without the two zero blocks").toBe(false);
    expect(scan(tar.subarray(0, blocks + 512)).ended, "one zero block").toBe(false);
    expect(scan(tar.subarray(0, blocks + 1024)).ended, "both zero blocks").toBe(true);
  });

  it("is refused when it is empty of entries, damaged, or followed by something", () => {
    expect(scan(Buffer.alloc(0)).ended).toBe(false);
    expect(scan(Buffer.from("no archive at all".repeat(64))).damage).toMatch(/damaged header/);
    const flipped = Buffer.from(tar);
    flipped[0] = (flipped[0] ?? 0) ^ 1;
    expect(scan(flipped).damage).toMatch(/damaged header/);
    expect(scan(Buffer.concat([tar, tar])).damage).toBe("data follows the end of the archive");
  });

  it("keeps names longer than a header has room for, in both forms", () => {
    const long = `${"d".repeat(90)}/${"e".repeat(90)}/${"f".repeat(90)}`;
    put(`deep/${long}`, "x");
    for (const form of ["--format=gnu", "--format=posix"]) {
      const bytes = execFileSync("tar", [form, "-cf", "-", "-C", root, "deep"], { maxBuffer: 1 << 24 });
      expect(scan(bytes).files.map((file) => file.name)).toEqual([`deep/${long}`]);
    }
  });
});

describe("a backup of ZooKeeper's folder", () => {
  it("is good when form, entries and digests hold", () => {
    expect(judgeArchive({ code: 0, stderr: "", report: scan(tar), listing: listing() })).toEqual({
      kind: "good",
      notes: [],
      proven: 3,
    });
  });

  it("is good with a note when files changed while they were read", () => {
    const stderr = `tar: ${BASE}/transactions/version-2/log.100000002: file changed as we read it\n`;
    expect(judgeArchive({ code: 1, stderr, report: scan(tar), listing: listing() })).toMatchObject({
      kind: "good",
      notes: ["1 files changed while they were read: an inconsistent copy of a live ZooKeeper"],
    });
  });

  it("lets the newest snapshot differ, which may be just being written, and no older one", () => {
    expect(
      judgeArchive({
        code: 0,
        stderr: "",
        report: scan(tar),
        listing: listing({ [`${BASE}/snapshot/version-2/snapshot.200000001`]: "longer" }),
      }),
    ).toMatchObject({ kind: "good", proven: 2 });
    expect(
      judgeArchive({
        code: 0,
        stderr: "",
        report: scan(tar),
        listing: listing({ [`${BASE}/snapshot/version-2/snapshot.100000001`]: "other" }),
      }),
    ).toMatchObject({ kind: "bad", problem: { code: "tar-differs" } });
  });

  it.each([
    { what: "tar's fatal code", code: 2, stderr: "tar: /var/lib: Cannot open: Permission denied", problem: "tar-failed" },
    { what: "tar's 1 without a file that changed", code: 1, stderr: "tar: something else", problem: "tar-failed" },
  ])("is bad on $what", ({ code, stderr, problem }) => {
    expect(judgeArchive({ code, stderr, report: scan(tar), listing: listing() })).toMatchObject({
      kind: "bad",
      problem: { code: problem },
    });
  });

  it("is bad when it is cut, although tar said 0", () => {
    expect(judgeArchive({ code: 0, stderr: "", report: scan(tar.subarray(0, 10_000)), listing: listing() })).toMatchObject({
      kind: "bad",
      problem: { code: "tar-damaged" },
    });
    expect(judgeArchive({ code: 0, stderr: "", report: scan(Buffer.alloc(0)), listing: listing() })).toMatchObject({
      kind: "bad",
      problem: { code: "tar-cut" },
    });
    expect(judgeArchive({ code: 0, stderr: "", report: scan(Buffer.alloc(10_240)), listing: listing() })).toMatchObject({
      kind: "bad",
      problem: { code: "tar-incomplete", observed: "missing: myid, a snapshot, a transaction log" },
    });
  });

  it("is bad when the archive holds a myid the node does not have, or nothing could be compared", () => {
    expect(
      judgeArchive({ code: 0, stderr: "", report: scan(tar), listing: listing({ [`${BASE}/snapshot/myid`]: "2\n" }) }),
    ).toMatchObject({ problem: { code: "tar-differs" } });
    expect(judgeArchive({ code: 0, stderr: "", report: scan(tar), listing: { folders: [], files: new Map() } })).toMatchObject({
      problem: { code: "tar-unproven" },
    });
  });
});

describe("the listing script", () => {
  it.each(["sh", "bash"])("names folders, hashes what never changes and says what is absent, in a real %s", (shell) => {
    const folder = join(root, "var/lib/dcos/exhibitor");
    const run = spawnSync(shell, ["-c", FILES_SCRIPT, FILES_NAME, "-r", folder, "/no/such/folder"], { encoding: "utf8" });
    const found = parseListing(run.stdout);
    expect(found?.folders).toEqual([folder]);
    expect([...(found?.files ?? [])].toSorted()).toEqual(
      Object.entries(FILES)
        .filter(([path]) => /myid$|snapshot\.[0-9]+$/.test(path))
        .map(([path, text]) => [join(root, path), digest(text)])
        .toSorted(),
    );
  });

  it("hashes files by name without walking folders", () => {
    const path = join(root, `${BASE}/snapshot/myid`);
    const [shell = "", ...words] = filesArgv([path, join(root, BASE)], false);
    expect(parseListing(execFileSync(shell, words, { encoding: "utf8" }))).toEqual({
      folders: [join(root, BASE)],
      files: new Map([[path, digest("1\n")]]),
    });
  });

  it("is no listing when it was cut before its end", () => {
    expect(parseListing("dir /var/lib/dcos/exhibitor\n")).toBeNull();
  });
});
