import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/domain/events.ts";
import { fold } from "../../src/domain/run-state.ts";
import { accountOf } from "../../src/report/account.ts";
import { pageOf } from "../../src/report/account-page.ts";
import { reportJson } from "../../src/report/files.ts";
import { renderMarkdown } from "../../src/report/markdown-page.ts";
import { md } from "../../src/report/markdown-text.ts";
import { ARTIFACTS, placed, STORY, STORY_PLAN } from "./story.ts";

const report = (events: readonly RunEvent[], artifacts = ARTIFACTS): string =>
  renderMarkdown(pageOf(accountOf(fold(events), events, STORY_PLAN, { artifacts })));

describe("the report", () => {
  it("tells a whole run to somebody who was not there", async () => {
    await expect(report(STORY)).toMatchFileSnapshot(join(import.meta.dirname, "golden", "set-aside.md"));
  });

  it("is the same, byte for byte, whenever it is made again", () => {
    expect(report(STORY)).toBe(report(structuredClone(STORY)));
  });

  it("can be made at every point of a run", () => {
    for (let length = 0; length <= STORY.length; length += 1) {
      const text = report(STORY.slice(0, length));
      expect(text.startsWith("# Upgrade the toy cluster: ")).toBe(true);
      expect(text).not.toMatch(/undefined|NaN|\[object/);
    }
  });

  it("says what a halted run expected, observed and wants next, at the top and in its place", () => {
    const text = report(STORY.slice(0, 17));
    expect(text).toContain("# Upgrade the toy cluster: halted (interrupted)");
    expect(text).toContain("- stopped by SIGINT at a safe point: `pawl resume`");
    expect(text).toContain("`interrupted` (exit code 130)");
  });

  it("says of a run without end that it has none", () => {
    expect(report(STORY.slice(0, 8))).toContain("**The journal has no end**");
  });

  it("lets no text from elsewhere become markup", () => {
    const evil = placed([
      {
        type: "run.created",
        run: "r",
        kind: "upgrade",
        cluster: "c",
        plan: "p",
        pawl: "0",
        ticket: "# <script>x</script> | a [b](javascript:x) `c`\n## no\u001b[31m",
      },
    ]);
    const text = report(evil);
    expect(text).toContain("| ticket | \\# \\<script\\>x\\</script\\> \\| a \\[b\\](javascript:x) \\`c\\` ## no |");
    expect(text).not.toContain("\u001b");
    expect(md("snake_case and _em_ 1. one")).toBe("snake_case and \\_em\\_ 1. one");
  });

  it("sums up gates and evidence of a big rollout instead of listing thousands of rows", () => {
    const events = [
      ...STORY.slice(0, 2),
      ...Array.from({ length: 500 }, (_, n): RunEvent => ({
        v: 1,
        seq: n + 3,
        time: "2026-11-20T15:03:00.000Z",
        actor: "engine",
        prev: "",
        type: "gate.passed",
        step: `workers/a${n}/upgrade`,
        check: "worker-back",
        asserted: { subjects: 1, passed: 1 },
        observed: `a${n}: active`,
        streak: 2,
        spanMs: 35_000,
      })),
    ];
    const artifacts = Array.from({ length: 500 }, (_, n) => ({
      name: `workers/a${n}/upgrade/stdout`,
      sha256: n.toString(16).padStart(64, "0"),
      bytes: 10,
      mediaType: "text/plain",
      step: `workers/a${n}/upgrade`,
      node: `a${n}`,
      evidenceOf: "output",
      sealed: false,
    }));
    const text = report(events, artifacts);
    expect(text).toContain("| `workers` | `worker-back` | 500 times | 500 | a499: active |");
    expect(text).toContain("| workers/…/upgrade | 500 | 5.0 kB |");
    expect(text.split("\n").length).toBeLessThan(100);
  });
});

describe("report.json", () => {
  it("carries the same account as data", () => {
    const account = JSON.parse(reportJson(accountOf(fold(STORY), STORY, STORY_PLAN, { artifacts: ARTIFACTS })));
    expect(account).toEqual(accountOf(fold(STORY), STORY, STORY_PLAN, { artifacts: ARTIFACTS }));
    expect(account).toMatchObject({
      v: 1,
      outcome: { exit: 10, name: "set-aside", phase: "completed" },
      setAside: [{ node: "a1", by: "policy", problem: { code: "worker-never-back" } }],
      decisions: [
        { by: "ada@desk", choice: "measure-again", question: "log-recovered refused at m1: what now?", waitedMs: 22 * 60_000 },
      ],
      waits: [
        { kind: "question", tookMs: 22 * 60_000 },
        { kind: "soak", tookMs: 30 * 60_000, plannedMs: 30 * 60_000 },
      ],
      readings: [{ check: "log-recovered", pass: 1, fail: 1, inconclusive: 0 }],
      sessions: [{ resumed: false }, { resumed: true }],
    });
  });
});
