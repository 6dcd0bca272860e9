import { afterEach, describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/domain/events.ts";
import { Desk } from "./pawl.ts";

let desk: Desk;
afterEach(async () => desk.clear());

const moved = (step: string, to: string) => (event: RunEvent): boolean => event.type === "step.moved" && event.step === step && event.to === to;
const gate = (step: string) => (event: RunEvent): boolean => event.type === "gate.passed" && event.step === step;
const type = (name: RunEvent["type"]) => (event: RunEvent): boolean => event.type === name;

/** In the order in which a run comes to them: around every kind of event, in the middle of remote work, inside gates and soaks. */
const POINTS: readonly (readonly [string, (event: RunEvent) => boolean])[] = [
  ["the run is created", type("run.created")],
  ["an engine has opened it", type("run.opened")],
  ["the start is asked", type("decision.asked")],
  ["the start is decided", type("operator.decided")],
  ["the lock is taken", type("lock.taken")],
  ["the capture begins", moved("data-collection/capture", "starting")],
  ["a backup is streaming", moved("state-backup/m1/zookeeper-tar", "starting")],
  ["a backup is recorded", moved("state-backup/m2/zookeeper-tar", "started")],
  ["the script is being made", moved("bootstrap/script", "starting")],
  ["the script is made", moved("bootstrap/script", "started")],
  ["permission for the first master", moved("masters/m1/upgrade", "prepared")],
  ["the first master's script is about to run", moved("masters/m1/upgrade", "starting")],
  ["the first master's script has ended", moved("masters/m1/upgrade", "started")],
  ["one gate of the first master has passed", gate("masters/m1/upgrade")],
  ["the second master's script is about to run", moved("masters/m2/upgrade", "starting")],
  ["the last master's gates", gate("masters/m3/upgrade")],
  ["the soak after the masters", moved("masters/soak", "starting")],
  ["the canary's script is about to run", moved("private-agents-1/a1/upgrade", "starting")],
  ["a wave is in flight", moved("private-agents-2/a3/upgrade", "starting")],
  ["an agent of the wave is complete", moved("private-agents-2/a2/upgrade", "complete")],
  ["the validation", gate("validation/health")],
];

describe("kill -9 of pawl in the middle of an upgrade", () => {
  it("is survived at every point: a resume finishes, and no upgrade script runs twice", { timeout: 900_000 }, async () => {
    desk = await Desk.create();
    const lab = await desk.lab();
    let killed = 0;
    let args: readonly string[] = ["upgrade", "-i", lab.inventory, "--to", "1.9.9", "--yes"];
    for (const [name, predicate] of POINTS) {
      const end = await desk.killAt(args, predicate);
      expect(end.killed, `killed when ${name}; otherwise it ended with ${end.code}: ${end.err}`).toBe(true);
      killed += 1;
      args = ["resume", "--yes"];
    }
    const last = await desk.json(...args);
    expect(last.code).toBe(0);
    expect(killed).toBeGreaterThanOrEqual(20);
    for (const [node, { version, scriptRuns }] of Object.entries(await lab.state())) {
      if (node === "bootstrap") continue;
      expect(version, node).toBe("1.9.9");
      expect(scriptRuns.filter((run) => run.target === "1.9.9"), `upgrade scripts on ${node}`).toHaveLength(1);
    }
    const verified = await desk.pawl("verify", "latest");
    expect(verified.code, verified.out + verified.err).toBe(0);
    await lab.stop();
  });
});
