import { afterEach, describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/domain/events.ts";
import { Desk } from "./pawl.ts";

let desk: Desk;
afterEach(async () => desk.clear());

type Point = (event: RunEvent) => boolean;
/** A step of any node of a phase: leadership decides who comes first. */
const moved =
  (phase: string, step: string, to: string): Point =>
  (event) =>
    event.type === "step.moved" && event.to === to && event.step.startsWith(`${phase}/`) && event.step.endsWith(`/${step}`);
const gate =
  (step: RegExp): Point =>
  (event) =>
    event.type === "gate.passed" && step.test(event.step);
const type =
  (name: RunEvent["type"]): Point =>
  (event) =>
    event.type === name;
/** The same of a node that no earlier point has seen there. */
const another = (phase: string, step: string, to: string): Point => {
  const first = moved(phase, step, to);
  return (event) => first(event) && event.type === "step.moved" && !seen.has(event.step) && seen.add(event.step).has(event.step);
};
const seen = new Set<string>();

/** In the order in which a run comes to them: around every kind of event, in the middle of remote work, inside gates and soaks. */
const POINTS: readonly (readonly [string, Point])[] = [
  ["the run is created", type("run.created")],
  ["an engine has opened it", type("run.opened")],
  ["the start is asked", type("decision.asked")],
  ["the start is decided", type("operator.decided")],
  ["the lock is taken", type("lock.taken")],
  ["the capture begins", moved("data-collection", "capture", "starting")],
  ["a backup is streaming", moved("state-backup", "zookeeper-tar", "starting")],
  ["a backup is recorded", moved("state-backup", "zookeeper-tar", "started")],
  ["the script is being made", moved("bootstrap", "script", "starting")],
  ["the script is made", moved("bootstrap", "script", "started")],
  ["a master may be touched", moved("masters", "upgrade", "prepared")],
  ["the first master's script is about to run", another("masters", "upgrade", "starting")],
  ["the first master's script has ended", moved("masters", "upgrade", "started")],
  ["one gate of the first master has passed", gate(/^masters\/m\d\/upgrade$/)],
  ["the second master's script is about to run", another("masters", "upgrade", "starting")],
  ["the last master's script is about to run", another("masters", "upgrade", "starting")],
  ["the last master's gates", gate(/^masters\/m\d\/upgrade$/)],
  ["the soak after the masters", moved("masters", "soak", "starting")],
  ["the canary's script is about to run", moved("private-agents-1", "upgrade", "starting")],
  ["a wave is in flight", moved("private-agents-2", "upgrade", "starting")],
  ["an agent of the wave is complete", moved("private-agents-2", "upgrade", "complete")],
  ["the soak after the wave", moved("private-agents-2", "soak", "starting")],
  ["a public agent's script is about to run", another("public-agents-1", "upgrade", "starting")],
  ["a public agent's gates", gate(/^public-agents-1\/p\d\/upgrade$/)],
  ["the last public agent's script has ended", moved("public-agents-2", "upgrade", "started")],
  ["the validation", gate(/^validation\/health$/)],
  ["the job folders are being removed", moved("finally", "remove-job-folders", "starting")],
];

describe("kill -9 of pawl in the middle of an upgrade", () => {
  it("is survived at every point: a resume finishes, and no upgrade script runs twice", { timeout: 900_000 }, async () => {
    desk = await Desk.create();
    const lab = await desk.lab();
    const killedWhen: string[] = [];
    let args: readonly string[] = ["upgrade", "-i", lab.inventory, "--to", "1.9.9", "--yes"];
    // A process is a little ahead of its reader: a point it has passed when the signal arrives is left out.
    for (let next = 0; next < POINTS.length;) {
      let at = -1;
      const end = await desk.killAt(
        args,
        (event) => (at = POINTS.findIndex(([, matches], index) => index >= next && matches(event))) >= 0,
      );
      if (!end.killed) {
        expect(end.code, end.err).toBe(0);
        break;
      }
      killedWhen.push(POINTS[at]?.[0] ?? "");
      next = at + 1;
      args = ["resume", "--yes"];
    }
    expect(killedWhen.length, killedWhen.join("; ")).toBeGreaterThanOrEqual(20);
    const status = await desk.pawl("status", "latest", "--json");
    if (!status.out.includes('"completed"')) expect((await desk.json(...args)).code).toBe(0);
    for (const [node, { version, scriptRuns }] of Object.entries(await lab.state())) {
      if (node === "bootstrap") continue;
      expect(version, node).toBe("1.9.9");
      expect(
        scriptRuns.filter((run) => run.target === "1.9.9"),
        `upgrade scripts on ${node}`,
      ).toHaveLength(1);
    }
    const verified = await desk.pawl("verify", "latest");
    expect(verified.code, verified.out + verified.err).toBe(0);
    await lab.stop();
  });
});
