import { afterAll, describe, expect, it } from "vitest";
import { createJq } from "../../../src/check/jq.ts";
import { demoWaivers } from "../../../src/cli/demo-waivers.ts";
import type { Scratch } from "../../../src/zookeeper/scratch-server.ts";
import { eventsOf } from "../../e2e/record.ts";
import { memoryScratch } from "../../sim/zookeeper/restored.ts";
import { embed, TARGET } from "./embedded.ts";

const jq = createJq();
afterAll(async () => jq.close());

/** A machine with neither Java nor ZooKeeper. */
const NONE: Scratch = {
  find: () => ({ kind: "missing", reason: "there is no java on this machine" }),
  folder: () => Promise.reject(new Error("nothing may be started")),
};

describe("a backup of ZooKeeper on a machine without Java", () => {
  it("stops an upgrade before it begins: not proven, and a person may let that stand", async () => {
    const embedded = await embed({ privateAgents: 1, publicAgents: 0, jq, scratch: NONE });
    const found = await embedded.survey(TARGET);
    expect(found.exit).toBe("said-no");
    const bad = found.findings.filter((one) => one.verdict !== "pass" && one.severity !== "advisory");
    expect(bad).toMatchObject([
      { id: "zookeeper-provable", severity: "waivable", observed: expect.stringContaining("no java") as string },
    ]);
  });

  it(
    "is let stand by the demo itself, in its own name and on record, and every master is upgraded",
    { timeout: 300_000 },
    async () => {
      const embedded = await embed({ privateAgents: 1, publicAgents: 0, jq, scratch: NONE });
      const waivers = demoWaivers(embedded.lab.clock.now(), NONE);
      const found = await embedded.survey(TARGET, [], 1, waivers);
      if (found.plan === null) throw new Error("no plan");
      expect([found.exit, found.plan.waivers?.map((one) => one.person)]).toEqual(["ok", ["pawl demo"]]);
      const run = await embedded.run(found.plan);
      expect(run.result.exit, JSON.stringify(run.result.halt)).toBe("ok");
      const proof = eventsOf(run.events, "step.moved").filter((one) => one.step === "state-backup/proof");
      expect(JSON.stringify(proof)).toContain("not proven: there is no java on this machine; let stand by pawl demo");
    },
  );

  it("needs nobody's word where it can be proven", () => {
    expect(demoWaivers(0, memoryScratch())).toEqual([]);
  });
});
