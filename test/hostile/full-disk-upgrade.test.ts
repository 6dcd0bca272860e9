import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { RunEvent } from "../../src/domain/events.ts";
import type { Plan } from "../../src/domain/plan.ts";
import { readJournal } from "../../src/journal/read.ts";
import { pawl } from "../cli/record-material.ts";
import { readPlanOf } from "../e2e/record.ts";
import { embed, TARGET, type Embedded } from "../platform/dcos/embedded.ts";
import { onDisk, type Ended } from "../platform/dcos/on-disk.ts";
import { describeReal } from "../real/requires.ts";
import { mountSmallDisk, type SmallDisk } from "./small-disk.ts";

const ROOM = { bytes: 64 << 20, files: 100_000 };
let disk: SmallDisk;
let state: string;

const scriptsOf = ({ lab }: Embedded): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(lab.cluster.inspect()).flatMap(([node, one]) => {
      const runs = one.scriptRuns.filter((run) => run.target === TARGET).length;
      return runs === 0 ? [] : [[node, runs] as const];
    }),
  );

/** Places where the disk fills up: the first intent of every phase of the plan, and the end, when the record is sealed. */
function placesOf(plan: Plan): readonly string[] {
  return [...plan.phases.map((phase) => phase.name), "seal"];
}

function isAt(event: RunEvent, place: string): boolean {
  if (place === "seal") return event.type === "run.completed";
  return event.type === "step.moved" && event.to === "starting" && event.step.split("/")[0] === place;
}

/** What is told is clear, whatever the moment: exit 6 or 7, the file or the step by name, and a way on; never a stack. */
function expectClear(told: Ended, place: string): void {
  expect(["step-failed", "outcome-unknown"], place).toContain(told.exit);
  const halted = told.events.find((event) => event.type === "run.halted");
  const said = told.error === null ? JSON.stringify(halted) : `${told.error.message} ${JSON.stringify(told.error.details)}`;
  expect(said, place).toMatch(/no space|journal could not be written|ENOSPC/i);
}

describeReal("a disk for the evidence that fills up during an upgrade of DC/OS", ["util-linux"], () => {
  beforeAll(async () => {
    disk = await mountSmallDisk(ROOM);
    state = mkdtempSync(join(tmpdir(), "pawl-full-"));
  });
  afterAll(async () => {
    await disk.close();
    rmSync(state, { recursive: true, force: true });
  });

  it(
    "in its preflight, in every phase and while it is sealed: nothing without its intent on disk, and no node upgraded twice",
    { timeout: 600_000 },
    async () => {
      const embedded = await embed({ version: "1.10.8", privateAgents: 1, publicAgents: 0 });
      const desk = onDisk(embedded, join(disk.path, "backups"), state);
      disk.resize({ bytes: disk.used().bytes + 8_192 });
      const early = await desk.upgrade(TARGET);
      disk.resize(ROOM);
      expectClear(early, "preflight");
      expect([early.runs, scriptsOf(embedded)]).toEqual([[], {}]);

      let place = "data-collection";
      let filled = false;
      desk.onEvent = (event) => {
        if (filled || !isAt(event, place)) return;
        filled = true;
        disk.resize({ bytes: disk.used().bytes });
      };
      let told = await desk.upgrade(TARGET);
      const run = told.runs[0] ?? "";
      for (const next of placesOf(await readPlanOf(run))) {
        if (next !== place) {
          [place, filled] = [next, false];
          told = await desk.resume(run);
        }
        disk.resize(ROOM);
        expect(filled, `${place} was reached: ${told.exit} ${told.error?.message ?? ""}`).toBe(true);
        expectClear(told, place);
        // Nothing of what is there is wrong, and no script ran whose intent is not on disk.
        const verified = await pawl(state, "verify", run);
        expect(verified.err + verified.out, place).not.toMatch(/broken|changed|contradict/);
        const { events } = await readJournal(run);
        const meant = events.flatMap((event) =>
          event.type === "step.moved" && event.to === "starting" ? [event.step.split("/")[1] ?? ""] : [],
        );
        expect(meant, place).toEqual(expect.arrayContaining(Object.keys(scriptsOf(embedded))));
      }
      place = "nowhere";
      const last = await desk.resume(run);
      expect([last.exit, last.error]).toEqual(["ok", null]);
      expect(scriptsOf(embedded)).toEqual({ m1: 1, m2: 1, m3: 1, a1: 1 });
      const verified = await pawl(state, "verify", run);
      expect([verified.exit, verified.err]).toEqual(["ok", ""]);
      expect(readFileSync(join(run, "report.md"), "utf8")).toContain(TARGET);
      await embedded.close();
    },
  );
});
