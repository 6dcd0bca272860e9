import { describe, expect, it } from "vitest";
import type { Json } from "../../../src/domain/json.ts";
import type { Phase, Plan, Step } from "../../../src/domain/plan.ts";
import { PROVABLE, provableFinding } from "../../../src/platform/dcos/zookeeper/proof.ts";
import { judgeProof, type ProofVerdict } from "../../../src/platform/dcos/zookeeper/proof-age.ts";

type Context = Parameters<typeof judgeProof>[0];

const AT = Date.parse("2026-11-20T15:00:00Z");
const MINUTE = 60_000;

function step(address: string, kind: string, effect: Step["effect"]): Step {
  const [phase = ""] = address.split("/");
  const common = { title: "", with: {}, gates: [], optional: false, shows: [], plannedMs: null };
  return { address, phase, name: address, kind, node: null, effect, ...common };
}

function phase(name: string, role: string | null, steps: readonly Step[]): Phase {
  const units = [{ node: null, critical: false, steps }];
  const common = { title: "", source: "", leaderLast: false, budget: "none" as const, wave: null, after: [] };
  return { name, role, strategy: { kind: "serial" }, units, ...common };
}

/** A run with a proof step and two masters; `started`: what has begun. */
function run(
  output: Json,
  more: { readonly started?: readonly string[]; readonly waived?: boolean; readonly proof?: boolean } = {},
): Context {
  const proofs = more.proof === false ? [] : [step("znodes/proof", "dcos/zookeeper-proof", "read")];
  const masters = ["masters/m1/upgrade", "masters/m2/upgrade"].map((address) => step(address, "dcos/upgrade-node", "restart"));
  const waiver = { finding: PROVABLE, print: "1", observed: "", person: "ana", reason: "no java here", until: "2026-12-01" };
  const plan = {
    phases: [phase("znodes", null, proofs), phase("masters", "master", masters)],
    finally: [],
    waivers: more.waived === true ? [waiver] : [],
  } as unknown as Plan;
  return {
    plan,
    record: (address) => ({
      status: "complete",
      problem: null,
      note: null,
      output: address === "znodes/proof" ? output : null,
      since: "",
      startedAt: more.started?.includes(address) === true ? "2026-11-20T15:00:00Z" : null,
      attempts: 1,
      troubles: [],
      denied: false,
      actor: "engine",
    }),
  };
}

const GOOD: ProofVerdict = { kind: "good" };
const PROVEN = { verdict: "proven", at: "2026-11-20T15:00:00Z" };

describe("before the first master is touched", () => {
  it("a proof of the last hour is enough, one that is older is not", () => {
    expect(judgeProof(run(PROVEN), AT + 60 * MINUTE)).toEqual(GOOD);
    expect(judgeProof(run(PROVEN), AT + 61 * MINUTE)).toEqual({ kind: "old", ageMs: 61 * MINUTE });
  });

  it("no proof on record is told as such", () => {
    expect(judgeProof(run(null), AT)).toMatchObject({ kind: "bad", problem: { code: "zookeeper-proof-missing" } });
  });

  it("a backup that could not be proven goes through only with its waiver, and only while it is young", () => {
    const unproven = { verdict: "not proven", at: "2026-11-20T15:00:00Z" };
    expect(judgeProof(run(unproven), AT)).toMatchObject({
      kind: "bad",
      problem: { code: "zookeeper-proof-missing", observed: "not proven" },
    });
    expect(judgeProof(run(unproven, { waived: true }), AT)).toEqual(GOOD);
    expect(judgeProof(run(unproven, { waived: true }), AT + 61 * MINUTE)).toMatchObject({ kind: "old" });
  });

  it("nothing is asked once a master has been touched, nor of a runbook that makes no proof", () => {
    expect(judgeProof(run(PROVEN, { started: ["masters/m1/upgrade"] }), AT + 300 * MINUTE)).toEqual(GOOD);
    expect(judgeProof(run(null, { proof: false }), AT)).toEqual(GOOD);
  });
});

describe("whether a backup can be proven here", () => {
  const facts = (scratch: Json): Parameters<typeof provableFinding>[0] => ({
    clusterId: "c",
    observedAt: "",
    nodes: {},
    last: {},
    counts: {},
    baseline: { scratch },
  });

  it("is a finding that can be waived where Java or ZooKeeper is missing, and is asked only before an upgrade", () => {
    const missing = facts({ kind: "missing", reason: "there is no java on this machine" });
    expect(provableFinding(missing, "1.10.0")).toMatchObject([
      { id: PROVABLE, severity: "waivable", verdict: "fail", observed: "not proven: there is no java on this machine" },
    ]);
    expect(provableFinding(missing, undefined)).toEqual([]);
    expect(provableFinding(facts({ kind: "found", what: "java" }), "1.10.0")).toMatchObject([{ verdict: "pass" }]);
  });
});
