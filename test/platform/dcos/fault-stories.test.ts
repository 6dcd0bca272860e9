import { afterAll, describe, expect, it } from "vitest";
import { createJq } from "../../../src/check/jq.ts";
import type { RunEvent } from "../../../src/domain/events.ts";
import { eventsOf, nodesTouched } from "../../e2e/record.ts";
import { expectWholeProblem } from "../../fault-expectations.ts";
import { embed, TARGET, type Embedded, type Rollout } from "./embedded.ts";

const TIMEOUT_MS = 600_000;
const MASTERS = ["m1", "m2", "m3"];

const jq = createJq();
afterAll(async () => jq.close());

async function planned(embedded: Embedded): Promise<NonNullable<Awaited<ReturnType<Embedded["survey"]>>["plan"]>> {
  const { plan, exit } = await embedded.survey(TARGET);
  if (plan === null || exit !== "ok") throw new Error(`not fit to begin with: ${exit}`);
  return plan;
}

/** Calls back when this step begins its effect, or is complete. */
function when(step: string, to: "starting" | "complete", act: () => void): (event: RunEvent) => void {
  return (event) => {
    if (event.type === "step.moved" && event.step === step && event.to === to) act();
  };
}

async function expectWhole(run: Rollout): Promise<void> {
  const kept = eventsOf(run.events, "artifact.recorded").map((one) => `artifacts/${one.sha256}`);
  if (run.result.halt !== null) await expectWholeProblem(run.result.halt.problem, run.plan, run.name, kept);
}

describe("a host key that changes before a master's turn", () => {
  it(
    "halts with 5: nothing is begun there, a resume does not trust it either, and goes on when the old key is back",
    { timeout: TIMEOUT_MS },
    async () => {
      const embedded = await embed({ privateAgents: 1, publicAgents: 0, jq });
      const { cluster } = embedded.lab;
      await embedded.byHand("1.10.8", TARGET, ["m2"]);
      const plan = await planned(embedded);
      const strike = when("bootstrap/script", "complete", () => cluster.strike({ name: "hostkey-changed", node: "m1" }));
      const first = await embedded.run(plan, undefined, strike);
      expect(first.result.exit).toBe("gate-halted");
      expect(first.result.halt).toMatchObject({
        step: "masters/m1/upgrade",
        problem: { node: "m1", code: expect.stringContaining("host-key") as string },
      });
      await expectWhole(first);
      expect(first.result.halt?.problem.next).toContain("known_hosts");
      expect(nodesTouched(plan, first.events)).toEqual([]);

      const second = await embedded.run(plan, first);
      expect(second.result.exit).toBe("gate-halted");
      expect(cluster.inspect()["m1"]?.scriptRuns).toEqual([]);

      cluster.heal();
      const third = await embedded.run(plan, second);
      expect(third.result.exit, JSON.stringify(third.result.halt)).toBe("ok");
      expect(cluster.inspect()["m1"]?.scriptRuns).toHaveLength(1);
    },
  );
});

describe("a bootstrap machine that goes down while agents fetch", () => {
  it(
    "costs the first of them its place; the second has the same cause, which must be investigated: 6",
    { timeout: TIMEOUT_MS },
    async () => {
      const embedded = await embed({ privateAgents: 4, publicAgents: 1, jq });
      const { cluster } = embedded.lab;
      await embedded.byHand("1.10.8", TARGET, MASTERS);
      const plan = await planned(embedded);
      const strike = when("private-agents-2/a2/upgrade", "starting", () => {
        embedded.lab.clock.at(embedded.lab.clock.now() + 30_000, () =>
          cluster.strike({ name: "bootstrap-down", node: "bootstrap" }),
        );
      });
      const run = await embedded.run(plan, undefined, strike);
      expect(run.result.exit, JSON.stringify(run.result.halt)).toBe("step-failed");
      expect(run.result.halt?.problem).toMatchObject({
        code: "script-failed",
        text: expect.stringContaining("same cause") as string,
      });
      await expectWhole(run);
      const aside = eventsOf(run.events, "step.moved").filter((move) => move.to === "set-aside");
      expect(aside).toHaveLength(1);
      expect(nodesTouched(plan, run.events)).not.toContain("p1");
      for (const node of nodesTouched(plan, run.events)) expect(cluster.inspect()[node]?.scriptRuns).toHaveLength(1);
    },
  );
});

describe("trouble between two hops", () => {
  it(
    "is not seen by the first, whose run ends well; the preflight of the second says no and names it",
    { timeout: TIMEOUT_MS },
    async () => {
      const embedded = await embed({
        version: "1.9.9",
        privateAgents: 1,
        publicAgents: 0,
        jq,
        faults: ["no-leader@m1:start:2", "disk-full@a1:start:2"],
      });
      const first = await embedded.survey(TARGET);
      expect([first.hop.to, first.hop.later]).toEqual(["1.10.8", [TARGET]]);
      if (first.plan === null) throw new Error("no plan");
      const run = await embedded.run(first.plan);
      expect(run.result.exit, JSON.stringify(run.result.halt)).toBe("ok");
      const second = await embedded.survey(TARGET, [], 2);
      expect(second.exit).toBe("said-no");
      const bad = second.findings.filter((one) => one.verdict !== "pass").map((one) => one.id);
      expect(bad).toEqual(expect.arrayContaining(["one-leader", "disk-space"]));
      const versions = Object.values(embedded.lab.cluster.inspect()).map((one) => one.version);
      expect(new Set(versions)).toEqual(new Set(["1.10.8"]));
    },
  );
});

describe("a machine that restarts under its upgrade script, while pawl looks on", () => {
  /** Takes the power from a node as soon as its activation is half done, or five seconds after its script began. */
  async function losePower({ lab }: Embedded, node: string, half: boolean): Promise<void> {
    for (;;) {
      await lab.clock.sleep(half ? 500 : 5_000);
      const begun = (lab.cluster.inspect()[node]?.scriptRuns.length ?? 0) > 0;
      const asked = await lab.remote.run(node, { argv: ["test", "-e", "/opt/mesosphere/install_progress"], timeoutMs: 5_000 });
      if (half ? asked.kind === "exited" && asked.code === 0 : begun) break;
    }
    expect(lab.cluster.reboot(node)).toBe(true);
  }

  it.each([
    { node: "m1", at: "masters/m1/upgrade", half: true, exit: "outcome-unknown", code: "script-rebooted-half-done" },
    { node: "m1", at: "masters/m1/upgrade", half: false, exit: "step-failed", code: "script-rebooted" },
    { node: "a2", at: "private-agents-2/a2/upgrade", half: true, exit: "set-aside", code: "script-rebooted-half-done" },
    { node: "a2", at: "private-agents-2/a2/upgrade", half: false, exit: "set-aside", code: "script-rebooted" },
  ] as const)(
    "$node, half activated: $half, ends $exit; the node is left as it is, and no resume starts the script again",
    { timeout: TIMEOUT_MS },
    async ({ node, at, half, exit, code }) => {
      const embedded = await embed({ privateAgents: 2, publicAgents: 0, jq });
      const { cluster } = embedded.lab;
      await embedded.byHand("1.10.8", TARGET, node === "m1" ? ["m2"] : MASTERS);
      const plan = await planned(embedded);
      const outage: Promise<void>[] = [];
      const strike = when(at, "starting", () => void outage.push(losePower(embedded, node, half)));
      const first = await embedded.run(plan, undefined, strike);
      await Promise.all(outage);
      expect(first.result.exit, JSON.stringify(first.result.halt)).toBe(exit);
      expect(cluster.inspect()[node]?.scriptRuns).toHaveLength(1);
      if (exit === "set-aside") {
        const [aside] = eventsOf(first.events, "step.moved").filter((move) => move.to === "set-aside");
        expect(aside).toMatchObject({ step: at, problem: { code, node } });
        return;
      }
      expect(first.result.halt).toMatchObject({ step: at, problem: { code, node } });
      await expectWhole(first);
      expect(nodesTouched(plan, first.events).at(-1)).toBe(node);
      // Asked again: the node is looked at, and it is as it was.
      const second = await embedded.run(plan, first);
      expect(second.result.exit).toBe(exit);
      expect(cluster.inspect()[node]?.scriptRuns).toHaveLength(1);
    },
  );
});
