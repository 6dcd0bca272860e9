import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/domain/events.ts";
import { allSteps } from "../../src/domain/plan.ts";
import { verifyRun } from "../../src/journal/verify.ts";
import type { DeathWish } from "./life.ts";
import { mortalUpgrade, type MortalUpgrade } from "./upgrade.ts";

const SIZE = { masters: 3, privateAgents: 2, publicAgents: 1 };
const NODES = ["m1", "m2", "m3", "a1", "a2", "p1"];

/** What an event is about, whatever its place in the journal: a resumed run writes the same thing at another number. */
function identity(event: RunEvent): string {
  const of = { step: "", to: "", check: "", name: "", choice: "", target: "", ...event };
  const asked = event.type === "decision.asked" ? `${event.question.kind} ${event.question.step ?? ""}` : "";
  // What a watch says, and what a monitor keeps or notices, is the same kind of event whichever it is.
  if (of.step === null || of.type === "notice.given" || of.name.startsWith("watch/")) return `${of.type} of a watch`;
  // A second attempt numbers its output; what several nodes have alike is kept once, under the name of whoever answered first.
  const name = of.name
    .replace(/-\d+\.txt$/, ".txt")
    .replace(/^config\/[^/]+\//, "config/")
    // The bootstrap machine's own copy of the same script: whichever of the two came first.
    .replace(/^config\/.*\/(?:detect_ip|ip-detect)$/, "config/ip-detect");
  return [of.type, of.step, of.to, of.check, name, of.choice, of.target ?? "", asked].join(" ").trim();
}

let upgrade: MortalUpgrade | null = null;
afterEach(async () => upgrade?.close());

/** Everything an upgrade without a death writes, once each. */
async function eventsOfAWholeRun(): Promise<ReadonlySet<string>> {
  const whole = await mortalUpgrade(SIZE);
  try {
    expect((await whole.live())?.exit).toBe("ok");
    return new Set(whole.confirmed.slice(1).map(identity));
  } finally {
    await whole.close();
  }
}

/** Dies of every event that is wished for, at its first sight, until none is left to die of; what it died of comes back. */
async function dieOf(
  run: MortalUpgrade,
  wishedFor: (name: string) => boolean,
  keeps: DeathWish["keeps"],
): Promise<ReadonlySet<string>> {
  const diedOf = new Set<string>();
  for (;;) {
    const before = run.confirmed.length;
    const result = await run.live({
      keeps,
      chooses: (event) => {
        const name = identity(event);
        return !diedOf.has(name) && wishedFor(name) && diedOf.add(name).has(name);
      },
    });
    expect(run.confirmed.length, "no death takes away what was confirmed").toBeGreaterThanOrEqual(before);
    if (result === null) continue;
    expect(result.exit).toBe("ok");
    return diedOf;
  }
}

/** The record of a run that died hundreds of times is as good as any, and every effect happened exactly once. */
async function expectWhole(run: MortalUpgrade): Promise<void> {
  const { planned, folder, effects } = run;
  for (const [node, { version, scriptRuns }] of Object.entries(planned.lab.cluster.inspect())) {
    expect(version, node).toBe(planned.plan.inputs["target"]);
    expect(
      scriptRuns.map((one) => one.exit),
      `upgrade scripts on ${node}`,
    ).toEqual([0]);
  }
  const jobs = effects.filter((one) => one.what === "job");
  const stepOf = (folderName: string): string => folderName.split("+").slice(1, -1).join("/");
  expect(jobs.map((one) => stepOf(one.of)).toSorted(), "one remote job a step").toEqual(
    [
      "bootstrap/script",
      ...allSteps(planned.plan).flatMap((one) => (one.kind === "dcos/upgrade-node" ? [one.address] : [])),
    ].toSorted(),
  );
  for (const master of ["m1", "m2", "m3"]) {
    const locks = effects.filter((one) => one.node === master && one.what !== "job");
    // Made once, and given back once, but for a process that died while or after it gave it back: the next one takes it again.
    expect(
      locks.map((one) => one.what),
      master,
    ).toEqual(locks.map((_, index) => (index % 2 === 0 ? "lock" : "unlock")));
    expect(locks.at(-1)?.what, master).toBe("unlock");
    expect(effects.findIndex((one) => one.node === master && one.what === "unlock")).toBeGreaterThan(
      effects.findLastIndex((one) => one.what === "job"),
    );
  }
  const state = await run.state();
  expect(state.phase).toBe("completed");
  for (const step of allSteps(planned.plan)) expect(state.steps[step.address]?.status, step.address).toBe("complete");
  const verified = await verifyRun(folder);
  expect(verified.findings.filter((one) => one.level !== "note")).toEqual([]);
  expect(verified.ok).toBe(true);
  const report = JSON.parse(await readFile(join(folder, "report.json"), "utf8")) as {
    nodes: { node: string }[];
    artifacts: unknown[];
  };
  expect([...new Set(report.nodes.map((one) => one.node))].toSorted()).toEqual(NODES.toSorted());
  expect(report.artifacts.length).toBe(state.artifacts.length);
}

/** One half of all events by name, whatever order a run writes them in: two processes share the deaths. */
function isOfHalf(half: 0 | 1, name: string): boolean {
  return (createHash("sha256").update(name).digest()[0] ?? 0) % 2 === half;
}

/** Of every event that an upgrade writes, one half is died of here, one after the other in one run. */
export function describeDeaths(half: 0 | 1): void {
  describe("a pawl that dies after every event of an upgrade of 3 masters and 3 agents, one after the other", () => {
    it("and is taken up each time: it completes, nothing happens twice, nothing is lost", async () => {
      const whole = [...(await eventsOfAWholeRun())].filter((name) => isOfHalf(half, name));
      let deaths = 0;
      // The process dies in the write that follows the event. Of the next line the disk keeps nothing, a part, or all of it unconfirmed.
      const keeps = (bytes: number): number => [0, (deaths * 97) % bytes, bytes][(deaths += 1) % 3] ?? 0;
      const run = (upgrade = await mortalUpgrade(SIZE));
      const diedOf = await dieOf(run, (name) => isOfHalf(half, name), keeps);
      await expectWhole(run);
      await run.close();

      // A watch speaks when its verdict changes, and of a life that is cut short it may hear no change: those deaths are made up for.
      let left = whole.filter((name) => !diedOf.has(name));
      expect(left.filter((name) => !name.endsWith("of a watch"))).toEqual([]);
      while (left.length > 0) {
        const again = (upgrade = await mortalUpgrade(SIZE));
        const more = await dieOf(again, (name) => left.includes(name), keeps);
        expect(more.size, `a death of ${left.join(" or ")}`).toBeGreaterThan(0);
        left = left.filter((name) => !more.has(name));
        await expectWhole(again);
        await again.close();
      }
    }, 1_200_000);
  });
}
