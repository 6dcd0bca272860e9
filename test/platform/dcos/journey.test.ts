import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { eventsOf } from "../../e2e/record.ts";
import { readJournal } from "../../../src/journal/read.ts";
import { embed } from "./embedded.ts";
import { onDisk } from "./on-disk.ts";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "pawl-journey-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it(
  "a hop begun by a resume has the ticket of the hop before it, and is asked about anew where nobody approves",
  { timeout: 300_000 },
  async () => {
    const embedded = await embed({ version: "1.9.9", privateAgents: 1, publicAgents: 0 });
    await embedded.byHand("1.9.9", "1.10.8", ["m1", "m2", "m3"]);
    const pawl = onDisk(embedded, join(folder, "backups"), join(folder, "state"));
    const first = await pawl.upgrade("1.11.3", { ticket: "CHG-4711", stopAfter: "validation" });
    expect([first.exit, first.runs.length, first.error]).toEqual(["ok", 1, null]);
    const resumed = await pawl.resume(first.runs[0] ?? "", { approve: ["site-specific"] });
    expect([resumed.exit, resumed.runs.length, resumed.error]).toEqual(["waiting", 2, null]);
    const created = await Promise.all(
      resumed.runs.map(async (run) => eventsOf((await readJournal(run)).events, "run.created")[0]),
    );
    expect(created).toMatchObject([{ ticket: "CHG-4711" }, { ticket: "CHG-4711" }]);
    await embedded.close();
  },
);
