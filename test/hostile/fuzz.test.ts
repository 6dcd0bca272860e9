import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseDigests } from "../../src/action/capture-tar.ts";
import { createTarScan } from "../../src/action/tar-scan.ts";
import { createMasker } from "../../src/artifact/mask.ts";
import { fromText } from "../../src/check/answers.ts";
import { parseEvidence } from "../../src/check/recorded.ts";
import { readDocuments } from "../../src/document/documents.ts";
import { decode } from "../../src/document/encoding.ts";
import { PawlError } from "../../src/domain/errors.ts";
import type { RunEvent } from "../../src/domain/events.ts";
import type { Json } from "../../src/domain/json.ts";
import { parseLine } from "../../src/journal/event-line.ts";
import { foldJournal } from "../../src/journal/read.ts";
import { parseListing } from "../../src/platform/dcos/facts/files-script.ts";
import { parseApps, normaliseConstraints } from "../../src/platform/dcos/marathon.ts";
import { frameworkId, parseAgents } from "../../src/platform/dcos/mesos.ts";
import { parseFacts } from "../../src/platform/dcos/facts/node-facts.ts";
import { judgeScriptText, urlOfGenerator, versionsOfScript } from "../../src/platform/dcos/upgrade/script-text.ts";
import { summarise } from "../../src/platform/dcos/capture/summary.ts";
import { parseMntr } from "../../src/platform/dcos/zookeeper/four-letter-words.ts";
import { CHECK, INVENTORY, POLICY, RUNBOOK } from "../document/material.ts";
import { bend, mutate, random } from "./mutations.ts";

const root = join(import.meta.dirname, "../..");
const shipped = ["runbooks", "checks/dcos", "runbooks/policies", "inventories"].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => readFileSync(join(root, folder, name))),
);

/** Throws nothing; whatever is not read has complaints with places, printable and in words. */
function expectJudged(bytes: Buffer): "valid" | "refused" {
  const source = decode("f", bytes);
  const { documents, complaints } = readDocuments([source], "/home/op");
  if (documents.length === 0 && complaints.length === 0) throw new Error("neither documents nor complaints");
  const lines = bytes.toString("latin1").split("\n").length;
  for (const one of complaints) {
    if (!(one.line >= 1 && one.line <= lines + 1 && one.column >= 1)) throw new Error(`no place: ${JSON.stringify(one)}`);
    if (/undefined|\[object|something else/.test(one.message)) throw new Error(one.message);
  }
  return complaints.length > 0 ? "refused" : "valid";
}

describe("fuzzed documents", () => {
  it("are valid, or refused with places: 39,000 small ones, 1,000 made from those that are shipped", { timeout: 300_000 }, () => {
    const roll = random(20261121);
    const small = [INVENTORY, RUNBOOK, CHECK, POLICY, `${CHECK}---\n${RUNBOOK}`].map((text) => Buffer.from(text));
    const ends = { valid: 0, refused: 0 };
    for (let round = 0; round < 39_000; round += 1)
      ends[expectJudged(mutate(small[roll(small.length)] ?? Buffer.alloc(0), roll))] += 1;
    for (let round = 0; round < 1_000; round += 1) {
      // A cut of a large document, at the lines: what is left is small enough to be tried often.
      const lines = (shipped[roll(shipped.length)] ?? Buffer.alloc(0)).toString("utf8").split("\n");
      const from = roll(lines.length);
      ends[expectJudged(mutate(Buffer.from([...lines.slice(0, 5), ...lines.slice(from, from + 60)].join("\n")), roll))] += 1;
    }
    expect(ends.valid).toBeGreaterThan(500);
    expect(ends.refused).toBeGreaterThan(20_000);
  });
});

/** Recorded bodies of real systems, and the lines pawl's own scripts print. */
const bodies: readonly string[] = readdirSync(join(root, "test/fixture/mesos-real"), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".json") && !entry.name.includes("timeline"))
  .flatMap((entry) => {
    const { captures = [] } = JSON.parse(readFileSync(join(entry.parentPath, entry.name), "utf8")) as {
      readonly captures?: readonly { readonly body?: Json }[];
    };
    return captures.flatMap(({ body }) =>
      body === undefined || body === null ? [] : [typeof body === "string" ? body : JSON.stringify(body)],
    );
  })
  .filter((body) => body.length > 20 && body.length < 20_000)
  .slice(0, 120);
const words: readonly string[] = readdirSync(join(root, "test/fixture/zookeeper"), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".txt"))
  .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
const FACTS =
  '\n=== version\n{"version": "1.9.4"}\n=== roles\nmaster\n=== install-progress\nabsent\n=== date\n1700000000.5\n=== config\nabc  x\n=== disk-opt\nFilesystem 1024-blocks Used Available Capacity Mounted\n/dev/sda 100 10 90 10% /\n=== boot\nid\n=== uid\n0\n=== end\n';
const APPS: Json = {
  apps: [
    {
      id: "/a",
      instances: 2,
      env: { A: "b" },
      constraints: [["hostname", "UNIQUE"]],
      tasksRunning: 2,
      upgradeStrategy: { minimumHealthCapacity: 1 },
    },
  ],
};
const journal = readFileSync(join(root, "test/journal/released/0.1.0-upgrade-set-aside.jsonl"), "utf8").trim().split("\n");

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}

/** Expected failures only: a PawlError with the given exit. */
function only(exit: string, act: () => unknown): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof PawlError) || error.exit !== exit) throw error;
  }
}

describe("fuzzed answers of a cluster", () => {
  it(
    "are read as what they are or as no answer by every reader: 60,000 of them, nothing is ever thrown",
    { timeout: 300_000 },
    async () => {
      const roll = random(7);
      const masker = createMasker({ key: Buffer.alloc(32, 1) });
      expect(bodies.length).toBeGreaterThan(20);
      const pick = <T>(from: readonly T[]): T | undefined => from[roll(from.length)];
      let read = 0;
      for (let round = 0; round < 12_000; round += 1) {
        const body = pick(bodies) ?? "";
        const bent = bend(parsed(body), roll);
        const text = roll(2) === 0 ? JSON.stringify(bent) : mutate(Buffer.from(body), roll).toString("utf8");
        for (const as of ["json", "text", "table", "answer"] as const) if (fromText(as, text).kind === "read") read += 1;
        parseAgents(bent);
        frameworkId(bent, "marathon");
        const apps = bend(APPS, roll);
        parseApps(apps);
        normaliseConstraints(apps);
        parseMntr(mutate(Buffer.from(pick(words) ?? ""), roll).toString("utf8"));
        const lines = mutate(Buffer.from(FACTS), roll).toString("utf8");
        parseFacts(lines);
        parseListing(lines);
        parseDigests(lines);
        versionsOfScript(text);
        judgeScriptText(text, { from: "1.9.4", to: "1.9.9" });
        urlOfGenerator(lines);
        if (round % 20 === 0) {
          masker.text(text);
          summarise(
            new Map([
              ["cluster/state.json", Buffer.from(text)],
              ["marathon/apps.json", Buffer.from(JSON.stringify(apps))],
              ["cluster/slaves.json", Buffer.from(JSON.stringify(bent))],
            ]),
          );
          only("invalid-document", () =>
            parseEvidence([
              { file: "f", text },
              {
                file: "g",
                text: JSON.stringify(
                  bend(
                    {
                      captures: [{ node: "m1", host: "10.0.0.1", port: 1, method: "GET", path: "/", answer: {} }],
                      subjects: {},
                      facts: {},
                    },
                    roll,
                  ),
                ),
              },
            ]),
          );
        }
        if (round % 10 === 0) {
          const line = mutate(Buffer.from(pick(journal) ?? ""), roll).toString("utf8");
          parseLine(line);
          const scan = createTarScan();
          const tar = mutate(Buffer.concat([Buffer.alloc(512, "ustar"), Buffer.alloc(1024)]), roll);
          for (let at = 0; at < tar.length; at += 100) scan.write(tar.subarray(at, at + 100));
          scan.finish();
        }
        if (round % 60 === 0) {
          const at = roll(journal.length);
          const events = journal
            .map((one, index) => (index === at ? bend(parsed(one), roll) : parsed(one)))
            .filter(
              (one) =>
                one !== null &&
                typeof one === "object" &&
                !Array.isArray(one) &&
                typeof (one as { type?: unknown }).type === "string",
            ) as unknown as readonly RunEvent[];
          only("said-no", () => foldJournal("f", events));
        }
      }
      expect(read).toBeGreaterThan(10_000);
    },
  );
});
