import { afterAll, describe, expect, it } from "vitest";
import { createJq } from "../../../src/check/jq.ts";
import { guard } from "../../../src/check/guard.ts";
import { createChecks } from "../../../src/check/runner.ts";
import { loadChecks } from "../../../src/document/load.ts";
import type { Checks } from "../../../src/engine/ports.ts";
import { ALLOW } from "../../../src/platform/dcos/allow.ts";
import { createDcosPlatform } from "../../../src/platform/dcos/platform.ts";
import { upgradeNode } from "../../../src/platform/dcos/upgrade/upgrade-node.ts";
import { upgradeScript } from "../../../src/platform/dcos/upgrade/upgrade-script.ts";
import { labJq, testLab, type TestLab } from "./lab.ts";
import { settle, testSteps, type TestSteps } from "./step.ts";

const jq = createJq();
afterAll(() => jq.close());
const documents = (await loadChecks("checks/dcos")).map((one) => one.document);

/** A lab whose upgrade script to `target` is at hand, and the shipped checks over it. */
async function ready(version: string, target: string): Promise<{ lab: TestLab; steps: TestSteps; checks: Checks }> {
  const lab = testLab({ version, masters: 1, privateAgents: 1, publicAgents: 0 });
  const platform = createDcosPlatform();
  const reader = guard(lab.remote, ALLOW);
  const { facts } = await platform.observe(reader, lab.inventory, { target }, lab.clock);
  const steps = testSteps(lab, facts, target);
  const script = await upgradeScript.doIt(steps.context(upgradeScript, null, { with: { target } }));
  if (script.kind !== "done") throw new Error(JSON.stringify(script));
  settle(steps, "all/upgrade-script", script.output ?? null);
  const parts = { remote: reader, inventory: lab.inventory, platform, facts, clock: lab.clock, jq: labJq(lab, jq) };
  return { lab, steps, checks: createChecks({ checks: documents, ...parts }) };
}

describe("DC/OS's own checks right before a node's script", () => {
  it("pass, are said and kept; the phases of the script are in the record, and its journal is kept", async () => {
    const { steps, checks } = await ready("1.10.8", "1.11.3");
    const ctx = steps.context(upgradeNode, "a1", { with: { target: "1.11.3", "checks-before": "node-checks" }, checks });
    const effect = await upgradeNode.doIt(ctx);
    expect(effect).toMatchObject({
      kind: "done",
      note: expect.stringMatching(/^the script ended with 0; the gates decide; look .+, fetch .+ \(21 packages\), switch .+$/),
      output: { packages: 21, checksBefore: expect.stringContaining("cluster 0, node-poststart 9, node-prestart 0") },
    });
    const kept = JSON.parse(steps.kept.get("all/a1/upgrade-node/checks-before.json")!.bytes.toString("utf8")) as object;
    expect(JSON.stringify(kept)).toContain("mesos_agent_registered_with_masters");
    expect(steps.said).toContain("the script fetches the packages");
    await upgradeNode.keep?.(ctx);
    expect(steps.kept.get("all/a1/upgrade-node/journal.txt")!.bytes.toString("utf8")).toContain("systemd[1]");
    expect(steps.recorded).toEqual(
      expect.arrayContaining(["all/a1/upgrade-node/checks-before.json", "all/a1/upgrade-node/journal.txt"]),
    );
  });

  it("say on 1.9 that there are none, and judge the units", async () => {
    const { steps, checks } = await ready("1.9.9", "1.10.8");
    const effect = await upgradeNode.doIt(
      steps.context(upgradeNode, "a1", { with: { target: "1.10.8", "checks-before": "node-checks" }, checks }),
    );
    expect(effect).toMatchObject({ kind: "done" });
    expect(steps.said.join("\n")).toContain("no program for checks on DC/OS 1.9.9: the units alone were judged");
  });

  it("stop the step before anything was started where they do not pass in time", async () => {
    const { lab, steps, checks } = await ready("1.10.8", "1.11.3");
    const a1 = lab.cluster.nodes.find((node) => node.name === "a1");
    await lab.remote.run("a1", { argv: ["systemctl", "stop", "dcos-mesos-slave"], sudo: true, timeoutMs: 1_000 });
    const effect = await upgradeNode.doIt(
      steps.context(upgradeNode, "a1", { with: { target: "1.11.3", "checks-before": "node-checks" }, checks }),
    );
    expect(effect).toMatchObject({
      kind: "failed",
      problem: { code: "checks-before-refused", node: "a1", observed: expect.stringContaining("dcos-mesos-slave inactive") },
    });
    expect(a1?.fs.getAllPaths().some((path) => path.endsWith("dcos_node_upgrade.sh"))).toBe(false);
    expect(lab.cluster.inspect()["a1"]).toMatchObject({ version: "1.10.8", scriptRuns: [] });
  });

  it("are not needed for a script that is refused: SKIP_CHECKS in what the script reads first", async () => {
    const { lab, steps, checks } = await ready("1.10.8", "1.11.3");
    const a1 = lab.cluster.nodes.find((node) => node.name === "a1");
    await a1?.fs.appendFile("/opt/mesosphere/environment.export", "export SKIP_CHECKS=true\n");
    const effect = await upgradeNode.doIt(steps.context(upgradeNode, "a1", { with: { target: "1.11.3" }, checks }));
    expect(effect).toMatchObject({ kind: "failed", problem: { code: "checks-skipped", observed: "export SKIP_CHECKS=true" } });
    expect(lab.cluster.inspect()["a1"]).toMatchObject({ version: "1.10.8", scriptRuns: [] });
  });
});
