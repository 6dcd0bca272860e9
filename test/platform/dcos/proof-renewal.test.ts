import { afterAll, describe, expect, it } from "vitest";
import { createJq } from "../../../src/check/jq.ts";
import { eventsOf } from "../../e2e/record.ts";
import { embed, TARGET, type Embedded, type Rollout } from "./embedded.ts";
import { fickleScratch } from "./fickle-scratch.ts";

const jq = createJq();
afterAll(async () => jq.close());

const HOURS = 3 * 3_600_000;

/** A run that has proven its backup, was ended before the masters, and is three hours old. */
async function waited(embedded: Embedded): Promise<Rollout> {
  const { plan } = await embedded.survey(TARGET);
  if (plan === null) throw new Error("no plan");
  const first = await embedded.run(plan, undefined, undefined, "bootstrap");
  expect(first.result.exit, JSON.stringify(first.result.halt)).toBe("ok");
  await embedded.lab.clock.sleep(HOURS);
  return first;
}

/** Steps of masters that have begun. */
function begun(run: Rollout): readonly string[] {
  const moved = eventsOf(run.events, "step.moved").filter((one) => one.to === "starting" && /^masters\/m\d/.test(one.step));
  return moved.map((one) => one.step);
}

describe("a proof that has become old before the first master is touched", () => {
  it("is made again by the resume itself: the znodes are read anew, and that dump is proven", { timeout: 300_000 }, async () => {
    const embedded = await embed({ privateAgents: 1, publicAgents: 0, jq });
    const first = await waited(embedded);
    const run = await embedded.run(first.plan, first, undefined, "masters");
    expect(run.result.exit, JSON.stringify(run.result.halt)).toBe("ok");
    const [master = ""] = begun(run);
    const said = eventsOf(run.events, "step.moved").filter((one) => one.step === master && one.to === "prepared");
    expect(said[0]?.note).toMatch(/the proof of the ZooKeeper backup was 18\d min old; made again: proven: 1 copies came back/);
    const names = eventsOf(run.events, "artifact.recorded").map((one) => `${one.step ?? ""} ${one.name}`);
    expect(names).toContain(`${master} ${master}/zookeeper-proof.json`);
    expect(names.filter((name) => /znodes\.tar$/.test(name))).toHaveLength(2);
    // The second and third master ask for none: they are told apart from the first by what has begun.
    expect(names.filter((name) => name.startsWith("masters/") && name.endsWith("zookeeper-proof.json"))).toHaveLength(1);
  });

  it(
    "halts before the master where it cannot be made again, says how to go on, and goes on when that is done",
    { timeout: 300_000 },
    async () => {
      const scratch = fickleScratch();
      const embedded = await embed({ privateAgents: 1, publicAgents: 0, jq, scratch });
      const first = await waited(embedded);
      scratch.present = false;
      const halted = await embedded.run(first.plan, first, undefined, "masters");
      expect([halted.result.exit, begun(halted)]).toEqual(["gate-halted", []]);
      expect(halted.result.halt?.problem).toMatchObject({
        code: "zookeeper-proof-old",
        observed: "there is no java on this machine",
      });
      expect(halted.result.halt?.problem.text).toContain("too old (18");
      expect(halted.result.halt?.problem.next).toMatch(/made and proven again: .*resume/);
      scratch.present = true;
      const resumed = await embedded.run(first.plan, halted, undefined, "masters");
      expect([resumed.result.exit, begun(resumed).length]).toEqual(["ok", 3]);
    },
  );
});
