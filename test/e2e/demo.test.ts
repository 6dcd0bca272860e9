import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/domain/events.ts";
import { Desk, type Finished } from "./pawl.ts";
import { eventsOf, nodesComplete, nodesTouched, readPlanOf } from "./record.ts";

const HOPS = [
  { from: "1.9.4", to: "1.9.9" },
  { from: "1.9.9", to: "1.10.8" },
  { from: "1.10.8", to: "1.11.3" },
] as const;
const NODES = ["a1", "a2", "a3", "a4", "a5", "m1", "m2", "m3", "p1", "p2"];

let desk: Desk;
let ended: Finished;
/** Folders of the three runs, in the order of the result line. */
let runs: readonly string[];

beforeAll(async () => {
  desk = await Desk.create();
  ended = await desk.pawl(
    "demo",
    "--yes",
    "--json",
    "--masters",
    "3",
    "--private",
    "5",
    "--public",
    "2",
    "--version",
    "1.9.4",
    "--to",
    "1.11.3",
    "--time-scale",
    "5000",
    "--output-dir",
    desk.path("out"),
  );
  const last = JSON.parse(ended.out.trimEnd().split("\n").at(-1) ?? "{}") as { readonly runs?: readonly string[] };
  runs = last.runs ?? [];
}, 600_000);
afterAll(async () => desk.clear());

/** Another folder with the same bytes, to be spoiled. */
async function copyOf(run: string, name: string): Promise<string> {
  const copy = desk.path("copies", name);
  await cp(run, copy, { recursive: true });
  return copy;
}

/** Changes one byte in the middle of a file to another one of the same kind. */
async function alterByte(file: string, at?: number): Promise<void> {
  const bytes = await readFile(file);
  const place = at ?? Math.floor(bytes.length / 2);
  bytes[place] = bytes[place] === 0x61 ? 0x62 : 0x61;
  await writeFile(file, bytes);
}

describe("the demo: 3 masters, 5 private and 2 public agents from 1.9.4 to 1.11.3", () => {
  it("ends with 0 and three runs, one per hop, each complete", async () => {
    expect(ended.code, ended.err).toBe(0);
    expect(runs.map((run) => basename(run).replace(/^\d{8}T\d{6}Z-/, ""))).toEqual(HOPS.map((hop) => `upgrade-${hop.to}`));
    expect(runs.map((run) => basename(run))).toEqual(runs.map((run) => basename(run)).toSorted());
    for (const [index, run] of runs.entries()) {
      const plan = await readPlanOf(run);
      expect(plan.journey).toMatchObject({ goal: "1.11.3", hop: index + 1, hops: 3 });
      expect(new Set(Object.values(plan.facts.nodes).map((node) => node.version))).toEqual(new Set([HOPS[index]?.from]));
      const events = await desk.journal(run);
      expect(eventsOf(events, "run.completed")).toMatchObject([{ exit: 0, setAside: [] }]);
      expect(nodesComplete(plan, events).toSorted()).toEqual(NODES);
    }
  });

  it("touches every node once per hop: the masters first, the leading one of the moment last, then the canary alone", async () => {
    for (const run of runs) {
      const [plan, events] = [await readPlanOf(run), await desk.journal(run)];
      const touched = nodesTouched(plan, events);
      expect(touched.toSorted()).toEqual(NODES);
      expect(touched.slice(0, 3).toSorted()).toEqual(["m1", "m2", "m3"]);
      expect(touched[3]).toBe("a1");
      expect(touched.slice(4, 8).toSorted()).toEqual(["a2", "a3", "a4", "a5"]);
      const done = (step: string): number =>
        events.findIndex((event) => event.type === "step.moved" && event.step === step && event.to === "complete");
      const begun = (step: string): number =>
        events.findIndex((event) => event.type === "step.moved" && event.step === step && event.to === "starting");
      expect(begun("private-agents-1/a1/upgrade")).toBeGreaterThan(done("masters/soak"));
      expect(begun("private-agents-2/a2/upgrade")).toBeGreaterThan(done("private-agents-1/soak"));
      const last = plan.facts.last["master"]?.at(-1);
      // Where leadership moved meanwhile, the new order is on record.
      if (eventsOf(events, "order.changed").length === 0) expect(touched[2]).toBe(last);
    }
  });

  it("prints one JSON event a line: the three journals in order, then the result, and nothing else", async () => {
    const lines = ended.out.split("\n");
    expect(lines.at(-1)).toBe("");
    const printed = lines.slice(0, -1).map((line) => JSON.parse(line) as RunEvent | { readonly type: "result" });
    expect(printed.at(-1)).toEqual({ type: "result", exit: 0, name: "ok", run: runs.at(-1), runs });
    const journals = await Promise.all(runs.map((run) => desk.journal(run)));
    expect(printed.slice(0, -1)).toEqual(journals.flat());
    expect(ended.err).toBe("");
  });

  it("leaves records that verify, with pawl and with sha256sum alone", async () => {
    for (const run of runs) {
      const verified = await desk.pawl("verify", run);
      expect(verified.code, verified.out + verified.err).toBe(0);
      await promisify(execFile)("sha256sum", ["-c", "--strict", "--quiet", "SHA256SUMS"], { cwd: run, maxBuffer: 1 << 24 });
    }
  });

  it("shows evidence of every item of the workbook that was due", async () => {
    for (const run of runs) {
      const { code, value } = await desk.document("coverage", run);
      expect([code, (value as { readonly gaps: readonly unknown[] }).gaps]).toEqual([0, []]);
    }
  });

  it("chains every line of a journal to the one before it, under 4 KiB each, and the head closes it", async () => {
    for (const run of runs) {
      const text = await readFile(join(run, "journal.jsonl"), "utf8");
      const lines = text.split("\n");
      expect(lines.pop()).toBe("");
      let before = "0".repeat(64);
      for (const [index, line] of lines.entries()) {
        expect(JSON.parse(line)).toMatchObject({ v: 1, seq: index + 1, prev: before });
        expect(Buffer.byteLength(line)).toBeLessThan(4096);
        before = createHash("sha256").update(line).digest("hex");
      }
      const head = JSON.parse(await readFile(join(run, "head.json"), "utf8")) as unknown;
      expect(head).toMatchObject({ seq: lines.length, hash: before, bytes: Buffer.byteLength(text) });
    }
  });

  it("keeps the records from other users: files 0600, folders 0700", async () => {
    for (const run of runs) {
      const entries = await readdir(run, { recursive: true, withFileTypes: true });
      expect(entries.length).toBeGreaterThan(20);
      const modes = await Promise.all(
        entries.map(
          async (entry) =>
            `${entry.isDirectory() ? "folder" : "file"} ${((await stat(join(entry.parentPath, entry.name))).mode & 0o777).toString(8)}`,
        ),
      );
      expect(new Set(modes)).toEqual(new Set(["folder 700", "file 600"]));
    }
  });

  it("writes a report of every hop that names its versions, every node and the proof", async () => {
    for (const [index, run] of runs.entries()) {
      const report = await readFile(join(run, "report.md"), "utf8");
      expect(report).toContain(HOPS[index]?.from);
      expect(report).toContain(HOPS[index]?.to);
      for (const node of NODES) expect(report).toContain(`\`${node}\``);
      expect(report).toContain("replog-recovered");
      const again = await desk.pawl("report", run);
      expect(again.code).toBe(0);
      expect(again.out).toContain(HOPS[index]?.to);
    }
  });
});

describe("a record that was altered", () => {
  it("is found in the middle of the journal, and the line is named", async () => {
    const copy = await copyOf(runs[0] ?? "", "journal");
    const file = join(copy, "journal.jsonl");
    const bytes = await readFile(file);
    // A letter inside a verdict: the line stays valid JSON, only its content lies.
    const verdict = '"verdict":"';
    const at = bytes.indexOf(verdict, Math.floor(bytes.length / 2)) + verdict.length;
    expect(at).toBeGreaterThan(bytes.length / 2);
    await alterByte(file, at);
    const line = bytes.subarray(0, at).toString("utf8").split("\n").length;
    const { code, out, err } = await desk.pawl("verify", copy);
    expect(code).toBe(1);
    expect(out + err).toMatch(new RegExp(`journal\\.jsonl:(${line}|${line + 1}) `));
  });

  it("is found where the last line was altered: the head names it", async () => {
    const copy = await copyOf(runs[0] ?? "", "last-line");
    const file = join(copy, "journal.jsonl");
    const bytes = await readFile(file);
    await alterByte(file, bytes.lastIndexOf('"exit":0') + '"exit":'.length);
    const { code, out, err } = await desk.pawl("verify", copy);
    expect(code).toBe(1);
    expect(out + err).toContain(`journal.jsonl:${bytes.toString("utf8").trimEnd().split("\n").length} `);
  });

  it("is found where the tail of the journal is gone", async () => {
    const copy = await copyOf(runs[0] ?? "", "tail");
    const file = join(copy, "journal.jsonl");
    const lines = (await readFile(file, "utf8")).trimEnd().split("\n");
    await writeFile(file, `${lines.slice(0, -3).join("\n")}\n`);
    const { code, out, err } = await desk.pawl("verify", copy);
    expect(code).toBe(1);
    expect(out + err).toContain("tail was cut");
  });

  it("is found in an artifact, by its name", async () => {
    const copy = await copyOf(runs[1] ?? "", "artifact");
    const folder = join(copy, "artifacts");
    const [name = ""] = (await readdir(folder)).toSorted();
    await alterByte(join(folder, name));
    const { code, out, err } = await desk.pawl("verify", copy);
    expect(code).toBe(1);
    expect(out + err).toContain(`artifacts/${name}`);
    await expect(
      promisify(execFile)("sha256sum", ["-c", "--strict", "--quiet", "SHA256SUMS"], { cwd: copy }),
    ).rejects.toMatchObject({ code: 1, stdout: expect.stringContaining(name) as unknown });
  });

  it("is found in the plan that was approved", async () => {
    const copy = await copyOf(runs[2] ?? "", "plan");
    await alterByte(join(copy, "plan.json"));
    const { code, value } = await desk.document("verify", copy);
    expect(code).toBe(1);
    expect(value).toMatchObject({
      ok: false,
      findings: expect.arrayContaining([expect.objectContaining({ level: "broken", file: "plan.json" })]) as unknown,
    });
  });

  it("says nothing against an untouched copy", async () => {
    const copy = await copyOf(runs[2] ?? "", "untouched");
    expect((await desk.pawl("verify", copy)).code).toBe(0);
  });
});
