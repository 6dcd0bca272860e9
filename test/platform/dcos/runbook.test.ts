import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { kindsOf } from "../../../src/action/kinds.ts";
import { loadChecks, loadDocuments, loadRunbook } from "../../../src/document/load.ts";
import { lintDocuments } from "../../../src/document/lint.ts";
import type { Facts, Plan } from "../../../src/domain/plan.ts";
import { allSteps } from "../../../src/domain/plan.ts";
import { compile } from "../../../src/plan/compile.ts";
import { resolveInputs } from "../../../src/plan/inputs.ts";
import { createDcosPlatform } from "../../../src/platform/dcos/platform.ts";
import { facts, inventory, nodeFacts } from "./sample.ts";

const ROOT = join(import.meta.dirname, "../../..");
const platform = createDcosPlatform();
const kinds = kindsOf(platform);
const upgrade = join(ROOT, "runbooks/dcos-upgrade.yaml");
const snapshot = join(ROOT, "runbooks/dcos-snapshot.yaml");
const checkFiles = readdirSync(join(ROOT, "checks/dcos")).map((file) => join(ROOT, "checks/dcos", file));
const hash = (text: string): string => createHash("sha256").update(text).digest("hex");

async function planOf(
  names: readonly string[],
  from: Facts,
  file = upgrade,
  given: Readonly<Record<string, string>> = { target: "1.11.3" },
): Promise<Plan> {
  const runbook = await loadRunbook(file);
  const checks = new Map((await loadChecks(checkFiles)).map((one) => [one.document.name, one]));
  const inputs = resolveInputs(runbook.document, given, true);
  return compile({
    runbook,
    checks,
    inventory: { document: inventory(names), file: "x", sha256: "0" },
    policySha256: "-",
    facts: from,
    inputs,
    platform,
    kinds,
    hash,
    checksFolder: "checks",
    journey: null,
    only: [],
  });
}

const NAMES = ["m1", "m2", "m3", ...Array.from({ length: 8 }, (_, index) => `a${index + 1}`), "p1", "p2"];

describe("the runbooks", () => {
  it.each([upgrade, snapshot])("break no safety rule: %s", async (file) => {
    const read = await loadDocuments([file]);
    expect(read.complaints).toEqual([]);
    const knowledge = {
      kinds: [...kinds.values()],
      contracts: { dcos: platform.contract },
      checks: await loadChecks(checkFiles),
    };
    expect(lintDocuments(read.documents, knowledge)).toEqual([]);
  });

  it("upgrade in the workbook's order, the leader last, agents in waves", async () => {
    const plan = await planOf(NAMES, facts(NAMES, "1.10.8", { last: { master: ["m3", "m1"] } }));
    expect(plan.phases.map((phase) => phase.name)).toEqual([
      "data-collection",
      "state-backup",
      "config-backup",
      "bootstrap",
      "monitor-app",
      "masters",
      "service-marathon",
      "private-agents-1",
      "private-agents-2",
      "private-agents-3",
      "public-agents-1",
      "public-agents-2",
      "validation",
      "site-specific",
    ]);
    const unitsOf = (name: string): readonly (string | null)[] =>
      plan.phases.find((phase) => phase.name === name)!.units.map((unit) => unit.node);
    expect(unitsOf("masters")).toEqual(["m2", "m3", "m1"]);
    expect(unitsOf("state-backup")).toEqual(["m2", "m3", "m1"]);
    expect([1, 2, 3].map((wave) => unitsOf(`private-agents-${wave}`).length)).toEqual([1, 5, 2]);
    expect(plan.phases.filter((phase) => phase.budget === "rollout").map((phase) => phase.name)).not.toContain(
      "private-agents-1",
    );
    const soaks = allSteps(plan)
      .filter((step) => step.kind === "soak")
      .map((step) => [step.phase, step.plannedMs]);
    expect(soaks).toEqual([
      ["masters", 30 * 60_000],
      ["private-agents-1", 60 * 60_000],
      ["private-agents-2", 15 * 60_000],
      ["private-agents-3", 15 * 60_000],
      ["public-agents-1", 15 * 60_000],
      ["public-agents-2", 15 * 60_000],
    ]);
  });

  it("change nothing before the backups are made, and only what they say", async () => {
    const plan = await planOf(NAMES, facts(NAMES, "1.10.8"));
    const effects = allSteps(plan)
      .filter((step) => step.effect !== "read")
      .map((step) => [step.phase, step.kind]);
    expect(effects[0]).toEqual(["bootstrap", "dcos/upgrade-script"]);
    expect(new Set(effects.map(([, kind]) => kind))).toEqual(
      new Set([
        "dcos/upgrade-script",
        "dcos/upgrade-node",
        "dcos/deploy-app",
        "dcos/remove-app",
        "dcos/upgrade-service-marathon",
        "local-commands",
        "remove-job-folders",
      ]),
    );
    expect(allSteps(await planOf(NAMES, facts(NAMES, "1.10.8"), snapshot, {})).every((step) => step.effect === "read")).toBe(
      true,
    );
  });

  it("deploy a test app behind every wave of agents and remove it; what is left of a run's apps is removed when it ends or halts", async () => {
    const plan = await planOf(NAMES, facts(NAMES, "1.10.8"));
    for (const phase of plan.phases.filter((one) => one.wave !== null)) {
      const kinds = phase.after.map((step) => step.kind);
      expect(kinds.slice(kinds.indexOf("dcos/deploy-app"), kinds.indexOf("dcos/deploy-app") + 2), phase.name).toEqual([
        "dcos/deploy-app",
        "dcos/remove-app",
      ]);
      const deploy = phase.after.find((step) => step.kind === "dcos/deploy-app");
      expect(deploy?.with, phase.name).toMatchObject({ role: phase.role, app: { cmd: "while [ true ] ; do sleep 5 ; done" } });
    }
    expect(plan.finally.map((step) => [step.kind, step.with])).toEqual([
      ["dcos/remove-app", { "on-halt": true }],
      ["remove-job-folders", {}],
    ]);
  });

  it("gate every restarted node by something that can say no", async () => {
    const plan = await planOf(NAMES, facts(NAMES, "1.10.8"));
    for (const step of allSteps(plan).filter((one) => one.effect === "restart")) {
      const deciding = step.gates.filter((gate) => !gate.advisory).map((gate) => gate.check);
      expect(deciding, step.address).toContain("node-version-file");
      expect(deciding.includes("replog-recovered") || deciding.includes("agent-reregistered"), step.address).toBe(true);
    }
  });

  it("plan what is left of a half-upgraded cluster", async () => {
    const done = (name: string): [string, ReturnType<typeof nodeFacts>] => [
      name,
      nodeFacts(name, "1.11.3", {}, { complete: true }),
    ];
    const base = facts(NAMES, "1.10.8");
    const plan = await planOf(NAMES, {
      ...base,
      nodes: { ...base.nodes, ...Object.fromEntries(["m1", "m2", "m3", "a1"].map(done)) },
    });
    expect(plan.omitted.map((one) => one.phase)).toEqual(["masters"]);
    expect(plan.found.map((one) => one.node)).toEqual(["m1", "m2", "m3", "a1"]);
    expect(plan.phases.find((phase) => phase.name === "private-agents-1")!.units.map((unit) => unit.node)).toEqual(["a2"]);
  });

  it("guard all phases that restart something by every watch of the design", async () => {
    const { watches } = (await loadRunbook(upgrade)).document;
    expect(watches.map((watch) => [watch.check, watch.haltAfterMs])).toEqual([
      ["one-leader", 120_000],
      ["agents-present", 300_000],
      ["agent-removals", 180_000],
      ["tasks-lost", 180_000],
      ["marathon-leads", 180_000],
    ]);
    for (const watch of watches) expect(watch.phases).toEqual(["masters", "service-marathon", "private-agents", "public-agents"]);
  });
});
