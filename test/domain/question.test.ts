import { describe, expect, it } from "vitest";
import { findingIdOf, questionFinding, standingsOf, type Answer, type PersonQuestion } from "../../src/domain/question.ts";

const DAY = 86_400_000;
const NOW = Date.parse("2026-11-20T12:00:00Z");

const QUESTION: PersonQuestion = {
  name: "data",
  title: "Who has backed it up?",
  source: "test",
  validForMs: 7 * DAY,
  severity: "mandatory",
};

const answer = (over: Partial<Answer> = {}): Answer => ({
  question: "data",
  subject: null,
  answer: "ann, last night",
  by: "ann@ops",
  at: "2026-11-19T12:00:00Z",
  until: "2026-11-26T12:00:00Z",
  ...over,
});

const judge = (answers: readonly Answer[], subjects: readonly (string | null)[] | null = [null], settled: string | null = null) =>
  questionFinding(QUESTION, { answers, subjects, settled, command: "pawl answer data", nowMs: NOW });

describe("a question for a person", () => {
  it("is a finding of its severity until somebody has answered it", () => {
    expect(findingIdOf(QUESTION)).toBe("question-data");
    expect(judge([])).toMatchObject({ id: "question-data", severity: "mandatory", verdict: "fail", remedy: "pawl answer data" });
    expect(judge([answer()])).toMatchObject({ verdict: "pass", observed: "ann@ops on 2026-11-19: ann, last night" });
  });

  it("is asked again when its answer has ended", () => {
    const ended = judge([answer({ until: "2026-11-20T11:59:59Z" })]);
    expect(ended).toMatchObject({ verdict: "fail" });
    expect(ended.observed).toBe("ann@ops on 2026-11-19: ann, last night (this ended on 2026-11-20)");
  });

  it("lets no answer hold longer than it allows, whatever somebody has written into the inventory", () => {
    expect(judge([answer({ at: "2026-11-01T00:00:00Z", until: "2099-01-01T00:00:00Z" })]).verdict).toBe("fail");
    expect(judge([answer({ at: "never", until: "2099-01-01T00:00:00Z" })]).verdict).toBe("fail");
    const ahead = judge([answer({ at: "2099-01-01T00:00:00Z", until: "2099-01-02T00:00:00Z" })]);
    expect(ahead).toMatchObject({ verdict: "fail", observed: expect.stringContaining("dated in the future") as string });
    expect(judge([answer({ at: "2026-11-20T18:00:00Z" })]).verdict).toBe("pass");
  });

  it("wants an answer about each subject, and names those that are missing", () => {
    const answers = [answer({ subject: "/db/a" })];
    const missing = judge(answers, ["/db/a", "/db/b"]);
    expect(missing).toMatchObject({ verdict: "fail", observed: "/db/b: not answered" });
    expect(judge([...answers, answer({ subject: "/db/b" })], ["/db/a", "/db/b"]).verdict).toBe("pass");
    // An answer about no one in particular is none about each.
    expect(judge([answer()], ["/db/a"]).verdict).toBe("fail");
  });

  it("is no pass where nobody can tell whom it is about, and one where there is nobody", () => {
    expect(judge([answer()], null).verdict).toBe("inconclusive");
    expect(judge([], [])).toMatchObject({ verdict: "pass" });
  });

  it("is settled by the inventory where that says so itself", () => {
    expect(judge([], [null], "the inventory marks a1 as critical")).toMatchObject({
      verdict: "pass",
      observed: "the inventory marks a1 as critical",
    });
  });

  it("says the same on every day until an answer changes: a waiver holds for what was seen", () => {
    const at = (nowMs: number) =>
      questionFinding(QUESTION, {
        answers: [answer({ until: "2026-11-20T00:00:00Z" })],
        subjects: [null],
        settled: null,
        command: "",
        nowMs,
      }).observed;
    expect(at(NOW)).toBe(at(NOW + 30 * DAY));
  });

  it("goes by the answer about that subject", () => {
    const [one, two] = standingsOf(QUESTION, ["/db/a", "/db/b"], [answer({ subject: "/db/b" })], NOW);
    expect([one?.state, two?.state]).toEqual(["unanswered", "answered"]);
  });
});
