import { execFileSync } from "node:child_process";
import { appendFile, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PawlError } from "../../src/domain/errors.ts";
import { lineHash, MAX_LINE_BYTES } from "../../src/journal/event-line.ts";
import { createJournal, openJournal, type JournalFile } from "../../src/journal/file-journal.ts";
import { readJournal } from "../../src/journal/read.ts";
import { created, finishedRun, moved, scratch, tickingClock } from "./material.ts";

async function linesOf(folder: string): Promise<string[]> {
  return (await readFile(join(folder, "journal.jsonl"), "utf8")).trimEnd().split("\n");
}

async function newRun(options: Partial<Parameters<typeof createJournal>[0]> = {}) {
  const folder = join(await scratch(), "run");
  return createJournal({ folder, clock: tickingClock(), actor: "engine", ...options });
}

describe("the journal", () => {
  it("chains every line to the one before, numbers them and names the actor", async () => {
    const journal = await newRun();
    await journal.append(created("f".repeat(64)), "ada@desk");
    await journal.append(moved("p/s", "prepared"));
    await journal.close();
    const [first = "", second = ""] = await linesOf(journal.folder);
    expect(JSON.parse(first)).toMatchObject({
      v: 1,
      seq: 1,
      actor: "ada@desk",
      type: "run.created",
      prev: "0".repeat(64),
      time: "2026-11-20T15:00:01.000Z",
    });
    expect(JSON.parse(second)).toMatchObject({ seq: 2, actor: "engine", prev: lineHash(first) });
  });

  it("keeps its files and folder to its owner", async () => {
    const { folder } = await finishedRun();
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    for (const name of ["journal.jsonl", "plan.json", "head.json", "manifest.json", "SHA256SUMS", "report.md"]) {
      expect((await stat(join(folder, name))).mode & 0o777, name).toBe(0o600);
    }
  });

  it("keeps the order of appends that wait at the same time and writes each exactly once", async () => {
    const journal = await newRun();
    await Promise.all(
      Array.from({ length: 200 }, (_, index) => journal.append({ type: "plan.interrupted", because: `n${index}` })),
    );
    await journal.close();
    const { events } = await readJournal(journal.folder);
    expect(events.map((event) => event.type === "plan.interrupted" && event.because)).toEqual(
      Array.from({ length: 200 }, (_, index) => `n${index}`),
    );
    expect(journal.events).toEqual(events);
  });

  it("resolves an append only after the line was synced", async () => {
    const order: string[] = [];
    const through = (file: JournalFile): JournalFile => ({
      ...file,
      write: (bytes) => {
        order.push("written");
        return file.write(bytes);
      },
      sync: async () => file.sync().then(() => void order.push("synced")),
    });
    const journal = await newRun({ through });
    await journal.append(moved("p/s", "prepared")).then(() => order.push("resolved"));
    await journal.close();
    expect(order).toEqual(["written", "synced", "resolved"]);
  });

  it("fails every append after a write that failed, and a later opening finds what is on disk", async () => {
    let writes = 0;
    const through = (file: JournalFile): JournalFile => ({
      ...file,
      write: async (bytes) => {
        writes += 1;
        if (writes < 3) return file.write(bytes);
        await file.write(bytes.subarray(0, 10));
        throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
      },
    });
    const journal = await newRun({ through });
    await journal.append(created("f".repeat(64)));
    await journal.append(moved("p/s", "prepared"));
    await expect(journal.append(moved("p/s", "starting"))).rejects.toMatchObject({
      code: "journal-write-failed",
      exit: "step-failed",
    });
    await expect(journal.append(moved("p/s", "starting"))).rejects.toBeInstanceOf(PawlError);
    await expect(journal.seal()).rejects.toMatchObject({ code: "journal-write-failed" });
    await journal.close();
    expect(journal.events).toHaveLength(2);

    const again = await openJournal({ folder: journal.folder, clock: tickingClock(), actor: "engine" });
    expect(again.events).toHaveLength(2);
    await again.append(moved("p/s", "starting"));
    await again.close();
    expect(await readFile(join(journal.folder, "journal.torn"), "utf8")).toBe('{"v":1,"se\n');
    expect((await readJournal(journal.folder)).events).toHaveLength(3);
  });

  it("masks and cuts text fields, never identities or a step's output", async () => {
    const journal = await newRun({ mask: (text) => text.replaceAll("hunter2", "masked:0123456789ab") });
    const long = `hunter2 ${"é😀".repeat(3000)}`;
    await journal.append({
      type: "step.moved",
      step: "p/hunter2/s",
      to: "error",
      note: null,
      output: { url: "http://x/hunter2" },
      problem: { code: "hunter2", text: long, observed: long, expected: long, evidence: ["artifacts/hunter2"] },
    });
    await journal.close();
    const [line = ""] = await linesOf(journal.folder);
    expect(Buffer.byteLength(line) + 1).toBeLessThanOrEqual(MAX_LINE_BYTES);
    const event = JSON.parse(line);
    expect(event.step).toBe("p/hunter2/s");
    expect(event.output).toEqual({ url: "http://x/hunter2" });
    expect(event.problem.text).toMatch(/^masked:0123456789ab é😀.* … \[cut by pawl: \d+ bytes in all\]$/);
    expect(event.problem.text).not.toContain("\uFFFD");
    expect(journal.events[0]).toEqual(event);
  });

  it("refuses an event that stays too long, writes nothing of it, and goes on", async () => {
    const journal = await newRun();
    await journal.append(moved("p/a", "prepared"));
    await expect(
      journal.append({
        type: "order.changed",
        phase: "p",
        order: Array.from({ length: 500 }, (_, n) => `node-${n}`),
        because: "x",
      }),
    ).rejects.toMatchObject({ code: "event-too-long" });
    await journal.append(moved("p/b", "prepared"));
    await journal.close();
    expect((await readJournal(journal.folder)).events.map((event) => event.seq)).toEqual([1, 2]);
  });

  it("is not created twice in one folder", async () => {
    const journal = await newRun();
    await journal.close();
    await expect(createJournal({ folder: journal.folder, clock: tickingClock(), actor: "engine" })).rejects.toMatchObject({
      code: "run-exists",
      exit: "said-no",
    });
  });

  it("refuses appends once it is closed", async () => {
    const journal = await newRun();
    await journal.close();
    await expect(journal.append(moved("p/s", "prepared"))).rejects.toMatchObject({ code: "journal-closed" });
  });
});

describe("opening a journal to go on", () => {
  it("continues the chain where it ended", async () => {
    const { folder } = await finishedRun();
    const again = await openJournal({ folder, clock: tickingClock(), actor: "engine" });
    await again.append({ type: "run.opened", pid: 2, host: "desk", boot: "b", resumed: true });
    await again.seal();
    await again.close();
    execFileSync("sha256sum", ["-c", "--quiet", "SHA256SUMS"], { cwd: folder });
    const third = await openJournal({ folder, clock: tickingClock(), actor: "engine" });
    expect(third.events.at(-1)).toMatchObject({ type: "run.opened", seq: again.events.length });
    await third.close();
  });

  it("leaves a journal alone whose middle was changed, and says which line", async () => {
    const { folder } = await finishedRun();
    const path = join(folder, "journal.jsonl");
    const before = (await readFile(path, "utf8")).replace('"to":"started"', '"to":"starteD"');
    await writeFile(path, before);
    await expect(openJournal({ folder, clock: tickingClock(), actor: "engine" })).rejects.toMatchObject({
      exit: "said-no",
      code: "broken-chain",
      message: expect.stringContaining("journal.jsonl:6"),
    });
    expect(await readFile(path, "utf8")).toBe(before);
  });

  it("refuses a journal whose tail was cut at a line's end", async () => {
    const { folder } = await finishedRun();
    const lines = await linesOf(folder);
    await writeFile(join(folder, "journal.jsonl"), `${lines.slice(0, -2).join("\n")}\n`);
    await expect(openJournal({ folder, clock: tickingClock(), actor: "engine" })).rejects.toMatchObject({ code: "cut-tail" });
  });

  it("refuses events a newer pawl wrote", async () => {
    const { folder } = await finishedRun();
    const lines = await linesOf(folder);
    await appendFile(
      join(folder, "journal.jsonl"),
      `${JSON.stringify({ v: 1, seq: lines.length + 1, time: "t", actor: "a", type: "node.blessed", prev: lineHash(lines.at(-1) ?? "") })}\n`,
    );
    await expect(openJournal({ folder, clock: tickingClock(), actor: "engine" })).rejects.toMatchObject({ code: "newer-event" });
  });

  it("says that there is no run where there is none", async () => {
    await expect(openJournal({ folder: await scratch(), clock: tickingClock(), actor: "engine" })).rejects.toMatchObject({
      exit: "usage",
      code: "no-run",
    });
  });

  it("goes on after a last line of which any number of bytes is left", async () => {
    const journal = await newRun();
    await journal.append(created("f".repeat(64)));
    await journal.append(moved("p/s", "prepared"));
    await journal.append(moved("p/s", "starting"));
    await journal.close();
    const path = join(journal.folder, "journal.jsonl");
    const whole = await readFile(path);
    const sound = whole.subarray(0, -1).lastIndexOf(10) + 1;
    for (let length = sound; length < whole.length; length += 1) {
      await writeFile(path, whole.subarray(0, length));
      const again = await openJournal({ folder: journal.folder, clock: tickingClock(), actor: "engine" });
      expect(
        again.events.map((event) => event.seq),
        `${length - sound} bytes left`,
      ).toEqual([1, 2]);
      await again.append(moved("p/s", "starting"));
      await again.close();
      expect((await readJournal(journal.folder)).events).toHaveLength(3);
    }
  });

  it("keeps every whole line and loses none of the torn bytes, wherever the tail was torn", async () => {
    const journal = await newRun();
    for (let n = 0; n < 6; n += 1) await journal.append(moved(`p/${n}`, "prepared"));
    await journal.close();
    const whole = await readFile(join(journal.folder, "journal.jsonl"));
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: whole.length }), async (length) => {
        const folder = join(await scratch(), "run");
        await (await createJournal({ folder, clock: tickingClock(), actor: "engine" })).close();
        await writeFile(join(folder, "journal.jsonl"), whole);
        await truncate(join(folder, "journal.jsonl"), length);
        const again = await openJournal({ folder, clock: tickingClock(), actor: "engine" });
        const sound = whole.subarray(0, length).lastIndexOf(10) + 1;
        expect(again.events).toHaveLength(whole.subarray(0, sound).toString().split("\n").length - 1);
        await again.append(moved("p/next", "prepared"));
        await again.close();
        const torn = await readFile(join(folder, "journal.torn")).catch(() => Buffer.alloc(0));
        expect(torn.subarray(0, length - sound)).toEqual(whole.subarray(sound, length));
        expect((await readJournal(folder)).torn).toBe(false);
      }),
      { numRuns: 40 },
    );
  });
});
