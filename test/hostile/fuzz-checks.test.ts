import { readdirSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { judge, type Judgement } from "../../src/check/judge.ts";
import { recordedJudgement } from "../../src/check/prove.ts";
import { parseEvidence, recordedRemote, type Capture } from "../../src/check/recorded.ts";
import { createChecks } from "../../src/check/runner.ts";
import type { Check } from "../../src/domain/documents.ts";
import type { Json, JsonRecord } from "../../src/domain/json.ts";
import type { CheckAnswer } from "../../src/engine/ports.ts";
import { AGENTS, captured, checks, inventoryOf, jq, MASTERS } from "../checks/material.ts";
import { bend, mutate, random } from "./mutations.ts";

afterAll(() => jq.close());

const PORTS = { "mesos-master": 5050, "mesos-agent": 5051, marathon: 8080, exhibitor: 8181, zookeeper: 2181 };
const WHYS = new Set(["no-answer", "no-subject", "missing-field", "bad-filter", "unsteady"]);

/** What every verdict must be, whatever was read. */
function expectVerdict(answer: CheckAnswer): void {
  const { check, verdict, why, asserted, subjects, observed, fatal } = answer;
  const about = `${check}: ${JSON.stringify(answer).slice(0, 1_000)}`;
  if (!["pass", "fail", "inconclusive"].includes(verdict)) throw new Error(about);
  if ((verdict === "inconclusive") !== (why !== null && WHYS.has(why))) throw new Error(about);
  if (asserted.subjects !== subjects.length || typeof fatal !== "boolean") throw new Error(about);
  const passed = subjects.filter((one) => one.verdict === "pass").length;
  if (asserted.passed !== passed) throw new Error(about);
  if (verdict === "pass" && (subjects.length === 0 || passed !== subjects.length)) throw new Error(about);
  if (verdict === "fail" && !subjects.some((one) => one.verdict === "fail")) throw new Error(about);
  if (subjects.length === 0 && why !== "no-subject") throw new Error(about);
  if (typeof observed !== "string" || /\[object |\bundefined\b/.test(observed)) throw new Error(about);
}

const record = (value: Json): JsonRecord =>
  value !== null && typeof value === "object" && !Array.isArray(value) ? (value as JsonRecord) : {};

/** Verdicts by subject; evidence is kept in the order of their names. */
const bySubject = (answer: CheckAnswer | undefined): readonly string[] =>
  (answer?.subjects ?? []).map(({ subject, verdict, why }) => `${subject} ${verdict} ${String(why)}`).toSorted();

/** Every recording of every check: what was read, the context, the facts. */
const recordings = checks.flatMap((check) =>
  [...(check.accepts ?? []), ...check.refuses].map((recording) => ({ check, recording })),
);

/** A recording with something in its answers, its context or its facts replaced, dropped or doubled. */
function bentJudgement(
  check: Check,
  recording: (typeof recordings)[number]["recording"],
  roll: (below: number) => number,
): Judgement {
  const subjects = Object.fromEntries(
    Object.entries(recording.subjects).flatMap(([name, readings]) => {
      if (roll(25) === 0) return [];
      let bent: Json = readings;
      for (let edit = roll(3); edit >= 0; edit -= 1) bent = bend(bent, roll);
      return [[name, roll(4) === 0 ? readings : record(bent)]];
    }),
  );
  const { context, facts } = recording;
  return recordedJudgement(check, {
    ...recording,
    subjects,
    ...(context === undefined ? {} : { context: roll(3) === 0 ? record(bend(context, roll)) : context }),
    ...(facts === undefined ? {} : { facts: roll(3) === 0 ? record(bend(facts, roll)) : facts }),
  });
}

describe("fuzzed readings of the shipped checks", () => {
  it(
    "are judged by jq as pass, fail, or inconclusive with why: 12,000 of them, and their evidence says the same again",
    { timeout: 300_000 },
    async () => {
      const roll = random(20261121);
      const seen = { pass: 0, fail: 0, inconclusive: 0 };
      for (let round = 0; round < 40; round += 1) {
        const judgements = Array.from({ length: 300 }, () => {
          const picked = recordings[roll(recordings.length)];
          if (picked === undefined) throw new Error("no recordings");
          return bentJudgement(picked.check, picked.recording, roll);
        });
        const answers = await judge(judgements, jq);
        expect(answers).toHaveLength(judgements.length);
        for (const answer of answers) {
          expectVerdict(answer);
          seen[answer.verdict] += 1;
        }
        // What is kept as evidence must come to the same verdict for whoever looks at it later.
        const again = answers.slice(0, 20).flatMap((answer, at) => {
          const judgement = judgements[at];
          if (judgement === undefined || judgement.subjects.length === 0) return [];
          const { subjects, who, context } = parseEvidence([{ file: "evidence", text: answer.evidence }]);
          const facts = judgement.facts === null ? {} : { facts: record(judgement.facts) };
          return [{ answer, judgement: recordedJudgement(judgement.check, { name: "again", subjects, context, ...facts }, who) }];
        });
        const second = await judge(
          again.map((one) => one.judgement),
          jq,
        );
        for (const [at, { answer }] of again.entries())
          expect([second[at]?.verdict, second[at]?.fatal, bySubject(second[at])]).toEqual([
            answer.verdict,
            answer.fatal,
            bySubject(answer),
          ]);
      }
      expect(seen.pass).toBeGreaterThan(500);
      expect(seen.fail).toBeGreaterThan(1_000);
      expect(seen.inconclusive).toBeGreaterThan(1_000);
    },
  );

  it("without a single subject never pass", async () => {
    const answers = await judge(
      recordings.map(({ check, recording }) => recordedJudgement(check, { ...recording, subjects: {} })),
      jq,
    );
    for (const answer of answers) expect([answer.verdict, answer.why]).toEqual(["inconclusive", "no-subject"]);
  });
});

/**
 * Whose good answer may say that there is nothing: no maintenance, no deployments, no apps of a kind, nothing changed by hand. Of the
 * differences only the examples are a list; they are judged by their counts.
 */
const ABSENCE = [
  "app-ids-fit-1.13",
  "checks-not-skipped",
  "differences-explained",
  "event-subscribers-off",
  "marathon-lb-fits-1.10",
  "marathon-quiet",
  "no-maintenance",
  "opt-mesosphere-untouched",
  "service-marathon-fits-1.10",
];

/** Every list in it emptied. */
function emptied(value: Json): Json {
  if (Array.isArray(value)) return [];
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, emptied(inner)]));
}

describe("good readings whose lists are emptied", () => {
  it("pass only where a check asserts that there is nothing", async () => {
    const good = checks.flatMap((check) => (check.accepts ?? []).map((recording) => ({ check, recording })));
    const listed = good.filter(({ recording }) => JSON.stringify(recording.subjects).includes("["));
    expect(listed.length).toBeGreaterThan(20);
    const answers = await judge(
      listed.map(({ check, recording }) =>
        recordedJudgement(check, { ...recording, subjects: record(emptied(recording.subjects)) as typeof recording.subjects }),
      ),
      jq,
    );
    for (const answer of answers) expectVerdict(answer);
    const passed = new Set(answers.filter((one) => one.verdict === "pass").map((one) => one.check));
    expect([...passed].toSorted()).toEqual(ABSENCE);
  });
});

const MOMENTS = readdirSync("test/fixture/mesos-real", { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".json") && entry.parentPath !== "test/fixture/mesos-real")
  .filter((entry) => !entry.name.startsWith("zookeeper-"))
  .map((entry) => `${entry.parentPath.slice("test/fixture/mesos-real/".length)}/${entry.name.slice(0, -5)}`)
  .toSorted();

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}

/** A recorded answer with its body bent, cut, or replaced, or with another status. */
function spoil(capture: Capture, roll: (below: number) => number): Capture {
  const { answer } = capture;
  if (answer.kind !== "answered" || roll(3) === 0) return capture;
  if (roll(15) === 0) return { ...capture, answer: { kind: "no-answer", code: "reset", reason: "connection reset" } };
  const status = roll(20) === 0 ? ([204, 302, 401, 500, 503][roll(5)] ?? 500) : answer.status;
  const body =
    roll(3) === 0 ? mutate(answer.body, roll) : Buffer.from(JSON.stringify(bend(parsed(answer.body.toString()), roll)));
  return { ...capture, answer: { ...answer, status, body } };
}

describe("fuzzed answers of recorded clusters", () => {
  it(
    "are read, judged and told by every check that asks them: 60 moments spoilt, nothing is ever thrown",
    { timeout: 300_000 },
    async () => {
      const roll = random(42);
      expect(MOMENTS.length).toBeGreaterThan(25);
      const seen = { pass: 0, fail: 0, inconclusive: 0 };
      for (let round = 0; round < 60; round += 1) {
        const moment = MOMENTS[roll(MOMENTS.length)] ?? "";
        const captures = captured(moment).map((capture) => spoil(capture, roll));
        const nowMs = (captures.find((one) => one.epochSeconds !== null)?.epochSeconds ?? 1_795_191_048) * 1_000;
        const runner = createChecks({
          checks,
          remote: recordedRemote(captures),
          inventory: inventoryOf([...MASTERS, ...AGENTS]),
          platform: {
            ports: PORTS,
            nodeFacts: () => Promise.resolve(bend({ version: "1.9.4", role: "master", clockEpoch: 1 }, roll)),
          },
          facts: {
            clusterId: "c",
            observedAt: "2026-11-20T16:00:00.000Z",
            nodes: {},
            last: {},
            counts: {},
            baseline: record(bend({ agentsActive: 5, tasksTotal: 3 }, roll)),
          },
          clock: { now: () => nowMs, monotonic: () => nowMs, sleep: () => Promise.resolve() },
          jq,
        });
        const context = { inputs: { target: "1.9.9" }, since: nowMs / 1_000 - 60, inHand: [], complete: [], setAside: [] };
        const answers = await runner.measure(
          checks.map(({ name }) => ({ check: name, node: roll(2) === 0 ? "m1" : "a1", context })),
        );
        expect(answers.map((one) => one.check)).toEqual(checks.map((one) => one.name));
        for (const answer of answers) {
          expectVerdict(answer);
          seen[answer.verdict] += 1;
        }
      }
      for (const count of Object.values(seen)) expect(count).toBeGreaterThan(20);
    },
  );
});
