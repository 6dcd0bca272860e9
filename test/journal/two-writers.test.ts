import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { createJournal, openJournal } from "../../src/journal/file-journal.ts";

const base = mkdtempSync(join(tmpdir(), "pawl-two-"));
afterAll(() => {
  rmSync(base, { recursive: true, force: true });
});

it("a journal that another process has written to is written no more by the first: the record stays whole", async () => {
  const options = { folder: join(base, "run"), clock: { now: () => 0 } };
  const first = await createJournal({ ...options, actor: "desk" });
  await first.append({ type: "plan.interrupted", because: "the first" });
  const second = await openJournal({ ...options, actor: "laptop" });
  await second.append({ type: "plan.proceeded", because: "the second" });
  await expect(first.append({ type: "plan.proceeded", because: "the first again" })).rejects.toMatchObject({
    code: "journal-write-failed",
    details: { observed: expect.stringContaining("another process writes this journal") },
  });
  await second.append({ type: "plan.interrupted", because: "the second goes on" });
  await Promise.all([first.close(), second.close()]);
  const third = await openJournal({ ...options, actor: "desk" });
  expect(third.events.map((event) => event.actor)).toEqual(["desk", "laptop", "laptop"]);
  await third.close();
});
