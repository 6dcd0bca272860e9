import { execFileSync } from "node:child_process";
import { appendFile, cp, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { canonical, type Json } from "../../src/domain/json.ts";
import { lineHash, sha256Of } from "../../src/journal/event-line.ts";
import { createJournal, openJournal } from "../../src/journal/file-journal.ts";
import type { Manifest } from "../../src/journal/manifest.ts";
import { verifyRun } from "../../src/journal/verify.ts";
import { captured, created, finishedRun, moved, PLAN, scratch, tickingClock } from "./material.ts";

let original = "";
beforeAll(async () => {
  original = (await finishedRun()).folder;
});

/** A copy of the sound run, spoilt by `spoil`. */
async function spoilt(spoil: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(await mkdtemp(join(tmpdir(), "pawl-verify-")), "run");
  await cp(original, folder, { recursive: true });
  await spoil(folder);
  return folder;
}

async function complaints(folder: string): Promise<string[]> {
  const { findings } = await verifyRun(folder);
  return findings.map(({ level, file, line, text }) => `${level} ${file}${line === null ? "" : `:${line}`} ${text}`);
}

describe("verify", () => {
  it("finds nothing wrong with a sealed run, and neither does sha256sum", async () => {
    const result = await verifyRun(original);
    expect(result).toMatchObject({ ok: true, findings: [], events: 10, artifacts: 3 });
    const lines = (await readFile(join(original, "journal.jsonl"), "utf8")).trimEnd().split("\n");
    expect(result.head).toBe(lineHash(lines.at(-1) ?? ""));
    execFileSync("sha256sum", ["-c", "--strict", "--quiet", "SHA256SUMS"], { cwd: original });
  });

  it("finds any flipped bit in any file of the record", async () => {
    const files = (await readdir(original, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(original.length + 1));
    expect(files).toEqual(
      expect.arrayContaining(["journal.jsonl", "plan.json", "manifest.json", "head.json", "SHA256SUMS", "report.md"]),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.integer({ min: 0, max: 7 }),
        async (name, where, bit) => {
          const folder = await spoilt(async (copy) => {
            const bytes = await readFile(join(copy, name));
            const at = Math.floor(where * bytes.length);
            bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
            await writeFile(join(copy, name), bytes);
          });
          expect((await verifyRun(folder)).ok, `${name} at ${where} bit ${bit}`).toBe(false);
          await rm(folder, { recursive: true });
        },
      ),
      { numRuns: 300 },
    );
  });

  it("finds a tail cut anywhere, also at the end of a line", async () => {
    const whole = await readFile(join(original, "journal.jsonl"));
    const ends = [...whole.entries()]
      .filter(([, byte]) => byte === 10)
      .map(([at]) => at + 1)
      .slice(0, -1);
    for (const length of [...ends, whole.length - 1, 17, 0]) {
      const folder = await spoilt((copy) => truncate(join(copy, "journal.jsonl"), length));
      expect((await verifyRun(folder)).ok, `${length} bytes`).toBe(false);
    }
    const folder = await spoilt((copy) => truncate(join(copy, "journal.jsonl"), ends.at(-1) ?? 0));
    expect(await complaints(folder)).toContain(
      "broken journal.jsonl:9 is the last line, but the run was sealed at line 10: the tail was cut",
    );
  });

  it("names the line that was changed", async () => {
    const folder = await spoilt(async (copy) => {
      const path = join(copy, "journal.jsonl");
      await writeFile(path, (await readFile(path, "utf8")).replace("n1: up", "n1: UP"));
    });
    expect(await complaints(folder)).toContain(
      "broken journal.jsonl:9 does not follow the line before it: one of the two was changed, or lines between them are gone",
    );
  });

  it("finds a line taken out, one put in and two exchanged", async () => {
    const lines = (await readFile(join(original, "journal.jsonl"), "utf8")).trimEnd().split("\n");
    const orders = [
      lines.toSpliced(4, 1),
      lines.toSpliced(4, 0, lines[4] ?? ""),
      lines.toSpliced(4, 2, lines[5] ?? "", lines[4] ?? ""),
    ];
    for (const changed of orders) {
      const folder = await spoilt((copy) => writeFile(join(copy, "journal.jsonl"), `${changed.join("\n")}\n`));
      expect((await verifyRun(folder)).findings.some((one) => one.level === "broken" && one.line !== null)).toBe(true);
    }
  });

  it("finds a forged line although its successors were chained anew, by the head", async () => {
    const folder = await spoilt(async (copy) => {
      const path = join(copy, "journal.jsonl");
      let prev = "0".repeat(64);
      const forged = (await readFile(path, "utf8"))
        .trimEnd()
        .split("\n")
        .map((line) => {
          const text = JSON.stringify({ ...JSON.parse(line.replace("n1: up", "n1: UP")), prev });
          prev = lineHash(text);
          return text;
        });
      await writeFile(path, `${forged.join("\n")}\n`);
    });
    expect(await complaints(folder)).toContain("broken journal.jsonl:10 is not the line that head.json names: it was changed");
  });

  it("finds missing, swapped and renamed artifacts", async () => {
    const [one = "", two = ""] = (await readdir(join(original, "artifacts"))).map((name) => join("artifacts", name));
    const gone = await spoilt((copy) => rm(join(copy, one)));
    expect((await complaints(gone)).some((text) => text.startsWith(`broken ${one} is missing`))).toBe(true);
    const swapped = await spoilt((copy) => cp(join(copy, one), join(copy, two)));
    expect((await complaints(swapped)).some((text) => text.startsWith(`broken ${two} was changed`))).toBe(true);
    const renamed = await spoilt((copy) => rename(join(copy, one), join(copy, "artifacts", "0".repeat(64))));
    expect((await verifyRun(renamed)).findings.filter((finding) => finding.level === "broken").length).toBeGreaterThanOrEqual(2);
  });

  it("does not let a manifest or a sums file claim less than the journal recorded", async () => {
    const poorer = await spoilt(async (copy) => {
      const manifest = JSON.parse(await readFile(join(copy, "manifest.json"), "utf8")) as Manifest;
      const text = `${JSON.stringify({ ...manifest, artifacts: manifest.artifacts.slice(1) }, null, 1)}\n`;
      const sums = await readFile(join(copy, "SHA256SUMS"), "utf8");
      await writeFile(join(copy, "manifest.json"), text);
      await writeFile(join(copy, "SHA256SUMS"), sums.replace(/^[0-9a-f]{64}(?= {2}manifest)/m, sha256Of(text)));
    });
    expect(await complaints(poorer)).toEqual(["broken manifest.json differs from what the journal recorded up to event 10"]);
    const silent = await spoilt(async (copy) => {
      const sums = await readFile(join(copy, "SHA256SUMS"), "utf8");
      await writeFile(join(copy, "SHA256SUMS"), sums.replace(/^.* plan\.json\n/m, ""));
    });
    expect(await complaints(silent)).toEqual(["broken SHA256SUMS does not list plan.json"]);
  });

  it("finds another plan than the approved one, also when the sums were made anew", async () => {
    const folder = await spoilt(async (copy) => {
      const text = (await readFile(join(copy, "plan.json"), "utf8")).replace('"2.0"', '"3.0"');
      await writeFile(join(copy, "plan.json"), text);
      const sums = await readFile(join(copy, "SHA256SUMS"), "utf8");
      await writeFile(join(copy, "SHA256SUMS"), sums.replace(/^[0-9a-f]{64}(?= {2}plan)/m, sha256Of(text)));
    });
    expect((await complaints(folder)).join("\n")).toContain("broken plan.json is not the plan that was approved");
  });

  it("accepts the fingerprint of the canonical plan as the plan's hash", async () => {
    const folder = join(await scratch(), "run");
    const journal = await createJournal({ folder, clock: tickingClock(), actor: "engine" });
    await writeFile(join(folder, "plan.json"), JSON.stringify(PLAN, null, 4));
    await journal.append(created(sha256Of(canonical(PLAN as unknown as Json))));
    await journal.seal();
    await journal.close();
    expect(await complaints(folder)).toEqual([]);
  });

  it("tolerates event types of a newer pawl, and says that it did not look inside", async () => {
    const folder = await spoilt(async (copy) => {
      const path = join(copy, "journal.jsonl");
      const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
      const line = JSON.stringify({
        v: 2,
        seq: 11,
        time: "2030-01-01T00:00:00Z",
        actor: "engine",
        type: "node.blessed",
        prev: lineHash(lines.at(-1) ?? ""),
        by: "x",
      });
      await appendFile(path, `${line}\n`);
      await writeFile(
        join(copy, "head.json"),
        `${JSON.stringify({ v: 1, seq: 11, hash: lineHash(line), bytes: (await readFile(path)).length })}\n`,
      );
      await writeFile(
        join(copy, "manifest.json"),
        (await readFile(join(copy, "manifest.json"), "utf8")).replace('"seq": 10', '"seq": 11'),
      );
      const sums = (await readFile(join(copy, "SHA256SUMS"), "utf8"))
        .trimEnd()
        .split("\n")
        .map((row) => row.slice(66));
      await writeFile(
        join(copy, "SHA256SUMS"),
        (await Promise.all(sums.map(async (name) => `${sha256Of(await readFile(join(copy, name)))}  ${name}\n`))).join(""),
      );
    });
    const result = await verifyRun(folder);
    expect(result).toMatchObject({
      ok: true,
      findings: [{ level: "note", line: 11, text: expect.stringContaining("node.blessed") }],
    });
  });

  it("does not call a run whole that never came to a stop, or went on after its last one", async () => {
    const folder = join(await scratch(), "run");
    const journal = await createJournal({ folder, clock: tickingClock(), actor: "engine" });
    await writeFile(join(folder, "plan.json"), canonical(PLAN as unknown as Json));
    await journal.append(created(sha256Of(canonical(PLAN as unknown as Json))));
    expect(await verifyRun(folder)).toMatchObject({
      ok: false,
      findings: [
        { level: "unproven", file: "head.json" },
        { level: "note", file: "manifest.json" },
        { level: "unproven", file: "SHA256SUMS" },
      ],
    });
    await journal.seal();
    expect((await verifyRun(folder)).ok).toBe(true);
    await journal.append(await captured(folder, "late", "late\n"));
    const result = await verifyRun(folder);
    expect(result.ok).toBe(false);
    expect(result.findings.map((one) => one.level)).toEqual(["unproven"]);
    await journal.seal();
    await journal.close();
    expect((await verifyRun(folder)).ok).toBe(true);
  });

  it("tells an interrupted seal from a changed record, and a new seal heals it", async () => {
    for (const fresh of [["report.md"], ["report.md", "manifest.json"], ["report.md", "manifest.json", "head.json"]]) {
      const { folder } = await finishedRun();
      const old = await mkdtemp(join(tmpdir(), "pawl-seal-"));
      await cp(folder, old, { recursive: true });
      const again = await openJournal({
        folder,
        clock: tickingClock(),
        actor: "engine",
        derive: (events) => [{ name: "report.md", text: `# ${events.length}\n` }],
      });
      await again.append({ type: "run.opened", pid: 2, host: "h", boot: "b", resumed: true });
      await again.seal();
      for (const name of ["report.md", "manifest.json", "head.json", "SHA256SUMS"].filter((one) => !fresh.includes(one)))
        await cp(join(old, name), join(folder, name));
      const found = await verifyRun(folder);
      expect(found.ok).toBe(false);
      expect(
        found.findings.every((one) => one.level === "unproven"),
        JSON.stringify(found.findings),
      ).toBe(true);
      await again.seal();
      await again.close();
      expect((await verifyRun(folder)).findings).toEqual([]);
    }
  });

  it("finds a status move that cannot happen", async () => {
    const { folder } = await finishedRun([moved("p/n1/s", "starting")]);
    expect(await complaints(folder)).toEqual([
      "broken journal.jsonl:10 moves step p/n1/s from complete to starting, which cannot happen",
    ]);
  });

  it("says that a folder without journal is no run", async () => {
    await expect(verifyRun(await scratch())).rejects.toMatchObject({ exit: "usage", code: "no-run" });
  });

  it("notes stray files and stored bytes that no event mentions, and still passes", async () => {
    const folder = await spoilt(async (copy) => {
      await writeFile(join(copy, "notes.txt"), "mine");
      await captured(copy, "orphan", "nobody asked\n");
    });
    const result = await verifyRun(folder);
    expect(result.ok).toBe(true);
    expect(result.findings.map((one) => [one.level, one.file])).toEqual([
      ["note", "artifacts"],
      ["note", "notes.txt"],
    ]);
  });

  it("notes what an interrupted writer left half written, by name, and believes nothing of it", async () => {
    const folder = await spoilt(async (copy) => {
      await writeFile(join(copy, "artifacts", ".part.5f6c2a52-7a0e-4b3e-9c55-3d1f6a3f3b10.tmp"), "half a st");
    });
    const result = await verifyRun(folder);
    expect(result.ok).toBe(true);
    expect(result.findings).toMatchObject([
      {
        level: "note",
        file: "artifacts/.part.5f6c2a52-7a0e-4b3e-9c55-3d1f6a3f3b10.tmp",
        text: expect.stringContaining("unfinished") as string,
      },
    ]);
    const whole = await verifyRun(await spoilt(() => Promise.resolve()));
    expect(result.artifacts).toBe(whole.artifacts);
  });
});
