import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/domain/events.ts";
import { Desk } from "./pawl.ts";

let desk: Desk;
afterEach(async () => desk.clear());

/** Another seed, other points: `PAWL_KILL_SEED=… npx vitest run test/e2e/kill.test.ts` plays the one that was printed again. */
const SEED = Number(process.env["PAWL_KILL_SEED"] ?? Date.now() % 1_000_000);
const RANDOM_KILLS = 10;

/** What kind of event it is; moves are told apart by where they lead. */
const kindOf = (event: RunEvent): string => (event.type === "step.moved" ? `${event.type} ${event.to}` : event.type);

/** Kinds that are written before an engine begins: of a run that dies there, nothing was touched. */
const BEFORE = ["run.created", "finding.reported"];

/** Every other kind that an upgrade without trouble and with resumes writes, and that a reader can kill at. */
const KINDS = [
  "artifact.recorded",
  "run.opened",
  "decision.asked",
  "operator.decided",
  "lock.taken",
  "step.moved prepared",
  "step.moved starting",
  "step.moved pending",
  "step.moved started",
  "step.moved complete",
  "check.measured",
  "gate.passed",
];

const SIZE = ["--masters", "3", "--private", "2", "--public", "1"];
const SOAKS = ["masters", "canary", "waves", "public"].flatMap((name) => ["--set", `soak-${name}=5m`]);

async function expectOneScriptEach(lab: Awaited<ReturnType<Desk["lab"]>>): Promise<void> {
  for (const [node, { version, scriptRuns }] of Object.entries(await lab.state())) {
    if (node === "bootstrap") continue;
    expect(version, node).toBe("1.9.9");
    expect(
      scriptRuns.filter((run) => run.target === "1.9.9"),
      `upgrade scripts on ${node}`,
    ).toHaveLength(1);
  }
}

async function expectVerified(run: string): Promise<void> {
  const verified = await desk.pawl("verify", run);
  expect(verified.code, verified.out + verified.err).toBe(0);
}

describe("kill -9 of pawl in the middle of an upgrade", () => {
  it(
    `at every kind of event and at ${RANDOM_KILLS} random points: a resume finishes, and no upgrade script runs twice`,
    { timeout: 900_000 },
    async () => {
      console.log(`points of PAWL_KILL_SEED=${SEED}`);
      const [steps = []] = fc.sample(
        fc.array(fc.integer({ min: 5, max: 60 }), { minLength: RANDOM_KILLS, maxLength: RANDOM_KILLS }),
        { seed: SEED, numRuns: 1 },
      );
      desk = await Desk.create();
      const lab = await desk.lab(...SIZE);
      const killedAt = new Set<string>();
      const random = [...steps];
      const begin = (kind: string) =>
        desk.killAt(["upgrade", "-i", lab.inventory, "--to", "1.9.9", "--yes", ...SOAKS], (event) => {
          if (event.type === "run.created") run = event.run;
          return kindOf(event) === kind;
        });
      let run = "";
      for (const kind of BEFORE) {
        expect((await begin(kind)).killed, kind).toBe(true);
        // Where the preflight was not on record yet, there is nothing to go on with: that is said. Else it waits for a person.
        const resumed = await desk.pawl("resume", run);
        expect([4, 8], resumed.out + resumed.err).toContain(resumed.code);
        if (resumed.code === 4) expect(resumed.err).toContain(`pawl upgrade -i ${lab.inventory} --to 1.9.9`);
      }
      expect((await begin("run.opened")).killed).toBe(true);
      killedAt.add("run.opened");
      for (;;) {
        let seen = 0;
        const hits: string[] = [];
        const end = await desk.killAt(["resume", run, "--yes"], (event) => {
          seen += 1;
          const kind = kindOf(event);
          const fresh = KINDS.includes(kind) && !killedAt.has(kind);
          if (!fresh && seen < (random[0] ?? Number.POSITIVE_INFINITY)) return false;
          if (!fresh) random.shift();
          hits.push(kind);
          return true;
        });
        for (const kind of hits) killedAt.add(kind);
        if (end.killed && (await desk.pawl("status", run, "--json")).out.includes('"phase":"completed"')) break;
        if (end.killed) continue;
        expect(end.code, end.err).toBe(0);
        break;
      }
      expect(KINDS.filter((kind) => !killedAt.has(kind))).toEqual([]);
      expect(random.length, "random kills that found nothing left to kill").toBe(0);
      await expectOneScriptEach(lab);
      await expectVerified(run);
      await lab.stop();
    },
  );
});
