import { readdirSync } from "node:fs";
import { mkdir, copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { fold } from "../../src/domain/run-state.ts";
import { readJournal } from "../../src/journal/read.ts";

const RELEASED = join(import.meta.dirname, "released");
let folder = "";
afterEach(async () => rm(folder, { recursive: true, force: true }));

describe("journals of earlier releases", () => {
  it.each(readdirSync(RELEASED))("%s is still read, folds, and ends as it did", async (name) => {
    folder = await mkdtemp(join(tmpdir(), "pawl-released-"));
    await mkdir(join(folder, "run"));
    await copyFile(join(RELEASED, name), join(folder, "run", "journal.jsonl"));
    const { events } = await readJournal(join(folder, "run"));
    const state = fold(events);
    expect(events[0]?.type).toBe("run.created");
    expect(state.phase).toBe("completed");
    expect(state.exit).toBe(10);
    expect(Object.values(state.steps).filter((step) => step.status === "set-aside")).toHaveLength(1);
    expect(state.artifacts.length).toBeGreaterThan(20);
  });
});
