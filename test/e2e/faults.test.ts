import { readdir, readFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EXIT } from "../../src/domain/errors.ts";
import type { Finding } from "../../src/domain/plan.ts";
import { expectFinished, expectHalt, expectReattached, expectUntouched, expectWholeFinding } from "../fault-expectations.ts";
import { exitCode, FAULT_TABLE, faultArgument, faultyNode, type FaultCase } from "../faults.ts";
import { Desk } from "./pawl.ts";
import { eventsOf, readPlanOf } from "./record.ts";

/** Soaks are no subject here: a lab may shorten them. */
const SOAKS = ["masters", "canary", "waves", "public"].flatMap((name) => ["--set", `soak-${name}=1m`]);
const CLUSTER = ["--masters", "3", "--private", "2", "--public", "1", "--time-scale", "10000", ...SOAKS];

/**
 * What only the wire can show (connections, keys, servers that are gone), and one of each family; the whole table is run in
 * simulated time beside the platform's tests. The scripts of 1.9 measure nothing themselves.
 */
const ON_THE_WIRE = [
  "zk-quorum-lost@m1:after",
  "two-leaders@m1:after",
  "ssh-hang@m1:during",
  "hostkey-changed@m1:before",
  "hostkey-changed@a2:during",
  "disk-full@m1:during",
  "script-lies@a1:after",
  "tasks-lost@a2:after",
  "bootstrap-down@a2:during",
  "ssh-drop@p1:during",
  "disk-full@a2:start",
];

let desk: Desk;
beforeEach(async () => void (desk = await Desk.create()));
afterEach(async () => desk.clear());

const demo = (to: string, ...faults: readonly string[]) =>
  desk.json(
    "demo",
    "--yes",
    "--to",
    to,
    ...CLUSTER,
    ...faults.flatMap((fault) => ["--fault", fault]),
    "--output-dir",
    desk.path("out"),
  );

/**
 * The row's demo. A fault that comes before its node's turn needs a node that is not the first: who leads, and so goes last, is up to
 * the election.
 */
async function demoOf(row: FaultCase): ReturnType<typeof demo> {
  for (let tries = 0; tries < 10; tries += 1) {
    const ended = await demo("1.9.9", faultArgument(row));
    if (row.when !== "before" || ended.value.run === null) return ended;
    const masters = (await readPlanOf(ended.value.run)).phases.find((phase) => phase.name === "masters");
    if (masters?.units[0]?.node !== faultyNode(row)) return ended;
  }
  throw new Error(`${faultyNode(row)} was the first of ten clusters' masters`);
}

const rows = ON_THE_WIRE.map((name): readonly [string, FaultCase] => {
  const row = FAULT_TABLE.find((one) => faultArgument(one) === name);
  if (row === undefined) throw new Error(`the table has no ${name}`);
  return [`${name} ends ${row.exit}`, row];
});

/** One finding of a preflight's own line names the fault and its node. */
function expectFinding(lines: readonly unknown[], row: FaultCase): void {
  const preflight = lines.find((line) => (line as { readonly type?: string }).type === "preflight") as {
    readonly findings: readonly Finding[];
  };
  expectWholeFinding(
    preflight.findings.find((one) => one.id === row.finding),
    row,
  );
}

describe("the design's table of faults, on the wire with --yes", () => {
  it.each(rows)("%s, and nothing later is touched", { timeout: 600_000 }, async (_title, row) => {
    const { code, value, events, lines, err } = await demoOf(row);
    const ended = JSON.stringify(eventsOf(events, "run.halted")) + err;
    expect(value, ended).toMatchObject({ type: "result", exit: exitCode(row), name: row.exit });
    expect(code).toBe(exitCode(row));
    if (row.when === "start") {
      expect(value).toMatchObject({ run: null, runs: [] });
      expect(events).toEqual([]);
      expectFinding(lines, row);
      expect(await readdir(desk.path("out")).catch(() => [])).toEqual([]);
      return;
    }
    expect(value.runs).toEqual([value.run]);
    const run = value.run ?? "";
    // What was told is what is on record, line by line.
    expect(await desk.journal(run)).toEqual(events);
    const plan = await readPlanOf(run);
    const name = run.split("/").at(-1) ?? "";
    if (row.exit === "ok" || row.exit === "set-aside") await expectFinished(row, plan, name, events);
    else {
      await expectHalt(row, plan, name, events);
      expectUntouched(row, plan, events);
    }
    expectReattached(row, events);
    const verified = await desk.pawl("verify", run);
    expect(verified.code, verified.out + verified.err).toBe(0);
  });
});

describe("a fault in the second of two hops", () => {
  it(
    "at its start: the first hop is complete, the preflight of the second says no, and there is no second run",
    { timeout: 600_000 },
    async () => {
      const row = FAULT_TABLE.find((one) => faultArgument(one) === "config-differs@a2:start:2");
      if (row === undefined) throw new Error("no such row");
      const { code, value, lines, events } = await demo("1.10.8", faultArgument(row));
      expect(code).toBe(EXIT["said-no"]);
      expect(value.runs).toHaveLength(1);
      expect(eventsOf(events, "run.completed")).toMatchObject([{ exit: EXIT.ok }]);
      expect(eventsOf(events, "run.halted")).toEqual([]);
      expectFinding(lines, row);
    },
  );

  it("at a master: the first run is complete, the second halts there", { timeout: 600_000 }, async () => {
    const row = FAULT_TABLE.find((one) => faultArgument(one) === "script-fails@m1:after:2");
    if (row === undefined) throw new Error("no such row");
    const { code, value } = await demo("1.10.8", faultArgument(row));
    expect(code).toBe(exitCode(row));
    const [first = "", second = ""] = value.runs;
    expect(eventsOf(await desk.journal(first), "run.completed")).toMatchObject([{ exit: EXIT.ok }]);
    const [events, plan] = [await desk.journal(second), await readPlanOf(second)];
    await expectHalt(row, plan, second.split("/").at(-1) ?? "", events);
    expectUntouched(row, plan, events);
  });
});

describe("after the trouble", () => {
  const upgrade = (inventory: string, ...more: readonly string[]) =>
    desk.pawl("upgrade", "-i", inventory, "--to", "1.9.9", "--yes", ...SOAKS, "--output-dir", desk.path("backups"), ...more);
  const small = ["--masters", "3", "--private", "2", "--public", "1", "--time-scale", "10000"];

  it("exit 10 names what still needs work, and the command it prints finishes it", { timeout: 600_000 }, async () => {
    const lab = await desk.lab(...small, "--fault", "agent-never@a2");
    const first = await upgrade(lab.inventory);
    expect(first.code, first.err).toBe(EXIT["set-aside"]);
    expect(first.out).toMatch(/a2/);
    const command = /Finish what was set aside: pawl (.*)$/m.exec(first.out)?.[1]?.split(" ") ?? [];
    expect(command).toEqual(expect.arrayContaining(["upgrade", "--only", "a2"]));
    await lab.heal();
    // The agent takes its time to come back, and a lab's time moves only while somebody sleeps.
    await fetch(`${lab.control}/sleep`, { method: "POST", body: JSON.stringify({ ms: 300_000 }) });
    const second = await desk.pawl(...command, "--yes", ...SOAKS, "--output-dir", desk.path("backups"));
    expect(second.code, second.out + second.err).toBe(0);
    const state = await lab.state();
    expect(Object.values(state).map((node) => node.version)).toEqual(Object.values(state).map(() => "1.9.9"));
    await lab.stop();
  });

  it(
    "another host key is not trusted by a resume or a retry either, and known_hosts stays as it is",
    { timeout: 600_000 },
    async () => {
      const lab = await desk.lab(...small, "--fault", "hostkey-changed@m1:during");
      const known = await readFile(desk.path("lab", "known_hosts"), "utf8");
      const output = ["--output-dir", desk.path("backups")];
      const first = await upgrade(lab.inventory);
      expect(first.code, first.err).toBe(EXIT["outcome-unknown"]);
      expect(first.err + first.out).toMatch(/known_hosts/);
      const again = await desk.pawl("resume", "--yes", ...output);
      expect(again.code, again.err).toBe(EXIT["outcome-unknown"]);
      const retried = await desk.pawl("retry", "masters/m1/upgrade", ...output);
      expect(retried.code, retried.err).toBe(EXIT["said-no"]);
      const runsBefore = (await lab.state())["m1"]?.scriptRuns.length;
      expect(await readFile(desk.path("lab", "known_hosts"), "utf8")).toBe(known);
      await lab.heal();
      const last = await desk.pawl("resume", "--yes", ...output);
      expect(last.code, last.out + last.err).toBe(0);
      expect((await lab.state())["m1"]?.scriptRuns).toHaveLength(runsBefore ?? 0);
      await lab.stop();
    },
  );
});
