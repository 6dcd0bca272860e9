import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadRunbook } from "../../../src/document/load.ts";
import { standingsOf } from "../../../src/domain/question.ts";
import { createFakeClock } from "../../../src/sim/clock.ts";
import { labAnswers } from "../../../src/sim/lab-answers.ts";
import { createCluster } from "../../../src/sim/model/cluster.ts";

const NOW = Date.parse("2026-11-20T15:00:00Z");
const RUNBOOK = join(import.meta.dirname, "../../../runbooks/dcos-upgrade.yaml");

describe("the questions of an upgrade, on an embedded cluster", () => {
  const cluster = {
    ...createCluster({
      masters: 1,
      privateAgents: 1,
      publicAgents: 0,
      version: "1.9.4",
      clock: createFakeClock(NOW),
      faults: [],
    }),
    appsWithData: () => ["/data/db"],
  };
  const answers = labAnswers(cluster).map((one) => ({ ...one, subject: one.subject ?? null }));

  it("are all answered by the lab, in its own name, so that nobody has to sit before a demo", async () => {
    const { document } = await loadRunbook(RUNBOOK);
    expect(document.questions.length).toBeGreaterThan(5);
    for (const question of document.questions) {
      const subjects = question.per === "app" ? ["/data/db"] : [null];
      expect(standingsOf(question, subjects, answers, NOW + 1), question.name).toMatchObject([{ state: "answered" }]);
    }
    expect(new Set(answers.map((one) => one.by))).toEqual(new Set(["pawl lab"]));
  });

  it("have no answer that no question asks for", async () => {
    const { document } = await loadRunbook(RUNBOOK);
    const names = document.questions.map((one) => one.name);
    expect(answers.filter((one) => !names.includes(one.question))).toEqual([]);
  });
});
