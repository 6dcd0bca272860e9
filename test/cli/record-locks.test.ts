import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Cluster } from "../../src/cli/cluster.ts";
import { findRecordLocks } from "../../src/cli/record-locks.ts";
import { takeWriterLock } from "../../src/journal/local-lock.ts";
import { capturedIo } from "./captured-io.ts";

describe("the locked records of a cluster", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "pawl-record-locks-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("are found beside whatever else people keep there: a file is no record", async () => {
    const runFolder = join(folder, "backups", "production", "20261120T150000Z-upgrade-1.11.3");
    mkdirSync(runFolder, { recursive: true });
    writeFileSync(join(folder, "backups", "production", "notes.txt"), "ask Ada\n");
    const lock = await takeWriterLock({ clusterId: "c-1", run: "r-1", runFolder, operator: "ada@desk", nowMs: 0 });
    expect(lock.kind).toBe("taken");
    const cluster = { inventory: { document: { name: "production" } } } as Cluster;
    const elsewhere = join(folder, "backups", "production", "notes.txt");
    const found = await findRecordLocks(capturedIo(folder), cluster, "backups", "c-1", [elsewhere]);
    expect(found.map((one) => one.folder)).toEqual([runFolder]);
  });
});
