import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  breakLocalLock,
  describeHolder,
  lockedError,
  readLocalLock,
  takeLocalLock,
  type LockHolder,
  type LockRequest,
} from "../../src/journal/local-lock.ts";
import { lookFor, thisProcess } from "../../src/journal/process-identity.ts";
import { scratch } from "./material.ts";

const NOW = Date.UTC(2026, 10, 20, 15);

async function request(over: Partial<LockRequest> = {}): Promise<LockRequest> {
  return {
    stateDir: await scratch(),
    clusterId: "c-1",
    run: "r-1",
    runFolder: "/runs/r-1",
    operator: "ada@desk",
    nowMs: NOW,
    ...over,
  };
}

/** Identity of a process that certainly ended. */
async function deadProcess() {
  const child = spawn("sleep", ["60"]);
  await once(child, "spawn");
  const stat_ = await readFile(`/proc/${child.pid}/stat`, "utf8");
  const startTicks = stat_.slice(stat_.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  child.kill("SIGKILL");
  await once(child, "exit");
  return { ...thisProcess(), pid: child.pid ?? 0, startTicks };
}

async function leave(stateDir: string, over: Partial<LockHolder>): Promise<void> {
  const answer = await takeLocalLock(await request({ stateDir }));
  if (answer.kind !== "taken") throw new Error("not taken");
  await writeFile(join(stateDir, "locks", "c-1.lock"), JSON.stringify({ ...answer.lock.holder, token: "left", ...over }));
}

describe("the local lock", () => {
  it("is held by one run at a time, by cluster identity", async () => {
    const one = await request();
    const first = await takeLocalLock(one);
    expect(first.kind).toBe("taken");
    expect(await takeLocalLock({ ...one, run: "r-2" })).toMatchObject({
      kind: "held",
      alive: "alive",
      holder: { run: "r-1", operator: "ada@desk", since: "2026-11-20T15:00:00.000Z" },
    });
    expect((await takeLocalLock({ ...one, clusterId: "c-2" })).kind).toBe("taken");
    if (first.kind === "taken") await first.lock.release();
    expect((await takeLocalLock({ ...one, run: "r-2" })).kind).toBe("taken");
    expect((await stat(join(one.stateDir, "locks", "c-1.lock"))).mode & 0o777).toBe(0o600);
  });

  it("is won by exactly one of many that ask at once, also over a dead holder", async () => {
    for (const dead of [false, true]) {
      const one = await request();
      if (dead) await leave(one.stateDir, await deadProcess());
      const answers = await Promise.all(Array.from({ length: 12 }, (_, n) => takeLocalLock({ ...one, run: `r-${n}` })));
      const winners = answers.filter((answer) => answer.kind === "taken");
      expect(winners).toHaveLength(1);
      expect((await readLocalLock(one.stateDir, "c-1"))?.token).toBe(winners[0]?.lock.holder.token);
      expect(await readdir(join(one.stateDir, "locks"))).toEqual(["c-1.lock"]);
    }
  });

  it("is taken over from a holder that certainly died here, and says from whom", async () => {
    const one = await request({ run: "r-2" });
    await leave(one.stateDir, { ...(await deadProcess()), run: "r-dead" });
    const answer = await takeLocalLock(one);
    expect(answer).toMatchObject({ kind: "taken", lock: { tookOver: { run: "r-dead" }, holder: { run: "r-2" } } });
  });

  it("is taken over when the holder's pid belongs to another process now", async () => {
    const one = await request();
    await leave(one.stateDir, { startTicks: "1" });
    expect(await takeLocalLock(one)).toMatchObject({ kind: "taken", lock: { tookOver: { token: "left" } } });
  });

  it.each([
    ["another host", { host: "elsewhere", pid: 999_999_999 }],
    ["another boot", { boot: "00000000-0000-0000-0000-000000000000", pid: 999_999_999 }],
    ["another container", { pidSpace: "pid:[1]", pid: 999_999_999 }],
    ["a system without /proc", { startTicks: null, pid: 999_999_999 }],
  ])("is never taken over from %s", async (_name, over) => {
    const one = await request();
    await leave(one.stateDir, over);
    const answer = await takeLocalLock(one);
    expect(answer).toMatchObject({ kind: "held", alive: "unknown" });
    if (answer.kind === "held")
      expect(lockedError(answer, NOW, { inventory: "c.yaml", record: "its record says: halted" })).toMatchObject({
        exit: "locked",
        details: {
          observed: expect.stringContaining("its record says: halted"),
          next: expect.stringContaining("pawl unlock -i c.yaml --reason"),
        },
      });
  });

  it("knows a living process", () => {
    expect(lookFor(thisProcess())).toBe("alive");
  });

  it("notices that it was broken, and does not then release somebody else's", async () => {
    const one = await request();
    const first = await takeLocalLock(one);
    if (first.kind !== "taken") throw new Error("not taken");
    expect(await first.lock.check()).toBe(true);
    const holder = await breakLocalLock({
      ...one,
      operator: "eve@desk",
      reason: "the laptop was lost",
      found: first.lock.holder,
    });
    expect(holder?.token).toBe(first.lock.holder.token);
    expect(await first.lock.check()).toBe(false);
    expect((await takeLocalLock({ ...one, run: "r-2" })).kind).toBe("taken");
    await first.lock.release();
    expect(await readLocalLock(one.stateDir, "c-1")).toMatchObject({ run: "r-2" });
    const [kept = ""] = (await readdir(join(one.stateDir, "locks"))).filter((name) => name.endsWith(".broken"));
    expect(JSON.parse(await readFile(join(one.stateDir, "locks", kept), "utf8"))).toMatchObject({
      run: "r-1",
      brokenBy: "eve@desk",
      reason: "the laptop was lost",
    });
  });

  it("is not broken without a reason, and breaking nothing is no error", async () => {
    const one = await request();
    await expect(breakLocalLock({ ...one, reason: " ", found: null })).rejects.toMatchObject({ exit: "usage" });
    expect(await breakLocalLock({ ...one, reason: "x", found: null })).toBeNull();
  });

  it("is not taken away from a run that came while an unlock looked at the managers", async () => {
    const one = await request();
    const fresh = await takeLocalLock(one);
    await expect(breakLocalLock({ ...one, reason: "x", found: null })).rejects.toMatchObject({
      exit: "locked",
      code: "lock-changed",
      details: { observed: expect.stringContaining("the lock of run r-1") },
    });
    expect(fresh.kind === "taken" && (await fresh.lock.check())).toBe(true);
    expect(await readdir(join(one.stateDir, "locks"))).toHaveLength(1);
  });

  it("still locks when its file cannot be read as a lock", async () => {
    const one = await request();
    await leave(one.stateDir, {});
    await writeFile(join(one.stateDir, "locks", "c-1.lock"), "garbage");
    await expect(takeLocalLock(one)).rejects.toMatchObject({ exit: "locked", code: "bad-lock" });
  });

  it("describes its holder with person, run, age, process and host", async () => {
    const answer = await takeLocalLock(await request());
    if (answer.kind !== "taken") throw new Error("not taken");
    const text = describeHolder({ ...answer.lock.holder, host: "desk", pid: 12 }, "unknown", NOW + 5_400_000);
    expect(text).toBe("ada@desk, run r-1, for 1h 30m (process 12 on desk, which cannot be looked at from here; /runs/r-1)");
  });
});
