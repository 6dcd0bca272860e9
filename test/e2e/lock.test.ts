import { createInterface } from "node:readline";
import { readFile, writeFile } from "node:fs/promises";
import { afterEach, describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/domain/events.ts";
import { Desk, finish } from "./pawl.ts";

let desk: Desk;
afterEach(async () => desk.clear());

/** Where each manager's lock is looked for, over plain SSH as a person would. */
async function locksOn(inventory: string): Promise<string> {
  const found = await desk.pawl("unlock", "-i", inventory, "--reason", "only to look", "--json");
  return found.out;
}

/** Starts an upgrade as another machine would: a state folder and a backup folder of its own. */
function upgradeFrom(machine: string, inventory: string, ...more: readonly string[]) {
  const args = [
    "upgrade",
    "-i",
    inventory,
    "--to",
    "1.9.9",
    "--yes",
    "--json",
    "--output-dir",
    desk.path(machine, "backups"),
    ...more,
  ];
  return desk.start(args, { PAWL_STATE_DIR: desk.path(machine, "state") });
}

function eventsOf(out: string): readonly RunEvent[] {
  return out
    .split("\n")
    .filter((line) => line.includes('"seq"'))
    .map((line) => JSON.parse(line) as RunEvent);
}

/** Resolves when the child has printed an event of this type. */
async function saw(child: ReturnType<Desk["start"]>, type: RunEvent["type"]): Promise<RunEvent> {
  const { stdout } = child;
  if (stdout === null) throw new Error("no stdout");
  return new Promise((resolve, reject) => {
    createInterface({ input: stdout }).on("line", (line) => {
      if (line.includes(`"type":"${type}"`) && line.includes('"seq"')) resolve(JSON.parse(line) as RunEvent);
    });
    child.on("exit", (code) => reject(new Error(`ended with ${code} before ${type}`)));
  });
}

describe("the lock of a cluster", () => {
  it(
    "lets one of two machines work that start at the same moment; the other ends 9 and leaves nothing",
    { timeout: 300_000 },
    async () => {
      desk = await Desk.create();
      const lab = await desk.lab();
      // The same cluster under another name, its nodes in another order: the cluster's identity counts.
      const text = await readFile(lab.inventory, "utf8");
      const twin = desk.path("twin.yaml");
      await writeFile(
        twin,
        text.replace(/^( *name: ).*$/m, "$1twin").replace(/metadata: \{ name: [^,}]+/, "metadata: { name: twin"),
      );
      const children = [
        upgradeFrom("desk", lab.inventory, "--stop-after", "masters"),
        upgradeFrom("laptop", twin, "--stop-after", "masters"),
      ];
      const ends = await Promise.all(children.map((child) => finish(child)));
      expect(
        ends.map((end) => end.code).toSorted((a, b) => Number(a) - Number(b)),
        ends.map((end) => end.err).join("\n"),
      ).toEqual([0, 9]);
      const loser = ends.find((end) => end.code === 9);
      const halted = eventsOf(loser?.out ?? "").find((event) => event.type === "run.halted");
      expect(halted).toMatchObject({
        exit: 9,
        problem: {
          code: "lock.held",
          observed: expect.stringMatching(
            / on .+, run \S+-upgrade-1\.9\.9, since .+, for .+; process \d+ is running on this machine; last sign of life/,
          ),
        },
      });
      expect(halted?.type === "run.halted" ? halted.problem.next : "").toMatch(/^pawl status /);
      expect(eventsOf(loser?.out ?? "").some((event) => event.type === "lock.taken")).toBe(false);
      const state = await lab.state();
      for (const name of ["m1", "m2", "m3"]) expect(state[name]?.scriptRuns).toHaveLength(1);
      expect(JSON.parse(await locksOn(lab.inventory))).toMatchObject({
        local: null,
        nodes: [
          { node: "m1", broken: false, found: "no lock" },
          { node: "m2", broken: false, found: "no lock" },
          { node: "m3", broken: false, found: "no lock" },
        ],
      });
      await lab.stop();
    },
  );

  it(
    "keeps a verb from another state folder away from a record that an engine writes: it is refused, and the record stays whole",
    { timeout: 300_000 },
    async () => {
      desk = await Desk.create();
      const lab = await desk.lab();
      const engine = upgradeFrom("desk", lab.inventory, "--stop-after", "masters");
      const created = await saw(engine, "lock.taken");
      const output = desk.path("desk", "backups");
      // Neither its socket nor its lock is in that state folder: to this verb the run looks halted.
      const elsewhere = { PAWL_STATE_DIR: desk.path("laptop", "state") };
      const verb = await desk.pawlAs(elsewhere, "stop", "latest", "--output-dir", output, "--reason", "somebody else");
      expect([verb.code, verb.err]).toEqual([
        9,
        expect.stringMatching(/another pawl writes the record of this run: [\s\S]*is running/),
      ]);
      const end = await finish(engine);
      expect([created.type, end.code, end.err]).toEqual(["lock.taken", 0, expect.anything()]);
      // Nobody writes any more: the same verb is heard, and says why it does not fit.
      const later = await desk.pawlAs(elsewhere, "stop", "latest", "--output-dir", output, "--reason", "somebody else");
      expect(later.code).not.toBe(9);
      const verified = await desk.pawlAs(elsewhere, "verify", "latest", "--output-dir", output);
      expect([verified.code, verified.err]).toEqual([0, ""]);
      await lab.stop();
    },
  );

  it(
    "of a killed run is explained elsewhere, broken with a reason that is journaled, and its run can be resumed",
    { timeout: 300_000 },
    async () => {
      desk = await Desk.create();
      const lab = await desk.lab();
      const elsewhere = { PAWL_STATE_DIR: desk.path("laptop", "state") };
      const holder = upgradeFrom("desk", lab.inventory);
      await saw(holder, "lock.taken");
      // Held still, so that it is not in the middle of a script when it dies: a half upgraded node is another story.
      holder.kill("SIGSTOP");
      const beside = await desk.pawlAs(elsewhere, "unlock", "-i", lab.inventory, "--reason", "it looks stuck");
      expect([beside.code, beside.err]).toEqual([9, expect.stringMatching(/the engine that holds this cluster is at work/)]);
      holder.kill("SIGKILL");
      await finish(holder);

      const other = await finish(upgradeFrom("laptop", lab.inventory));
      expect(other.code).toBe(9);
      const halted = eventsOf(other.out).find((event) => event.type === "run.halted");
      const problem = halted?.type === "run.halted" ? halted.problem : null;
      expect(problem?.observed).toMatch(/process \d+ on this machine is not running any more; .*its record says: /);
      const [, folder = ""] =
        /pawl resume (\S+), or when that run is given up: pawl unlock -i \S+ --reason TEXT/.exec(problem?.next ?? "") ?? [];
      expect(folder).toContain("desk/backups/");

      const unlocked = await desk.pawlAs(elsewhere, "unlock", "-i", lab.inventory, "--reason", "the desk lost power");
      expect([unlocked.code, unlocked.out]).toEqual([0, expect.stringMatching(/m1: lock broken of .*is not running any more/)]);
      expect((await desk.journal(desk.path(folder))).at(-1)).toMatchObject({
        type: "lock.broken",
        reason: "the desk lost power",
      });

      const resumed = await desk.pawlAs(
        { PAWL_STATE_DIR: desk.path("desk", "state") },
        "resume",
        folder,
        "--yes",
        "--stop-after",
        "masters",
      );
      expect([resumed.code, resumed.err]).toEqual([0, ""]);
      await lab.stop();
    },
  );
});
