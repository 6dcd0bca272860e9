import { describe, expect, it } from "vitest";
import { PawlError } from "../../src/domain/errors.ts";
import type { Finding } from "../../src/domain/plan.ts";
import { countFindings, renderFindings } from "../../src/view/findings.ts";
import { renderError, renderProblem } from "../../src/view/problem.ts";
import { cells } from "../../src/view/text.ts";

const golden = (name: string): string => `../golden/view/${name}.txt`;

const EVIDENCE = "artifacts/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

describe("a problem", () => {
  it("says what, expected, observed, where, evidence and next, in this order", async () => {
    const text = renderProblem(
      {
        code: "gate.replog-recovered",
        text: "The replicated log has recovered on every master: still refused after 10m",
        expected: "registrar/log/recovered is 1 on every master, three times in a row, over at least 35 seconds",
        observed: "m2 0, m1 1, m3 1",
        node: "m2",
        evidence: [EVIDENCE, "journal.jsonl line 118"],
        next: "Stop. Do not upgrade the next master until the log of this one has recovered.\npawl retry 20261120T150000Z-upgrade-1.10.8 masters/m2/upgrade --reason 'looked at the log'",
      },
      { columns: 80, colour: false },
    );
    await expect(`${text}\n`).toMatchFileSnapshot(golden("problem-80"));
  });

  it("never breaks a path or a command, so that both can be copied", () => {
    const command = `pawl retry 20261120T150000Z-upgrade-1.10.8 masters/${"m".repeat(60)}/upgrade`;
    const text = renderProblem({ code: "x", text: "no", evidence: [EVIDENCE], next: command }, { columns: 60, colour: false });
    expect(text).toContain(EVIDENCE);
    expect(text).toContain(command);
  });

  it("cannot be used to write to the terminal", () => {
    const text = renderProblem(
      { code: "x", text: "a\u001b[2Jb", observed: "\u001b]0;title\u0007c" },
      { columns: 60, colour: false },
    );
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });

  it("keeps a list of complaints as a list", () => {
    const text = renderProblem(
      { code: "x", text: "two complaints\nrun.yaml:3:5 unknown key\nrun.yaml:9:1 missing name" },
      { columns: 80, colour: false },
    );
    expect(text).toBe("✗ two complaints\n  run.yaml:3:5 unknown key\n  run.yaml:9:1 missing name");
  });

  it("paints the mark red, and only with colour", () => {
    expect(renderProblem({ code: "x", text: "no" }, { columns: 80, colour: true })).toContain("\u001b[31m✗\u001b[39m");
    expect(renderProblem({ code: "x", text: "no" }, { columns: 80, colour: false })).toBe("✗ no");
    expect(renderProblem({ code: "x", text: "no …" }, { columns: 80, colour: false, unicode: false })).toBe("x no ...");
  });
});

describe("an expected error", () => {
  it("is a problem for the person, without stack or cause", () => {
    const error = new PawlError("refused", "path.skips", "1.9.9 to 1.11.3 in one hop is not qualified", {
      expected: "one minor at a time",
      next: "pawl path 1.9.9 1.11.3",
      cause: new Error("inner"),
    });
    const text = renderError(error, { columns: 80, colour: false });
    expect(text).toBe(
      "✗ 1.9.9 to 1.11.3 in one hop is not qualified\n  expected  one minor at a time\n  next      pawl path 1.9.9 1.11.3",
    );
  });
});

const finding = (id: string, over: Partial<Finding> = {}): Finding => ({
  id,
  severity: "mandatory",
  verdict: "pass",
  title: `Title of ${id}`,
  expected: "all well",
  observed: "all well",
  nodes: [],
  remedy: "",
  refusal: false,
  ...over,
});

const FINDINGS: readonly Finding[] = [
  finding("path", { observed: "1.9.9 to 1.10.8 is one qualified hop" }),
  finding("clock-skew", {
    severity: "advisory",
    verdict: "fail",
    title: "Clocks agree",
    expected: "within 1s of each other",
    observed: "a7 is 2.4s ahead",
    nodes: ["a7"],
    remedy: "Look at NTP on a7.",
  }),
  finding("masters-present"),
  finding("image-available", {
    severity: "waivable",
    verdict: "inconclusive",
    title: "Images can be pulled",
    expected: "the registry answers",
    observed: "no answer from registry.example:443",
    remedy: "Ask again when the registry answers.",
  }),
  finding("disk-space", {
    verdict: "fail",
    title: "Every node has room for the packages",
    expected: "5 GB free on /opt and /var",
    observed: "a1 1.2 GB, a2 1.1 GB, a3 0.9 GB, a12 2.0 GB",
    nodes: ["a12", "a2", "a1", "a3"],
    remedy: "Free space on these nodes, then run the preflight again.",
  }),
  finding("downgrade", {
    verdict: "fail",
    refusal: true,
    title: "No downgrade",
    expected: "a version above 1.9.9",
    observed: "1.9.4",
    remedy: "pawl path 1.9.9 1.10.8",
  }),
  finding("replog-recovered", { observed: "m1 1, m2 1, m3 1" }),
];

describe("the findings of a preflight", () => {
  it("show what did not pass first, worst first, each with its remedy", async () => {
    const text = renderFindings(FINDINGS, { columns: 80, colour: false });
    expect(text.split("\n").every((line) => cells(line) <= 80)).toBe(true);
    expect([...text.matchAll(/^ {2}([a-z-]+), (?:mandatory|waivable|advisory)/gm)].map(([, id]) => id)).toEqual([
      "downgrade",
      "disk-space",
      "image-available",
      "clock-skew",
    ]);
    await expect(`${text}\n`).toMatchFileSnapshot(golden("findings-80"));
  });

  it("show every pass with what was observed when verbose", () => {
    const text = renderFindings(FINDINGS, { columns: 80, colour: false, verbose: true });
    expect(text).toContain("✓ replog-recovered  m1 1, m2 1, m3 1");
  });

  it("are counted, inconclusive never as a pass", () => {
    expect(countFindings(FINDINGS)).toEqual({
      all: 7,
      passed: 3,
      waived: 0,
      mandatory: 2,
      waivable: 1,
      advisory: 1,
      refusals: 1,
    });
  });

  it("are green only where all passed", () => {
    const good = FINDINGS.filter((one) => one.verdict === "pass");
    expect(renderFindings(good, { columns: 80, colour: false })).toBe(
      "✓ 3 passed: path, masters-present, replog-recovered\n3 of 3 findings passed.",
    );
    expect(renderFindings(good, { columns: 80, colour: true })).toContain("\u001b[32m3 of 3 findings passed.\u001b[39m");
    expect(renderFindings([], { columns: 80, colour: true })).not.toContain("\u001b[32m");
  });
});
