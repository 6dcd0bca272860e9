import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  breakWriterLock,
  readWriterLock,
  takeWriterLock,
  writerLockedError,
  type LockHolder,
} from "../../src/journal/local-lock.ts";
import { createJournal } from "../../src/journal/file-journal.ts";
import { verifyRun } from "../../src/journal/verify.ts";
import { thisProcess } from "../../src/journal/process-identity.ts";
import { scratch } from "./material.ts";

const NOW = Date.UTC(2026, 10, 20, 15);

const request = (runFolder: string) => ({ clusterId: "c-1", run: "r-1", runFolder, operator: "ada@desk", nowMs: NOW });

/** The lock that a holder somewhere else has left in the folder. */
async function leave(runFolder: string, over: Partial<LockHolder>): Promise<void> {
  const holder = {
    v: 1,
    token: "left",
    ...thisProcess(),
    clusterId: "c-1",
    run: "r-1",
    runFolder,
    operator: "bob@laptop",
    since: new Date(NOW - 60_000).toISOString(),
    ...over,
  };
  await writeFile(join(runFolder, "writer.lock"), JSON.stringify(holder));
}

describe("the lock of a record", () => {
  it("lets one pawl write, whatever state folder it comes from, and leaves nothing", async () => {
    const folder = await scratch();
    const first = await takeWriterLock(request(folder));
    expect(first.kind).toBe("taken");
    expect(await takeWriterLock(request(folder))).toMatchObject({
      kind: "held",
      alive: "alive",
      holder: { operator: "ada@desk" },
    });
    if (first.kind === "taken") await first.lock.release();
    expect(await readdir(folder)).toEqual([]);
    expect((await takeWriterLock(request(folder))).kind).toBe("taken");
  });

  it("is no part of the record: a seal made under it holds when it is gone", async () => {
    const folder = await scratch();
    const lock = await takeWriterLock(request(folder));
    const journal = await createJournal({ folder, clock: { now: () => NOW }, actor: "ada@desk" });
    await journal.append({ type: "plan.interrupted", because: "a test" });
    await journal.seal();
    await journal.close();
    expect(await readFile(join(folder, "SHA256SUMS"), "utf8")).not.toContain("writer.lock");
    if (lock.kind === "taken") await lock.lock.release();
    expect((await verifyRun(folder)).findings.filter((one) => one.file.startsWith("writer"))).toEqual([]);
  });

  it("is taken over from a writer that is certainly dead", async () => {
    const folder = await scratch();
    const child = spawn("true");
    await once(child, "exit");
    await leave(folder, { pid: child.pid ?? 0, startTicks: "1" });
    const answer = await takeWriterLock(request(folder));
    expect(answer).toMatchObject({ kind: "taken", lock: { tookOver: { operator: "bob@laptop" } } });
  });

  it("stays with a writer on another machine, which is told with the way to take it away", async () => {
    const folder = await scratch();
    await leave(folder, { host: "laptop", boot: "another" });
    const answer = await takeWriterLock(request(folder));
    if (answer.kind !== "held") throw new Error(answer.kind);
    expect(answer.alive).toBe("unknown");
    const error = writerLockedError(answer, NOW, {
      inventory: "prod.yaml",
      record: "halted",
      unlock: "pawl unlock -i prod.yaml --reason TEXT",
    });
    expect(error).toMatchObject({
      exit: "locked",
      code: "record-locked",
      details: {
        observed: expect.stringContaining("halted"),
        evidence: [join(folder, "writer.lock")],
        next: "make sure that nothing runs on laptop, then: pawl unlock -i prod.yaml --reason TEXT",
      },
    });
    await breakWriterLock(folder, answer.holder);
    expect(await readWriterLock(folder)).toBeNull();
  });

  it("is no longer ours when somebody has broken it, and is then left to whoever has it", async () => {
    const folder = await scratch();
    const first = await takeWriterLock(request(folder));
    if (first.kind !== "taken") throw new Error(first.kind);
    await breakWriterLock(folder, first.lock.holder);
    expect((await takeWriterLock(request(folder))).kind).toBe("taken");
    expect(await first.lock.check()).toBe(false);
    await first.lock.release();
    expect(await readWriterLock(folder)).not.toBeNull();
  });

  it("is not taken away from a writer that came while an unlock looked at the managers", async () => {
    const folder = await scratch();
    await leave(folder, { host: "laptop", boot: "another" });
    const found = await readWriterLock(folder);
    if (found === null) throw new Error("no lock");
    await breakWriterLock(folder, found);
    const fresh = await takeWriterLock(request(folder));
    await expect(breakWriterLock(folder, found)).rejects.toMatchObject({ exit: "locked", code: "lock-changed" });
    expect(fresh.kind === "taken" && (await fresh.lock.check())).toBe(true);
  });
});
