import { afterAll, describe, expect, it } from "vitest";
import { createJq } from "../../../src/check/jq.ts";
import { demoWaivers } from "../../../src/cli/demo-waivers.ts";
import type { Scratch } from "../../../src/zookeeper/scratch-server.ts";
import { EMPTY_RUN, fold } from "../../../src/domain/run-state.ts";
import { judgeVerb } from "../../../src/engine/verbs.ts";
import { eventsOf, nodesTouched } from "../../e2e/record.ts";
import { memoryScratch } from "../../sim/zookeeper/restored.ts";
import { memoryJournal } from "../../toy/memory.ts";
import { embed, TARGET } from "./embedded.ts";
import { fickleScratch } from "./fickle-scratch.ts";

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

  it(
    "halts a run whose machine has lost its Java since the preflight: no master is touched, also not where the step is forced",
    {
      timeout: 300_000,
    },
    async () => {
      const scratch = fickleScratch();
      const embedded = await embed({ privateAgents: 1, publicAgents: 0, jq, scratch });
      const { plan } = await embedded.survey(TARGET);
      if (plan === null) throw new Error("no plan");
      scratch.present = false;
      const halted = await embedded.run(plan);
      expect([halted.result.exit, halted.result.halt?.problem.code]).toEqual(["step-failed", "zookeeper-not-provable"]);
      expect(halted.result.halt?.problem.next).toMatch(
        /settings\.zookeeper of the inventory, then: .*retry \S+ state-backup\/proof$/,
      );

      const journal = memoryJournal(embedded.lab.clock, [...halted.events]);
      const verb = { verb: "force-complete", target: "state-backup/proof", reason: "it will be fine" } as const;
      const answer = judgeVerb(plan, fold(halted.events, EMPTY_RUN), embedded.cluster.platform.contract, verb, null, false);
      if (!answer.ok) throw new Error(answer.text);
      for (const event of answer.events) await journal.append(event, "ann@ops");
      const run = await embedded.run(plan, { plan, events: journal.events, artifacts: halted.artifacts });
      expect([run.result.exit, run.result.halt?.problem.code]).toEqual(["gate-halted", "zookeeper-proof-missing"]);
      expect(nodesTouched(plan, run.events).filter((node) => node.startsWith("m"))).toEqual([]);
    },
  );

  it("needs nobody's word where it can be proven", () => {
    expect(demoWaivers(0, memoryScratch())).toEqual([]);
  });
});
