import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Cluster } from "../../src/cli/cluster.ts";
import { beforeOf } from "../../src/cli/history.ts";
import type { Plan } from "../../src/domain/plan.ts";
import { capturedIo } from "./captured-io.ts";
import { recordedRun, workFolder } from "./record-material.ts";

const CLUSTER = { inventory: { document: { name: "production" } } } as Cluster;

describe("what the last run on a cluster had observed", () => {
  let folder: string;
  beforeEach(async () => void (folder = await workFolder()));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const before = (id: string): string | null => beforeOf(capturedIo(folder), "backups", CLUSTER, id)?.run ?? null;

  it("is told by the newest run that was begun, and by none whose plan is not the one it was begun with", async () => {
    const older = await recordedRun(folder, "20261119T010000Z-snapshot");
    const newer = await recordedRun(folder, "20261120T010000Z-snapshot");
    const { id } = (JSON.parse(readFileSync(join(older, "plan.json"), "utf8")) as Plan).cluster;
    expect(before(id)).toBe("20261120T010000Z-snapshot");
    writeFileSync(join(newer, "plan.json"), JSON.stringify({ cluster: { id } }));
    expect(before(id)).toBe("20261119T010000Z-snapshot");
    writeFileSync(join(older, "journal.jsonl"), "");
    expect(before(id)).toBeNull();
    expect(before("another")).toBeNull();
  });
});
