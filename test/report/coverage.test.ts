import { describe, expect, it } from "vitest";
import type { CatalogueItem } from "../../src/domain/catalogue.ts";
import { fold } from "../../src/domain/run-state.ts";
import { accountOf } from "../../src/report/account.ts";
import { coverageOf } from "../../src/report/coverage.ts";
import { ARTIFACTS, STORY, STORY_PLAN } from "./story.ts";

const state = fold(STORY);
const run = {
  plan: STORY_PLAN,
  state,
  account: accountOf(state, STORY, STORY_PLAN, { artifacts: ARTIFACTS }),
  bound: new Set(["asked-before-1.12"]),
};
const item = (over: Partial<CatalogueItem>): CatalogueItem => ({
  id: "one",
  section: "s",
  source: "test",
  words: "do it",
  steps: [],
  checks: [],
  commands: [],
  captures: [],
  reason: null,
  ...over,
});
const cover = (over: Partial<CatalogueItem>) => coverageOf(item(over), run);

describe("what a run shows of a catalogue's item", () => {
  it("is the steps it took, on every node, with their status", () => {
    const { state: word, evidence } = cover({ steps: ["toy-upgrade/workers/upgrade"] });
    expect(word).toBe("shown");
    expect(evidence.filter((one) => one.kind === "step")).toEqual([
      { kind: "step", name: "workers/a1/upgrade", says: "set-aside" },
      { kind: "step", name: "workers/a2/upgrade", says: "complete" },
    ]);
  });

  it("is the gates that were decided, refused ones among them", () => {
    expect(cover({ checks: ["log-recovered"] }).evidence).toEqual([
      { kind: "gate", name: "log-recovered", says: "held 2 of 3 times" },
    ]);
  });

  it("is what was captured, by the end of its name", () => {
    const [artifact] = ARTIFACTS;
    const ending = artifact?.name.split("/").at(-1) ?? "";
    expect(cover({ captures: [ending] }).evidence.map((one) => one.kind)).toContain("artifact");
    expect(cover({ captures: ["no-such-file.json"] }).state).toBe("missing");
  });

  it("is missing where a check was due and nothing says so, and not due where it belongs to another hop", () => {
    expect(cover({ checks: ["never-measured"] }).state).toBe("missing");
    expect(cover({ checks: ["asked-before-1.12"] }).state).toBe("not-due");
    expect(cover({ steps: ["toy-upgrade/elsewhere/upgrade"] }).state).toBe("not-due");
    expect(cover({ steps: ["another-runbook/workers/upgrade"] }).state).toBe("elsewhere");
    expect(cover({ commands: ["diff"] }).state).toBe("elsewhere");
    expect(cover({ reason: "nothing to do" }).state).toBe("elsewhere");
  });

  it("is missing where the run halted before it", () => {
    const early = STORY.slice(0, 12);
    const halted = fold(early);
    const before = { ...run, state: halted, account: accountOf(halted, early, STORY_PLAN, { artifacts: [] }) };
    expect(coverageOf(item({ steps: ["toy-upgrade/workers/upgrade"] }), before).state).toBe("missing");
  });
});
