import type { SimCluster } from "./ports.ts";

/** An answer as it stands in an inventory. */
export interface LabAnswer {
  readonly question: string;
  readonly subject?: string;
  readonly answer: string;
  readonly by: string;
  readonly at: string;
  readonly until: string;
}

/** Whose answers they are: nobody is to take them for those of a person. */
const BY = "pawl lab";

/** How long they hold. Questions let them end earlier, and a lab is not kept for long. */
const HOLDS_MS = 30 * 86_400_000;

/** What is said to the questions of the DC/OS upgrade. A test holds that none of them is missing. */
const ANSWERS: Readonly<Record<string, string>> = {
  "support-cases": "none: an embedded cluster that nobody depends on",
  "application-dependencies": "none: its applications are made up, and written down in pawl itself",
  "critical-nodes": "none: every agent of an embedded cluster can be done without",
  "pinned-task-owners": "nobody owns the tasks of an embedded cluster",
  "user-access": "an embedded cluster has no users",
  "acceptance-criteria":
    "the gates of the runbook hold, and the state collected again is the one from before; accepted by whoever looks",
};

/** What is said about the data of each app that has any. */
const ABOUT_DATA = { question: "application-data", answer: "made-up data of an embedded cluster: nothing is lost with it" };

/** The answers an embedded cluster gives itself, from the time at which it starts. */
export function labAnswers(cluster: SimCluster): readonly LabAnswer[] {
  const nowMs = cluster.clock.now();
  const time = (ms: number): string => new Date(ms).toISOString();
  const said = { by: BY, at: time(nowMs), until: time(nowMs + HOLDS_MS) };
  return [
    ...Object.entries(ANSWERS).map(([question, answer]) => ({ question, answer, ...said })),
    ...(cluster.appsWithData?.() ?? []).map((subject) => ({ subject, ...ABOUT_DATA, ...said })),
  ];
}
