import { afterAll, describe, expect, it } from "vitest";
import { judge } from "../../src/check/judge.ts";
import { recordedJudgement } from "../../src/check/prove.ts";
import { parseEvidence, recordedRemote } from "../../src/check/recorded.ts";
import { AGENTS, ask, captured, checks, jq, MASTERS, withHealth } from "./material.ts";

afterAll(() => jq.close());

/** Judges the evidence of an answer again, as `pawl check --evidence` does. */
async function again(name: string, evidence: string) {
  const check = checks.find((one) => one.name === name);
  if (check === undefined) throw new Error(`no check ${name}`);
  const { subjects, context, who } = parseEvidence([{ file: "evidence", text: evidence }]);
  const [answer] = await judge([recordedJudgement(check, { name: "evidence", subjects, context }, who)], jq);
  return answer;
}

describe("the evidence of an answer", () => {
  const cases = [
    ["replog-recovered", "steady/01-leader", "steady/02-non-leader"],
    ["replog-recovered", "quorum-lost/01-leader-alone-2s"],
    ["replog-recovered", "boot-three/01-two-of-three-empty"],
    ["one-leader", "leader-killed/01-1s-stale-leader"],
    ["one-leader", "master-down-wiped-rejoin/01-master-down-2s"],
    ["agents-registered", "steady/01-leader"],
    ["agents-registered", "agent-killed/03-unreachable"],
    ["no-maintenance", "maintenance-and-drain/02-draining-mode"],
  ] as const;
  for (const [check, ...moments] of cases) {
    it(`leads to the same verdict again: ${check}, ${moments.join(" and ")}`, async () => {
      const first = await ask(check, {
        remote: withHealth(recordedRemote(captured(...moments))),
        nodes: [...MASTERS, ...AGENTS],
      });
      const { verdict, why, fatal, asserted, subjects } = first;
      expect(await again(check, first.evidence)).toMatchObject({ verdict, why, fatal, asserted, subjects });
    });
  }
});
